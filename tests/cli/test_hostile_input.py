"""Hostile and mistaken input at every entrance: one line, an exit code that is not 0, nothing run, nothing written."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from helpers.commands import run_here
from helpers.submissions import write as write_submission
from helpers.trainings import pictures
from PIL import Image

LONG = "x" * 259 + ".npy"
NESTED = "[" * 100_000
ESCAPE = "\x1b]0;taken\x07\u202e"
BYTES = os.fsdecode(b"caf\xe9.npy")
MANY = "99999999"
HUGE = "9" * 40


class Evil:
    def __init__(self, folder: Path) -> None:
        self._command = f"touch {folder / 'ran'}"

    def __reduce__(self):
        return os.system, (self._command,)


def make_evil(folder: Path) -> None:
    torch.save(Evil(folder), folder / "evil.pth")


def make_bomb(folder: Path) -> None:
    with zipfile.ZipFile(folder / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 30_000_000)


def make_text(name: str, content: str | bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def make_pipe(name: str) -> Callable[[Path], None]:
    return lambda folder: os.mkfifo(folder / name)


def make_zip(changes: Mapping[str, str]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write_submission(folder / "made.zip", changes)
        with zipfile.ZipFile(folder / "made.zip") as made, zipfile.ZipFile(folder / "a.zip", "w", 8) as packed:
            for entry in made.infolist():
                packed.writestr(entry.filename, made.read(entry))
        (folder / "made.zip").unlink()

    return make


def make_entries(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for number in range(6_000):
            archive.writestr(str(number), "")


def make_unpacked(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(25):
            archive.writestr(str(number), bytes(9_000_000))


def make_run(name: str, content: str | bytes) -> Callable[[Path], None]:
    """A run directory with one damaged file, which looks as if it held a run."""

    def make(folder: Path) -> None:
        make_text("out/metrics.csv", "epoch\n")(folder)
        make_text(f"out/{name}", content)(folder)

    return make


def zipped(text: str, name: str = "archive/data.pkl") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, text)
    return file.getvalue()


@dataclass(frozen=True)
class Case:
    arguments: tuple[str, ...]
    expected: str
    make: Callable[[Path], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def features(
    *arguments: str, expected: str, make=None, images: str = "good.png", output: str = "new.npy", **environment
):
    options = ("--image-size", "32") if "--image-size" not in arguments else ()
    return Case(
        ("features", "cornet_rt_untrained", images, "-o", output, *options, *arguments), expected, make, environment
    )


def score(*arguments: str, expected: str, model: str = "cornet_z_untrained", make=None, **environment):
    return Case(("score", model, *arguments), expected, make, environment)


def train(*arguments: str, expected: str, output: str = "out", data: str = "data", make=None):
    common = ("--model", "Z", "--data_path", data, "-o", output, "--image_size", "32", "--ngpus", "0", "-j", "0")
    return Case(("train", *common, "--epochs", "1", *arguments), expected, make)


def check(expected: str, make=None, name: str = "a.zip"):
    return Case(("submit", "--check", name, "--offline"), expected, make)


CASES = {
    "size": features("--image-size", MANY, expected="image size in px, a whole number of at most 8192"),
    "no size": features("--image-size", "0", expected="image size in px, a whole number of at least 32"),
    "long name": features(expected="has 263 bytes", output=LONG),
    "empty name": features(expected="An argument is empty", output=""),
    "line break in a name": features(expected=r"printable text in UTF-8, received a\nb.npy", output="a\nb.npy"),
    "name that is not UTF-8": features(expected=r"received caf\xe9.npy", output=BYTES),
    "no folder": features(expected="does not exist", output="nowhere/new.npy"),
    "ending": features(expected="Expected an output that ends in", output="new.exe"),
    "empty shard": features("--shard", "", expected="An argument is empty"),
    "empty shard with =": features("--shard=", expected="An argument is empty"),
    "no shard": features("--shard", "0/2", expected="Expected a shard such as"),
    "shard and join": features("--shard", "1/2", "--join", expected="Shards are computed"),
    "nothing to join": features("--join", expected="There are no shards"),
    "time steps": features("--time-steps", "x", expected="Expected time steps"),
    "time bins": features("--time-bins", "a-b", expected="Expected time bins in ms"),
    "times": features("--times", MANY, expected="at most 1000"),
    "no times": features("--times", "x", expected="Expected time steps such as"),
    "threads": features("--workers", MANY, expected="at most 1024"),
    "layer": features("--layer", ESCAPE, expected=r"Unknown layer '\x1b]0;taken"),
    "on error": features("--on-error", "ignore", expected="Unknown on_error"),
    "device": features("--device", "nonsense", expected="No device 'nonsense'"),
    "precision": features("--precision", "fp7", expected="Expected the precision"),
    "empty image": features(expected="it is empty", images="x.png", make=make_text("x.png", "")),
    "image of text": features(expected="cannot identify", images="x.png", make=make_text("x.png", "hello")),
    "half an image": features(expected="cannot be used", images="x.png", make=make_text("x.png", b"\x89PNG\r\n\x1a\n")),
    "pipe for an image": features(expected="There is nothing at", images="x.png", make=make_pipe("x.png")),
    "escape in a name": features(expected=r"There is nothing at \x1b]0;taken", images=ESCAPE),
    "table without paths": features(expected="has no column", images="x.csv", make=make_text("x.csv", "a,b\n1,2\n")),
    "table of bytes": features(
        expected="Cannot read the list", images="x.csv", make=make_text("x.csv", b"\xff\x00\xfe")
    ),
    "empty list": features(expected="names no image", images="x.txt", make=make_text("x.txt", "")),
    "list of nothing": features(expected="cannot be used", images="x.txt", make=make_text("x.txt", "gone.png\n")),
    "code in weights": Case(
        ("features", "cornet_z", "good.png", "-o", "new.nc", "--weights", "evil.pth"), "could run code", make_evil
    ),
    "bomb for weights": Case(
        ("features", "cornet_z", "good.png", "-o", "new.nc", "--weights", "bomb.pth"), "is compressed", make_bomb
    ),
    "text for weights": Case(
        ("features", "cornet_z", "good.png", "-o", "new.nc", "--weights", "x.pth"),
        "not a complete file of weights",
        make_text("x.pth", "hello"),
    ),
    "address of weights": Case(
        ("features", "cornet_z", "good.png", "-o", "new.nc", "--weights", "ftp://x/y.pth"), "Cannot download ftp"
    ),
    "picture": Case(("features", "cornet_z_untrained", "good.png", "--plot", "x.exe"), "Expected a picture"),
    "nothing to write": Case(("features", "cornet_z_untrained", "good.png"), "Nothing to write"),
    "model": Case(("features", ESCAPE, "good.png", "-o", "new.nc"), r"\x1b]0;taken\x07\u202e"),
    "test's layer": Case(
        ("test", "--model", "Z", "--data_path", ".", "-o", "new", "--weights", "none", "--layer", "V9"), "Unknown layer"
    ),
    "empty results": score("-o", "", expected="An argument is empty"),
    "long results": score("-o", LONG[:-4], expected="has 259 bytes"),
    "results in a file": score("-o", "new.csv", expected="Expected a folder for the scores"),
    "timeout nan": score("--timeout", "nan", expected="timeout in seconds, more than 0"),
    "timeout inf": score("--timeout", "inf", expected="timeout in seconds, more than 0"),
    "timeout -1": score("--timeout=-1", expected="timeout in seconds, more than 0"),
    "memory nan": score("--memory", "nanGB", expected="memory in GB, more than 0"),
    "memory inf": score("--memory", "1e999GB", expected="memory in GB, more than 0"),
    "memory": score("--memory", "x", expected="Expected a memory such as"),
    "processes": score("--workers", MANY, expected="at most 1024"),
    "scheduler": score("--scheduler", "nonsense", expected="Expected a scheduler such as"),
    "certificates": score("--scheduler", "tls://h:1", "--tls-ca", "gone", expected="There is no file gone"),
    "benchmark": score("-b", ESCAPE, expected=r"\x1b]0;taken"),
    "cache abc": score(expected="BRAINSCORE_CORNET_CACHE_GB as a number", BRAINSCORE_CORNET_CACHE_GB="abc"),
    "cache nan": score(expected="BRAINSCORE_CORNET_CACHE_GB as a number", BRAINSCORE_CORNET_CACHE_GB="nan"),
    "code in a model": score(expected="could run code", model="evil.pth", make=make_evil),
    "list of caches": Case(("cache",), "as a number of GB", None, {"BRAINSCORE_CORNET_CACHE_GB": "1e"}),
    "cache to clear": Case(("cache", "--clear", ESCAPE), r"Unknown cache '\x1b"),
    "no results": Case(("report", "gone", "-o", "new.html"), "is not a folder of results"),
    "page": Case(("report", ".", "-o", "new.txt"), "Expected a page that ends in"),
    "only a damaged row": Case(
        ("report", "results", "-o", "new.html"), "There are no results", make_text("results/scores/m/b.json", NESTED)
    ),
    "weights to fetch": Case(("weights", "fetch", ESCAPE), r"Unknown released weights '\x1b"),
    "path of weights": Case(("weights", "path", "cornet_x"), "Unknown released weights"),
    "seed": train("--seed", HUGE, expected="a seed, a whole number of at most"),
    "size in training": train("--image_size", MANY, expected="at most 8192"),
    "rate": train("--lr", "nan", expected="Expected lr as a number above 0"),
    "infinite rate": train("--lr", "inf", expected="Expected lr as a number above 0"),
    "batch": train("--batch_size", "0", expected="batch size, a whole number of at least 1"),
    "epochs": train("--epochs", "-1", expected="epochs, a whole number of at least 1"),
    "how often": train("--save-every", "x", expected="Expected how often to save"),
    "loaders": train("-j", MANY, expected="at most 1024"),
    "devices": train("--devices", MANY, expected="at most 1024"),
    "no run directory": train(expected="An argument is empty", output=""),
    "no images": train(expected="There is no folder", data="gone"),
    "restore from a zip": train(
        "--restore_path", "x.ckpt", expected="x.ckpt", make=make_text("x.ckpt", zipped("not a pickle"))
    ),
    "zip for a checkpoint": train(
        expected="is damaged, and there is no other checkpoint",
        make=make_run("checkpoints/epoch_00001_step_000000000.ckpt", zipped("not a pickle")),
    ),
    "broken settings": train(expected="run.json cannot be read", make=make_run("run.json", "{")),
    "listed settings": train(expected="it holds a list", make=make_run("run.json", "[1]")),
    "nested settings": train(expected="nested too deeply", make=make_run("run.json", NESTED)),
    "no zip": check("not-a-zip", make_text("a.zip", "hello")),
    "no file": check("is not a file", name="gone.zip"),
    "pipe for a zip": check("is not a file", make_pipe("a.zip")),
    "large program": check("too-large", make_zip({"parts/x.py": "x=0\n" * 5_000_000})),
    "large registrations": check("too-large", make_zip({"__init__.py": "model_registry[" * 10_000})),
    "many folders": check("too-large", make_text("a.zip", zipped("", "a/" * 32_700 + "x.py"))),
    "many entries": check("too-large", make_entries),
    "bomb": check("too-large", make_unpacked),
    "nested program": check(r"nested too deeply|too many nested", make_zip({"parts/x.py": "(" * 5_000 + ")" * 5_000})),
    "long program": check("nested too deeply", make_zip({"parts/x.py": "x = " + "-" * 100_000 + "1"})),
    "nested environment": check("environment-yaml", make_zip({"environment.yml": NESTED})),
    "escape in a zip": check(r"\\x1b]0;taken", make_zip({f"{ESCAPE} x.txt": ""})),
    "identifier": Case(
        ("submit", "cornet_z_untrained", "-o", "new", "--identifier", ESCAPE), "cannot be an identifier"
    ),
    "time mapping": Case(
        ("submit", "cornet_z_untrained", "-o", "new", "--identifier", "x", "--time-mapping", '{"a":' + NESTED),
        "Expected a time mapping",
    ),
    "time mapping of lists": Case(
        ("submit", "cornet_z_untrained", "-o", "new", "--identifier", "x", "--time-mapping", '{"IT": [1]}'),
        "Expected a time mapping",
    ),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return pictures(tmp_path_factory.mktemp("data"), 1, 1)


@pytest.mark.filterwarnings("default")  # printed, as by the command line
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_hostile_input(case: Case, data, tmp_path, monkeypatch):
    """One line says what is wrong; no code of a file is run, and nothing new is on the disk."""
    Image.new("RGB", (40, 40)).save(tmp_path / "good.png")
    (tmp_path / "data").symlink_to(data)
    if case.make is not None:
        case.make(tmp_path)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    before = sorted(tmp_path.rglob("*"))
    result = run_here(*case.arguments, folder=tmp_path)
    said = [
        line
        for line in (result.stdout + result.stderr).splitlines()
        if not line.startswith(("Warning:", "Loading ", "Checking "))
    ]
    assert result.returncode != 0
    problems = [line for line in said if line.startswith(("Error:", "Broken rule:"))]
    assert len(problems) == 1, said
    assert len(said) <= 2, said  # and which zip it is
    assert case.expected in problems[0] or re.search(case.expected, problems[0]), problems[0]
    assert (result.stdout + result.stderr).replace("\n", "").isprintable()
    assert len(problems[0]) < 1_500
    run = [tmp_path / "out", tmp_path / "out" / "run.json", tmp_path / "out" / ".lock"]
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in (*before, *run)] == []


def test_there_are_enough_cases():
    """At least sixty, at every entrance."""
    assert len(CASES) >= 60
    entrances = {case.arguments[0] for case in CASES.values()}
    assert entrances == {"cache", "features", "report", "score", "submit", "test", "train", "weights"}
