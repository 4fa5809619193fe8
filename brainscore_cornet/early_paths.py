"""Checks of paths that need no large library, so that a mistake is reported at once."""

from __future__ import annotations

import os
from pathlib import Path

from .cornet.errors import UserError
from .cornet.writing import output_path

BENCHMARK_FILE = ".toml"
"""Ending of the files of benchmarks of one's own."""
DATA = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".nc", ".csv", ".tsv", ".parquet", ".nwb")
"""Endings of files of recordings."""
FROM_DATA = "`brainscore-cornet benchmark my.toml --new --recordings {file} --stimuli images/` makes one"
"""How to get a benchmark file from a file of data."""


def benchmark_path(path: str | Path) -> Path:
    """Return the absolute path of a benchmark file; raises `UserError` if there is none, or a file of data."""
    given, path = path, Path(os.path.expanduser(path)).absolute()
    if os.path.isdir(path):
        raise UserError(f"{given} is a folder, expected a benchmark file of your own data, such as it.toml.")
    if not os.path.isfile(path) and path.suffix != BENCHMARK_FILE:
        raise UserError(
            f"Expected a benchmark file of your own data, such as it.toml, received {os.fspath(given)!r}; `score -b` "
            "takes Brain-Score's benchmarks."
        )
    if not os.path.isfile(path):
        raise UserError(f"The benchmark file {path} does not exist.")
    if path.suffix.lower() in DATA:
        raise UserError(f"{given} is a file of data, expected a benchmark file: {FROM_DATA.format(file=given)}.")
    return path


def output_file(given: str | os.PathLike, what: str) -> Path:
    """Return the path of an output file; raises `UserError` before any work for one that cannot be written."""
    path = output_path(given, what)
    if path.is_dir():
        raise UserError(f"Expected {what}, and {path} is a folder.")
    if path.parent.exists() and not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise UserError(f"{path.parent}, expected a folder for {what}, is none that can be written to.")
    return path


def folder_for(given: str | os.PathLike, what: str) -> Path:
    """Return the path of a folder of outputs; raises `UserError` before any work for one that cannot be made."""
    path = output_path(given, f"a folder for {what}")
    if path.exists() and not path.is_dir():
        raise UserError(f"Expected a folder for {what}, and {path} is a file.")
    if path.parent.exists() and not path.parent.is_dir():
        raise UserError(f"{path.parent}, expected a folder for {what}, is a file.")
    return path


def new_file(given: str | os.PathLike, what: str) -> Path:
    """Return the path of an output file in a folder that exists; raises `UserError` as `output_file` does."""
    path = output_file(given, what)
    if not path.parent.exists():
        raise UserError(f"The folder {path.parent} for {what} does not exist.")
    return path


def new_benchmark_file(given: str | os.PathLike) -> Path:
    """Return the path of a benchmark file to write; raises `UserError` if it exists or cannot be written."""
    path = new_file(given, "a benchmark file")
    if path.exists():
        raise UserError(f"{path} exists: name another file, or remove it.")
    return path


def imagenet_path(path: str | os.PathLike) -> Path:
    """Return the folder of ImageNet, or of other images in folders; raises `UserError` if there is none."""
    root = Path(os.path.expanduser(path))
    if not os.path.isdir(root):
        raise UserError(
            f"There is no folder {root}: expected one with train/ and val/, and in both a folder for each class."
        )
    return root
