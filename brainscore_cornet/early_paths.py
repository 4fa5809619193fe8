"""Checks of paths that need no large library, so that a mistake is reported at once."""

from __future__ import annotations

import os
from pathlib import Path

from .cornet.errors import UserError


def benchmark_path(path: str | Path) -> Path:
    """Return the absolute path of a benchmark file; raises `UserError` if there is none."""
    path = Path(path).expanduser().absolute()
    if not path.is_file():
        raise UserError(f"The benchmark file {path} does not exist.")
    return path


def imagenet_path(path: str | os.PathLike) -> Path:
    """Return the folder of ImageNet, or of other images in folders; raises `UserError` if there is none."""
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(
            f"There is no folder {root}: expected one with train/ and val/, and in both a folder for each class."
        )
    return root
