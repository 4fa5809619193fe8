"""A note on a complete output of the request that it answers, so that the request can be repeated without an error.

The note is an extended attribute, which is no part of the file's contents, or a hidden file where the file system has
no such attributes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..cornet.writing import sync, sync_names, write_text
from .early_checks import existing

_ATTRIBUTE = "user.brainscore_cornet.request"


def note(output: Path, request: Mapping[str, Any]) -> None:
    """Note on the disk that the files of `output` are complete and answer `request`."""
    text = _digest(output, request)
    labelled = existing(output)[0]
    try:
        os.setxattr(labelled, _ATTRIBUTE, text.encode())
    except (OSError, AttributeError):  # file systems and operating systems without them
        write_text(_hidden(output), text)
    else:
        sync_names(labelled) if labelled.is_dir() else sync(labelled)


def is_noted(output: Path, request: Mapping[str, Any]) -> bool:
    """Return whether the files of `output` answer `request`, and have not been changed since."""
    return has_note(output) and _noted(output) == _digest(output, request)


def has_note(output: Path) -> bool:
    """Return whether an extraction has completed the files of `output`."""
    return bool(existing(output)) and _noted(output) is not None


def _noted(output: Path) -> str | None:
    with suppress(OSError, AttributeError):
        return os.getxattr(existing(output)[0], _ATTRIBUTE).decode()
    with suppress(OSError, ValueError):
        return _hidden(output).read_text(encoding="utf-8")
    return None


def _hidden(output: Path) -> Path:
    return output.with_name(f".{output.name}.finished")


def _digest(output: Path, request: Mapping[str, Any]) -> str:
    """Return a hash of the request and of the files' sizes and times of change; of a .zarr, its metadata's."""
    files = {}
    for path in existing(output):
        status = os.stat(path / ".zmetadata" if path.is_dir() else path)
        files[path.name] = [status.st_size, status.st_mtime_ns]
    return hashlib.sha256(json.dumps([request, files], sort_keys=True).encode()).hexdigest()
