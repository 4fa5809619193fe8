"""Scoring many models on many benchmarks: what fails is a row, what is done stays done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from brainscore_core.metrics import Score
from helpers.crashes import left_of
from helpers.toys import ToyBenchmark, ToyModel, calls

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.scoring import read_scores, read_table, score_models
from brainscore_cornet.scoring.jobs import Candidate, Job, Target
from brainscore_cornet.scoring.results import SCORED, Results, Row
from brainscore_cornet.scoring.scorer import JobScorer

pytestmark = pytest.mark.usefixtures("forked_children")


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def models() -> dict:
    return {name: ToyModel(name, worth) for name, worth in (("good", 0.9), ("bad", 0.2))}


def test_a_table_of_models_and_benchmarks(tmp_path, log, models):
    """Each pair once, with what the score, the model and the benchmark say; the same from the folder."""
    benchmarks = [ToyBenchmark(name, log) for name in ("one", "two")]
    told = []
    table = score_models(models, benchmarks, output=tmp_path / "out", on_result=lambda *each: told.append(each))
    assert [(row.model, row.benchmark) for row in table.itertuples()] == [
        (model, benchmark) for model in models for benchmark in ("one", "two")
    ]
    assert table["score"].tolist() == [0.9, 0.9, 0.2, 0.2]
    first = table.iloc[0]
    assert (first["status"], first["region"], first["time_bins"]) == ("scored", "IT", "70-170 170-270")
    assert (first["error"], first["ceiling"], first["benchmark_version"]) == (0.02, 0.8, "1")
    assert first["raw"] == pytest.approx(0.4 * 0.9)
    np.testing.assert_allclose(json.loads(first["by_time_bin"]), [[70, 170, 0.2 * 0.9], [170, 270, 0.6 * 0.9]])
    assert first["seconds"] >= 0
    assert first["memory_mb"] > 50
    assert "torch" in json.loads(first["versions"])
    assert [(row.benchmark, number, count) for row, number, count in told] == [
        ("one", 1, 4),
        ("two", 2, 4),
        ("one", 3, 4),
        ("two", 4, 4),
    ]
    kept = read_table(tmp_path / "out")
    assert sorted(kept["score"]) == sorted(table["score"])
    assert len((tmp_path / "out" / "scores.csv").read_text().splitlines()) == 5


def test_a_label_of_another_model_is_scored_again(tmp_path, log):
    """A label stands for one set of options: with others, the scores under it are not taken for the new model's."""
    for size in (64, 64, 96):
        table = score_models("mine:cornet_z_untrained", ToyBenchmark("one", log), output=tmp_path, image_size=size)
    assert (table["model"].tolist(), table["identifier"].tolist()) == (["mine"], ["cornet_z_untrained_size_96"])
    assert calls(log) == [f"cornet_z_untrained_size_{size} one" for size in (64, 96)]


class CostlyCeiling(ToyBenchmark):
    """Counts how often it is asked for its ceiling, which its scores have already."""

    asked = 0

    def __call__(self, model) -> Score:
        score = Score(model.worth)
        score.attrs["ceiling"] = Score(0.7)
        return score

    @property
    def ceiling(self) -> Score:
        self.asked += 1
        return Score(0.6)


def test_a_ceiling_in_the_score_is_not_computed_again(log, models):
    """A ceiling can take as long as the score: the benchmark is asked for it only where the score has none."""
    benchmark = CostlyCeiling("costly", log)
    job = Job(Candidate("good", lambda: models["good"]), Target("costly", lambda: benchmark, "toy"))
    assert JobScorer().score(job).row.ceiling == 0.7
    assert benchmark.asked == 0


def test_the_whole_score_is_kept(tmp_path, log, models):
    """Raw values per neuroid and time bin, the ceiling and its raw values, and plain attributes come back."""
    score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    score = read_scores(tmp_path, "good", "one")
    assert float(score) == 0.9
    assert score.attrs["comment"] == "a toy"
    assert score.attrs["folds"] == [1, 2]
    assert score.attrs["flag"] is True
    raw = score.attrs["raw"].attrs["raw"]
    assert raw.dims == ("neuroid", "time_bin")
    assert raw.sel(animal="y").sel(time_bin_start=170).values.item() == pytest.approx(0.63)
    np.testing.assert_array_equal(score.attrs["ceiling"].attrs["raw"].values, [0.7, 0.9])
    with pytest.raises(UserError, match="no score of good on three"):
        read_scores(tmp_path, "good", "three")


def test_scores_that_are_not_one_number_are_kept(tmp_path, log, models):
    """A score of several values has their mean and a note, one that is not finite its object, an odd one its row."""
    benchmarks = [ToyBenchmark(name, log, name) for name in ("several", "nan", "unsendable")]
    table = score_models({"good": models["good"]}, benchmarks, output=tmp_path).set_index("benchmark")
    assert table["status"].tolist() == ["scored", "failed", "scored"]
    assert table.loc["several", "score"] == 1.5
    note = "the score is the mean of 3 values, along split without 1 that are not finite"
    assert table.loc["several", "note"] == note
    np.testing.assert_array_equal(read_scores(tmp_path, "good", "several").values, [1.0, 2.0, np.nan])
    assert read_scores(tmp_path, "good", "nan").attrs["comment"] == "a toy"
    assert table.loc["unsendable", "score"] == 0.9
    assert "cannot be pickled: TypeError" in table.loc["unsendable", "note"]
    with pytest.raises(UserError, match="only the row of good on unsendable was kept"):
        read_scores(tmp_path, "good", "unsendable")


