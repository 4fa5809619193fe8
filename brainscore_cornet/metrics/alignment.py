"""Which presentations of two assemblies belong together, and which are in which split, as row numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

from .recognition import NEUROID, STIMULUS

if TYPE_CHECKING:
    import xarray as xr

PRESENTATIONS, NEUROIDS, TIME = "presentation", "neuroid", "time_bin"


class NotCovered(Exception):
    """Only Brain-Score's own code says what becomes of such data."""


class MatchedRecordings:
    """An assembly as matrices (presentation, neuroid), one for each time bin, with its stimuli.

    Raises
    ------
    NotCovered
        When the assembly has other dimensions, or presentations without a stimulus.
    """

    def __init__(self, assembly: xr.DataArray, has_time: bool) -> None:
        dims = {PRESENTATIONS, NEUROIDS, TIME} if has_time else {PRESENTATIONS, NEUROIDS}
        if set(assembly.dims) != dims or assembly.dtype.kind not in "fiub":
            raise NotCovered
        self.assembly = assembly
        self.stimuli = coordinate(assembly, STIMULUS, PRESENTATIONS)
        variable = assembly.variable
        bins = [variable]
        if has_time:
            self.time_order = np.lexsort([coordinate(assembly, "time_bin_start", TIME)])
            bins = [variable.isel({TIME: number}) for number in self.time_order]
        self.bins = [each.transpose(PRESENTATIONS, NEUROIDS) for each in bins]
        """For each time bin a matrix (presentation, neuroid), in the order of their starts."""

    def __len__(self) -> int:
        return len(self.stimuli)

    def reordered(self, order: np.ndarray) -> list[np.ndarray]:
        """Its matrices with their presentations in another order."""
        return [np.asarray(each.values)[order] for each in self.bins]

    def time_coords(self) -> dict:
        """The coordinates of time bins, in the order of their starts."""
        return {
            name: (dims, np.asarray(values)[self.time_order])
            for name, dims, values in walk_coords(self.assembly)
            if dims == (TIME,)
        }

    def neuroids(self) -> tuple[np.ndarray, dict]:
        """The order of neuroids in scores, and their coordinates in that order."""
        order = np.lexsort([coordinate(self.assembly, NEUROID, NEUROIDS)])
        coords = {
            name: (dims, np.asarray(values)[order])
            for name, dims, values in walk_coords(self.assembly)
            if dims == (NEUROIDS,)
        }
        return order, coords


def coordinate(assembly: xr.DataArray, name: str, dim: str) -> np.ndarray:
    """The values of a coordinate along a dimension.

    Raises
    ------
    NotCovered
        When there is none.
    """
    if not hasattr(assembly, name) or assembly[name].dims != (dim,):
        raise NotCovered
    return assembly[name].values


def partners(first: np.ndarray, second: np.ndarray, must_match: bool = True) -> np.ndarray:
    """For each of the first stimuli the row of its partner among the second, by the order of both when sorted.

    Raises
    ------
    NotCovered
        When the two are not as many, or must match and do not.
    """
    order, other_order = np.lexsort([first]), np.lexsort([second])
    if len(first) != len(second) or (must_match and not (first[order] == second[other_order]).all()):
        raise NotCovered
    found = np.empty(len(first), int)
    found[order] = other_order
    return found


def sorted_rows(stimuli: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
    """Rows in the order of their stimuli, of all or of the chosen stimuli."""
    order = np.lexsort([stimuli])
    return order if chosen is None else order[pd.Index(stimuli[order]).isin(chosen)]
