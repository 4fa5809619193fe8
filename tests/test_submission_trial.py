"""Submissions run as Brain-Score runs them, and the command that makes them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import brainscore_vision
import pytest
from submissions import TEST, write

from brainscore_cornet.submission import REGISTERED, pull_request


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess:
    """`brainscore-cornet submit` in a process of its own, with an empty home folder and no network."""
    closed = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    environment = {**os.environ, **closed, "HOME": str(home), "TORCH_HOME": str(home / "torch")}
    command = [sys.executable, "-m", "brainscore_cornet", "submit", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, cwd=home)


def test_a_submission_is_tried(tmp_path):
    """It is found, tested and scored in a copy of brainscore_vision, with the result of the package's own model."""
    mapping = json.dumps({"IT": {"0": [120, 220]}})
    options = ("--identifier", "cornet_late", "--image-size", "64", "--time-mapping", mapping)
    result = run("cornet_z_untrained", *options, "-o", tmp_path / "out", "--json", home=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (outcome,) = json.loads(result.stdout)
    assert outcome["identifiers"] == ["cornet_late"]
    outputs = [step["output"] for step in outcome["steps"]]
    assert [step["passed"] for step in outcome["steps"]] == [True] * 4
    assert outputs[0].strip().splitlines()[-1] == "cornet_late"
    assert re.search(r"\b5 passed", outputs[1])
    assert re.search(r"\b7 passed, 1 deselected", outputs[2])
    assert "every recording and label is that of the package's own model" in outputs[3]
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "cornet_late.zip"]
    assert "[4/4] cornet_late on Marques2020light_Schiller1976-sf_selective" in result.stderr


def test_a_trial_that_fails(tmp_path):
    """A stranger's zip is run only when asked to; where it fails its own words are shown."""
    model = "def get_model():\n    raise RuntimeError('no such layer as IT.missing')\n"
    changes = {"model.py": model, "test.py": TEST, "parts/network.py": "", "parts/__init__.py": ""}
    path = write(tmp_path / "theirs.zip", changes)
    result = run("--check", path, "--offline", home=tmp_path)
    assert result.returncode == 0
    assert "What is in it was not run" in result.stderr
    result = run("--check", path, "--offline", "--run", home=tmp_path)
    assert result.returncode == 1
    assert "Failed: load_model('stranger_net')" in result.stdout
    assert "no such layer as IT.missing" in result.stdout
    assert f"{path} would not pass" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name one of --output"),
        (("cornet_z", "-o", "out", "--check", "a.zip"), "Name one of --output"),
        (("-o", "out"), "Name a model to submit"),
        (("cornet_z", "cornet_s", "-o", "out", "--identifier", "x"), "--identifier is for one model"),
        (("--check", "nowhere.zip"), "Cannot read nowhere.zip"),
        (("cornet_z", "--check", "a.zip"), "--check takes a zip and no model"),
        (("cornet_z", "-o", "out", "--time-mapping", "{IT: 3}"), "Expected a time mapping"),
        (("cornet_z", "-o", "out", "--time-mapping", "nowhere.json"), "Cannot read the time mapping"),
        (("cornet_z", "--pull-request", "nowhere"), "no clone of Brain-Score's repository"),
    ],
)
def test_bad_commands(tmp_path, monkeypatch, capsys, arguments, message):
    """One line says what is wrong, and nothing is written."""
    from brainscore_cornet import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["brainscore-cornet", "submit", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_variants(tmp_path):
    """All models of a pull request are found, tested, and scored as the package's own are."""
    models = tmp_path / "vision" / "brainscore_vision" / "models"
    models.parent.mkdir(parents=True)
    ours = shutil.ignore_patterns("brainscore_cornet")
    shutil.copytree(Path(brainscore_vision.__file__).parent / "models", models, ignore=ours)
    outcome = pull_request(tmp_path / "vision", online=False)
    assert outcome.passed, outcome.findings or outcome.steps[-1].tail
    scored = [step.output for step in outcome.steps if " on " in step.name]
    assert len(scored) == len(REGISTERED)
    assert all("every recording and label is that of the package's own model" in output for output in scored)