BROKEN = {
    "raise": "It raised KeyError: 'no such neuroid'",
    "nan": "The score is nan, which is not finite.",
    "hang": "stopped after 1.5 seconds (--timeout)",
    "eat": "GB are allowed (--memory)",
    "die": "was ended by SIGKILL",
    "network": "no connection (Name or service not known)",
    "cuda": "It asks for a GPU that this machine does not have: Found no NVIDIA driver on your system.",
    "import": "No module named 'a_package_that_nobody_has'",
    "private": "no AWS credentials",
    "exit": "It ended the program with exit code 0",
    "nothing": "The benchmark returned None, expected a Score",
    "number": "The benchmark returned 0.3, expected a Score",
    "text": "returned 2 values of type <U4 with dimensions ('split',), expected numbers",
}


def test_what_fails_is_a_row_and_the_others_are_scored(tmp_path, log, models):
    """A benchmark that raises, returns NaN, hangs, eats memory, dies, or lacks something; in plain words, in time."""
    benchmarks = [ToyBenchmark("before", log), *(ToyBenchmark(name, log, name) for name in BROKEN)]
    benchmarks.append(ToyBenchmark("after", log))
    options = {"output": tmp_path / "out", "memory_gb": 0.8}
    hanging = [each for each in benchmarks if each.identifier == "hang"]  # others may be slow on a loaded machine
    score_models({"good": models["good"]}, hanging, timeout=1.5, **options)
    table = score_models({"good": models["good"]}, benchmarks, **options).set_index("benchmark")
    assert table.loc[["before", "after"], "score"].tolist() == [0.9, 0.9]
    for name, reason in BROKEN.items():
        assert table.loc[name, "status"] == ("unreachable" if name in ("network", "private") else "failed")
        assert np.isnan(table.loc[name, "score"])
        assert reason in table.loc[name, "reason"], name
        assert "\n" not in table.loc[name, "reason"]
    traces = sorted(path.name for path in (tmp_path / "out" / "scores" / "good").glob("*.txt"))
    assert "raise-failed.txt" in traces
    assert "KeyError" in (tmp_path / "out" / "scores" / "good" / "raise-failed.txt").read_text()

    # again: only what could not be reached; then, mended, what failed
    before = len(calls(log))
    score_models({"good": models["good"]}, benchmarks, **options)
    assert sorted(calls(log)[before:]) == ["good network", "good private"]
    before = len(calls(log))
    mended = [ToyBenchmark(name, log) for name in ("raise", "nan")]
    score_models({"good": models["good"]}, mended, **options)
    assert len(calls(log)) == before
    again = score_models({"good": models["good"]}, mended, retry_failed=True, **options)
    assert again["score"].tolist() == [0.9, 0.9]
    assert not list((tmp_path / "out" / "scores" / "good").glob("raise-failed*"))
    assert read_table(tmp_path / "out").set_index("benchmark").loc["raise", "status"] == "scored"


def test_another_version_of_a_benchmark_is_scored_again(tmp_path, log, models):
    """With another brainscore_vision the benchmark's version decides; with the same one nothing is even loaded."""
    score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    (row,) = (tmp_path / "scores" / "good").glob("*.json")
    changed = json.loads(row.read_text())
    row.write_text(json.dumps({**changed, "versions": json.dumps({"brainscore_vision": "1.0"})}))
    score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    assert len(calls(log)) == 1
    table = score_models({"good": models["good"]}, ToyBenchmark("one", log, version=2), output=tmp_path)
    assert len(calls(log)) == 2
    assert table["benchmark_version"].tolist() == ["2"]
    assert read_table(tmp_path)["benchmark_version"].tolist() == ["2"]


