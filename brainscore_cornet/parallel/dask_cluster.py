"""Clients of a Dask cluster, which reassigns the tasks of lost workers, and SLURM jobs as its workers."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..cornet.errors import UserError
from ..extras import install_line
from ..python_children import SAFE_PATH

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

_WORKER_TIMEOUT = 60  # s without workers before a warning
_ANSWER_TIMEOUT = "5s"  # of a scheduler that is said to run
WAIT = 0.5
"""Seconds between two checks of tasks that are waited for."""
_DEATH_TIMEOUT = 60  # s after which a worker without its scheduler ends
_EXAMPLE = "{jobqueue: {slurm: {cores: 4, memory: 16GB, walltime: '08:00:00', queue: NAME, account: NAME}}}"
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
            raise UserError(f"A cluster needs Dask distributed: {install_line('cluster')}")
        if self.scheduler is None:
            _check_slurm()


def cluster_for(
    scheduler: str | None, tls: Mapping[str, str] | None, slurm: bool, workers: int | None
) -> Cluster | None:
    """Return the cluster that options name, None for none of them; raises `UserError` as `Cluster.check` does."""
    if scheduler is not None and (workers is not None or slurm):
        raise UserError("A running scheduler has its own workers: give --scheduler alone.")
    if scheduler is None and tls is None and not slurm:
        return None
    cluster = Cluster(scheduler, tls, workers)
    cluster.check()
    return cluster


def _check_slurm() -> None:
    """Raise `UserError` if dask-jobqueue does not know how many cores and how much memory a job has."""
    import dask.config

    if find_spec("dask_jobqueue") is None:
        raise UserError(f"For SLURM, dask-jobqueue is needed: {install_line('cluster')}")
    missing = [name for name in ("cores", "memory") if not dask.config.get(f"jobqueue.slurm.{name}", None)]
    if missing:
        raise UserError(
            f"dask-jobqueue is not configured for SLURM: a job's {' and '.join(missing)} are unknown. Write them, and "
            f"what else your cluster asks for, into {_configuration()}, such as: {_EXAMPLE}"
        )


def _configuration() -> Path:
    import dask.config

    return Path(dask.config.PATH) / "jobqueue.yaml"


class Watch:
    """Looks after a client's connection while tasks are waited for."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._warn_at = time.monotonic() + _WORKER_TIMEOUT

    def check(self) -> None:
        """Warn once if there are no workers for a minute; raises `UserError` if the scheduler is lost."""
        if time.monotonic() > self._warn_at and not self._client.nthreads():
            warnings.warn("The cluster has no workers: waiting for them.", stacklevel=3)
            self._warn_at = math.inf
        if self._client.status != "running":
            raise UserError("The connection to the scheduler was lost. Results so far are saved.")


def on_worker(path: list[str]) -> Callable[[], bool]:
    """Prepare a task's function, which calls this first, and return a function: whether its result is still wanted.

    Parameters
    ----------
    path
        `import_path` of the client, with the folders of the user's own modules.
    """
    from distributed import get_worker

    sys.path += [folder for folder in path if folder not in sys.path]
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"  # false after the client has disconnected

    return is_wanted


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    """Yield a client of the cluster; SLURM jobs are started before, and end afterwards."""
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
            client = Client(cluster.scheduler, timeout=_ANSWER_TIMEOUT, set_as_default=False, security=security)
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
    except (TypeError, ValueError) as error:  # such as an unknown option
        raise UserError(f"dask-jobqueue is not configured for SLURM: {error} Its file is {_configuration()}") from error
    cluster.scale(jobs=jobs)
    return cluster
