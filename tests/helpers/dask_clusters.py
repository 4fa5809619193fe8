"""A Dask cluster that somebody else has started, and a SLURM that runs its jobs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from helpers.crashes import left_of

from brainscore_cornet.python_children import environment, python


@contextmanager
def running_cluster(folder: Path) -> Iterator[tuple[str, dict[str, str], list[subprocess.Popen]]]:
    """A scheduler with TLS and two workers that somebody else has started: address, files, processes of the workers."""
    pytest.importorskip("cryptography")
    from distributed.security import Security

    folder.mkdir()
    made = Security.temporary()
    files = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, text in files.items():
        (folder / name).write_text(text)
    paths = {name: str(folder / name) for name in files}
    flags = [f"--tls-{'ca-file' if name == 'ca' else name}={path}" for name, path in paths.items()]
    flags += ["--scheduler-file", str(folder / "address.json"), "--no-dashboard"]
    commands = [["dask_scheduler", "--host", "tls://127.0.0.1", "--port", "0"]]
    commands += 2 * [["dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0", "--no-nanny"]]
    processes = []
    for module, *options in commands:
        with open(folder / f"{len(processes)}.log", "w") as log:
            command = python("-m", f"distributed.cli.{module}", *options, *flags)
            processes.append(subprocess.Popen(command, cwd=folder, env=environment({}), stderr=log, stdout=log))
        while module == "dask_scheduler" and not (folder / "address.json").exists():
            assert processes[0].poll() is None
            time.sleep(0.1)
    time.sleep(0.1)
    yield json.loads((folder / "address.json").read_text())["address"], paths, processes[1:]
    for process in processes:
        process.kill()
        process.wait()


SBATCH = """#!/bin/bash
# takes a job script as SLURM does, and runs it at once on this machine
script=$(mktemp "$(dirname "$0")/script.XXXX")
cp "${@: -1}" "$script"  # who submits it removes it
setsid bash "$script" > "$(dirname "$0")/job.log" 2>&1 < /dev/null &
echo $! >> "$(dirname "$0")/jobs"
echo "$!"
"""
SCANCEL = """#!/bin/bash
for job in "$@"; do kill -- "-$job" 2> /dev/null; done
exit 0
"""


@contextmanager
def slurm_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Commands of SLURM's names that run jobs here, and the configuration that a lab has."""
    import dask

    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    settings = {"cores": 1, "memory": "2GB", "python": sys.executable, "interface": None, "log-directory": None}
    settings |= {"scheduler-options": {"host": "127.0.0.1"}, "worker-extra-args": ["--host", "127.0.0.1"]}
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()}):
        yield folder
    jobs = map(int, (folder / "jobs").read_text().split())
    assert not left_of([psutil.Process(job) for job in jobs if psutil.pid_exists(job)])
