"""Scoring in several processes of this machine, which only the user can reach and which end with the command."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from queue import Queue
from typing import Any

from .jobs import Job
from .process import JobAbandoned, Process
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
    groups = deque(groups_of(jobs))
    results: Queue[Result | BaseException] = Queue()
    stopped = threading.Event()

    def work() -> None:
        try:
            while groups:
                with Process(**options) as process:
                    for job in groups.popleft():
                        results.put((job, process.score(job, lambda: not stopped.is_set())))
        except (IndexError, JobAbandoned):  # another thread took the last group, or nothing is wanted any more
            pass
        except BaseException as error:  # raised again where the results are read
            results.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(groups)))]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stopped.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def groups_of(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return the jobs of each model whose benchmarks share stimuli."""

    def key(job: Job) -> tuple[str, str]:
        return job.candidate.name, job.target.group

    return [list(group) for _, group in groupby(sorted(jobs, key=key), key=key)]
