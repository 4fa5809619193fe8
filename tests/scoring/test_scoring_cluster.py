"""Scoring on Dask: workers that die, a scheduler that is running already, SLURM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from helpers.crashes import left_of
from helpers.toys import SameStimuli, ToyBenchmark, ToyModel, calls

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.python_children import environment, python
from brainscore_cornet.scoring import EMBEDDED, read_table, score_models

pytest.importorskip("distributed")

COLUMNS = ["model", "benchmark", "score", "error", "ceiling", "raw"]


@pytest.fixture
def dask(tmp_path):
    """A scheduler with TLS and two workers that somebody else has started: address, files, processes of the workers."""
    pytest.importorskip("cryptography")
    from distributed.security import Security

    folder = tmp_path / "dask"
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


def test_a_worker_that_is_killed(tmp_path, dask):
    """On a scheduler with TLS, one of two workers is killed: every score is there once, what was done is not repeated.

    Failures and timeouts are rows here too, the scheduler goes on running, and nobody is let in without certificates.
    """
    address, files, workers = dask
    log = tmp_path / "log"
    models = {f"m{index}": ToyModel(f"m{index}", index / 4) for index in range(1, 4)}
    benchmarks = [ToyBenchmark(f"b{index}", log, seconds=0.5) for index in range(4)]
    for benchmark in benchmarks:
        benchmark._assembly = SameStimuli  # of one group: a worker scores a model on all of them
    finished: list[str] = []

    def kill_one(row, number, _) -> None:
        finished.append(f"{row.model} {row.benchmark}")
        if number == 2:
            workers[0].kill()

    options = {"scheduler": address, "tls": files}
    table = score_models(models, benchmarks, output=tmp_path / "out", on_result=kill_one, **options)
    assert sorted(finished) == sorted(f"{model} {each.identifier}" for model in models for each in benchmarks)
    assert table["reason"].dropna().tolist() == []
    assert table["score"].tolist() == [0.25] * 4 + [0.5] * 4 + [0.75] * 4
    assert read_table(tmp_path / "out")["score"].tolist() == table["score"].tolist()
    counted = calls(log)
    assert all(counted.count(name) == 1 for name in finished[:2])
    assert len(counted) <= 12 + 2  # what the killed worker had under way, and perhaps a result that was not told yet
    table = score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("hang", log, "hang")], timeout=3, **options)
    assert "--timeout" in table["reason"][0]
    with pytest.raises(UserError, match="No Dask scheduler answers at tls"):
        score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", log)], scheduler=address)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"scheduler": "tcp://127.0.0.1:9"}, r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        ({"scheduler": ""}, "Expected a scheduler such as"),
        ({"scheduler": "tls://host:1", "tls": {"ca": "/nowhere"}}, r"no file /nowhere \(--tls-ca\)"),
        ({"scheduler": "tls://host:1", "tls": {"ca": os.devnull}}, "no file"),
        ({"tls": {"ca": __file__}}, "add --scheduler"),
    ],
)
def test_no_scheduler(options, expected):
    """An address at which nothing answers is named, and so are files that are not there."""
    with pytest.raises(UserError, match=expected):
        score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", Path(os.devnull))], **options)


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


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of SLURM's names that run jobs here, and the configuration that a lab has."""
    import dask

    folder = tmp_path / "bin"
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


def test_slurm(tmp_path, slurm, monkeypatch):
    """Workers are SLURM jobs, started through sbatch, cancelled at the end, and talked to over TLS alone."""
    pytest.importorskip("dask_jobqueue")
    pytest.importorskip("cryptography")
    monkeypatch.setenv("HOME", str(tmp_path))  # for the certificates
    seen: list = []

    def look(*_) -> None:
        (script,) = slurm.glob("script.*")
        seen.append((script.read_text(), [each.stat().st_mode & 0o777 for each in tmp_path.glob(".brainscore*")]))

    table = score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", tmp_path / "log")], slurm=True, on_result=look)
    assert table["score"].tolist() == [0.5]
    ((script, modes),) = seen
    assert " tls://127.0.0.1:" in script
    assert "PYTHONSAFEPATH='1'" in script
    assert modes == [0o700]
    assert not list(tmp_path.glob(".brainscore*"))


@pytest.mark.slow
def test_three_networks_on_all_embedded_benchmarks(tmp_path):
    """In two processes at once: the scores of a serial run, each once."""
    models = ["cornet_z_untrained", "cornet_rt_untrained", "cornet_s_untrained"]
    on_cluster = score_models(models, EMBEDDED, output=tmp_path, workers=2)
    serial = score_models(models, EMBEDDED)
    assert on_cluster["status"].tolist() == ["scored"] * 12
    for name in COLUMNS:
        if name in ("model", "benchmark"):
            assert on_cluster[name].tolist() == serial[name].tolist()
        else:
            assert on_cluster[name].tolist() == pytest.approx(serial[name].tolist(), abs=1e-6)
    assert len(read_table(tmp_path)) == 12
