"""The processes that score: what they import, who can reach them, and what becomes of them."""

from __future__ import annotations

import sys
from contextlib import suppress

import psutil
import pytest
from helpers.toys import SameStimuli, ToyBenchmark, ToyModel, calls

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.python_children import environment, import_path, python
from brainscore_cornet.scoring import read_table, score_models
from brainscore_cornet.scoring.jobs import Job, candidates, targets
from brainscore_cornet.scoring.process import Process

SHADOWING = ("cloudpickle", "psutil", "torch", "queue", "numpy", "sitecustomize", "random")


def test_files_in_the_working_folder_are_not_imported(tmp_path, monkeypatch):
    """Modules named like libraries are not run, although the folder is on the path; two at once reach nobody else."""
    monkeypatch.chdir(tmp_path)
    for name in SHADOWING:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as in a notebook
    listening, before = [], set(psutil.Process().children(recursive=True))

    def look(*_) -> None:
        for child in set(psutil.Process().children(recursive=True)) - before:
            with suppress(psutil.Error, FileNotFoundError):  # it has ended by now
                listening.extend(child.net_connections("inet"))

    log = tmp_path / "log"
    models = {name: ToyModel(name, worth) for name, worth in (("a", 0.25), ("b", 0.5))}
    benchmarks = [ToyBenchmark("one", log), ToyBenchmark("two", log)]
    for benchmark in benchmarks:
        benchmark._assembly = SameStimuli  # one process for each model
    table = score_models(models, benchmarks, workers=2, on_result=look)
    assert table["score"].tolist() == [0.25, 0.25, 0.5, 0.5]
    assert sorted(calls(log)) == ["a one", "a two", "b one", "b two"]
    assert not (tmp_path / "ran").exists()
    assert not listening
    assert set(psutil.Process().children()) <= before


def test_the_path_of_children(tmp_path, monkeypatch):
    """Without the working folder, or with it at the end where the user's own modules are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/one", "/two"])
    assert import_path() == ["/one", "/two"]
    for spelled in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [spelled, "/one"])
        assert import_path() == ["/one", str(tmp_path)]
    assert environment({"A": "b"})["PYTHONPATH"] == "/one"
    assert python("-c", "pass")[1] == "-P"


def test_a_process_that_dies_before_it_is_ready(tmp_path, monkeypatch):
    """It stops the command with one line, and nothing is recorded about the job, which is scored the next time."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "cloudpickle.py").write_text("raise MemoryError('no room')")
    log, good = tmp_path / "log", {"good": ToyModel("good", 0.5)}
    for workers in (None, 1):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(broken)
            with pytest.raises(UserError, match="could not be started: MemoryError: no room"):
                score_models(good, ToyBenchmark("one", log), output=tmp_path / "out", workers=workers)
    assert read_table(tmp_path / "out").empty


def test_a_process_that_is_prepared(tmp_path, forked_children):
    """The first job is scored in it; where nothing is scored, it ends."""
    (candidate,), (target,) = candidates({"a": ToyModel("a", 0.25)}, {}), targets(ToyBenchmark("one", tmp_path / "log"))
    with Process() as process:
        process.prepare()
        assert process.score(Job(candidate, target)).row.score == 0.25
        during = set(psutil.Process().children(recursive=True))
        assert process.score(Job(candidate, target)).row.score == 0.25
        assert set(psutil.Process().children(recursive=True)) == during
    before = set(psutil.Process().children(recursive=True))
    assert len(before) == len(during) - 1
    with Process() as process:
        process.prepare()
    assert set(psutil.Process().children(recursive=True)) == before
