"""What was recorded: published histograms of properties of neurons in macaque V1.

The papers give summaries, not single cells. The numbers are those in `brainscore_vision/data/marques2020/
data_packaging/`; as there, a cell's value is drawn uniformly inside its bin, here with a fixed seed.
"""

from __future__ import annotations

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly

from .gratings import stimulus_set

TRIALS = 20
SEED = 0


def de_valois_1982a() -> PropertyAssembly:
    """Preferred orientation of 385 cells (De Valois, Yund & Hepler 1982), in degrees."""
    bins = np.linspace(-22.5, 157.5, 5)
    values = _sample([110, 83, 100, 92], bins)
    return _assembly({"preferred_orientation": (values, bins)}, "orientation")


def de_valois_1982b() -> PropertyAssembly:
    """Peak spatial frequency of 363 cells (De Valois, Albrecht & Thorell 1982), in cycles a degree."""
    bins = np.array([0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2, 16.0, 22.4])
    foveal_simple = [0, 4, 4, 8, 25, 33, 26, 28, 12, 5, 2, 1]
    foveal_complex = [0, 0, 0, 9, 9, 7, 10, 23, 12, 8, 3, 3]
    parafoveal_simple = [2, 4, 10, 12, 18, 7, 18, 3, 4, 0, 0, 0]
    parafoveal_complex = [1, 2, 1, 2, 5, 15, 13, 9, 3, 2, 0, 0]
    counts = np.sum([foveal_simple, foveal_complex, parafoveal_simple, parafoveal_complex], axis=0)
    values = 2 ** _sample(counts, np.log2(bins))
    return _assembly({"peak_spatial_frequency": (values, bins)}, "spatial_frequency")


def schiller_1976c() -> PropertyAssembly:
    """Selectivity for spatial frequency of 87 cells, 73 of them selective, and their bandwidth (Schiller et al. 1976).

    The bandwidth is the ratio of the frequencies at which the response falls to 1 / sqrt(2), in per cent.
    """
    cells, selective = 87, 73
    bins = np.linspace(0, 100, 11)
    simple, complex_ = [0, 0, 0, 6, 5, 10, 7, 2, 0, 0], [0, 3, 4, 10, 17, 6, 2, 1, 0, 0]
    measured = _sample(np.add(simple, complex_), bins)
    bandwidth = np.concatenate([np.full(cells - len(measured), np.nan), measured])
    is_selective = np.concatenate([np.zeros(cells - selective), np.ones(selective)])
    return _assembly(
        {
            "spatial_frequency_selective": (is_selective, np.linspace(0, 1, 3)),
            "spatial_frequency_bandwidth": (bandwidth, bins),
        },
        "spatial_frequency",
    )


def _sample(counts, bins: np.ndarray) -> np.ndarray:
    random = np.random.RandomState(SEED)
    return random.uniform(np.repeat(bins[:-1], counts), np.repeat(bins[1:], counts))


def _assembly(properties: dict[str, tuple[np.ndarray, np.ndarray]], stimuli: str) -> PropertyAssembly:
    values = np.stack([values for values, _ in properties.values()], axis=1)
    assembly = PropertyAssembly(
        values,
        coords={
            "neuroid_id": ("neuroid", np.arange(len(values))),
            "region": ("neuroid", ["V1"] * len(values)),
            "neuronal_property": list(properties),
        },
        dims=["neuroid", "neuronal_property"],
    )
    assembly.attrs["number_of_trials"] = TRIALS
    assembly.attrs["stimulus_set"] = shown = stimulus_set(stimuli)
    assembly.attrs["stimulus_set_identifier"] = shown.identifier
    for name, (_, bins) in properties.items():
        assembly.attrs[f"{name}_bins"] = bins
    return assembly
