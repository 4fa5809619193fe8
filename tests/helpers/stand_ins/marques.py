"""Gratings, textures and properties of V1 neurons of Marques et al. (2021)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import xarray as xr
from PIL import Image

from .files import Stimuli, assembly, stimulus_set
from .making import random_of, stimuli

READ_IN = {
    "marques2020": (
        "data/marques2020/data_packaging/marques_gen_stim.py",
        "data/marques2020/data_packaging/marques_stim_common.py",
        "data/marques2020/data_packaging/marques_cavanaugh2002a.py",
        "data/marques2020/data_packaging/marques_devalois1982a.py",
        "data/marques2020/data_packaging/marques_devalois1982b.py",
        "data/marques2020/data_packaging/marques_freemanZiemba2013.py",
        "data/marques2020/data_packaging/marques_ringach2002.py",
        "data/marques2020/data_packaging/marques_schiller1976c.py",
        "data/marques2020/test.py",
        "benchmark_helpers/properties_common.py",
    ),
}
REPRESENTATIVES = {
    "marques2020": (
        "Marques2020_DeValois1982-pref_or",
        "Marques2020_FreemanZiemba2013-texture_modulation_index",
        "Marques2020_Cavanaugh2002-surround_suppression_index",
        "Marques2020_Schiller1976-sf_bandwidth",
    ),
}
IMAGE_SIZE = {"marques2020": 64}  # a network sees finer gratings, at more places

DEGREES = 12
SIZE = 144  # px, of 672
POSITION = 0.5  # degrees, vertical and horizontal, from the middle
PARAMETERS = ("position_y", "position_x", "contrast", "radius", "spatial_frequency", "orientation", "phase")


@stimulus_set("Marques2020_blank")
def blank(identifier: str) -> Stimuli:
    """One gray picture."""
    table = {"image_id": [0], "degrees": [DEGREES], "image_file_name": ["blank_stim_0000.png"]}
    return Stimuli(stimuli(table).table, [Image.new("L", (SIZE, SIZE), 128)])


@stimulus_set("Marques2020_receptive_field")
def places(identifier: str) -> Stimuli:
    """Small gratings all over the middle of the screen."""
    around = np.linspace(-0.5, 1.5, 9)
    return _gratings(identifier, product(around, around, [1], [1 / 4], [2], [0, 90], [0, 180]))


@stimulus_set("Marques2020_orientation")
def orientations(identifier: str) -> Stimuli:
    """Two and three cycles of two spatial frequencies, so that radius and frequency vary together."""
    sizes = [(cycles / 2 / frequency, frequency) for cycles in (2, 3) for frequency in (0.75, 2)]
    turned = product(np.arange(0, 180, 30), np.arange(0, 360, 90))
    places = ([POSITION, POSITION, 1, *size, *turn] for size, turn in product(sizes, list(turned)))
    return _gratings(identifier, places)


@stimulus_set("Marques2020_spatial_frequency")
def frequencies(identifier: str) -> Stimuli:
    """Two radii, and frequencies on a logarithmic scale."""
    scale = np.logspace(-1, 2, 7, base=2)
    return _gratings(identifier, _at_position([0.75, 2.25], scale))


@stimulus_set("Marques2020_size")
def sizes(identifier: str) -> Stimuli:
    """Radii on a logarithmic scale."""
    return _gratings(identifier, _at_position(np.logspace(-2, 1, 6, base=2), [0.75, 2]))


def _at_position(radii, frequencies) -> Iterable:
    return product([POSITION], [POSITION], [1], radii, frequencies, np.arange(0, 180, 60), np.arange(0, 360, 90))


def _gratings(identifier: str, parameters: Iterable) -> Stimuli:
    rows = np.array(list(parameters), dtype=float)
    table = {
        "image_id": np.arange(len(rows)),
        "degrees": [DEGREES] * len(rows),
        **dict(zip(PARAMETERS, rows.T, strict=True)),
        "image_file_name": [f"{identifier}_{number:012}.png" for number in range(len(rows))],
    }
    axis = (np.arange(SIZE) - SIZE / 2) * DEGREES / SIZE
    pictures = []
    for y, x, contrast, radius, frequency, orientation, phase in rows:
        right, down = np.meshgrid(axis - x, axis - y)
        turn = np.deg2rad(orientation)
        wave = np.sin((right * np.cos(turn) + down * np.sin(turn)) * frequency * 2 * np.pi + np.deg2rad(phase))
        inside = right**2 + down**2 <= radius**2
        pictures.append(Image.fromarray(np.where(inside, (wave * contrast + 1) / 2 * 255, 128).astype(np.uint8)))
    return Stimuli(stimuli(table, size=1).table, pictures)


@stimulus_set("FreemanZiemba2013_properties")
def textures(identifier: str) -> Stimuli:
    """Noise (type 1) and textures (type 2)."""
    rows = list(product((1, 2), range(1, 5), range(1, 5)))
    return stimuli(
        {
            "image_id": np.arange(len(rows)),
            "degrees": [8] * len(rows),
            "position_y": [POSITION] * len(rows),
            "position_x": [POSITION] * len(rows),
            "family": [family for _, family, _ in rows],
            "sample": [sample for _, _, sample in rows],
            "type": [kind for kind, _, _ in rows],
            "image_file_name": [f"aperture_{number}.png" for number in range(len(rows))],
        },
        label="family",
        mode="L",
        size=96,
    )


SHARE = np.linspace(0, 1, 11)
LOGARITHMIC = np.logspace(-4, 4, 9, base=2)
CELLS = 30

PROPERTIES = {
    "movshon.Cavanaugh2002a": {
        "surround_suppression_index": np.linspace(0, 2, 11),
        "strongly_suppressed": np.linspace(0, 1, 3),
        "grating_summation_field": LOGARITHMIC,
        "surround_diameter": LOGARITHMIC,
        "surround_grating_summation_field_ratio": np.array([1, 2, 4, 8, 16, 32]),
    },
    "devalois.DeValois1982a": {"preferred_orientation": np.linspace(-22.5, 157.5, 5)},
    "devalois.DeValois1982b": {"peak_spatial_frequency": np.logspace(-1.5, 4.5, 13, base=2)},
    "movshon.FreemanZiemba2013_V1_properties": {
        "texture_modulation_index": np.linspace(-1, 1, 25),
        "absolute_texture_modulation_index": np.linspace(0, 1, 13),
        "texture_selectivity": SHARE,
        "noise_selectivity": SHARE,
        "texture_sparseness": SHARE,
        "noise_sparseness": SHARE,
        "variance_ratio": np.logspace(-2, 1, 13),
        "sample_variance": SHARE,
        "family_variance": SHARE,
        "max_texture": np.logspace(-1, 3, 13),
        "max_noise": np.logspace(-1, 3, 13),
    },
    "shapley.Ringach2002": {
        "baseline": np.logspace(-4 / 3, 2, 11),
        "max_dc": np.logspace(0, 3, 10),
        "min_dc": np.logspace(-4 / 3, 2, 11),
        "max_ac": np.logspace(0, 3, 10),
        "modulation_ratio": np.linspace(0, 2, 11),
        "circular_variance": np.linspace(0, 1, 14),
        "bandwidth": np.linspace(0, 90, 18),
        "orthogonal_preferred_ratio": np.linspace(0, 1, 14),
        "orientation_selective": np.linspace(0, 1, 3),
        "circular_variance_bandwidth_ratio": np.logspace(-3, 0, 16),
        "orthogonal_preferred_ratio_circular_variance_difference": np.linspace(-1, 1, 20),
        "orthogonal_preferred_ratio_bandwidth_ratio": np.logspace(-3, 0, 16),
    },
    "schiller.Schiller1976c": {
        "spatial_frequency_selective": np.linspace(0, 1, 3),
        "spatial_frequency_bandwidth": np.linspace(0, 100, 11),
    },
}
"""Assembly -> property -> edges of its histogram, which is an attribute of the assembly."""
UNKNOWN = ("surround_diameter", "bandwidth", "spatial_frequency_bandwidth")  # of some cells


@assembly(*PROPERTIES)
def properties(identifier: str) -> xr.DataArray:
    """Properties of cells, anywhere in their histograms."""
    edges = PROPERTIES[identifier]
    random = random_of(identifier)
    values = np.stack([random.choice(each, CELLS) for each in edges.values()], axis=1)
    for number, name in enumerate(edges):
        if name in UNKNOWN:
            values[:4, number] = np.nan
    return xr.DataArray(
        values,
        coords={
            "neuroid_id": ("neuroid", range(CELLS)),
            "region": ("neuroid", ["V1"] * CELLS),
            "neuronal_property": list(edges),
        },
        dims=["neuroid", "neuronal_property"],
        attrs={"number_of_trials": 20, **{f"{name}_bins": each for name, each in edges.items()}},
    )
