"""A heat map of models and benchmarks: every score at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .axes import three
from .report_rows import ReportRow


@dataclass(frozen=True)
class HeatCell:
    model: str
    strength: float | None
    """The score within 0 and 1; None if there is none."""
    text: str


@dataclass(frozen=True)
class HeatMap:
    models: list[str]
    rows: list[tuple[str, list[HeatCell]]]
    """Benchmark -> a cell for each model."""


def heat_map(jobs: Sequence[ReportRow]) -> HeatMap | None:
    """Return the heat map, in the order of the jobs; None unless there are several models and several benchmarks."""
    models, benchmarks = (list(dict.fromkeys(getattr(job, what) for job in jobs)) for what in ("model", "benchmark"))
    if len(models) < 2 or len(benchmarks) < 2:
        return None
    by_name = {(job.model, job.benchmark): job for job in jobs}
    rows = [(name, [_cell(model, by_name.get((model, name))) for model in models]) for name in benchmarks]
    return HeatMap(models, rows)


def _cell(model: str, job: ReportRow | None) -> HeatCell:
    if job is None or job.score is None:
        return HeatCell(model, None, "failed" if job is not None and job.failed else "–")
    return HeatCell(model, round(min(max(job.score, 0.0), 1.0), 3), three(job.score))
