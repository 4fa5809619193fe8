"""Recordings with their axes and stimuli, checked: the step between a laboratory's array and an assembly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.anatomy import REGIONS
from ..cornet.errors import UserError
from ..cornet.time_bins import TimeBin
from .axes_of_recordings import arranged, neuroid_labels, with_dims
from .data_files import Labelled, as_texts, of_dataarray
from .long_tables import of_table
from .missing_codes import check_missing_codes
from .recorded_bins import recorded_bins
from .stimulus_tables import ID, check_order

_SHOWN = 5
_SMALLEST, _LARGEST = 1e-9, 1e30
"""Of responses: scikit-learn's partial least squares treat what is below 2e-15 as 0, and squares must not overflow."""


@dataclass(frozen=True)
class Recordings:
    """Responses to stimuli, one row for each presentation."""

    values: np.ndarray
    """(presentation, neuroid, time bin); NaN where nothing was recorded."""
    stimulus_ids: np.ndarray
    """Of each presentation."""
    repetitions: np.ndarray
    """Number of each presentation among those of its stimulus, from 0."""
    neuroids: Mapping[str, np.ndarray]
    """Coordinate -> value for each neuroid; `neuroid_id` is the first."""
    region: str
    time_bins: Sequence[TimeBin]
    """(start, end) in ms after stimulus onset, in the order of their starts."""
    stimuli: StimulusSet
    """The stimuli that were shown, sorted by their ids."""
    source: str
    notes: Sequence[str] = field(default_factory=list)

    @property
    def counts(self) -> np.ndarray:
        """Number of repetitions of each stimulus, in the order of `stimuli`."""
        return pd.Series(self.stimulus_ids).value_counts().reindex(self.stimuli[ID].to_numpy()).to_numpy()

    def averages(self) -> np.ndarray:
        """Return the mean over repetitions (stimulus, neuroid, time bin), without missing values."""
        rows = pd.Index(self.stimuli[ID]).get_indexer(pd.Index(self.stimulus_ids))
        shape = (len(self.stimuli), *self.values.shape[1:])
        sums, counts = np.zeros(shape), np.zeros(shape)
        for repetition in range(self.repetitions.max() + 1):  # in which each stimulus is once at most
            here = self.repetitions == repetition
            values = self.values[here]
            present = np.isfinite(values)
            sums[rows[here]] += np.where(present, values, 0)
            counts[rows[here]] += present
        with np.errstate(invalid="ignore"):
            return sums / counts


def recordings(
    given,
    stimuli: StimulusSet,
    *,
    folder=None,
    dims: Sequence[str] | None = None,
    region: str | None = None,
    time_bins: Sequence[TimeBin] | None = None,
    stimulus_ids: Sequence | None = None,
    neuroid_ids: Sequence | None = None,
    leave_out: Sequence = (),
    source: str = "the recordings",
    stimuli_source: str = "the stimuli",
) -> Recordings:
    """Return recordings as presentations of stimuli; raises `UserError` that names what does not fit.

    Parameters are those of `neural_benchmark`; `source` and `stimuli_source` are what messages call the data, and
    `folder` is where the stimuli are from.
    """
    labelled = _labelled(given, source)
    if stimulus_ids is not None:
        labels = {name: each for name, each in labelled.labels.items() if name != ID}
        labelled = Labelled(labelled.values, labelled.dims, {**labels, ID: np.asarray(stimulus_ids)})
    if neuroid_ids is not None:
        labelled = Labelled(labelled.values, labelled.dims, {**labelled.labels, "neuroid_id": np.asarray(neuroid_ids)})
    check_numbers(labelled, source)
    labelled = with_dims(labelled, dims, source)
    if ID not in labelled.labels:
        check_order(folder, stimuli, stimuli_source)
    values, repetitions, shown = arranged(labelled, stimuli, source, stimuli_source)
    neuroids = neuroid_labels(labelled, values.shape[1], source)
    kept = _kept(neuroids["neuroid_id"], leave_out, source)
    values = values[:, kept]
    _check_values(values, source)
    bins = recorded_bins(labelled, time_bins, values.shape[2], source)
    region = checked_region(region, neuroids.pop("region", None), source)
    order = np.argsort([start for start, _ in bins], kind="stable")
    values = values[:, :, order]
    recorded = np.isfinite(values).any((1, 2))
    values, repetitions, shown = values[recorded], repetitions[recorded], shown[recorded]
    unseen = [each for each in stimuli[ID] if each not in set(shown)]
    notes = []
    if unseen:
        notes.append(f"{len(unseen)} stimuli without recordings are left out, such as {unseen[0]}")
        stimuli = selected_stimuli(stimuli, np.flatnonzero(~stimuli[ID].isin(unseen)))
    stimuli = selected_stimuli(stimuli, np.argsort(stimuli[ID].to_numpy(), kind="stable"))
    found = Recordings(
        values=values,
        stimulus_ids=shown,
        repetitions=_numbered(shown, repetitions),
        neuroids={name: each[kept] for name, each in neuroids.items()},
        region=region,
        time_bins=[bins[number] for number in order],
        stimuli=stimuli,
        source=source,
        notes=notes,
    )
    _check_averages(found)
    return found