SCRIPT = """
import sys
from pathlib import Path
from helpers.crashes import left_of
from helpers.toys import ToyBenchmark, ToyModel
from brainscore_cornet.scoring import score_models

log, output = map(Path, sys.argv[1:3])
workers = int(sys.argv[3]) or None
models = {name: ToyModel(name, worth) for name, worth in (("good", .9), ("bad", .2))}
benchmarks = [ToyBenchmark(f"b{i}", log, seconds=.25) for i in range(5)]
score_models(models, benchmarks, output=output, workers=workers)
"""


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_goes_on(tmp_path, log, kills):
    """Killed at random moments and run again: the table of an undisturbed run, and nothing done is done again.

    A script without a guard of its main part: what scores in another process must not run it there.
    """
    moments = random.Random(1)
    output = tmp_path / "out"
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(log), str(output), "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done_before: dict[str, int] = {}
    for kill in range(kills):
        command[-1] = str(2 * (kill % 2))  # one after the other, and two at once
        process = subprocess.Popen(command, env=environment)
        done = len(list(output.glob("scores/*/*.json")))
        if done < 10:  # killed at any moment from the second result on, or at the start
            deadline = time.monotonic() + moments.choice([0.5, 60])
            while len(list(output.glob("scores/*/*.json"))) == done and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(moments.uniform(0, 0.5))
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not left_of(started)
        counted = calls(log)
        for path in output.glob("scores/*/*.json"):
            row = json.loads(path.read_text())
            name = f"{row['model']} {row['benchmark']}"
            assert counted.count(name) == done_before.setdefault(name, counted.count(name))
    models = {name: ToyModel(name, worth) for name, worth in (("good", 0.9), ("bad", 0.2))}
    benchmarks = [ToyBenchmark(f"b{i}", log, seconds=0.25) for i in range(5)]
    score_models(models, benchmarks, output=output)
    table = read_table(output)
    assert table["score"].tolist() == [0.9] * 5 + [0.2] * 5
    assert not list(output.rglob("*.part"))
    for name, count in done_before.items():
        assert calls(log).count(name) == count
    before = len(calls(log))
    score_models(models, benchmarks, output=output)
    assert len(calls(log)) == before


def test_two_runs_do_not_write_to_one_folder(tmp_path, log, models):
    """The second is refused at once, with what to do."""
    with Results(tmp_path).open(), pytest.raises(UserError, match="Another run is writing"):
        score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    assert not calls(log)


def test_a_table_that_is_not_ours_is_not_replaced(tmp_path, log, models):
    """A `scores.csv` of the user's own, or a file in place of the folder, is refused before any work."""
    (tmp_path / "scores.csv").write_text("mine")
    with pytest.raises(UserError, match="not this command's"):
        score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    with pytest.raises(UserError, match="Expected a folder"):
        score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path / "table.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is a file: expected a folder for the scores"):
        score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path / "file")
    assert (tmp_path / "scores.csv").read_text() == "mine"
    assert not calls(log)


def test_a_damaged_row_is_scored_again(tmp_path, log, models):
    """A row that was cut off is named in a warning, and scored again."""
    score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    (row,) = (tmp_path / "scores" / "good").glob("*.json")
    row.write_text(row.read_text()[:40])
    with pytest.warns(UserWarning, match="treated as missing"):
        table = score_models({"good": models["good"]}, ToyBenchmark("one", log), output=tmp_path)
    assert table["score"].tolist() == [0.9]
    assert len(calls(log)) == 2


def test_identifiers_that_no_file_can_have(tmp_path):
    """Slashes, dots and long names are kept apart, and stay in the folder."""
    names = ["../../outside", "a/b", "a_b", "..", "x" * 300]
    results = Results(tmp_path / "out")
    with results.open():
        for index, name in enumerate(names):
            results.add(Row(name, "b/../c", SCORED, score=index / 10, benchmark_version="1/2"), Score(index / 10))
    kept = read_table(tmp_path / "out").set_index("model")["score"]
    assert kept[names].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert float(read_scores(tmp_path / "out", "..", "b/../c")) == 0.3
    assert len(list((tmp_path / "out").rglob("*.json"))) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_cannot_be_is_said_before_any_work(tmp_path, log, models):
    """Invalid models, benchmarks and limits are refused before any work, each with what was expected."""
    one = ToyBenchmark("one", log)
    good = {"good": models["good"]}
    for wrong, expected in [
        ((good, []), "No benchmarks"),
        (([], one), "No models"),
        ((lambda: models["good"], one), "has no name"),
        (([3], one), "Expected an identifier"),
        ((good, [3]), "Expected a benchmark's identifier"),
        ((good, "V7"), "Unknown benchmark 'V7'"),
    ]:
        with pytest.raises(UserError, match=expected):
            score_models(*wrong)
    for options, expected in [
        ({"timeout": 0}, "timeout in seconds"),
        ({"memory_gb": -1}, "memory in GB"),
        ({"workers": 0}, "number of workers"),
        ({"times": 3}, "cannot be applied"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "--scheduler alone"),
    ]:
        with pytest.raises(UserError, match=expected):
            score_models(good, one, **options)
    with pytest.raises(UserError, match="give a function that makes it"):
        score_models({"locked": ToyModel(sys.stdout, 1)}, one)
    assert not calls(log)


def test_functions_that_make_models(log):
    """A function is called where it is scored; its name is the model's."""

    def my_model():
        return ToyModel("toy", 0.5)

    table = score_models([my_model], [ToyBenchmark("one", log)])
    assert table[["model", "score"]].values.tolist() == [["my_model", 0.5]]


def test_a_model_that_cannot_be_made_fails_alone(log, models):
    """Its rows say why; the other models are scored."""

    def broken():
        raise ValueError("no weights")

    table = score_models({"broken": broken, **models}, ToyBenchmark("one", log)).set_index("model")
    assert table["score"].tolist()[1:] == [0.9, 0.2]
    assert table.loc["broken", "reason"] == "broken raised ValueError: no weights"
