"""Which axis of an array is which, and which stimulus and neuroid each position on it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.errors import UserError, unknown_name
from .data_files import Labelled, as_texts
from .stimulus_tables import ID

DIMS = ("repetition", "stimulus", "neuroid", "time_bin")
"""Dimensions of recordings in which each stimulus has the same number of repetitions, in any order."""
PRESENTATION = "presentation"
"""A dimension in place of the first two, for any number of presentations of each stimulus."""
_IDS = {"stimulus": ID, PRESENTATION: ID, "neuroid": "neuroid_id"}
"""Dimension -> the coordinate with the ids along it."""
_SHOWN = 3


def with_dims(labelled: Labelled, given: Sequence[str] | None, source: str) -> Labelled:
    """Return an array with the given names of its dimensions, or its own; ids along a renamed one remain.

    Raises
    ------
    UserError
        If the names do not fit the array, or contradict those that it has.
    """
    names = _dims(labelled, given, source)
    labels = dict(labelled.labels)
    for own, name in zip(labelled.dims or names, names, strict=True):
        if own != name and own in (*DIMS, PRESENTATION) and {own, name} != {"stimulus", PRESENTATION}:
            theirs = ", ".join(labelled.dims or ())
            raise UserError(
                f"dims of {source} are given as {', '.join(names)}, and the data have {theirs}: leave out dims."
            )
        ids = _IDS.get(name)
        if ids is not None and own in labels and ids not in labels:
            labels[ids] = labels.pop(own)
    return Labelled(labelled.values, names, labels)


def arranged(
    labelled: Labelled, stimuli: StimulusSet, source: str, stimuli_source: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values (presentation, neuroid, time bin), and the repetition and the stimulus id of each presentation.

    Values are of single precision at least: means and ceilings are computed in it.
    """
    names = labelled.dims or ()
    values = np.asarray(labelled.values)
    single = values.dtype.itemsize <= 2 or values.dtype.newbyteorder("=") == np.float32
    values = values.astype(np.float32 if single else float, copy=False)
    order = [name for name in (PRESENTATION, *DIMS) if name in names]
    values = values.transpose([names.index(name) for name in order])
    if "time_bin" not in names:
        values = values[..., np.newaxis]
    ids = labelled.labels.get(ID)
    if PRESENTATION in names:
        if ids is None:
            raise UserError(
                f"{source} has a dimension presentation and no stimulus_id: expected the stimulus of each of "
                f"{values.shape[0]} presentations (stimulus_ids)."
            )
        shown = matched_ids(ids, values.shape[0], stimuli, source, stimuli_source, PRESENTATION)
        repetitions = labelled.labels.get("repetition")
        repetitions = np.zeros(len(shown), int) if repetitions is None else np.asarray(repetitions)
        return values, repetitions, shown
    if "repetition" not in names:
        values = values[np.newaxis]
    repetitions, count = values.shape[:2]
    if ids is None:
        if count != len(stimuli):
            axis = names.index("stimulus")
            raise UserError(_other_count(labelled, names, axis, stimuli, source, stimuli_source))
        shown = stimuli[ID].to_numpy()
    else:
        shown = matched_ids(ids, count, stimuli, source, stimuli_source, "stimulus")
        repeated = pd.Index(shown)[pd.Index(shown).duplicated()]
        if len(repeated):
            raise UserError(
                f"{source} has the stimulus {repeated[0]!r} twice along the dimension stimulus: name that dimension "
                "presentation if stimuli are repeated on it."
            )
    return (
        values.reshape(repetitions * count, *values.shape[2:]),
        np.repeat(np.arange(repetitions), count),
        np.tile(shown, repetitions),
    )


