"""Rows of a table of results, with the handling of unexpected and missing values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..cornet.errors import UserError
from ..scoring.catalogue import named_region
from ..scoring.summary import error_of_score

NEEDED = ("model", "benchmark", "status", "score")
_EXACT = 2**53  # larger whole numbers lose digits in a browser
TimeBin = tuple[float, float]


@dataclass(frozen=True)
class ReportRow:
    """One model on one benchmark."""

    model: str
    benchmark: str
    failed: bool
    score: float | None
    """Score divided by the ceiling; None if it is not finite."""
    error: float | None
    """Standard deviation of the score before it is divided by the ceiling."""
    ceiling: float | None
    region: str | None
    time_bins: tuple[TimeBin, ...]
    """Time bins that the benchmark requests, in ms after stimulus onset."""
    model_time_bins: tuple[TimeBin, ...]
    """Time bins that the model has committed for the region."""
    course: tuple[tuple[float, float, float | None], ...]
    """(start, end, score) of each time bin of a temporal benchmark, in the order of time."""
    cells: Mapping[str, object]
    """All columns, as text and numbers; None for empty cells."""

    @property
    def scaled_error(self) -> float | None:
        """Error on the scale of the ceiled score; None if there is none, or none that can be put on this scale."""
        return error_of_score(self.score, self.error, self.divisor, self.number("raw"))

    @property
    def divisor(self) -> float | None:
        """Ceiling; None if a score cannot be divided by it."""
        return self.ceiling if self.ceiling is not None and self.ceiling > 0 else None

    @property
    def has_ceiling(self) -> bool:
        """Whether a score can be divided by the ceiling."""
        return self.divisor is not None

    def text(self, column: str) -> str | None:
        """Return a cell as text, None if it is empty."""
        value = self.cells.get(column)
        return None if value is None else str(value)

    def number(self, column: str) -> float | None:
        """Return a cell as a finite number, None if it is not one."""
        return _number(self.cells.get(column))

    def record(self, column: str) -> dict[str, object]:
        """Return a cell's JSON object, empty if it has none."""
        found = _json(self.cells.get(column))
        return found if isinstance(found, dict) else {}


def read_jobs(rows: pd.DataFrame) -> list[ReportRow]:
    """Return the jobs in order; raises `UserError` for a table without rows or without a required column."""
    missing = [column for column in NEEDED if column not in rows.columns]
    if missing:
        raise UserError(f"Expected results with the columns {', '.join(NEEDED)}; {', '.join(missing)} is missing.")
    if rows.empty:
        raise UserError("There are no results to report: the table has no rows.")
    names = [str(column) for column in rows.columns]
    if len(set(names)) < len(names):
        raise UserError("Expected results in which each column has a name of its own.")
    # column by column, since a row of a DataFrame converts integers to floats
    columns = [[_plain(value) for value in rows.iloc[:, index].tolist()] for index in range(len(names))]
    cells = [dict(zip(names, each, strict=True)) for each in zip(*columns, strict=True)]
    regions = {each["benchmark"]: each.get("region") for each in cells if each.get("region") is not None}
    return [_job(each, regions) for each in cells]


def _job(cells: dict[str, object], regions: Mapping[object, object]) -> ReportRow:
    """Return a job; its region is the benchmark's, also if it failed before the benchmark was loaded."""
    failed = cells["status"] != "scored"
    region = cells.get("region") or regions.get(cells["benchmark"]) or named_region(str(cells["benchmark"]))
    return ReportRow(
        model=str(cells["model"]),
        benchmark=str(cells["benchmark"]),
        failed=failed,
        score=None if failed else _number(cells["score"]),
        error=_number(cells.get("error")),
        ceiling=_number(cells.get("ceiling")),
        region=None if region is None else str(region),
        time_bins=_time_bins(cells.get("time_bins")),
        model_time_bins=_time_bins(cells.get("model_time_bins")),
        course=_course(cells.get("by_time_bin")),
        cells=cells,
    )


def _plain(value: Any) -> object:
    """Return a value that JSON supports: text, an integer, a finite float, a bool or None."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    if hasattr(value, "item") and not hasattr(value, "__len__"):  # a numpy number
        return _plain(value.item())
    return None if value is pd.NA or value is pd.NaT else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _json(text: object) -> object:
    """Return the value of JSON text, None for other text, which the table shows unchanged."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _time_bins(text: object) -> tuple[TimeBin, ...]:
    """Return `70-80 80-90` as pairs, of which a start may be negative; invalid bins are omitted."""
    found = []
    for word in str(text or "").split():
        dash = word.find("-", 1)
        start, end = _number(word[:dash]), _number(word[dash + 1 :])
        if dash > 0 and start is not None and end is not None and start < end:
            found.append((start, end))
    return tuple(sorted(found))


def _course(text: object) -> tuple[tuple[float, float, float | None], ...]:
    found = []
    entries = _json(text)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, list) and len(entry) == 3:
            start, end, value = map(_number, entry)
            if start is not None and end is not None and start < end:
                found.append((start, end, value))
    return tuple(sorted(found, key=lambda point: point[:2]))
