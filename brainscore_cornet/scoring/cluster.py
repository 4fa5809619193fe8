"""Scoring on many machines with Dask, which assigns tasks to workers and reassigns the tasks of lost workers.

A task is one model on the benchmarks of one group, which share stimuli. The worker reports each result to the
scheduler as an event. If a worker is lost, the next one thus knows which results are complete.
"""

from __future__ import annotations

import math
import os
import pickle
import queue
import sys
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import cloudpickle

from ..cornet.errors import UserError
from .jobs import Job
from .process import JobAbandoned, Process
from .scorer import JobOutcome, failed

if TYPE_CHECKING:
    from distributed import Client, Future

_WORKER_TIMEOUT = 60  # s without workers before a warning
_WAIT = 0.5  # s between two checks of tasks without events


def on_cluster(
    jobs: Sequence[Job], workers: int | None, scheduler: str | None, slurm: bool, limits: Mapping
) -> Iterator[tuple[Job, JobOutcome]]:
    """Score jobs on a local cluster, a running one or SLURM's, and yield each result once, when it is available."""
    if scheduler is not None and (workers is not None or slurm):
        raise UserError("A running scheduler has its own workers: give --scheduler alone.")
    if find_spec("distributed") is None:
        raise UserError("To score on a cluster, Dask distributed is needed: pip install '.[cluster]'")
    with _client(workers, scheduler, slurm) as client:
        share: dict[str, float] = {"threads": max(1, (os.cpu_count() or 1) // workers)} if workers and not slurm else {}
        if workers and not slurm and limits.get("memory_gb") is None:
            from brainscore_vision.benchmark_helpers.memory import available_memory_gb

            share["memory_gb"] = 0.9 * available_memory_gb() / workers
        yield from _run(client, jobs, {**limits, **share})


def _run(client: Client, jobs: Sequence[Job], limits: Mapping) -> Iterator[tuple[Job, JobOutcome]]:
    topic = f"brainscore_cornet-{uuid.uuid4().hex}"
    heard: queue.Queue[bytes] = queue.Queue()
    waiting = {job.name: job for job in jobs}
    client.subscribe_topic(topic, lambda event: heard.put(event[1]))

    def delivered(packed: bytes) -> Iterator[tuple[Job, JobOutcome]]:
        name, outcome = pickle.loads(packed)
        if (
            job := waiting.pop(name, None)
        ) is not None:  # may be reported twice: by two workers, or as an event and at the end
            yield job, outcome

    tasks: list[tuple[Future, list[Job]]] = []
    warn_at = time.monotonic() + _WORKER_TIMEOUT
    ordered = sorted(jobs, key=lambda job: (job.candidate.name, job.target.group))
    try:
        for _, of_group in groupby(ordered, key=lambda job: (job.candidate.name, job.target.group)):
            group = list(of_group)
            future = client.submit(
                _score_group, topic, [job.packed() for job in group], dict(limits), sys.path, pure=False
            )
            tasks.append((future, group))
        while tasks:
            try:
                yield from delivered(heard.get(timeout=_WAIT))
            except queue.Empty:
                over = [task for task in tasks if task[0].done()]
                tasks = [task for task in tasks if task not in over]
                for future, group in over:
                    yield from _final(future, group, waiting, delivered)
                if time.monotonic() > warn_at and not client.nthreads():
                    warnings.warn("The cluster has no workers: waiting for them.", stacklevel=2)
                    warn_at = math.inf
                if client.status != "running":
                    raise UserError("The connection to the scheduler was lost. Results so far are saved.") from None
    finally:
        client.unsubscribe_topic(topic)
        client.cancel([future for future, _ in tasks])


def _final(future: Future, group, waiting, delivered) -> Iterator[tuple[Job, JobOutcome]]:
    """Yield the results of a finished task that its events have not reported."""
    if future.status == "finished":
        for packed in future.result():
            yield from delivered(packed)
    error = future.exception() if future.status == "error" else None
    for job in group:
        if waiting.pop(job.name, None) is not None:
            reason = f"{type(error).__name__}: {error}" if error is not None else f"the task was {future.status}"
            yield job, failed(job, f"The workers that scored it were lost ({reason}).".replace("\n", " "))


def _score_group(topic: str, packed: list[bytes], limits: dict, path: list[str]) -> list[bytes]:
    """Score, on a worker, the jobs that no earlier worker has scored, and report each result immediately."""
    from distributed import get_client, get_worker

    sys.path += [folder for folder in path if folder not in sys.path]  # folders of the user's own modules
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"  # false after the client has disconnected

    events: Any = get_client().get_events(topic)  # not awaited outside of an event loop
    reported = [event for _, event in events]
    done = {pickle.loads(event)[0] for event in reported}
    with Process(**limits) as process:
        for job in map(pickle.loads, packed):
            if job.name in done:
                continue
            try:
                outcome = process.score(job, is_wanted)
            except JobAbandoned:
                break
            reported.append(cloudpickle.dumps((job.name, outcome)))
            worker.log_event(topic, reported[-1])
    return reported


@contextmanager
def _client(workers: int | None, scheduler: str | None, slurm: bool) -> Iterator[Client]:
    import dask.config
    from distributed import Client, SubprocessCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="5s", set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"No Dask scheduler answers at {scheduler}: {first}") from error
        with client:
            yield client
        return
    if slurm:
        make = _slurm_cluster(workers or 1)
    else:
        # processes that neither fork from this one nor import its script, so that a user's script needs no main guard
        def make():
            return SubprocessCluster(
                n_workers=workers,
                threads_per_worker=1,
                worker_kwargs={"memory_limit": 0},
                dashboard_address=None,  # pyright: ignore[reportArgumentType]  # None is documented: no dashboard
            )

    # no memory limit: workers hold no data, and the memory of each job's process is monitored
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 5}),
        make() as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _slurm_cluster(jobs: int):
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError:
        raise UserError("For SLURM, dask-jobqueue is needed: pip install '.[cluster]'") from None

    def make():
        try:
            cluster = SLURMCluster(processes=1)
        except (TypeError, ValueError) as error:  # such as a missing number of cores
            raise UserError(
                f"dask-jobqueue is not configured for SLURM: {error} Its file is ~/.config/dask/jobqueue.yaml."
            ) from error
        cluster.scale(jobs=jobs)
        return cluster

    return make
