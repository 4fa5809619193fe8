"""Arrays in, Brain-Score's labelled assemblies out, built once and in their final shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from .commitments import TimeBin


def presentation_coords(stimulus_set: StimulusSet, shifts: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """The stimulus set's columns, and how far each presentation was shifted, repeated for each trial.

    Parameters
    ----------
    shifts
        Unit (`pixels`, `degrees`) -> shifts (trial, 2) in x and y.
    """
    trials, count = len(shifts["pixels"]), len(stimulus_set)
    coords = {
        column: ("presentation", np.repeat(stimulus_set[column].values, trials)) for column in stimulus_set.columns
    }
    for unit, values in shifts.items():
        for axis, name in enumerate("xy"):
            coords[f"microsaccade_shift_{name}_{unit}"] = ("presentation", np.tile(values[:, axis], count))
    return coords


def neuroid_index(identifier: str, layers: Sequence[tuple[str, str, tuple[int, ...]]], named_by: str) -> pd.MultiIndex:
    """What identifies each neuroid, for flattened activity of one or more layers.

    Parameters
    ----------
    layers
        (region, layer, shape without the presentation axis) of each; units of the decoder have no position.
    named_by
        `region` or `layer`: the middle part of the neuroid's id.
    """
    sizes = [int(np.prod(shape)) for _, _, shape in layers]
    numbers = np.concatenate([np.arange(size) for size in sizes])
    which = np.repeat(np.arange(len(layers)), sizes)
    positions = np.concatenate([_positions(shape) for _, _, shape in layers], axis=1)
    regions, names = [region for region, _, _ in layers], [layer for _, layer, _ in layers]
    parts = regions if named_by == "region" else names
    prefixes = np.array([f"{identifier}.{part}." for part in parts], dtype=object)
    # levels and codes spare pandas the search for distinct values among hundreds of thousands of rows
    levels = {
        "neuroid_num": (np.arange(max(sizes)), numbers),
        "model": ([identifier], np.zeros_like(which)),
        "layer": (names, which),
        "region": _distinct(regions, which),
        **{
            name: (np.arange(codes.max(initial=0) + 1), codes)
            for name, codes in zip(("channel", "channel_x", "channel_y"), positions, strict=True)
        },
        "neuroid_id": (prefixes[which] + pd.Index(numbers).astype(str), np.arange(len(which))),
    }
    return pd.MultiIndex(
        levels=[level for level, _ in levels.values()],
        codes=[codes for _, codes in levels.values()],
        names=list(levels),
        verify_integrity=False,
    )


def _positions(shape: tuple[int, ...]) -> np.ndarray:
    """Channel, row and column of each unit, (3, unit); -1, pandas' code for nothing, where there is no position."""
    if len(shape) == 3:
        return np.indices(shape).reshape(3, -1)
    size = int(np.prod(shape))
    return np.stack([np.arange(size), np.full(size, -1), np.full(size, -1)])


def _distinct(values: Sequence[str], which: np.ndarray) -> tuple[list[str], np.ndarray]:
    levels = list(dict.fromkeys(values))
    return levels, np.array([levels.index(value) for value in values])[which]


def recordings(
    values: np.ndarray, time_bins: Sequence[TimeBin], presentations: dict, neuroids: pd.MultiIndex
) -> NeuroidAssembly:
    """A recording (time_bin, presentation, neuroid) around `values`, which are not copied."""
    coords = {
        "time_bin_start": ("time_bin", [start for start, _ in time_bins]),
        "time_bin_end": ("time_bin", [end for _, end in time_bins]),
        **presentations,
        "neuroid": neuroids,
    }
    return NeuroidAssembly(values, coords=coords, dims=["time_bin", "presentation", "neuroid"])


def layer_activations(values: np.ndarray, presentations: dict, neuroids: pd.MultiIndex) -> NeuroidAssembly:
    """Activations (presentation, neuroid) of one or more layers around `values`, which are not copied."""
    return NeuroidAssembly(values, coords={**presentations, "neuroid": neuroids}, dims=["presentation", "neuroid"])
