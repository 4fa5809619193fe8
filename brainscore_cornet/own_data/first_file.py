"""A first benchmark file from an array and its stimuli, with everything that had to be guessed marked."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.commitments import TimeBin
from ..cornet.errors import UserError, unknown_name
from ..cornet.writing import write_aside, writing
from ..early_paths import new_benchmark_file
from .axes_of_recordings import DIMS, PRESENTATION, arranged, with_dims
from .data_files import Labelled, read
from .long_tables import of_table
from .matrices import read_matrices
from .neural import METRICS, TRAIN_SIZE, check_counts
from .recorded_bins import recorded_bins
from .recordings import check_numbers, checked_region
from .stimulus_tables import DEGREES, ID, checked_degrees, natural_order, stimulus_set

_FIRST_BIN = (70, 170)  # ms, Brain-Score's usual bin for V4 and IT
_FEWEST_FOR_PLS = 30  # stimuli


@dataclass(frozen=True)
class Choices:
    """What the user has stated about the data; None is found or guessed."""

    identifier: str | None = None
    region: str | None = None
    dims: Sequence[str] | None = None
    time_bins: Sequence[TimeBin] | None = None
    visual_degrees: float | None = None
    variable: str | None = None
    metric: str | None = None


def write_first_file(path: Path, data: Path, stimuli: Path, choices: Choices) -> list[str]:
    """Write a benchmark file for recordings and stimuli, and return what was guessed.

    Raises
    ------
    UserError
        If the file exists, the data cannot be read, a choice does not fit them, or no axis has the length of the
        stimuli. No file is written then.
    """
    path = new_benchmark_file(path)
    shown = stimulus_set(stimuli, "first", str(stimuli))
    if choices.metric is not None and choices.metric not in METRICS:
        raise unknown_name(choices.metric, METRICS, "metric")
    if choices.region is not None:
        checked_region(choices.region, None, str(data))
    if choices.visual_degrees is not None:
        checked_degrees(choices.visual_degrees, shown, str(stimuli))
    guessed: list[str] = []
    identifier = choices.identifier or path.stem
    lines = [f"identifier = {json.dumps(identifier)}", f"stimuli = {_relative(stimuli, path)}"]
    if DEGREES not in shown:
        if choices.visual_degrees is None:
            guessed.append("visual_degrees = 8: the size of your stimuli in degrees of visual angle")
        lines.append(f"visual_degrees = {choices.visual_degrees or 8:g}")
    lines += ["", "[recordings]", f"file = {_relative(data, path)}"]
    if choices.variable:
        lines.append(f"variable = {json.dumps(choices.variable)}")
    if choices.region is None:
        guessed.append('region = "IT": V1, V2, V4 or IT')
    lines.append(f"region = {json.dumps(choices.region or 'IT')}")
    metric = choices.metric or ("pls" if len(shown) >= _FEWEST_FOR_PLS else "ridge")
    axes, labelled = _axes(data, choices, len(shown), guessed)
    if labelled is not None:
        _check_fit(labelled, choices, shown, str(data), str(stimuli))
    lines += axes
    lines += _order(data, choices, shown[ID].tolist(), guessed)
    lines += ["", "[metric]", f"name = {json.dumps(metric)}"]
    marked = [
        line + ("  # guessed" if any(each.startswith(line.split(" =")[0] + " ") for each in guessed) else "")
        for line in lines
    ]
    with writing(path):
        write_aside(path, lambda part: part.write_text("\n".join(marked) + "\n", encoding="utf-8"))
    return guessed


def _check_fit(labelled: Labelled, choices: Choices, stimuli: StimulusSet, source: str, stimuli_source: str) -> None:
    """Raise `UserError` for dimensions, stimuli or a metric that do not fit the data."""
    check_numbers(labelled, source)
    values, _, shown = arranged(labelled, stimuli, source, stimuli_source)
    if choices.metric is not None:
        check_counts(choices.metric, TRAIN_SIZE, len(set(shown)), values.shape[2])


def _axes(data: Path, choices: Choices, stimuli: int, guessed: list[str]) -> tuple[list[str], Labelled | None]:
    """Return the lines on dimensions and time bins, and the data with their dimensions, None for .nwb files."""
    lines = []
    bins, count, labelled = choices.time_bins, 1, None
    found = None if data.suffix.lower() == ".nwb" else read(data, choices.variable)
    if choices.dims is not None and not isinstance(found, Labelled):
        raise UserError(f"--dims is for arrays, and {data} says itself what its dimensions are.")
    if found is None:
        count = len(bins or [_FIRST_BIN])
    elif isinstance(found, pd.DataFrame):
        _check_no_matrix(found, data)
        labelled = of_table(found, str(data))
        count = 1 if labelled.values.ndim == 2 else labelled.values.shape[2]
    else:
        labelled = found
        own = found.dims if set(found.dims or ()) <= {*DIMS, PRESENTATION} else None
        names = list(choices.dims or own or _guessed_dims(found, stimuli, str(data), guessed))
        labelled = with_dims(found, names, str(data))
        count = found.values.shape[names.index("time_bin")] if "time_bin" in names else 1
        if own is None or choices.dims is not None:
            lines.append(f"dims = {json.dumps(names)}")
    if bins is not None:
        recorded_bins(labelled or Labelled(np.empty(0)), bins, count, str(data))
    if bins is None and labelled is not None and "time_bin_start" in labelled.labels:
        return lines, labelled
    if bins is None:
        start, end = _FIRST_BIN
        bins = (
            [(start, end)]
            if count == 1
            else [(start + 10 * number, start + 10 * number + 10) for number in range(count)]
        )
        shown = f"{[list(each) for each in bins[:2]]}{' …' if count > 2 else ''}"
        guessed.append(f"time_bins = {shown}: when the responses were measured, in ms after stimulus onset")
    return [*lines, f"time_bins = {json.dumps([list(each) for each in bins])}"], labelled


def _order(data: Path, choices: Choices, names: list[str], guessed: list[str]) -> list[str]:
    """Return the order of the stimuli, where that of their names as text is not that of the numbers in them."""
    counted = natural_order(names)
    found = None if data.suffix.lower() == ".nwb" else read(data, choices.variable)
    if counted == names or not isinstance(found, Labelled) or ID in found.labels:
        return []
    guessed.append(f"stimulus_ids = [{', '.join(map(json.dumps, counted[:3]))} …]: the order of the stimuli")
    return [f"stimulus_ids = {json.dumps(counted)}"]


def _guessed_dims(found: Labelled, stimuli: int, source: str, guessed: list[str]) -> list[str]:
    """Return names of the axes, from the number of stimuli and the usual order."""
    shape = found.values.shape
    if not 2 <= len(shape) <= len(DIMS):
        raise UserError(f"{source} has {len(shape)} dimensions {shape}, expected 2 to 4: {', '.join(DIMS)}.")
    if _are_dissimilarities(found.values):
        raise _no_recordings(source)
    count = len(found.labels[ID]) if ID in found.labels else stimuli
    places = [axis for axis, size in enumerate(shape) if size == count]
    if not places:
        raise UserError(
            f"No dimension of {source} {shape} has the length of the {count} stimuli: expected a response to each."
        )
    usual = {2: ["stimulus", "neuroid"], 3: ["repetition", "stimulus", "neuroid"], 4: list(DIMS)}[len(shape)]
    names = list(usual)
    if len(places) > 1 or names[places[0]] != "stimulus":
        place = places[0] if len(places) == 1 else next((p for p in places if usual[p] == "stimulus"), places[0])
        others = [axis for axis in range(len(shape)) if axis != place]
        # of the remaining axes the longest is taken for the neuroids
        neuroid = max(others, key=lambda axis: shape[axis])
        rest = ["repetition", "time_bin"][: len(shape) - 2]
        names = [""] * len(shape)
        names[place], names[neuroid] = "stimulus", "neuroid"
        for axis, name in zip([axis for axis in others if axis != neuroid], rest, strict=True):
            names[axis] = name
    guessed.append(f"dims = {json.dumps(names)}: the order of the dimensions, of lengths {', '.join(map(str, shape))}")
    return names


def _check_no_matrix(table: pd.DataFrame, data: Path) -> None:
    """Raise `UserError` for a table that is a dissimilarity matrix, with ids or without."""
    if ID in table:
        return
    values = np.empty(0)
    with suppress(UserError):  # it is something else
        values, _ = read_matrices(data, None)
    if _are_dissimilarities(values):
        raise _no_recordings(str(data))


def _no_recordings(source: str) -> UserError:
    return UserError(
        f"{source} holds dissimilarities, symmetric with zeros on the diagonal, and --new is for recordings. Write a "
        "benchmark file such as that in the section Dissimilarities of own_data/README.md, with identifier, stimuli "
        f"and visual_degrees, and under [rdm] file = {json.dumps(source)} and region; check it without --new."
    )


def _are_dissimilarities(values: np.ndarray) -> bool:
    """Return whether each matrix along the last two axes is symmetric, with zeros on the diagonal."""
    if values.ndim < 2 or values.shape[-1] != values.shape[-2] or values.dtype.kind not in "fiu":
        return False
    return not np.diagonal(values, axis1=-2, axis2=-1).any() and np.allclose(values, np.swapaxes(values, -1, -2))


def _relative(file: Path, path: Path) -> str:
    return json.dumps(Path(os.path.relpath(file.expanduser().absolute(), path.absolute().parent)).as_posix())
