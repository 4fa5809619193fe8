"""Scoring on many machines with Dask.

A task is one model on the benchmarks of one group, which share stimuli. The worker reports each result to the
scheduler as an event. If a worker is lost, the next one thus knows which results are complete.
"""

from __future__ import annotations

import pickle
import queue
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cloudpickle

from ..parallel.dask_cluster import WAIT, Cluster, Watch, connected, on_worker
from ..python_children import Abandoned, import_path
from .jobs import Job
from .pool import Result, groups_of
from .process import Process
from .results import UNREACHABLE
from .scorer import failed

if TYPE_CHECKING:
    from distributed import Client, Future


def on_cluster(jobs: Sequence[Job], cluster: Cluster, limits: Mapping) -> Iterator[Result]:
    """Score jobs on a cluster, and yield each result once, when it is available."""
    with connected(cluster) as client:
        yield from _run(client, jobs, limits)


def _run(client: Client, jobs: Sequence[Job], limits: Mapping) -> Iterator[Result]:
    topic = f"brainscore_cornet-{uuid.uuid4().hex}"
    heard: queue.Queue[bytes] = queue.Queue()
    waiting = {job.name: job for job in jobs}
    client.subscribe_topic(topic, lambda event: heard.put(event[1]))

    def delivered(packed: bytes) -> Iterator[Result]:
        name, outcome = pickle.loads(packed)
        if (
            job := waiting.pop(name, None)
        ) is not None:  # may be reported twice: by two workers, or as an event and at the end
            yield job, outcome

    tasks: list[tuple[Future, list[Job]]] = []
    watch = Watch(client)
    try:
        for group in groups_of(jobs):
            packed = [job.packed() for job in group]
            future = client.submit(_score_group, topic, packed, dict(limits), import_path(), pure=False)
            tasks.append((future, group))
        while tasks:
            try:
                yield from delivered(heard.get(timeout=WAIT))
            except queue.Empty:
                over = [task for task in tasks if task[0].done()]
                tasks = [task for task in tasks if task not in over]
                for future, group in over:
                    yield from _final(future, group, waiting, delivered)
                watch.check()
    finally:
        client.unsubscribe_topic(topic)
        client.cancel([future for future, _ in tasks])


def _final(future: Future, group, waiting, delivered) -> Iterator[Result]:
    """Yield the results of a finished task that its events have not reported."""
    if future.status == "finished":
        for packed in future.result():
            yield from delivered(packed)
    error = future.exception() if future.status == "error" else None
    for job in group:
        if waiting.pop(job.name, None) is not None:
            reason = f"{type(error).__name__}: {error}" if error is not None else f"the task was {future.status}"
            lost = f"The workers that scored it were lost ({reason}).".replace("\n", " ")
            yield job, failed(job, lost, status=UNREACHABLE)  # the next run tries again


def _score_group(topic: str, packed: list[bytes], limits: dict, path: list[str]) -> list[bytes]:
    """Score, on a worker, the jobs that no earlier worker has scored, and report each result immediately."""
    from distributed import get_client, get_worker

    is_wanted = on_worker(path)
    events: Any = get_client().get_events(topic)  # not awaited outside of an event loop
    reported = [event for _, event in events]
    done = {pickle.loads(event)[0] for event in reported}
    with Process(**limits) as process:
        for job in map(pickle.loads, packed):
            if job.name in done:
                continue
            try:
                outcome = process.score(job, is_wanted)
            except Abandoned:
                break
            reported.append(cloudpickle.dumps((job.name, outcome)))
            get_worker().log_event(topic, reported[-1])
    return reported
