"""The table of all jobs: its visible columns, and all columns as data for the browser to sort and save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .number_text import significant, span, three
from .report_rows import ReportRow

SCORE_ERROR = "score_error"
"""A column that the results do not have: the error on the scale of the score."""

# Visible columns and their headers; the CSV has every column.
_SHOWN = {
    "model": "Model",
    "benchmark": "Benchmark",
    "status": "Status",
    "score": "Score",
    SCORE_ERROR: "Error",
    "ceiling": "Ceiling",
    "raw": "Raw",
    "error": "Raw error",
    "region": "Region",
    "identifier": "Full name",
    "weights_file": "Weights",
    "layer": "Layer",
    "time_bins": "Requested (ms)",
    "model_time_bins": "Committed (ms)",
    "seconds": "Seconds",
    "memory_mb": "Memory (MB)",
    "memory_estimate_mb": "Estimate (MB)",
    "device": "Device",
    "date": "Date",
}
_SCORES = {"score", SCORE_ERROR, "error", "ceiling", "raw"}
_OF_LABELS = {"identifier", "weights_file"}
"""Columns that say more than the model's name only where a label, a checkpoint or options were given."""
_TIME_BINS, _MANY = {"time_bins", "model_time_bins"}, 6
_QUANTITIES = {"seconds", "memory_mb", "memory_estimate_mb"}


@dataclass(frozen=True)
class Column:
    name: str
    header: str
    numeric: bool


def columns(jobs: Sequence[ReportRow]) -> list[Column]:
    """Return the visible columns that the results have."""

    def is_shown(name: str) -> bool:
        if name in _OF_LABELS:
            return any(job.cells.get(name) not in (None, "", job.text("model")) for job in jobs)
        return ("error" if name == SCORE_ERROR else name) in jobs[0].cells

    return [Column(name, header, name in _SCORES | _QUANTITIES) for name, header in _SHOWN.items() if is_shown(name)]


def cell(job: ReportRow, column: Column) -> str:
    """Return the text of a cell, with numbers to three digits, and many time bins as their span and number."""
    if column.name == SCORE_ERROR:
        return three(job.scaled_error)
    bins = job.time_bins if column.name == "time_bins" else job.model_time_bins
    if column.name in _TIME_BINS and len(bins) > _MANY:
        return f"{span(bins[0][0], max(end for _, end in bins))} in {len(bins)} bins"
    number = job.number(column.name) if column.numeric else None
    if column.name == "error" and number == 0:  # as in the scaled column
        return "–"
    if number is not None:
        return three(number) if column.name in _SCORES else significant(number)
    text = job.text(column.name) or "–"
    return text[:16].replace("T", " ") if column.name == "date" else text  # to the minute


def embedded(jobs: Sequence[ReportRow]) -> dict[str, object]:
    """Return all rows and columns as values that JSON supports, and how many of the columns the results have."""
    names = list(jobs[0].cells)
    rows = [[*(job.cells[name] for name in names), job.scaled_error] for job in jobs]
    return {"columns": [*names, SCORE_ERROR], "saved": len(names), "rows": rows}
