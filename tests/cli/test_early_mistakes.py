"""Mistakes that can be seen at once are reported before torch and Brain-Score are imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from helpers.patience import PATIENCE

from brainscore_cornet.marques2020.protocols import LIGHT as PROTOCOL
from brainscore_cornet.training.recipes import recipe_for
from brainscore_cornet.training.settings import settings_without_images

# Each command runs in a fork of one process, in which the heavy libraries cannot be imported at all.
CODE = """
import contextlib, json, os, sys
for name in ("torch", "brainscore_core", "xarray", "pandas", "distributed"):
    sys.modules[name] = None
import numpy, PIL.Image, typer
with contextlib.suppress(ImportError):
    import pydantic  # which newer versions of typer import for each command
from brainscore_cornet.cli.main import app
from brainscore_cornet.cli.printing import exit_code
from brainscore_cornet.scoring import catalogue
command = typer.main.get_command(app)  # made once, as what is installed is read once
for kind in ("models", "benchmarks"):
    catalogue.folders(kind)
codes = []
for number, arguments in enumerate(json.load(sys.stdin)):
    if (child := os.fork()) == 0:
        for descriptor in (1, 2):
            os.dup2(os.open(f"{number}.{descriptor}", os.O_WRONLY | os.O_CREAT), descriptor)
        sys.argv = ["brainscore-cornet", *arguments]
        try:
            os._exit(exit_code(command, arguments))
        except ImportError:
            os._exit(3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""
LIGHT = PROTOCOL.identifiers
FEATURES = ("features", "cornet_z_untrained")
TRAIN = ("train", "--model", "Z", "--data_path", "data")
NEW = ("benchmark", "--new", "--recordings", "there.nc", "--stimuli", ".")
CASES = [
    ((*FEATURES, "no/*.png", "-o", "f.nc"), "There is nothing at no/*.png"),
    ((*FEATURES, ".", "-o", "there.nc"), "there.nc exists. To replace it: --overwrite"),
    ((*FEATURES, ".", "-o", "f.doc"), "ends in .nc, .zarr"),
    ((*FEATURES, ".", "-o", "no/f.nc"), "folder no for the features does not exist"),
    ((*FEATURES, ".", "-o", "f.nc", "--time-steps", "x"), "received 'x'"),
    ((*FEATURES, ".", "-o", "f.nc", "--time-bins", "70"), "received '70'"),
    ((*FEATURES, ".", "-o", "f.nc", "--times", "x"), "received 'x'"),
    ((*FEATURES, ".", "-o", "f.nc", "--on-error", "x"), "Unknown on_error 'x'"),
    ((*FEATURES, ".", "-o", "f.nc", "--shard", "3/2"), "received '3/2'"),
    ((*FEATURES, ".", "-o", "f.nc", "--time-steps", "0", "--time-bins", "70-170"), "either time steps or time bins"),
    ((*FEATURES, ".", "-o", "f.nc", "-l", "V3"), "Unknown layer 'V3'. Did you mean V"),
    ((*FEATURES, ".", "--plot", "a.doc"), "ends in .png, .pdf, .svg"),
    (("features", "cornet_q", ".", "-o", "f.nc"), "Unknown model 'cornet_q'"),
    (("score", "cornet_q"), "Unknown model 'cornet_q'"),
    (("score", "cornet_z", "-b", "Nope"), "Unknown benchmark 'Nope'"),
    (("score", "cornet_z", "-o", "s.csv"), "Expected a folder for the scores"),
    (("score", "cornet_z", "--memory", "x"), "received 'x'"),
    (("score", "cornet_z", "--times", "x"), "received 'x'"),
    (("score", "cornet_z_untrained", "--times", "3"), "CORnet-Z is feedforward"),
    ((*FEATURES, ".", "-o", "f.nc", "--times", "3"), "CORnet-Z is feedforward"),
    (("train", "--model", "S", "--data_path", ".", "-o", "out", "--times", "3"), "such as {'V4': 4}, not 3"),
    (("score", "cornet_z", "-b", "no.toml"), "no.toml does not exist"),
    (("score", "cornet_z", "--image-size", "3"), "image size in px, a whole number of at least 32, received 3"),
    (("score", "cornet_z", "--precision", "x"), "Expected the precision fp32 or bf16, received 'x'"),
    (("score", "cornet_z", "--time-mapping", "{"), "Expected a time mapping such as"),
    (("score", "cornet_z", "--time-mapping", '{"V1": {"0": [70, 170], "0": [80, 180]}}'), "'0' is there twice."),
    (("score", "cornet_z", "--weights", "no.pth"), "No weight file at no.pth"),
    (("score", "mine:cornet_z=no.pth"), "No weight file at no.pth"),
    (("score", "no.pth"), "No weight file at no.pth"),
    ((*FEATURES, ".", "-o", "f.nc", "--weights", "no.pth"), "No weight file at no.pth"),
    ((*FEATURES, ".", "-o", "f.nc", "--image-size", "3"), "received 3"),
    (("report", "no"), "no is not a folder of results"),
    (("map", "cornet_q", "-b", "no.toml", "-o", "out"), "Unknown model 'cornet_q'"),
    (("map", "cornet_z", "-b", "no.toml", "-o", "out"), "no.toml does not exist"),
    (("benchmark", "no.toml"), "no.toml does not exist"),
    ((*NEW, "a.toml"), "a.toml exists: name another file, or remove it."),
    ((*NEW, "no/a.toml"), "The folder no for a benchmark file does not exist."),
    (
        ("benchmark", "there.nc"),
        "there.nc is a file of data, expected a benchmark file: `brainscore-cornet benchmark my",
    ),
    (
        ("map", "cornet_z", "-b", LIGHT[0], "-o", "out"),
        f"such as it.toml, received {LIGHT[0]!r}; `score",
    ),
    (("compare", "cornet_z", "cornet_s", "-b", LIGHT[0]), f"received {LIGHT[0]!r}; `score -b` takes"),
    (("map", "cornet_z", "-b", "a.toml", "-o", "there.nc"), "Expected a folder for the map, and there.nc is a file."),
    (
        ("compare", "cornet_z", "cornet_s", "-b", "a.toml", "-o", "there.nc"),
        "Expected a folder for the comparison, and there.nc is a file.",
    ),
    (("compare", "cornet_z", "-b", "a.toml"), "A comparison needs two models, received cornet_z: name another"),
    (("report", "scored/scores.csv"), "scored/scores.csv is a file of results, expected their folder: scored"),
    (("report", ".", "-o", "no/page.html"), "The folder no for the report does not exist."),
    (
        ("score", "there.nc"),
        "there.nc is a file, expected a model: of a checkpoint name both, such as cornet_s=",
    ),
    (("score", "cornet_z", "-b", "there.nc"), "--recordings there.nc --stimuli images/` makes one."),
    (("train", "--model", "Q", "--data_path", ".", "-o", "out"), "Unknown model 'Q'"),
    (("train", "--model", "Z", "--data_path", "no", "-o", "out"), "There is no folder no"),
    (("validate", "cornet_z", "--data_path", "no"), "There is no folder no"),
    (("test", "--model", "Z", "--data_path", "no", "-o", "out"), "There is nothing at no"),
    (("test", "--model", "Z", "--data_path", "page.html", "-o", "out"), "page.html is a file: expected a folder with"),
    (("submit", "cornet_q", "-o", "out"), "Unknown model 'cornet_q'"),
    (("submit", "cornet_z", "--image-size", "64", "-o", "out"), "give it an identifier of its own, such as"),
    (("submit", "cornet_z", "--identifier", "a-b", "-o", "out"), "'a-b' cannot be an identifier"),
    (
        ("submit", "cornet_z_untrained", "--identifier", "cornet_z", "-o", "out"),
        "cornet_z is the identifier of a model",
    ),
    (
        ("submit", "cornet_z", "--identifier", "cornet_z", "--image-size", "64", "-o", "out"),
        "cornet_z is the identifier of a",
    ),
    (("submit", "--check", "no.zip"), "no.zip is not a file"),
    (("cache", "--clear", "q"), "Unknown cache 'q'"),
    (("benchmarks", "q"), "Unknown group of benchmarks 'q'"),
    ((*FEATURES, ".", "-o", "f.nc", "-l", "IT.conv9"), "Unknown layer 'IT.conv9'. Did you mean IT.conv"),
    ((*FEATURES, ".", "-o", "f.csv"), "A table of at least 376,320 columns would be too large"),
    ((*FEATURES, ".", "-o", "f.csv", "-l", "IT"), "A table of at least 25,088 columns would be too large"),
    ((*FEATURES, ".", "-o", "f.nc", "--scheduler", "tcp://a:1"), "A cluster needs Dask distributed: pip install"),
    ((*FEATURES, ".", "-o", "f.nc", "--slurm"), "A cluster needs Dask distributed: pip install"),
    (("score", "cornet_z", "--scheduler", "tcp://a:1"), "A cluster needs Dask distributed: pip install"),
    (("map", "cornet_z", "-b", "there.nc", "-o", "out", "-l", "IT.conv9"), "Unknown layer 'IT.conv9'"),
    (("test", "--model", "Z", "--data_path", ".", "-o", "out", "--sublayer", "x"), "Unknown layer 'decoder.x'"),
    ((*FEATURES, ".", "-o", "f.nc", "--device", "cuda"), "No device 'cuda' on this machine"),
    (("score", "cornet_z", "--device", "cuda:1"), "No device 'cuda:1' on this machine"),
    (("train", "--model", "Z", "--data_path", "data", "-o", "new", "--ngpus", "1"), "No device 'cuda' on this machine"),
    (("train", "--model", "Z", "--data_path", ".", "-o", "new"), ". has no train/: expected the training images there"),
    (("train", "--model", "Z", "--data_path", "one", "-o", "new"), "one/train has a single class folder"),
    (("validate", "cornet_z", "--data_path", "empty"), "empty has no val/ or val_in_folders/"),
    (("train", "--model", "Z", "--data_path", "data", "-o", "run"), "run holds another run: lr 0.1 there, 0.01 here. "),
    (("submit", "cornet_z_untrained", "-o", "."), "cornet_z_untrained.zip is there already: name another folder"),
    (("submit", "--pull-request", "."), ". is no clone of Brain-Score's repository"),
    (("validate", "cornet_s", "--data_path", "data", "--weights", "z.pth"), "z.pth says that it holds CORnet-Z"),
    (("score", "cornet_s=z.pth"), "z.pth says that it holds CORnet-Z: it cannot be loaded into CORnet-S."),
    (("score", "cornet_z", "--weights", "r.pth"), "r.pth has the entries of CORnet-R or CORnet-RT: it cannot be"),
    ((*FEATURES, ".", "-o", "f.nc", "--weights", "s.pth"), "s.pth has the entries of CORnet-S: it cannot be loaded"),
    (("score", "cornet_z", "-b", LIGHT[0], LIGHT[1]), f"{LIGHT[1]} is a benchmark, expected a model: repeat -b"),
    (("score", "cornet_z", "-b", "V1", "V4"), "V4 is a benchmark, expected a model: repeat -b before each benchmark."),
    (("compare", "cornet_z", "-b", "a.toml", "b.toml"), "b.toml is a benchmark, expected a model: repeat -b"),
    (("features", "x.pth", ".", "-o", "f.nc"), "x.pth is a file of weights, expected a model: name both, such as "),
    (("submit", "x.pth", "-o", "out"), "such as cornet_s --weights x.pth (in Python, weights='x.pth')."),
    (("validate", "my:cornet_z=a/x.pth", "--data_path", "data"), "name both, such as cornet_z --weights a/x.pth"),
    (("map", "x.pth", "-b", "it.toml", "-o", "out"), "such as cornet_s --weights x.pth"),
    (("weights", "path", "cornet_s"), "The weights of cornet_s are not on this machine"),
    (("weights", "path", "cornet_s_untrained"), "cornet_s_untrained keeps its initialization"),
    (("weights", "verify"), "Not on this machine: cornet_z, cornet_r, cornet_rt, cornet_s."),
    (("score", "cornet_z=there.nc"), "there.nc (4 bytes) is not a complete file of weights"),
    (("submit", "cornet_z", "--identifier", "a", "--weights", "z.pth", "-o", "out"), "Brain-Score cannot see z.pth"),
    ((*FEATURES, "table.csv", "-o", "f.nc"), "table.csv has no column stimulus_path, only a, b."),
    ((*FEATURES, "image.csv", "-o", "f.nc"), "only label, Image: rename the column Image to stimulus_path."),
    (
        (*FEATURES, "semi.csv", "-o", "f.nc"),
        "semi.csv: the columns are separated by semicolons, expected commas. ",
    ),
    ((*FEATURES, "tabs.csv", "-o", "f.nc"), "separated by tabs, expected commas. Rename it to tabs.tsv."),
    (
        (*FEATURES, "reps.npy", "-o", "f.nc"),
        "reps.npy is a file of numpy, expected images: name an array ",
    ),
    ((*FEATURES, "z.pth", "-o", "f.nc"), "z.pth is named as a file of weights, expected images."),
    (("features", "data", "cornet_z_untrained", "-o", "f.nc"), "data is a folder, expected a model's identifier first"),
    (("score", "data"), "data is a folder, expected a model."),
    (("score", "cornet_z", "-o", "page.html"), "page.html is a file: expected a folder for the scores."),
    (
        ("score", "cornet_z", "--device", "gpu"),
        "'gpu' on this machine: expected cpu, cuda, cuda:1 (of several) or mps",
    ),
    (("score", "cornet_z", "--precision", "fp16"), "Expected the precision fp32 or bf16, received 'fp16'"),
    (("score", "cornet_z", "--resize", "croop"), "'croop'"),
    (("score", "cornet_z", "--background", "grren"), "received 'grren'"),
    (("score", "cornet_z", "--image-size", "10"), "received 10"),
    (("score", "cornet_r", "--times", "V2=3"), "one number of time steps for all regions"),
    ((*TRAIN, "-o", "new", "--save-every", "2x"), "received '2x'"),
    ((*TRAIN, "-o", "new", "--precision", "fp16"), "Unknown precision 'fp16'. Did you mean bf16 or fp16-mixed"),
    ((*TRAIN, "-o", "new", "--device", "cuda:1"), "Unknown kind of device 'cuda:1'. Did you mean cuda?"),
    ((*TRAIN, "-o", "new", "--on-error", "x"), "Expected on_error fail or skip, received 'x'"),
    ((*TRAIN, "-o", "page.html"), "page.html is a file: expected a folder for the output."),
    ((*TRAIN, "-o", "two", "--epochs", "1"), "was trained for 2 epochs, not less than 1: give more --epochs."),
    (("validate", "cornet_z", "--data_path", "data", "--precision", "x"), "Unknown precision 'x'"),
]


STARTS = [
    ((*FEATURES, ".", "-o", "f.nc"), "Loading cornet_z_untrained"),
    (("plot", "timecourse", "there.nc", "-o", "a.png"), "Reading there.nc"),
    (("test", "--model", "Z", "--data_path", ".", "-o", "out"), "Loading cornet_z"),
    (("train", "--model", "Z", "--data_path", "data", "-o", "new"), "Loading CORnet-Z"),
    (("validate", "cornet_z", "--data_path", "data"), "Loading CORnet-Z"),
    (("score", "cornet_z"), "Loading Brain-Score and cornet_z"),
    (("report", "."), "Writing report.html"),
    (("map", "cornet_z", "-b", "a.toml", "-o", "out"), "Loading cornet_z and a.toml"),
    (("compare", "cornet_z", "cornet_s", "-b", "a.toml"), "Loading cornet_z, cornet_s and a.toml"),
    (("benchmark", "a.toml"), "Reading a.toml"),
    (("submit", "cornet_z", "-o", "out"), "Loading PyTorch and Brain-Score"),
]
"""Right commands, and the line with which they begin."""


BROKEN = ("submit", "--check", "cornet_z_untrained.zip"), "[not-a-zip]"
"""A command that needs no large library, and what it finds."""


@pytest.fixture(scope="module")
def results(tmp_path_factory, stand_in) -> list[tuple[int, str, str]]:
    """The exit code of each command, and what it printed on standard error and standard output."""
    folder = tmp_path_factory.mktemp("early")
    for name in ("there.nc", "a.toml", "page.html", "reps.npy", "cornet_z_untrained.zip"):
        (folder / name).write_text("mine")
    for name in (
        "data/train/a",
        "data/train/b",
        "data/val/a",
        "data/val/b",
        "one/train/a",
        "one/val/a",
        "empty",
        "run",
        "two/checkpoints",
        "scored/scores",
    ):
        (folder / name).mkdir(parents=True)
    (folder / "scored" / "scores.csv").write_text("")
    (folder / "table.csv").write_text("a,b\n1,2\n")
    (folder / "image.csv").write_text("label,Image\na,x.png\n")
    (folder / "semi.csv").write_text("stimulus_path;depth\nx.png;0,5\n")
    (folder / "tabs.csv").write_text("stimulus_path\tdepth\nx.png\t0.5\n")
    recipe = recipe_for("Z", lr=0.1)
    of_others = {"image_size": 224, "seed": 0, "precision": "fp32", "on_error": "fail"}
    settings = settings_without_images("Z", recipe, times=None, weights=None, background=None, **of_others)
    (folder / "run" / "run.json").write_text(json.dumps({**settings, "classes": 2}))
    (folder / "run" / "metrics.csv").write_text("")
    (folder / "two" / "run.json").write_text("{}")
    (folder / "two" / "checkpoints" / "epoch_00002_step_000000000.ckpt").write_text("")
    for architecture, stated in (("Z", {"architecture": "Z"}), ("R", {}), ("S", {})):
        state = stand_in(architecture).state_dict()
        torch.save({"state_dict": state, **stated}, folder / f"{architecture.lower()}.pth")
    process = subprocess.run(
        [sys.executable, "-P", "-c", CODE],
        input=json.dumps([arguments for arguments, _ in (*CASES, *STARTS, BROKEN)]),
        stdout=subprocess.PIPE,
        cwd=folder,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return [
        (code, *((folder / f"{number}.{descriptor}").read_text() for descriptor in (2, 1)))
        for number, code in enumerate(json.loads(process.stdout))
    ]


def test_a_zip_is_checked_without_large_libraries(results):
    """The rules of `submit --check` read a zip's files, and import nothing that takes seconds."""
    code, begun, found = results[-1]
    assert (code, begun) == (1, "Checking cornet_z_untrained.zip\n")
    assert BROKEN[1] in found


@pytest.mark.parametrize("number", range(len(STARTS)), ids=[" ".join(arguments) for arguments, _ in STARTS])
def test_the_first_line_says_what_is_loaded(results, number):
    """It is printed before a large library is imported, which takes seconds."""
    code, printed, _ = results[len(CASES) + number]
    assert code == 3, printed
    assert printed == f"{STARTS[number][1]}\n"


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(arguments) for arguments, _ in CASES])
def test_cheap_mistakes_need_no_large_library(results, number):
    """An existing output, a pattern without a match or a wrong option is found without any of these libraries."""
    code, printed, _ = results[number]
    if "No device" in CASES[number][1] and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert code == 1, printed
    last = printed.splitlines()[-1]
    assert last.startswith("Error: ")
    assert CASES[number][1] in last
