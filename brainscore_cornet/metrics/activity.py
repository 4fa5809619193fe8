"""Arrays, DataArrays and assemblies of activity in one form, with stimuli and labels that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly, walk_coords

from ..cornet.errors import UserError
from .alignment import NEUROIDS, PRESENTATIONS, STIMULUS, TIME
from .recognition import NEUROID

LABEL = "label"
"""The coordinate of the labels by which splits are stratified."""
_DIMS = (PRESENTATIONS, NEUROIDS, TIME)
_DEFAULT_LABEL = "object_name"
_SHOWN = 3


@dataclass(frozen=True)
class Activity:
    """Activity (stimulus, neuroid) or (stimulus, neuroid, time bin), and what is known of its axes."""

    values: Any
    array: xr.DataArray
    """The same with coordinates; a DataArray without any where an array was given."""

    @classmethod
    def of(cls, given, what: str) -> Activity:
        """From an array, a DataArray or an assembly; axes without Brain-Score's names are taken in this order.

        Raises
        ------
        UserError
            For what is no such activity.
        """
        array = given if isinstance(given, xr.DataArray) else xr.DataArray(np.asarray(given))
        if array.ndim not in (2, 3) or array.dtype.kind not in "fiub":
            raise UserError(
                f"Expected {what} as numbers (stimulus, neuroid) or (stimulus, neuroid, time bin), received "
                f"{array.dtype} of shape {array.shape}."
            )
        named = [dim for dim in _DIMS if dim in array.dims]
        variable = array.variable.transpose(*named, ...) if len(named) == array.ndim else array.variable
        return cls(variable.data, array)

    def along(self, name: str, axis: int) -> np.ndarray | None:
        """The values of a coordinate along an axis, None where there is none."""
        if not hasattr(self.array, name) or np.shape(self.array[name].values) != self.values.shape[axis : axis + 1]:
            return None
        return self.array[name].values

    def assembly(self, stimuli: np.ndarray, labels: np.ndarray | None, is_target: bool) -> NeuroidAssembly:
        """Brain-Score's form; neuroids of predictors need no coordinates."""
        dims = _DIMS[: self.values.ndim]
        axes: dict[str, dict[str, Any]] = {
            PRESENTATIONS: {STIMULUS: stimuli} | ({} if labels is None else {LABEL: labels})
        }
        if is_target:
            own = {name: values for name, of, values in walk_coords(self.array) if of == (NEUROIDS,)}
            axes[NEUROIDS] = own if NEUROID in own else {NEUROID: np.arange(self.values.shape[1])}
        if TIME in dims:
            numbers = np.arange(self.values.shape[2])
            edges = {"time_bin_start": numbers, "time_bin_end": numbers + 1}
            known = {name: self.along(name, 2) for name in edges}
            axes[TIME] = edges if any(values is None for values in known.values()) else known
        # an index of one coordinate would lose its name
        index = {dim: pd.MultiIndex.from_arrays(list(of.values()), names=list(of)) for dim, of in axes.items()}
        return NeuroidAssembly(self.values, coords=index, dims=dims)


def assemblies(predictors, targets, stratify: str | Sequence | None) -> tuple[NeuroidAssembly, NeuroidAssembly]:
    """Predictors and targets with the same stimuli, and with labels where splits are to be stratified.

    Raises
    ------
    UserError
        Where stimuli or labels do not fit.
    """
    sides = Activity.of(predictors, "predictors"), Activity.of(targets, "targets")
    given = [stimuli for side in sides if (stimuli := side.along(STIMULUS, 0)) is not None]
    counts = [len(side.values) for side in sides]
    if len(given) < len(sides):
        if counts[0] != counts[1]:
            raise UserError(
                f"Expected the same stimuli in the same order, received {counts[0]} and {counts[1]}; assemblies with "
                f"{STIMULUS} are matched by it."
            )
        known = given[0] if given else np.arange(counts[0])
        given = [known, known]
    labels = _labels(sides[1], stratify)
    _check_stimuli(*given)
    by_stimulus = None if labels is None else pd.Series(labels, index=given[1])
    found = [
        side.assembly(stimuli, None if by_stimulus is None else np.asarray(by_stimulus[stimuli]), is_target)
        for side, stimuli, is_target in zip(sides, given, (False, True), strict=True)
    ]
    return found[0], found[1]


def _labels(targets: Activity, stratify: str | Sequence | None) -> np.ndarray | None:
    if stratify is None:
        return None
    if isinstance(stratify, str):
        labels = targets.along(stratify, 0)
        if labels is None and stratify != _DEFAULT_LABEL:
            raise UserError(f"The recordings have no coordinate {stratify!r} of their stimuli to stratify by.")
        return labels
    labels = np.asarray(stratify)
    if labels.shape != (len(targets.values),):
        raise UserError(f"Expected a label for each of {len(targets.values)} stimuli, received shape {labels.shape}.")
    return labels


def _check_stimuli(first: np.ndarray, second: np.ndarray) -> None:
    for stimuli in (first, second):
        repeated = list(pd.unique(stimuli[pd.Series(stimuli).duplicated()]))
        if repeated:
            raise UserError(f"Expected each stimulus once, found again {_named(repeated)}: average repetitions first.")
    alone = sorted(set(first) ^ set(second), key=str)
    if alone:
        raise UserError(f"Features and recordings differ in their stimuli: only one of both has {_named(alone)}.")


def _named(values: Sequence) -> str:
    return ", ".join(map(str, values[:_SHOWN])) + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")
