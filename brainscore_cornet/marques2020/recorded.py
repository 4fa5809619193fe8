"""What was recorded: published histograms of properties of neurons in macaque V1.

The papers give summaries, not single cells. The numbers are those in `brainscore_vision/data/marques2020/
data_packaging/`; as there, a cell's value is drawn uniformly inside its bin, here with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly

TRIALS = 20
SEED = 0


@dataclass(frozen=True)
class Histogram:
    """How many cells of a data set lie in each bin of a property."""

    counts: tuple[int, ...]
    bins: tuple[float, ...]
    """Edges, one more than there are bins."""
    octaves: bool = False
    """Values are drawn uniformly in octaves."""
    drawn: bool = True
    """Whether a cell's value is drawn inside its bin; else it is the bin's number, as 0 for no and 1 for yes."""

    def sample(self, seed: int) -> np.ndarray:
        """A value (cell,) for each cell, from the lowest bin to the highest."""
        if not self.drawn:
            return np.repeat(np.arange(len(self.counts), dtype=float), self.counts)
        edges = np.log2(self.bins) if self.octaves else np.array(self.bins)
        values = np.random.RandomState(seed).uniform(
            np.repeat(edges[:-1], self.counts), np.repeat(edges[1:], self.counts)
        )
        return 2**values if self.octaves else values


@dataclass(frozen=True)
class Recorded:
    """A data set: properties of the same cells. Of a cell that a histogram leaves out, the property is not known."""

    cells: int
    stimuli: str
    """Name of the stimulus set that shows these properties in a model."""
    properties: Mapping[str, Histogram]


def _summed(*counts: list[int]) -> tuple[int, ...]:
    return tuple(np.sum(counts, axis=0))


def _edges(start: float, end: float, bins: int) -> tuple[float, ...]:
    return tuple(np.linspace(start, end, bins + 1))


_YES_OR_NO = {"bins": (0.0, 0.5, 1.0), "drawn": False}
_OCTAVES_OF_SIZE = tuple(2.0 ** np.arange(-4, 5))  # degrees

DATA = {
    # De Valois, Yund & Hepler 1982: preferred orientation in degrees
    "DeValois1982a": Recorded(
        385, "orientation", {"preferred_orientation": Histogram((110, 83, 100, 92), _edges(-22.5, 157.5, 4))}
    ),
    # De Valois, Albrecht & Thorell 1982: peak spatial frequency in cycles a degree
    "DeValois1982b": Recorded(
        363,
        "spatial_frequency",
        {
            "peak_spatial_frequency": Histogram(
                _summed(
                    [0, 4, 4, 8, 25, 33, 26, 28, 12, 5, 2, 1],  # foveal simple cells
                    [0, 0, 0, 9, 9, 7, 10, 23, 12, 8, 3, 3],  # foveal complex cells
                    [2, 4, 10, 12, 18, 7, 18, 3, 4, 0, 0, 0],  # parafoveal simple cells
                    [1, 2, 1, 2, 5, 15, 13, 9, 3, 2, 0, 0],  # parafoveal complex cells
                ),
                (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2, 16.0, 22.4),
                octaves=True,
            )
        },
    ),
    # Schiller, Finlay & Volman 1976: selectivity for spatial frequency, and the ratio, in per cent, of the frequencies
    # at which the response falls to 1 / sqrt(2)
    "Schiller1976c": Recorded(
        87,
        "spatial_frequency",
        {
            "spatial_frequency_selective": Histogram((14, 73), **_YES_OR_NO),
            "spatial_frequency_bandwidth": Histogram(
                _summed(
                    [0, 0, 0, 6, 5, 10, 7, 2, 0, 0],  # simple cells
                    [0, 3, 4, 10, 17, 6, 2, 1, 0, 0],  # complex cells
                ),
                _edges(0, 100, 10),
            ),
        },
    ),
    # Cavanaugh, Bair & Movshon 2002: suppression by the surround as a share of the peak response, and for the cells in
    # which it is more than a tenth, diameters in degrees
    "Cavanaugh2002a": Recorded(
        190,
        "size",
        {
            "surround_suppression_index": Histogram((66, 44, 38, 23, 16, 3, 0, 0, 0, 0), _edges(0, 2, 10)),
            "strongly_suppressed": Histogram((42, 148), **_YES_OR_NO),
            "grating_summation_field": Histogram((0, 9, 30, 55, 42, 10, 2, 0), _OCTAVES_OF_SIZE, octaves=True),
            "surround_diameter": Histogram((0, 0, 2, 20, 33, 49, 40, 4), _OCTAVES_OF_SIZE, octaves=True),
            "surround_grating_summation_field_ratio": Histogram(
                (69, 38, 31, 10, 0), (1.0, 2.0, 4.0, 8.0, 16.0, 32.0), octaves=True
            ),
        },
    ),
}
"""Brain-Score's name of a data set -> what was recorded."""


def assembly(name: str, seed: int = SEED) -> PropertyAssembly:
    """A draw of one data set, (neuroid, neuronal_property), as Brain-Score packages it; its stimulus set is not set.

    Cells whose property is not known come first, as NaN.
    """
    recorded = DATA[name]
    values = [histogram.sample(seed) for histogram in recorded.properties.values()]
    found = PropertyAssembly(
        np.stack([np.pad(each, (recorded.cells - len(each), 0), constant_values=np.nan) for each in values], axis=1),
        coords={
            "neuroid_id": ("neuroid", np.arange(recorded.cells)),
            "region": ("neuroid", ["V1"] * recorded.cells),
            "neuronal_property": list(recorded.properties),
        },
        dims=["neuroid", "neuronal_property"],
    )
    found.attrs["number_of_trials"] = TRIALS
    for property_name, histogram in recorded.properties.items():
        found.attrs[f"{property_name}_bins"] = np.array(histogram.bins)
    return found
