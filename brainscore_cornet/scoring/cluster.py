"""Scoring on many machines with Dask, which assigns tasks to workers and reassigns the tasks of lost workers.

A task is one model on the benchmarks of one group, which share stimuli. The worker reports each result to the
scheduler as an event. If a worker is lost, the next one thus knows which results are complete.
"""

from __future__ import annotations

import math
import os
import pickle
import queue
import re
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle

from ..cornet.errors import UserError
from ..extras import install_line
from ..python_children import SAFE_PATH, import_path
from .jobs import Job
from .pool import Result, groups_of
from .process import JobAbandoned, Process
from .results import UNREACHABLE
from .scorer import failed

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.security import Security

_WORKER_TIMEOUT = 60  # s without workers before a warning
_WAIT = 0.5  # s between two checks of tasks without events
_DEATH_TIMEOUT = 60  # s after which a worker without its scheduler ends
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
_NO_PAGES = {"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]"}  # a worker serves them to everybody otherwise


@dataclass(frozen=True)
class Cluster:
    """A running Dask scheduler, or SLURM jobs that are started for the run.

    A scheduler runs what anybody sends who can reach it. Those of SLURM runs therefore talk over TLS, with a
    certificate that is made for the run.
    """

    scheduler: str | None = None
    tls: Mapping[str, str] | None = None
    """Files of a scheduler with TLS: `ca`, `cert` and `key`."""
    slurm_jobs: int | None = None

    def check(self) -> None:
        """Raise `UserError` for what excludes each other or cannot be used."""
        if self.scheduler is not None and not re.fullmatch(r"[a-z]+://[^/\s]+|[^/\s]+:\d+", self.scheduler):
            raise UserError(f"Expected a scheduler such as tcp://host:8786, received {self.scheduler!r}.")
        if self.tls is not None and self.scheduler is None:
            raise UserError("TLS files belong to a running scheduler: add --scheduler tls://host:8786.")
        for name, path in (self.tls or {}).items():
            if not os.path.isfile(path):
                raise UserError(f"There is no file {path} (--tls-{name}).")
        if self.tls is not None and set(self.tls) != {"ca", "cert", "key"}:
            raise UserError("A scheduler with TLS needs --tls-ca, --tls-cert and --tls-key.")
        if find_spec("distributed") is None:
            raise UserError(f"To score on a cluster, Dask distributed is needed: {install_line('cluster')}")


def on_cluster(jobs: Sequence[Job], cluster: Cluster, limits: Mapping) -> Iterator[Result]:
    """Score jobs on a cluster, and yield each result once, when it is available."""
    with _client(cluster) as client:
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
    warn_at = time.monotonic() + _WORKER_TIMEOUT
    try:
        for group in groups_of(jobs):
            packed = [job.packed() for job in group]
            future = client.submit(_score_group, topic, packed, dict(limits), import_path(), pure=False)
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
def _client(cluster: Cluster) -> Iterator[Client]:
    import dask.config
    from distributed import Client
    from distributed.security import Security

    if cluster.scheduler is not None:
        files = cluster.tls and {
            "tls_ca_file": cluster.tls["ca"],
            "tls_client_cert": cluster.tls["cert"],
            "tls_client_key": cluster.tls["key"],
        }
        try:
            security = Security(require_encryption=True, **files) if files else None
            client = Client(cluster.scheduler, timeout="5s", set_as_default=False, security=security)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"No Dask scheduler answers at {cluster.scheduler}: {first}") from error
        with client:
            yield client
        return
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 5, "distributed.scheduler.http.routes": []}),
        tempfile.TemporaryDirectory(prefix=".brainscore_cornet-", dir=_shared_folder()) as certificates,  # mode 0700
        _slurm_cluster(cluster.slurm_jobs or 1, certificates) as started,
        Client(started, set_as_default=False) as client,
    ):
        yield client


def _shared_folder() -> Path:
    """Return the folder for certificates, which the machines of a cluster share: the configured one, or home."""
    import dask.config

    configured = dask.config.get("jobqueue.slurm.shared-temp-directory", None)
    return Path(configured).expanduser() if configured else Path.home()


def _certified(folder: Path) -> Security:
    """Return TLS settings with a new certificate and key, which are in the folder for the workers."""
    from distributed.security import Security

    made = Security.temporary()
    files = {}
    for name, text in (("ca", made.tls_ca_file), ("cert", made.tls_worker_cert), ("key", made.tls_worker_key)):
        files[name] = str(folder / name)
        (folder / name).touch(0o600)
        (folder / name).write_text(str(text), encoding="utf-8")
    roles = {
        f"tls_{role}_{name}": files[name] for role in ("client", "scheduler", "worker") for name in ("cert", "key")
    }
    return Security(require_encryption=True, tls_ca_file=files["ca"], **roles)


def _slurm_cluster(jobs: int, certificates: str):
    import dask.config

    try:
        from dask_jobqueue.slurm import SLURMCluster

        security = _certified(Path(certificates))
    except ImportError as error:
        raise UserError(f"For SLURM, another package is needed ({error}): {install_line('cluster')}") from None

    def configured(name: str, default):
        return dask.config.get(f"jobqueue.slurm.{name}", None) or default

    exports = [f"export {name}='{value}'" for name, value in {**SAFE_PATH, **_NO_PAGES}.items()]
    try:
        cluster = SLURMCluster(
            processes=1,
            security=security,
            # no dashboard, which anybody could read, unless the user's configuration asks for one
            scheduler_options={**_NO_DASHBOARD, **configured("scheduler-options", {})},
            worker_extra_args=["--no-dashboard", *configured("worker-extra-args", [])],
            job_script_prologue=[*exports, *configured("job-script-prologue", [])],
            death_timeout=configured("death-timeout", _DEATH_TIMEOUT),
        )
    except (TypeError, ValueError) as error:  # such as a missing number of cores
        raise UserError(
            f"dask-jobqueue is not configured for SLURM: {error} Its file is ~/.config/dask/jobqueue.yaml."
        ) from error
    cluster.scale(jobs=jobs)
    return cluster
