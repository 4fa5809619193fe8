"""The README is true: its commands and snippets run, and its tables are those of the package."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path

import pytest
from helpers.commands import OFFLINE, run_here
from helpers.light_scores import LIGHT_SCORES
from helpers.patience import PATIENCE
from PIL import Image

from brainscore_cornet.cornet.commitments import COMMITMENTS
from brainscore_cornet.marques2020.benchmark import V1PropertyBenchmark
from brainscore_cornet.marques2020.protocols import LIGHT
from brainscore_cornet.scoring.results import Row

ROOT = Path(__file__).parents[1]
READMES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "brainscore_cornet").glob("*/**/README.md")))
}
BLOCKS = [
    (name, language, code)
    for name, text in READMES.items()
    for language, code in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
]
# They take up to a minute: scores are computed in test_cli, and that the options shown are understood is tested below.
LONG = re.compile(r"brainscore-cornet score|brainscore_vision\.score|python -m tests\.speed")
PYTHON = [
    pytest.param(code, id=name, marks=[pytest.mark.slow] if LONG.search(code) else [])
    for name, language, code in BLOCKS
    if language == "python"
]
SHELL = [
    pytest.param(code, id=f"{name}-{code[:40]!r}", marks=[pytest.mark.slow] if LONG.search(code) else [])
    for name, language, code in BLOCKS
    if language == "bash"
]
SMALLER = {"features": ("--image-size", "64"), "test": ("--imsize", "64")}  # px
INSTALL = re.compile(r"pip install \S+ && ")
# it installs and runs this very suite: `.ci/run` is the test of it
TEST_COMMAND = "pip install '.[test]' && pytest\n"


@pytest.fixture(scope="module")
def own_weights(tmp_path_factory) -> Path:
    """A file with weights of one's own, for ten time steps."""
    import torch

    from brainscore_cornet.cornet.architectures import build_network

    path = tmp_path_factory.mktemp("own") / "mine.pth"
    torch.save(build_network("RT", times=10, seed=3).state_dict(), path)
    return path


@pytest.fixture
def folder(tmp_path, own_weights) -> Path:
    """What the snippets take for granted: two images, a few of "ImageNet", and weights of one's own."""
    Image.new("RGB", (300, 200), "brown").save(tmp_path / "dog.png")
    Image.new("L", (64, 64), 90).save(tmp_path / "cat.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (80, 80), "green").save(tmp_path / "images" / name)
    for part, name, number in itertools.product(("train", "val"), ("n01440764", "n01443537"), range(3)):
        (tmp_path / "imagenet" / part / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 80), (40 * number, 90, 200)).save(tmp_path / "imagenet" / part / name / f"{number}.JPEG")
    os.link(own_weights, tmp_path / "mine.pth")
    return tmp_path


@pytest.fixture(scope="module")
def home(released_folder, tmp_path_factory) -> Path:
    """A home folder in which the released files, which are stand-ins here, were accepted with `fetch --no-verify`."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home / "torch"))
        patch.setenv("BRAINSCORE_CORNET_WEIGHTS", str(released_folder))
        assert run_here("weights", "fetch", "--no-verify").returncode == 0
    return home


@pytest.fixture
def environment(home, released_folder, tmp_path, monkeypatch) -> None:
    """A copy of that home folder, and no network."""
    copy = shutil.copytree(home, tmp_path / "home", copy_function=os.link)
    variables = {"HOME": copy, "TORCH_HOME": copy / "torch", "BRAINSCORE_CORNET_WEIGHTS": released_folder, **OFFLINE}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize("code", PYTHON)
@pytest.mark.usefixtures("forked_children")
def test_python_snippets_run(code, folder, environment, monkeypatch):
    """Each snippet runs as it stands, and what its comments say is printed is printed."""
    monkeypatch.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = code.replace("(64, 112)", "(32, 48)").replace("224, 224", "64, 64")  # px
        exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})
    for promised in re.findall(r"print\(.*\)  # (\(.*)", code):
        assert promised in printed.getvalue()


@pytest.mark.parametrize("code", SHELL)
def test_shell_snippets_run(code, folder, environment, monkeypatch):
    """Each command runs, on small images; installing is `.ci/run`'s part, and what follows it is run here."""
    if code == TEST_COMMAND or code.startswith("brainscore-cornet submit"):  # that is run in test_submission_trial
        return
    if INSTALL.match(code):  # test_the_first_command_prints_what_is_shown runs it
        return
    for line in INSTALL.sub("", code).splitlines():
        match shlex.split(line):
            case ["export", assignment]:
                monkeypatch.setenv(assignment.split("=")[0], os.environ["BRAINSCORE_CORNET_WEIGHTS"])
            case ["brainscore-cornet", *arguments]:
                result = run_here(*arguments, *SMALLER.get(arguments[0], ()), folder=folder)
                # the stand-ins are not the released files: verifying must refuse them
                refused = arguments[:2] == ["weights", "verify"]
                assert bool(result.returncode) == refused, result.stdout + result.stderr
            case ["python", *arguments]:
                subprocess.run(
                    [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE
                )
            case _:
                pytest.fail(f"Neither of this package's commands nor a known one: {line}")


def _first_table() -> list[list[str]]:
    """The cells of the table that the front page shows after its first command, without the seconds."""
    shown = READMES["README.md"].split("score cornet_s_untrained\n```")[1]
    return _cells(re.search(r"```text\n(.*?)```", shown, re.DOTALL)[1])


def _cells(table: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip())[:-1] for line in table.splitlines() if line.strip()]


