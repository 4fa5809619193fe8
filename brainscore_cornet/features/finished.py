"""A note on a complete output of the request that it answers, so that the request can be repeated without an error.

The note is an extended attribute, which is no part of the file's contents, or a hidden file where the file system has
no such attributes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..cornet.writing import sync, sync_names, write_text
from .early_checks import Asked, existing

FINISHED = ".finished"  # ending of a hidden file with a note
_ATTRIBUTE = "user.brainscore_cornet.request"


def note(output: Path, request: Mapping[str, Any]) -> None:
    """Note on the disk that the files of `output` are complete and answer `request`."""
    known = {"model": request["model"], "pooled": request["pooled"], "bins": request.get("requested_time_bins", "")}
    known["layers"] = sorted({layer for layer, _ in request["sites"]})
    text = json.dumps({"digest": _digest(output, request), **known})
    labelled = existing(output)[0]
    try:
        os.setxattr(labelled, _ATTRIBUTE, text.encode())
    except (OSError, AttributeError):  # file systems and operating systems without them
        write_text(_hidden(output), text)
    else:
        sync_names(labelled) if labelled.is_dir() else sync(labelled)


def is_noted(output: Path, request: Mapping[str, Any]) -> bool:
    """Return whether the files of `output` answer `request`, and have not been changed since."""
    noted = _noted(output)
    return noted is not None and noted.get("digest") == _digest(output, request)


def is_of_another(output: Path, asked: Asked) -> bool:
    """Return whether the files of `output` are without doubt those of another request."""
    noted = _noted(output)
    layers = noted.get("layers") if noted else None
    if noted is None or not isinstance(layers, list) or not all(isinstance(layer, str) for layer in layers):
        return False
    model = re.sub(r"_weights_[0-9a-f]{8}", "", str(noted.get("model")))  # released ones with another hash
    return (
        asked.identifier not in (None, model)
        or asked.pool is (noted.get("pooled") == "no")
        or asked.bins != noted.get("bins")
        or not asked.layers.issuperset(layers)
        or (asked.reaches_all and asked.layers != set(layers))
    )


def has_note(output: Path) -> bool:
    """Return whether an extraction has completed the files of `output`."""
    return _noted(output) is not None


def _noted(output: Path) -> dict[str, Any] | None:
    if not existing(output):
        return None
    text = b""
    with suppress(OSError, AttributeError):
        text = os.getxattr(existing(output)[0], _ATTRIBUTE)
    with suppress(OSError):
        text = text or _hidden(output).read_bytes()
    with suppress(ValueError, RecursionError):  # there is none, or something else is in its place
        noted = json.loads(text)
        return noted if isinstance(noted, dict) else None
    return None


def _hidden(output: Path) -> Path:
    return output.with_name(f".{output.name}{FINISHED}")


def _digest(output: Path, request: Mapping[str, Any]) -> str:
    """Return a hash of the request and of the files' sizes and times of change; of a .zarr, its metadata's."""
    files = {}
    for path in existing(output):
        status = os.stat(path / ".zmetadata" if path.is_dir() else path)
        files[path.name] = [status.st_size, status.st_mtime_ns]
    return hashlib.sha256(json.dumps([request, files], sort_keys=True).encode()).hexdigest()
