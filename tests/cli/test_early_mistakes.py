"""Mistakes that can be seen at once are reported before torch and Brain-Score are imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from helpers.patience import PATIENCE

# the exit code and the last line of each command; the heavy libraries cannot be imported at all
CODE = """
import json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
for name in ("torch", "brainscore_core", "matplotlib", "xarray", "pandas"):
    sys.modules[name] = None
from brainscore_cornet.cli.main import main
outcomes = []
for number, arguments in enumerate(json.load(sys.stdin)):
    os.mkdir(str(number))
    os.chdir(str(number))
    open("there.nc", "w").write("mine")
    sys.argv = ["brainscore-cornet", *arguments]
    code, errors = 0, StringIO()
    with redirect_stdout(StringIO()), redirect_stderr(errors):
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code
    outcomes.append((code, errors.getvalue().splitlines()[-1]))
    os.chdir("..")
json.dump(outcomes, sys.stdout)
"""
FEATURES = ("features", "cornet_z_untrained")


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
    (("score", "cornet_z", "--weights", "no.pth"), "No weight file at no.pth"),
    (("score", "mine:cornet_z=no.pth"), "No weight file at no.pth"),
    (("score", "no.pth"), "No weight file at no.pth"),
    ((*FEATURES, ".", "-o", "f.nc", "--weights", "no.pth"), "No weight file at no.pth"),
    ((*FEATURES, ".", "-o", "f.nc", "--image-size", "3"), "received 3"),
    (("report", "no"), "no is not a folder of results"),
    (("map", "cornet_q", "-b", "no.toml", "-o", "out"), "Unknown model 'cornet_q'"),
    (("map", "cornet_z", "-b", "no.toml", "-o", "out"), "no.toml does not exist"),
    (("benchmark", "no.toml"), "no.toml does not exist"),
    (("train", "--model", "Q", "--data_path", ".", "-o", "out"), "Unknown model 'Q'"),
    (("train", "--model", "Z", "--data_path", "no", "-o", "out"), "There is no folder no"),
    (("validate", "cornet_z", "--data_path", "no"), "There is no folder no"),
    (("test", "--model", "Z", "--data_path", "no", "-o", "out"), "There is nothing at no"),
    (("submit", "cornet_q", "-o", "out"), "Unknown model 'cornet_q'"),
    (("submit", "cornet_z", "--image-size", "64", "-o", "out"), "give it an identifier of its own, such as"),
    (("submit", "cornet_z", "--identifier", "a-b", "-o", "out"), "'a-b' cannot be an identifier"),
    (("submit", "--check", "no.zip"), "no.zip is not a file"),
    (("cache", "--clear", "q"), "Unknown cache 'q'"),
    (("benchmarks", "q"), "Unknown group of benchmarks 'q'"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[tuple[str, ...], tuple[int, str]]:
    """Arguments -> exit code and last line of the command, all of them in one process."""
    commands = [arguments for arguments, _ in CASES]
    result = subprocess.run(
        [sys.executable, "-P", "-c", CODE],
        input=json.dumps(commands),
        cwd=tmp_path_factory.mktemp("mistakes"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    return dict(zip(commands, json.loads(result.stdout), strict=True))


@pytest.mark.parametrize(("arguments", "expected"), CASES)
def test_cheap_mistakes_need_no_large_library(outcomes, arguments, expected):
    """An existing output, a pattern without a match or a wrong option is found without any of these libraries."""
    code, last = outcomes[arguments]
    assert code == 1, last
    assert last.startswith("Error: ")
    assert expected in last
