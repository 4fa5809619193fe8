"""Submissions run as Brain-Score runs them, and the command that makes them."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

import brainscore_vision
import pytest
from helpers.commands import OFFLINE
from helpers.submissions import TEST, write
from helpers.trainings import Training

from brainscore_cornet.cornet import progress_line
from brainscore_cornet.submission import REGISTERED, pull_request

README = (Path(__file__).parents[2] / "brainscore_cornet" / "submission" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.search(r"```bash\n(brainscore-cornet submit .*?)```", README, re.DOTALL)[1]


def submit(monkeypatch, *arguments) -> int:
    """The exit code of the command."""
    from brainscore_cornet.cli import main

    monkeypatch.setattr(sys, "argv", ["brainscore-cornet", "submit", *map(str, arguments)])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        main.main()
    except SystemExit as stopped:
        return stopped.code or 0
    finally:
        signal.signal(signal.SIGTERM, handler)  # which the command sets for its own process
    return 0


def test_the_commands_in_the_readme(tmp_path, monkeypatch, capsys):
    """A model is found, tested and scored in a copy of brainscore_vision as the package's own is; its zip passes."""
    for name, value in {**OFFLINE, "HOME": str(tmp_path), "TORCH_HOME": str(tmp_path / "torch")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # those of these tests, which take seconds to import
    monkeypatch.setattr(progress_line, "FIRST", 0.5)
    monkeypatch.setattr(progress_line, "EVERY", 0.5)
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS.splitlines():
        _, _, *arguments = shlex.split(line)
        assert submit(monkeypatch, *arguments) == 0
    output, errors = capsys.readouterr()
    passed = [line.split(" (")[0] for line in errors.splitlines() if line.startswith("Passed")]
    assert passed[0] == "Passed: load_model('cornet_z_mylab'): cornet_z_mylab"
    assert passed[1] == (
        "Passed: Brain-Score's generic tests and the plugin's own: 12 tests, without 1 marked slow, as on Brain-Score"
    )
    assert "every recording and label is that of the package's own model" in passed[2]
    step = "[3/3] cornet_z_mylab on Marques2020light_DeValois1982-pref_or"
    assert errors.startswith("Loading PyTorch and Brain-Score\n")
    assert re.search(rf"^{re.escape(step)}$(.*\n)*{re.escape(step)}, \d+ s so far$", errors, re.MULTILINE)
    assert output.splitlines()[-1] == "submissions/cornet_z_mylab.zip holds cornet_z_mylab, and breaks no rule."
    assert [path.name for path in (tmp_path / "submissions").iterdir()] == ["cornet_z_mylab.zip"]


def test_a_trial_that_fails(tmp_path, monkeypatch, capsys):
    """A stranger's zip is run only when asked to; where it fails its own words are shown."""
    model = "def get_model():\n    raise RuntimeError('no such layer as IT.missing')\n"
    changes = {"model.py": model, "test.py": TEST, "parts/network.py": "", "parts/__init__.py": ""}
    path = write(tmp_path / "theirs.zip", changes)
    assert submit(monkeypatch, "--check", path, "--offline") == 0
    assert "The zip's code was not run" in capsys.readouterr().err
    assert submit(monkeypatch, "--check", path, "--offline", "--run") == 1
    printed = capsys.readouterr().out
    assert "Failed: load_model('stranger_net')" in printed
    assert "no such layer as IT.missing" in printed
    assert f"{path} would not pass" in printed


def test_a_batch_system_ends_it(tmp_path):
    """At a SIGTERM in the middle of a trial nothing is left, neither half a zip nor a copy of brainscore_vision."""
    (tmp_path / "tmp").mkdir()
    arguments = ["submit", "cornet_z_untrained", "--identifier", "x", "--image-size", "64", "-o", str(tmp_path / "out")]
    command = Training(arguments, tmp_path / "log", {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)})
    while not list((tmp_path / "tmp").glob("*/library/brainscore_vision/*")):
        assert command.process.is_alive(), command.said
        time.sleep(0.05)
    command.process.terminate()
    assert command.wait() == 128 + signal.SIGTERM
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name one of --output"),
        (("cornet_z", "-o", "out", "--check", "a.zip"), "Name one of --output"),
        (("-o", "out"), "Name a model to submit"),
        (("cornet_z", "cornet_s", "-o", "out", "--identifier", "x"), "--identifier is for one model"),
        (("--check", "nowhere.zip"), "nowhere.zip is not a file"),
        (("cornet_z", "--check", "a.zip"), "--check takes a zip and no model"),
        (("cornet_z", "-o", "out", "--time-mapping", "{IT: 3}"), "Expected a time mapping"),
        (("cornet_z", "-o", "out", "--time-mapping", "nowhere.json"), "Cannot read the time mapping"),
        (("cornet_z", "--pull-request", "nowhere"), "no clone of Brain-Score's repository"),
    ],
)
def test_bad_commands(tmp_path, monkeypatch, capsys, arguments, message):
    """One line says what is wrong, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert submit(monkeypatch, *arguments) == 1
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
