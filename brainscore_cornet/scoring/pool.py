"""Scoring in several processes of this machine, which only the user can reach and which end with the command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ..parallel.spreading import spread
from .jobs import Job
from .process import Process
from .scorer import JobOutcome

Result = tuple[Job, JobOutcome]


def in_processes(jobs: Sequence[Job], workers: int, limits: Mapping) -> Iterator[Result]:
    """Score jobs in `workers` processes, and yield each result once, when it is available.

    Jobs of one model whose benchmarks share stimuli are scored in one process, which records them once.
    """
    options: dict[str, Any] = {**limits, "threads": max(1, (os.cpu_count() or 1) // workers)}
    if options.get("memory_gb") is None:
        from brainscore_vision.benchmark_helpers.memory import available_memory_gb

        options["memory_gb"] = 0.9 * available_memory_gb() / workers

    def score(group: Sequence[Job], is_wanted: Callable[[], bool]) -> Iterator[Result]:
        with Process(**options) as process:
            for job in group:
                yield job, process.score(job, is_wanted)

    yield from spread(groups_of(jobs), workers, score)


def groups_of(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return the jobs of each model whose benchmarks share stimuli."""

    def key(job: Job) -> tuple[str, str]:
        return job.candidate.name, job.target.group

    return [list(group) for _, group in groupby(sorted(jobs, key=key), key=key)]
