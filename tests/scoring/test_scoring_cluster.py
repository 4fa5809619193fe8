"""Scoring on Dask: workers that die, a scheduler that is running already, SLURM."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from helpers.toys import SameStimuli, ToyBenchmark, ToyModel, calls

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.parallel.dask_cluster import Cluster
from brainscore_cornet.scoring import EMBEDDED, read_table, score_models

pytest.importorskip("distributed")

TIMEOUT = "brainscore_cornet.parallel.dask_cluster._ANSWER_TIMEOUT"
COLUMNS = ["model", "benchmark", "score", "error", "ceiling", "raw"]


def test_a_worker_that_is_killed(tmp_path, dask, monkeypatch):
    """On a scheduler with TLS, one of two workers is killed: every score is there once, what was done is not repeated.

    Failures and timeouts are rows here too, the scheduler goes on running, and nobody is let in without certificates.
    """
    address, files, workers = dask
    log = tmp_path / "log"
    models = {f"m{index}": ToyModel(f"m{index}", index / 4) for index in (1, 2)}
    benchmarks = [ToyBenchmark(f"b{index}", log, seconds=0.3) for index in range(4)]
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
    assert table["score"].tolist() == [0.25] * 4 + [0.5] * 4
    assert read_table(tmp_path / "out")["score"].tolist() == table["score"].tolist()
    counted = calls(log)
    assert all(counted.count(name) == 1 for name in finished[:2])
    assert len(counted) <= 8 + 2  # what the killed worker had under way, and perhaps a result that was not told yet
    table = score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("hang", log, "hang")], timeout=1, **options)
    assert "--timeout" in table["reason"][0]
    monkeypatch.setattr(TIMEOUT, "1s")
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
def test_no_scheduler(options, expected, monkeypatch):
    """An address at which nothing answers is named, and so are files that are not there."""
    monkeypatch.setattr(TIMEOUT, "1s")
    with pytest.raises(UserError, match=expected):
        score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", Path(os.devnull))], **options)


def test_slurm_without_configuration(tmp_path):
    """What dask-jobqueue does not know is named before any work, with its file and the file's content."""
    pytest.importorskip("dask_jobqueue")
    from dask import config

    with (
        config.set({"jobqueue.slurm.cores": None, "jobqueue.slurm.memory": None}),
        pytest.raises(UserError, match=r"cores and memory are unknown\. .*jobqueue\.yaml, such as: ") as refused,
    ):
        score_models({"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", tmp_path / "log")], slurm=True)
    with config.set(yaml.safe_load(str(refused.value).split("such as: ")[1])):
        Cluster(slurm_jobs=1).check()


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
