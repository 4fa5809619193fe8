"""Checks of a user's own weights, as they are named, that need no large library."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError, WeightsError, unknown_name

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".tar", ".safetensors")
"""Endings of files of weights."""
_SPELLINGS = "'released', None ('none' on the command line), the path of a file, or a URL (http or https)"


def check_own_file(weights: str | os.PathLike) -> Path | None:
    """Return the readable file of a user's own weights, None for a URL; raises `WeightsError` for anything else."""
    if not isinstance(weights, str | os.PathLike) or not os.fspath(weights):
        raise WeightsError(f"Expected weights as {_SPELLINGS}, received {_shown(weights)}.")
    if re.match(r"https?://", str(weights)):
        return None
    if re.match(r"[a-z0-9+]+://", str(weights)):
        raise WeightsError(f"Cannot download {weights}: expected weights as {_SPELLINGS}.")
    path = expanded(weights)
    if not os.path.isfile(path):
        raise WeightsError(f"No weight file at {path}. Expected weights as {_SPELLINGS}.")
    if not os.access(path, os.R_OK):
        raise WeightsError(f"Cannot read {path}: permission denied.")
    return path


def unknown_model(name: object, known: Iterable[str]) -> UserError:
    """Return a `UserError` for a name that is not among the known models, also for a file of weights in its place."""
    if os.path.exists(str(name)) and Path(str(name)).suffix not in CHECKPOINTS:
        what = "a folder" if os.path.isdir(str(name)) else "a file"
        return UserError(f"{name} is {what}, expected a model's identifier first, such as cornet_s.")
    model, _, file = str(name).rpartition("=")
    if Path(file).suffix not in CHECKPOINTS:
        return unknown_name(name, known, "model")
    model = model.rpartition(":")[2] or "cornet_s"
    return UserError(
        f"{name} is a file of weights, expected a model: name both, such as {model} --weights {file} (in Python, "
        f"weights={file!r})."
    )


def expanded(path: str | os.PathLike) -> Path:
    return Path(os.path.expanduser(path))  # unlike Path.expanduser, leaves the ~ of an unknown user as it is


def _shown(value) -> str:
    return repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
