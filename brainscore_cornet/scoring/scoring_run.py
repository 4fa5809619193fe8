"""Scoring of models on benchmarks: missing scores are computed, locally or on a cluster, and saved immediately."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from .. import plugin_links
from ..cornet.errors import MAX_PROCESSES, UserError, positive_number, whole_number
from ..cornet.progress_line import counting, showing
from ..cornet.recording import cache as activations
from ..cornet.writing import output_path
from ..metrics import EXACT, WAYS
from ..parallel.dask_cluster import cluster_for
from .catalogue import EMBEDDED
from .jobs import Job, candidates, targets
from .process import Process
from .results import FAILED, SCORED, UNREACHABLE, Results, Row, table_of
from .scorer import JobOutcome, failed, versions

if TYPE_CHECKING:
    import pandas as pd


def score_models(
    models,
    benchmarks: Iterable = EMBEDDED,
    *,
    output: str | os.PathLike | None = None,
    retry_failed: bool = False,
    timeout: float | None = None,
    memory_gb: float | None = None,
    metrics: str = EXACT,
    workers: int | None = None,
    scheduler: str | None = None,
    tls: Mapping[str, str] | None = None,
    slurm: bool = False,
    cache: str | os.PathLike | None = None,
    on_result: Callable[[Row, int, int], None] | None = None,
    **options,
) -> pd.DataFrame:
    """Score each model on each benchmark.

    A job is one model on one benchmark. Each model is scored in a process of its own. A job that raises, hangs,
    exceeds its memory or dies becomes a row with the reason; the other jobs are not affected.

    Parameters
    ----------
    models
        Identifiers, ours or other Brain-Score plugins'; checkpoints (`"mine.pth"`, or `"cornet_rt=mine.pth"` where
        the file does not state its model), also with a label (`"my_name:cornet_rt=mine.pth"`); BrainModel objects, or
        functions that make one; or name -> any of these.
    benchmarks
        Identifiers, groups (`offline`, `public`, `V1`, …), benchmark files (`it.toml`, see `own_data`), Benchmark
        objects or functions that make one; by default those that are embedded in this package.
    output
        Results folder. Each result is saved immediately, and later runs do not repeat it.
    retry_failed
        Whether to repeat jobs that failed in an earlier run into `output`.
    timeout
        Time limit for each job in s.
    memory_gb
        Memory limit for each job in GB; by default nine tenths of the free memory.
    metrics
        `"exact"`: Brain-Score's metrics on recordings are computed in equivalent, faster forms. `"stock"`: by
        Brain-Score. `"checked"`: by both; a job fails with both numbers where they differ by more than 1e-5.
    workers
        Processes that score at once on this machine; with `slurm` the number of its jobs.
    scheduler
        Address of a running Dask scheduler, such as `tls://host:8786`. It runs what anybody sends who can reach it:
        without TLS, every user of its network. Needs the extra `[cluster]`.
    tls
        Files of the scheduler's TLS: `ca`, `cert` and `key` -> path.
    slurm
        Whether to start workers as SLURM jobs, with dask-jobqueue's configuration. Needs the extra `[cluster]`.
    cache
        Folder for activations that several benchmarks share, in place of `RESULTCACHING_HOME`.
    on_result
        Callback for each row, with its number and the total number of rows.
    options
        Options of `load_model`, for this package's models: `weights`, `times`, `device`, `batch_size`, `precision`, …

    Returns
    -------
    The table: a row for each requested model and benchmark, with the columns of `Row`.

    Raises
    ------
    UserError
        If a name is unknown or an option is invalid, before any work is done.
    """
    plugin_links.require()
    options = {name: value for name, value in options.items() if not _is_default(name, value)}
    timeout = None if timeout is None else positive_number(timeout, "a timeout in seconds")
    memory_gb = None if memory_gb is None else positive_number(memory_gb, "a memory in GB")
    activations.limit_gb()  # an invalid limit is an error before any work
    if metrics not in WAYS:
        raise UserError(f"Expected metrics to be one of {', '.join(WAYS)}, received {metrics!r}.")
    if workers is not None:
        workers = whole_number(workers, "a number of workers", 1, MAX_PROCESSES)
    cluster = cluster_for(scheduler, tls, slurm, workers)
    results = None if output is None else Results(output_path(output, "a results folder"))
    if results is not None:
        results.check()
    limits = {"timeout": timeout, "memory_gb": memory_gb, "metrics": metrics}
    limits |= {} if cache is None else {"cache": str(Path(cache).expanduser().absolute())}
    asked = targets(benchmarks)  # before the models, which may need torch
    is_first = results is None or not results.folder.exists()  # otherwise nothing may be left to do
    with Process(**limits) as first:
        if is_first and workers is cluster is None and "torch" not in sys.modules:
            first.prepare()
        chosen = candidates(models, options)
        wanted = [Job(candidate, target) for target in asked for candidate in chosen]
        wanted.sort(key=lambda job: [candidate.name for candidate in chosen].index(job.candidate.name))
        with showing(), nullcontext() if results is None else results.open():
            if results is not None:
                results.keep_order([job.name for job in wanted])
            rows = {} if results is None else {(row.model, row.benchmark): row for row in results.rows()}
            missing = [job for job in (_still_to_do(job, rows, retry_failed) for job in wanted) if job is not None]
            outcomes = _unavailable(missing)
            possible = [job for job in missing if job.candidate.reason is None]
            if possible and cluster is not None:
                from .cluster import on_cluster

                outcomes = _chained(outcomes, on_cluster(possible, cluster, limits))
            elif possible and workers is not None:
                from .pool import in_processes

                outcomes = _chained(outcomes, in_processes(possible, workers, limits))
            elif possible:
                outcomes = _chained(outcomes, _here(possible, limits, first))
            with counting("Scoring", len(missing), unit="job") as add:
                for number, (job, outcome) in enumerate(outcomes, start=1):
                    if outcome.row is not None:
                        rows[job.name] = outcome.row
                        if results is not None:
                            results.add(outcome.row, outcome.score, outcome.trace)
                    add(1)
                    if on_result is not None:
                        on_result(rows[job.name], number, len(missing))
            if results is not None:
                results.write_table()
    return table_of([rows[job.name] for job in wanted])


_DEFAULTS = (("weights", "released"), ("precision", "fp32"), ("resize", "squeeze"))


def _is_default(name: str, value) -> bool:
    return (value is None and name != "weights") or (name, value) in _DEFAULTS


def _still_to_do(job: Job, rows: Mapping[tuple[str, str], Row], retry_failed: bool) -> Job | None:
    row = rows.get(job.name)
    if row is not None and None not in (names := {row.identifier, job.candidate.identifier}) and len(names) > 1:
        return job  # the earlier result is of a model with the same label and other options or weights
    if row is None or row.status == UNREACHABLE or (row.status == FAILED and retry_failed):
        return job
    if row.status == SCORED and job.candidate.weights_hash not in (None, row.weights_hash):
        return job  # the earlier score is of a model with the same name and other weights
    if row.status == SCORED and job.target.version not in (None, row.benchmark_version):
        return job  # the benchmark's data or settings have changed
    if row.status == SCORED and _brainscore(row) != versions().get("brainscore_vision"):
        return replace(job, known_version=row.benchmark_version)
    return None


def _brainscore(row: Row) -> str | None:
    import json

    return json.loads(row.versions).get("brainscore_vision")


def _unavailable(jobs: Sequence[Job]) -> Iterator[tuple[Job, JobOutcome]]:
    for job in jobs:
        if job.candidate.reason is not None:
            yield job, failed(job, job.candidate.reason, status=UNREACHABLE)


def _chained(*parts: Iterator) -> Iterator:
    for part in parts:
        yield from part


def _here(jobs: Sequence[Job], limits: Mapping, first: Process) -> Iterator[tuple[Job, JobOutcome]]:
    """Score one model after the other, each in a process of its own, so that its memory is freed afterwards."""
    process = first
    for _, of_model in groupby(jobs, key=lambda job: job.candidate.name):
        with process:
            for job in of_model:
                yield job, process.score(job)
        process = Process(**limits)
