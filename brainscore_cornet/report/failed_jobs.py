"""Failed jobs, those together that failed for the same reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..scoring.failures import shared_reason
from .report_rows import ReportRow


@dataclass(frozen=True)
class FailedTogether:
    reason: str
    """The first job's, which may name it."""
    jobs: list[ReportRow]

    @property
    def lines(self) -> list[tuple[Sequence[str], Sequence[str]]]:
        """Models, and the benchmarks on which all of them failed."""
        by_benchmark: dict[str, dict[str, None]] = {}
        for job in self.jobs:
            by_benchmark.setdefault(job.benchmark, {})[job.model] = None
        by_models: dict[tuple[str, ...], list[str]] = {}
        for benchmark, models in by_benchmark.items():
            by_models.setdefault(tuple(models), []).append(benchmark)
        return list(by_models.items())


def failures(jobs: Sequence[ReportRow]) -> list[FailedTogether]:
    """Return the failed jobs, grouped by their reasons but for the jobs' own names."""
    found: dict[str, FailedTogether] = {}
    for job in jobs:
        if job.failed:
            reason = job.text("reason") or "No reason was recorded."
            key = shared_reason(job.model, job.benchmark, reason)
            found.setdefault(key, FailedTogether(reason, [])).jobs.append(job)
    return list(found.values())
