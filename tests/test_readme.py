"""The README is true: its commands and snippets run, and its tables are those of the package."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import OFFLINE
from PIL import Image

from brainscore_cornet.commitments import COMMITMENTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(language, code) for language, code in re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)]
PYTHON = [code for language, code in BLOCKS if language == "python"]
SHELL = [code for language, code in BLOCKS if language == "bash"]
INSTALL = re.compile(r"pip install \S+ && ")
# it installs and runs this very suite: `.ci/run` is the test of it
TEST_COMMAND = "pip install '.[test]' && pytest\n"


@pytest.fixture
def folder(tmp_path, stand_in) -> Path:
    """What the snippets take for granted: two images, a few of "ImageNet", and weights of one's own."""
    import torch

    from brainscore_cornet.architectures import build_network

    Image.new("RGB", (300, 200), "brown").save(tmp_path / "dog.png")
    Image.new("L", (64, 64), 90).save(tmp_path / "cat.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (80, 80), "green").save(tmp_path / "images" / name)
    for part, name, number in itertools.product(("train", "val"), ("n01440764", "n01443537"), range(3)):
        (tmp_path / "imagenet" / part / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 80), (40 * number, 90, 200)).save(tmp_path / "imagenet" / part / name / f"{number}.JPEG")
    torch.save(build_network("RT", times=10, seed=3).state_dict(), tmp_path / "mine.pth")
    return tmp_path


@pytest.fixture
def environment(released_folder, tmp_path_factory) -> dict[str, str]:
    """An empty home, no network, and the released files already downloaded: stand-ins, accepted knowingly."""
    home = tmp_path_factory.mktemp("home")
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, **OFFLINE, "HOME": str(home), "PATH": scripts, "TORCH_HOME": str(home / "torch")}


@pytest.fixture
def accepted(environment, released_folder) -> dict[str, str]:
    """The environment after `weights fetch --no-verify` of what lies in the folder for clusters."""
    environment = {**environment, "BRAINSCORE_CORNET_WEIGHTS": str(released_folder)}
    command = [sys.executable, "-m", "brainscore_cornet", "weights", "fetch", "--no-verify"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=100)
    return environment


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("code", PYTHON, ids=[str(index) for index in range(len(PYTHON))])
def test_python_snippets_run(code, folder, accepted):
    """Each snippet runs as it stands, and what its comments say is printed is printed."""
    printed = run([sys.executable, "-W", "ignore", "-c", code], folder, accepted)
    for promised in re.findall(r"print\(.*\)  # (\(.*)", code):
        assert promised in printed


@pytest.mark.parametrize("code", SHELL, ids=[code.split("\n")[0][:40] for code in SHELL])
def test_shell_snippets_run(code, folder, accepted):
    """Each command runs; installing is `.ci/run`'s part, and what follows it is run here."""
    if code == TEST_COMMAND or code.startswith("brainscore-cornet submit"):  # that is run in test_submission_trial
        return
    # the stand-ins are not the released files: verifying must refuse them
    code = re.sub(r"^(brainscore-cornet weights verify)", r"! \1", code, flags=re.MULTILINE)
    where = ROOT if code.startswith(("ruff", "python -m tests")) else folder
    code = INSTALL.sub("", code).replace("/lab/cornet-weights", accepted["BRAINSCORE_CORNET_WEIGHTS"])
    run(["bash", "-euo", "pipefail", "-c", code], where, accepted)


def test_commands_that_take_days_are_understood():
    """What is shown but not run here has flags that the commands know."""
    from typer.main import get_command

    from brainscore_cornet.cli import app

    lines = [line for language, code in BLOCKS if language == "console" for line in code.splitlines()]
    assert len(lines) >= 5
    for line in lines:
        name, *arguments = re.split(r"brainscore[-_]cornet ", line)[1].split()
        get_command(app).commands[name].make_context(name, arguments)


def test_the_test_command_is_what_ci_runs():
    """`.ci/run` takes its command from here, so that what is promised is what is checked."""
    assert TEST_COMMAND in SHELL
    assert "grep -m 1 \"^pip install '.\\[test\\]'\" README.md" in (ROOT / ".ci" / "run").read_text()


def test_table_of_models_is_the_commitments():
    """Every region, layer, step and time bin in the README is the committed one, and none is missing."""
    rows = re.findall(r"^\| (CORnet-\w+) \| (\w+) \| ([\w.]+) \| (.*?) \|$", README, re.MULTILINE)
    expected = [
        (model.name, region, layer, ", ".join(f"{step}: {a}-{b}" for step, (a, b) in model.time_bins[region].items()))
        for model in COMMITMENTS.values()
        if model.trained
        for region, layer in model.layers.items()
    ]
    assert rows == expected
    assert all(f"`{identifier}`" in README for identifier in COMMITMENTS)


def test_conda_environment_is_what_brainscore_accepts():
    """`environment.yml` has a Python that begins with 3.11 and nowhere the word that Brain-Score forbids in it."""
    text = (ROOT / "environment.yml").read_text()
    assert "name" not in text
    assert "python=3.11" in text


@pytest.mark.parametrize("readme", ["README.md", "brainscore_cornet/marques2020/README.md"])
def test_links_lead_somewhere(readme):
    """Files and headings that are linked to exist."""
    path = ROOT / readme
    text = path.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https://"):
            assert (path.parent / target).exists()
