"""The numbers of a table's row, from a Score object of any shape."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cornet.errors import UserError

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class ScoreSummary:
    """One number each for the score and what belongs to it; None where there is none."""

    score: float | None
    error: float | None
    ceiling: float | None
    raw: float | None
    by_time_bin: str | None
    """JSON of [start, end, value] with start and end in ms."""
    note: str | None
    """How one number was made of several, and which protocol the benchmark says it has."""


def summarize(score: xr.DataArray, ceiling: xr.DataArray | float | None = None) -> ScoreSummary:
    """Summary of what a benchmark returned.

    A score of several values, as temporal benchmarks give them, is summarized by the mean of its finite values, and
    the note says so.

    Parameters
    ----------
    ceiling
        The benchmark's, for scores that do not carry one.

    Raises
    ------
    UserError
        For what is not a Score of numbers.
    """
    import xarray as xr

    if not isinstance(score, xr.DataArray):
        raise UserError(f"The benchmark returned {score!r:.80}, expected a Score: brainscore_core.metrics.Score(0.5).")
    if score.size == 0 or not np.issubdtype(score.dtype, np.number):
        raise UserError(
            f"The benchmark returned {score.size} values of type {score.dtype} with dimensions {score.dims}, expected "
            "numbers."
        )
    notes = [_how_many(score), score.attrs.get("protocol")]
    return ScoreSummary(
        score=_center(score),
        error=_number(score.attrs.get("error")),
        ceiling=_center(score.attrs.get("ceiling", ceiling)),
        raw=_center(score.attrs.get("raw")),
        by_time_bin=_by_time_bin(score),
        note="; ".join(note for note in notes if note) or None,
    )


def _center(score) -> float | None:
    """One number of a score: itself, the centre where an older benchmark gives (centre, error), else the mean."""
    if score is None:
        return None
    if _has_center(score):
        return _number(score.sel(aggregation="center"))
    try:
        values = np.asarray(score, dtype=float)
    except (TypeError, ValueError):
        return None
    finite = values[np.isfinite(values)]
    if not values.size:
        return None
    return float(finite.mean()) if finite.size else math.nan


def _has_center(score) -> bool:
    return "aggregation" in getattr(score, "coords", {}) and getattr(score, "ndim", 0) == 1


def _number(value) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):  # several values: they stay with the score itself
        return None


def _how_many(score: xr.DataArray) -> str | None:
    if score.size == 1 or _has_center(score):
        return None
    found = _time_bins(score)
    by_bin = found is not None and _is_by_time_bin(score, found[0])
    each = "one for each time bin" if by_bin else f"along {', '.join(map(str, score.dims))}"
    missing = score.size - int(np.isfinite(score.values).sum())
    without = f" without {missing} that are not finite" if missing else ""
    return f"the score is the mean of {score.size} values, {each}{without}"


def _time_bins(score: xr.DataArray) -> tuple[list[tuple[float, float]], xr.DataArray] | None:
    """(start, end) in ms of each time bin and the array that has them: the score, or the raw one that it comes from."""
    array: Any = score
    while hasattr(array, "dims"):
        if array.sizes.get("time_bin", 1) > 1:
            with suppress(KeyError, TypeError):
                starts, ends = (array[f"time_bin_{edge}"].values.tolist() for edge in ("start", "end"))
                return list(zip(starts, ends, strict=True)), array
        array = array.attrs.get("raw")
    return None


def _by_time_bin(score: xr.DataArray) -> str | None:
    """The score's own values where it has one for each time bin, else means of the raw values in each."""
    found = _time_bins(score)
    if found is None:
        return None
    bins, array = found
    if _is_by_time_bin(score, bins):
        array = score
    means = array.values if array.ndim == 1 else array.mean([dim for dim in array.dims if dim != "time_bin"]).values
    values = [value if math.isfinite(value) else None for value in means.tolist()]
    return json.dumps([[start, end, value] for (start, end), value in zip(bins, values, strict=True)])


def _is_by_time_bin(score: xr.DataArray, bins: list) -> bool:
    # dividing by the ceiling makes Brain-Score lose the name of the dimension, which xarray then numbers
    return score.dims in (("time_bin",), ("dim_0",)) and score.size == len(bins)
