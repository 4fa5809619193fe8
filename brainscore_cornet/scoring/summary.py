"""Summaries of Score objects of any shape as the numbers of a table's row."""

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

_CLOSE = 1e-4  # between a score and what follows from its raw value, which may have single precision


@dataclass(frozen=True)
class ScoreSummary:
    """The score, its error and its ceilings as one number each; None if there is none."""

    score: float | None
    error: float | None
    ceiling: float | None
    raw: float | None
    by_time_bin: str | None
    """JSON of [start, end, value] with start and end in ms."""
    note: str | None
    """How several values were reduced to one number, and the benchmark's protocol."""


def summarize(score: xr.DataArray, ceiling: xr.DataArray | float | None = None) -> ScoreSummary:
    """Return the summary of a benchmark's Score.

    A score of several values, as temporal benchmarks return it, is summarized by the mean of its finite values, which
    the note states.

    Parameters
    ----------
    ceiling
        The benchmark's ceiling, for scores without one.

    Raises
    ------
    UserError
        If the benchmark did not return a Score of numbers.
    """
    import xarray as xr

    if not isinstance(score, xr.DataArray):
        raise UserError(f"The benchmark returned {score!r:.80}, expected a Score: brainscore_core.metrics.Score(0.5).")
    if score.size == 0 or not np.issubdtype(score.dtype, np.number):
        raise UserError(
            f"The benchmark returned {score.size} values of type {score.dtype} with dimensions {score.dims}, expected "
            "numbers."
        )
    notes = [_reduction(score), score.attrs.get("protocol")]
    return ScoreSummary(
        score=_center(score),
        error=_raw_error(score),
        ceiling=_center(score.attrs.get("ceiling", ceiling)),
        raw=_raw(score, ceiling),
        by_time_bin=_by_time_bin(score),
        note="; ".join(note for note in notes if note) or None,
    )


def error_of_score(score: float | None, error: float | None, ceiling: float | None, raw: float | None) -> float | None:
    """Return a row's error, which is that of the raw score, on the scale of the score.

    How the benchmark made the score of the raw score follows from the numbers: by division through the ceiling, or as
    Brain-Score's explained variance, raw² / ceiling, whose slope is 2 raw / ceiling.

    Returns
    -------
    None if there is no error, if it is 0, as of benchmarks without resampling, or if its scale is not known.
    """
    if score is None or not error:
        return None
    if raw is None or not ceiling or ceiling <= 0 or math.isclose(score, raw, rel_tol=_CLOSE):
        slope = 1.0
    elif math.isclose(score * ceiling, raw, rel_tol=_CLOSE, abs_tol=_CLOSE):
        slope = 1 / ceiling
    elif math.isclose(score * ceiling, raw * raw, rel_tol=_CLOSE, abs_tol=_CLOSE):
        slope = 2 * raw / ceiling
    else:
        return None
    scaled = abs(slope * error)
    return scaled if math.isfinite(scaled) else None


def _raw(score: xr.DataArray, ceiling: xr.DataArray | float | None) -> float | None:
    """Return the score before the division by the ceiling; without a ceiling, the score itself."""
    raw = score.attrs.get("raw")
    if raw is not None and score.attrs.get("ceiling", ceiling) is None:
        return _center(score)  # its `raw` are the values of splits and neuroids that became the score
    return _center(raw)


def _raw_error(score: xr.DataArray) -> float | None:
    """Return the error before the division by the ceiling, also of a benchmark that has divided its error."""
    error, ceiling = _number(score.attrs.get("error")), _center(score.attrs.get("ceiling"))
    before = _number(getattr(score.attrs.get("raw"), "attrs", {}).get("error"))
    if error and ceiling and before and math.isclose(error * ceiling, before, rel_tol=_CLOSE):
        return before
    return error


def _center(score) -> float | None:
    """Return a score as one number: its value, the centre of an older (centre, error), else the mean."""
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
    except (TypeError, ValueError):  # several values, which remain in the score itself
        return None


def _reduction(score: xr.DataArray) -> str | None:
    if score.size == 1 or _has_center(score):
        return None
    found = _time_bins(score)
    by_bin = found is not None and _is_by_time_bin(score, found[0])
    each = "one for each time bin" if by_bin else f"along {', '.join(map(str, score.dims))}"
    missing = score.size - int(np.isfinite(score.values).sum())
    without = f" without {missing} that are not finite" if missing else ""
    return f"the score is the mean of {score.size} values, {each}{without}"


def _time_bins(score: xr.DataArray) -> tuple[list[tuple[float, float]], xr.DataArray] | None:
    """Return (start, end) in ms of each time bin, and the array with the bins: the score or its raw score."""
    array: Any = score
    while hasattr(array, "dims"):
        if array.sizes.get("time_bin", 1) > 1:
            with suppress(KeyError, TypeError):
                starts, ends = (array[f"time_bin_{edge}"].values.tolist() for edge in ("start", "end"))
                return list(zip(starts, ends, strict=True)), array
        array = array.attrs.get("raw")
    return None


def _by_time_bin(score: xr.DataArray) -> str | None:
    """Return a value for each time bin: the score's own values, else means of the raw values."""
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
    # Brain-Score's division by the ceiling loses the name of the dimension, which xarray then numbers
    return score.dims in (("time_bin",), ("dim_0",)) and score.size == len(bins)
