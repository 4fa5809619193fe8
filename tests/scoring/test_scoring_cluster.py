"""Scoring on Dask: workers that die, a scheduler that is running already, SLURM."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from helpers.toys import ToyBenchmark, ToyModel, calls

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.scoring import EMBEDDED, read_table, score_models

pytest.importorskip("distributed")

COLUMNS = ["model", "benchmark", "score", "error", "ceiling", "raw"]


def worker_processes() -> list[psutil.Process]:
    """Dask's workers below this process, each the child of its nanny."""
    below = psutil.Process().children(recursive=True)
    nannies = [each for each in below if "distributed.Nanny" in " ".join(each.cmdline())]
    workers = []
    for nanny in nannies:
        workers += [each for each in nanny.children() if "spawn_main" in " ".join(each.cmdline())]
    return workers


def test_a_worker_that_is_killed(tmp_path):
    """One of two workers is killed with SIGKILL: every score is there once, what it had finished is not repeated."""
    log = tmp_path / "log"
    models = {f"m{index}": ToyModel(f"m{index}", index / 4) for index in range(1, 4)}
    benchmarks = [ToyBenchmark(f"b{index}", log, seconds=0.5) for index in range(4)]
    for benchmark in benchmarks:
        benchmark._assembly = _SameStimuli  # of one group: a worker scores a model on all of them
    killed: list[int] = []
    finished: list[str] = []

    def kill_one(row, number, _) -> None:
        finished.append(f"{row.model} {row.benchmark}")
        if number == 2:
            killed.append(worker_processes()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    table = score_models(models, benchmarks, output=tmp_path / "out", workers=2, on_result=kill_one)
    assert killed
    assert sorted(finished) == sorted(f"{model} {each.identifier}" for model in models for each in benchmarks)
    assert table["score"].tolist() == [0.25] * 4 + [0.5] * 4 + [0.75] * 4
    assert read_table(tmp_path / "out")["score"].tolist() == table["score"].tolist()
    counted = calls(log)
    assert all(counted.count(name) == 1 for name in finished[:2])
    assert len(counted) <= 12 + 2  # what the killed worker had under way, and perhaps a result that was not told yet
    assert not worker_processes()


class _SameStimuli:
    class stimulus_set:
        identifier = "the same"


@pytest.fixture
def scheduler():
    """A scheduler and a worker that somebody else has started."""
    from distributed import SubprocessCluster

    with SubprocessCluster(
        n_workers=1, threads_per_worker=1, worker_kwargs={"memory_limit": 0}, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_running_scheduler(tmp_path, scheduler):
    """Jobs go to its workers; failures and timeouts are rows here too, and it goes on running."""
    log = tmp_path / "log"
    benchmarks = [ToyBenchmark("one", log), ToyBenchmark("hang", log, "hang"), ToyBenchmark("die", log, "die")]
    for _ in range(2):
        table = score_models({"m": ToyModel("m", 0.5)}, benchmarks, scheduler=scheduler, timeout=3)
        assert table["status"].tolist() == ["scored", "failed", "failed"]
        assert "--timeout" in table["reason"][1]


def test_no_scheduler():
    """An address at which nothing answers is named."""
    with pytest.raises(UserError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", Path(os.devnull))], scheduler="tcp://127.0.0.1:9")


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
    settings["scheduler-options"] = {"host": "127.0.0.1"}
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()}):
        yield folder
    for job in (folder / "jobs").read_text().split():
        assert not psutil.pid_exists(int(job)) or psutil.Process(int(job)).status() == "zombie"


@pytest.mark.timeout(60)
def test_slurm(tmp_path, slurm):
    """Workers are SLURM jobs, started through sbatch and cancelled at the end."""
    pytest.importorskip("dask_jobqueue")
    table = score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", tmp_path / "log")], slurm=True)
    assert table["score"].tolist() == [0.5]
    time.sleep(1)


@pytest.mark.slow
def test_three_networks_on_all_embedded_benchmarks(tmp_path):
    """On two workers, one of which is killed in the middle: the scores of a serial run, each once."""
    models = ["cornet_z_untrained", "cornet_rt_untrained", "cornet_s_untrained"]
    killed: list[int] = []

    def kill_one(row, number, _) -> None:
        if number == 3:
            killed.append(worker_processes()[-1].pid)
            os.kill(killed[0], signal.SIGKILL)

    on_cluster = score_models(models, EMBEDDED, output=tmp_path, workers=2, on_result=kill_one)
    assert killed
    serial = score_models(models, EMBEDDED)
    assert on_cluster["status"].tolist() == ["scored"] * 12
    for name in COLUMNS:
        if name in ("model", "benchmark"):
            assert on_cluster[name].tolist() == serial[name].tolist()
        else:
            assert on_cluster[name].tolist() == pytest.approx(serial[name].tolist(), abs=1e-6)
    assert len(read_table(tmp_path)) == 12
