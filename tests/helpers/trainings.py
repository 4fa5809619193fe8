"""Small data sets to train on, and trainings in processes of their own, which can be killed."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from helpers.patience import PATIENCE
from helpers.processes import preloaded
from PIL import Image

from brainscore_cornet.cli.main import main

SMALL = {"image_size": 32, "device": "cpu", "workers": 0}


def pictures(root: Path, train: int, val: int, classes: Sequence[str] = ("a", "b", "c"), size: int = 40) -> Path:
    """Class folders of random pictures, each class with a shade of its own; so many of each."""
    random = np.random.RandomState(0)
    for part, count in (("train", train), ("val", val)):
        for label, name in enumerate(classes):
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = random.randint(0, 60, (size, size, 3)) + 180 * label // max(len(classes) - 1, 1)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
    return root


def digits(root: Path, count: int | None = None) -> Path:
    """scikit-learn's handwritten digits, every fifth of them for validation."""
    from sklearn.datasets import load_digits

    found = load_digits()
    for index, (pixels, label) in enumerate(zip(found.images[:count], found.target[:count], strict=True)):
        folder = root / ("train" if index % 5 else "val") / f"digit-{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).resize((40, 40)).save(folder / f"{index:04}.png")
    return root


def command(folder: Path, *arguments, model: str = "Z", name: str = "train") -> list[str]:
    """Of `folder`'s images, into its `out`."""
    what = ["--model", model, "-o", str(folder / "out")] if name == "train" else [model]
    common = ["--data_path", str(folder), "--image_size", "32", "--ngpus", "0", "-j", "0"]
    return [name, *what, *common, *map(str, arguments)]


class Training:
    """The command line in a process of its own; what takes long to import is imported once for all of them."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self._log = log
        self.process = preloaded().Process(target=_run, args=(arguments, str(log), environment or {}))
        self.process.start()

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, self.said
        return self.process.exitcode

    @property
    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""


def side_by_side(arguments: list[str], folder: Path, count: int = 2) -> list[Training]:
    """As many processes that train together, each started as torchrun starts it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    shared = {"TORCHELASTIC_RUN_ID": "tests", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared |= {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
    return [
        Training(
            arguments,
            folder / f"rank-{rank}.log",
            {name: str(value) for name, value in {**shared, "RANK": rank, "LOCAL_RANK": rank}.items()},
        )
        for rank in range(count)
    ]


def _run(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    tempfile.tempdir = None  # it is found anew in this environment
    os.setpgrp()  # a group of its own, as a job has
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # as it is in a process that was not made here
    sys.argv = ["brainscore-cornet", *arguments]
    main()


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def same(ours: Path, theirs: Path) -> bool:
    """Whether two files hold the same weights, bit for bit."""
    ours, theirs = weights(ours), weights(theirs)
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def table(output: Path) -> list[list[str]]:
    """`metrics.csv` but for what depends on the clock."""
    rows = [line.split(",") for line in (output / "metrics.csv").read_text().splitlines()]
    kept = [column for column, name in enumerate(rows[0]) if name not in ("seconds", "images_per_second")]
    return [[row[column] for column in kept] for row in rows]