def _labelled(given, source: str) -> Labelled:
    if isinstance(given, Labelled):
        return given
    if isinstance(given, pd.DataFrame):
        return of_table(given, source)
    if isinstance(given, xr.DataArray):
        return of_dataarray(given)
    if isinstance(given, np.ma.MaskedArray):
        return Labelled(np.ma.filled(given.astype(float), np.nan))
    try:
        return Labelled(np.asarray(given))
    except ValueError:
        raise UserError(
            f"Expected {source} as an array, a DataFrame or a DataArray, received a {type(given).__name__}."
        ) from None


def check_numbers(labelled: Labelled, source: str) -> None:
    """Raise `UserError` for an array of anything but numbers."""
    if labelled.values.dtype.kind not in "fiub":
        raise UserError(f"{source} holds {labelled.values.dtype}, expected numbers.")


def selected_stimuli(stimuli: StimulusSet, rows: np.ndarray) -> StimulusSet:
    """Return some rows of a stimulus set; other stimuli have another identifier, by which Brain-Score keeps images."""
    chosen = StimulusSet(pd.DataFrame(stimuli).iloc[rows].reset_index(drop=True))
    chosen.stimulus_paths = {each: stimuli.stimulus_paths[each] for each in chosen[ID]}
    chosen.identifier = stimuli.identifier
    if len(chosen) < len(stimuli):
        names = hashlib.sha256("\n".join(chosen[ID]).encode()).hexdigest()[:8]
        chosen.identifier = f"{stimuli.identifier}-{names}"
    return chosen


def _numbered(stimulus_ids: np.ndarray, repetitions: np.ndarray) -> np.ndarray:
    """Return the number of each presentation among those of its stimulus, in the order of the repetitions."""
    table = pd.DataFrame({ID: stimulus_ids, "repetition": repetitions})
    order = table.sort_values("repetition", kind="stable").index
    return table.loc[order].groupby(ID).cumcount().sort_index().to_numpy()


def checked_region(given: str | None, own: np.ndarray | None, source: str) -> str:
    """Return the region that is given, or the one of all neuroids; raises `UserError` for none or several."""
    found = [given] if given is not None else sorted(set(map(str, [] if own is None else own)))
    if not found:
        raise UserError(f"No region is given for {source}: expected region = one of {', '.join(REGIONS)}.")
    if len(found) > 1:
        raise UserError(f"{source} has neuroids of {', '.join(found)}: expected one region for each benchmark.")
    if found[0] not in REGIONS:
        raise UserError(
            f"region = {found[0]!r} is not what a CORnet can be recorded from: expected {', '.join(REGIONS)}, the "
            "region to compare these recordings with."
        )
    return found[0]


def _kept(names: np.ndarray, leave_out: Sequence, source: str) -> np.ndarray:
    is_one = isinstance(leave_out, str) or not isinstance(leave_out, Iterable)
    wanted = set(as_texts([leave_out] if is_one else list(leave_out)))
    unknown = sorted(wanted - set(names))
    if unknown:
        raise UserError(f"leave_out names {unknown[0]!r}, which is no neuroid of {source}: they are {_named(names)}.")
    kept = np.array([name not in wanted for name in names])
    if not kept.any():
        raise UserError(f"leave_out names all {len(names)} neuroids of {source}.")
    return kept


def _check_values(values: np.ndarray, source: str) -> None:
    """Raise `UserError` for values that are no responses, or that no metric can compute with."""
    if not np.isfinite(values).any():
        raise UserError(f"{source} holds no finite value, expected responses.")
    if np.isinf(values).any():
        raise UserError(
            f"{source} holds {int(np.isinf(values).sum())} infinite values: write NaN where nothing was recorded."
        )
    check_missing_codes(values, source)
    largest = float(np.nanmax(np.abs(values)))
    if largest and not _SMALLEST < largest < _LARGEST:
        raise UserError(
            f"{source}: the largest response is {largest:.3g}, and regressions compute with {_SMALLEST:g} to "
            f"{_LARGEST:g}: give responses in another unit, such as fT in place of T."
        )


def _check_averages(found: Recordings) -> None:
    """Raise `UserError` for neuroids that no metric can score."""
    averages = found.averages()
    names = found.neuroids["neuroid_id"]
    missing = ~np.isfinite(averages).all((0, 2))
    if missing.any():
        stimulus, _, number = np.argwhere(~np.isfinite(averages))[0]
        example = f"{found.stimuli[ID].iloc[stimulus]} at {_in_ms(found.time_bins[number])}"
        raise UserError(
            f"{found.source}: {missing.sum()} of {len(names)} neuroids have no response (NaN) to some stimuli, such as "
            f"{example}: {_named(names[missing])}. Leave them out: leave_out = {_listed(names[missing])}."
        )
    constant = (averages == averages[:1]).all(0)
    if constant.any():
        bad = constant.any(1)
        number = int(np.flatnonzero(constant.any(0))[0])
        raise UserError(
            f"{found.source}: {bad.sum()} of {len(names)} neuroids respond the same to every stimulus, such as at "
            f"{_in_ms(found.time_bins[number])}: {_named(names[bad])}. Leave them out: leave_out = "
            f"{_listed(names[bad])}."
        )


def _in_ms(time_bin: TimeBin) -> str:
    return f"{time_bin[0]:g}-{time_bin[1]:g} ms"


def _named(names: Sequence[Any] | np.ndarray) -> str:
    return ", ".join(map(str, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _listed(names: np.ndarray) -> str:
    more = ", …" if len(names) > _SHOWN else ""
    return "[" + ", ".join(f'"{name}"' for name in names[:_SHOWN]) + more + "]"
