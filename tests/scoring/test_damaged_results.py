"""A file that is damaged does not spoil a folder: it is named, the others are used, and nothing is lost."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from helpers.commands import run_here
from helpers.results import result
from helpers.toys import ToyBenchmark, ToyModel

from brainscore_cornet import UserError
from brainscore_cornet.scoring import read_scores, read_table, score_models
from brainscore_cornet.scoring.results import Results, Row

GOOD = asdict(Row(**result()))
DAMAGES = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "nested": '{"model": ' + "[" * 100_000,
    "not UTF-8": b"\xff\xfe",
    "a number for a name": json.dumps({**GOOD, "model": 5}),
    "a list for a status": json.dumps({**GOOD, "status": ["scored"]}),
    "text for a score": json.dumps({**GOOD, "score": "0.5"}),
    "a truth for a score": json.dumps({**GOOD, "score": True}),
    "a number for a date": json.dumps({**GOOD, "date": 20261126}),
    "versions that are a list": json.dumps({**GOOD, "versions": "[1]"}),
    "settings that are nested": json.dumps({**GOOD, "settings": "[" * 100_000}),
    "an entry more": json.dumps({**GOOD, "more": 1}),
    "an entry less": json.dumps({"model": "m", "benchmark": "b"}),
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
}


@pytest.fixture
def results(tmp_path) -> Results:
    found = Results(tmp_path / "results")
    with found.open():
        found.add(Row(**result("cornet_z")))
        found.add(Row(**result("=cornet_s")))
    return found


@pytest.mark.filterwarnings("default")  # printed, as by the command line
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_damaged_row(results, damage):
    """It is named in a warning and counts as missing; when it is computed again, a copy of it is kept."""
    path = results.path(Row(**result("cornet_z")))
    path.unlink()
    if callable(damage):
        damage(path)
    else:
        path.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    with pytest.warns(UserWarning, match=rf"{path.name} cannot be read and is treated as missing"):
        table = read_table(results.folder)
    assert table["model"].tolist() == ["=cornet_s"]
    page = run_here("report", results.folder, "-o", results.folder / "page.html")
    assert page.returncode == 0
    assert "Warning:" in page.stderr
    results.add(Row(**result("cornet_z")))
    assert read_table(results.folder)["model"].tolist() == ["=cornet_s", "cornet_z"]
    assert path.with_name(f"{path.name}.damaged").exists()
    assert "\n'=cornet_s," in (results.folder / "scores.csv").read_text()


def test_the_table_is_written_again(tmp_path, monkeypatch):
    """A run with nothing to do writes the table from the rows' files, and the device has its number of threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    table = tmp_path / "results" / "scores.csv"
    job = {"m": ToyModel("m", 0.5)}, [ToyBenchmark("one", tmp_path / "log")]
    (device,) = score_models(*job, output=table.parent)["device"]
    assert device == "cpu, 1 thread" or device.startswith("cuda")
    written = table.read_bytes()
    table.write_bytes(written + b"garbage\n")
    score_models(*job, output=table.parent)
    assert table.read_bytes() == written


def test_a_damaged_score(results):
    """The whole Score of a row is named when it cannot be read."""
    path = results.path(Row(**result("cornet_z"))).with_suffix(".nc")
    path.write_bytes(b"CDF")
    with pytest.raises(UserError, match=r"\.nc is damaged and cannot be read"):
        read_scores(results.folder, "cornet_z", result()["benchmark"])


def test_rows_are_on_the_disk(results, monkeypatch):
    """Each file is synced before it has its name, and the folder afterwards."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")).removesuffix(".part"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append(f"name {to.name}"), replace(self, to))[1])
    results.add(Row(**result("cornet_z")), trace="x")
    (json_name,) = [path.name for path in results.folder.glob("scores/cornet_z/*.json")]
    names = [json_name.replace(".json", ".txt"), json_name]
    expected = [[f"sync .{name}", f"name {name}", "sync cornet_z"] for name in names]
    expected.append(["sync .scores.csv", "name scores.csv", "sync results"])
    assert done == [each for operations in expected for each in operations]


def test_the_order_is_that_of_the_runs(tmp_path):
    """Rows are in the order in which models and benchmarks were asked for; a damaged order is the alphabet's."""
    results = Results(tmp_path)
    (tmp_path / "scores").mkdir()
    for runs in ([("z", "y"), ("z", "x"), ("a", "y")], [("m", "w"), ("z", "x")]):
        results.keep_order(runs)
        for model, benchmark in runs:
            results.add(Row(model, benchmark, "scored", 0.5, benchmark_version="1"))
    asked = [("z", "y"), ("z", "x"), ("a", "y"), ("m", "w")]
    assert [(row.model, row.benchmark) for row in results.rows()] == asked
    (tmp_path / "scores" / "order.json").write_text("[")
    assert [(row.model, row.benchmark) for row in results.rows()] == sorted(asked)