def test_numbers_on_the_front_page_are_the_scores():
    """Scores are those that `test_light_scores_of_networks_are_as_before` computes, and ceilings the benchmarks'."""
    header, *rows = _first_table()
    assert header == ["model", "benchmark", "score", "error", "ceiling", "region", "time bins (ms)", "layer"]
    expected = LIGHT_SCORES["cornet_s_untrained"]
    assert [row[1].split("-")[1] for row in rows] == list(expected)
    for row in rows:
        benchmark = V1PropertyBenchmark(LIGHT, row[1].removeprefix(LIGHT.prefix + "_"))
        assert (row[1], row[5:]) == (benchmark.identifier, ["V1", "70-170", COMMITMENTS[row[0]].layers["V1"]])
        assert (row[2], row[4]) == (f"{expected[row[1].split('-')[1]]:.3f}", f"{float(benchmark.ceiling):.3f}")


@pytest.mark.slow
def test_the_first_command_prints_what_is_shown(folder, environment):
    """The table that the front page shows is printed, to within what other processors round."""
    result = run_here("score", "cornet_s_untrained", folder=folder)
    header, *rows = _first_table()
    printed = _cells(result.stdout.strip().split("\n\n")[0])
    assert printed[0] == header
    for row, other in zip(rows, printed[1:], strict=True):
        assert row[:2] + row[5:] == other[:2] + other[5:]
        assert list(map(float, other[2:5])) == pytest.approx(list(map(float, row[2:5])), abs=0.0015)


def test_all_commands_are_understood():
    """Every command that is shown has flags that the package knows, those that take days, too."""
    from brainscore_cornet.cli.main import command_line

    shown = [code.replace("\\\n", "") for _, language, code in BLOCKS if language in ("console", "bash")]
    lines = [line for code in shown for line in code.splitlines() if re.search(r"brainscore[-_]cornet ", line)]
    assert len(lines) >= 20
    for line in lines:
        command, arguments = command_line(), shlex.split(re.split(r"brainscore[-_]cornet ", line)[1])
        while hasattr(command, "commands"):
            name, *arguments = arguments
            command = command.commands[name]
        command.make_context(command.name, arguments)


def test_the_test_command_is_what_ci_runs():
    """`.ci/run` takes its command from here, so that what is promised is what is checked."""
    assert ("README.md", "bash", TEST_COMMAND) in BLOCKS
    assert "grep -m 1 \"^pip install '.\\[test\\]'\" README.md" in (ROOT / ".ci" / "run").read_text()


def test_table_of_models_is_the_commitments():
    """Every region, layer, step and time bin in the table is the committed one, and none is missing."""
    table = READMES["brainscore_cornet/cornet/README.md"]
    rows = re.findall(r"^\| (CORnet-\w+) \| (\w+) \| ([\w.]+) \| (.*?) \|$", table, re.MULTILINE)
    expected = [
        (model.name, region, layer, ", ".join(f"{step}: {a}-{b}" for step, (a, b) in model.time_bins[region].items()))
        for model in COMMITMENTS.values()
        if model.trained
        for region, layer in model.layers.items()
    ]
    assert rows == expected
    assert all(f"`{identifier}`" in READMES["README.md"] for identifier in COMMITMENTS)


def test_columns_of_scores_are_described():
    """The README lists every column of scores.csv, in its order."""
    table = READMES["brainscore_cornet/scoring/README.md"].split("## Columns of `scores.csv`")[1].split("\n## ")[0]
    first = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert re.findall(r"`(\w+)`", " ".join(first)) == [field.name for field in fields(Row)]


def test_table_of_options_is_that_of_the_commands():
    """Each command has exactly the options that the table says, and the table has all that these commands share."""
    from brainscore_cornet.cli.main import command_line

    section = (
        READMES["brainscore_cornet/cornet/README.md"].split("## Which command has which option")[1].split("\n## ")[0]
    )
    (_, *commands), _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    commands = [command.strip("`") for command in commands]
    known = command_line().commands
    options = {
        command: {name for each in known[command].params for name in each.opts if name[:2] == "--"}
        for command in commands
    }
    named = []
    for described, *cells in rows:
        named.append(option := re.match(r"`(--[\w-]+)`", described)[1])
        for command, cell in zip(commands, cells, strict=True):
            assert (option in options[command]) == (cell == "yes"), (option, command)
            assert cell in ("yes", "–") or cell.strip("`") in options[command]
    shared = {name for name in set.union(*options.values()) if sum(name in each for each in options.values()) >= 3}
    shared = {name.replace("_", "-") for name in shared}  # CORnet's spelling
    assert shared - {"--data-path", "--ngpus", "--output", "--benchmark"} <= set(named)


def test_conda_environment_is_what_brainscore_accepts():
    """`environment.yml` has a Python that begins with 3.11 and nowhere the word that Brain-Score forbids in it."""
    text = (ROOT / "environment.yml").read_text()
    assert "name" not in text
    assert "python=3.11" in text


def test_the_front_page_is_short():
    """A neuroscientist reads it in one sitting: at most 180 lines."""
    assert len(READMES["README.md"].splitlines()) <= 180


@pytest.mark.parametrize("name", READMES)
def test_links_lead_somewhere(name):
    """Files and headings that are linked to exist."""
    for target in re.findall(r"\]\(([^)]+)\)", READMES[name]):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        path = ((ROOT / name).parent / file).resolve() if file else ROOT / name
        assert path.exists()
        assert not heading or heading in headings_of(path)


def headings_of(path: Path) -> set[str]:
    """What follows the # of links to headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