def neuroid_labels(labelled: Labelled, count: int, source: str) -> dict[str, np.ndarray]:
    """Return coordinate -> value for each neuroid, with `neuroid_id` first."""
    ids = labelled.labels.get("neuroid_id")
    names = as_texts(np.arange(count) if ids is None else ids)
    if len(names) != count:
        raise UserError(f"{source} has {count} along the dimension neuroid, and {len(names)} neuroid_ids.")
    repeated = pd.Index(names)[pd.Index(names).duplicated()]
    if len(repeated):
        raise UserError(f"{source} has two neuroids called {repeated[0]!r}: expected a neuroid_id for each.")
    others = {
        name: np.asarray(labelled.labels[name])
        for name in ("region", "subject", "animal")
        if name in labelled.labels and len(labelled.labels[name]) == count
    }
    return {"neuroid_id": names, **others}


def _dims(labelled: Labelled, given: Sequence[str] | None, source: str) -> tuple[str, ...]:
    shape = labelled.values.shape
    names = tuple(given) if given is not None else labelled.dims
    if names is None:
        raise UserError(
            f"dims are missing: expected a name for each of the {len(shape)} dimensions of {source} {shape}, in their "
            f"order, from {', '.join(DIMS)} (or presentation)."
        )
    known = (*DIMS, PRESENTATION)
    for name in names:
        if name not in known:
            own = "" if given is not None else " Give dims, a name for each dimension of the file, in their order."
            raise UserError(f"dims of {source}: {unknown_name(name, known, 'dimension')}{own}")
    if len(set(names)) < len(names):
        raise UserError(f"dims of {source} name {next(name for name in names if names.count(name) > 1)} twice.")
    if len(names) != len(shape):
        raise UserError(
            f"{source} has {len(shape)} dimensions {shape}, and dims name {len(names)}: {', '.join(names)}."
        )
    if "neuroid" not in names:
        raise UserError(f"dims of {source} lack neuroid: expected the dimension of cells, voxels or sensors.")
    if ("stimulus" in names) == (PRESENTATION in names):
        raise UserError(f"dims of {source}: expected either stimulus or presentation, received {', '.join(names)}.")
    if PRESENTATION in names and "repetition" in names:
        raise UserError(f"dims of {source}: presentation includes the repetitions, without a dimension repetition.")
    empty = [name for name, size in zip(names, shape, strict=True) if not size]
    if empty:
        raise UserError(f"{source} is empty along {empty[0]}: its shape is {shape}.")
    return names


def _other_count(labelled, names, axis: int, stimuli, source: str, stimuli_source: str) -> str:
    shape = labelled.values.shape
    message = (
        f"{source} has {shape[axis]} along its dimension {axis + 1}, stimulus, and {stimuli_source} {len(stimuli)}"
    )
    elsewhere = [number for number, size in enumerate(shape) if size == len(stimuli)]
    if elsewhere:
        other = list(names)
        other[axis], other[elsewhere[0]] = other[elsewhere[0]], "stimulus"
        return f"{message}: is the order of dims {other}?"
    return f"{message}: expected a response to each stimulus, or stimulus_ids that say which ones were recorded."


def matched_ids(given, count: int, stimuli: StimulusSet, source: str, stimuli_source: str, dim: str) -> np.ndarray:
    """Return the stimulus ids of the positions on an axis, which must be among the stimuli."""
    ids = as_texts(given)
    if len(ids) != count:
        raise UserError(f"{source} has {count} along the dimension {dim}, and {len(ids)} stimulus_ids.")
    known = set(stimuli[ID])
    unknown = [each for each in dict.fromkeys(ids) if each not in known]
    if not unknown:
        return ids
    message = f"{len(unknown)} stimulus_ids of {source} are not among {stimuli_source}: {', '.join(unknown[:_SHOWN])}"
    zeros = {each.lstrip("0") or "0": each for each in known}
    if unknown[0] in zeros:
        hint = f"{unknown[0]!r} is {zeros[unknown[0]]!r} there, with its zeros: save ids as text"
    elif (stem := unknown[0].rsplit("/", 1)[-1].rsplit(".", 1)[0]) in known:
        hint = f"it is {stem!r} there, without folder and ending"
    else:
        hint = f"expected ids such as {sorted(known)[0]!r}"
    raise UserError(f"{message}; {hint}.")
