"""Activations kept on disk, by all that they depend on, so that several benchmarks share them.

Brain-Score keeps activations of its models in the same place and by the same rules: under `RESULTCACHING_HOME`, not
where `RESULTCACHING_DISABLE` says so, and only of stimulus sets that have an identifier.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import result_caching

_logger = logging.getLogger(__name__)

NAME = "brainscore_cornet.activations"  # what `RESULTCACHING_DISABLE` can name to disable it alone
LIMIT_VARIABLE = "BRAINSCORE_CORNET_CACHE_GB"
LIMIT_GB = 10.0  # beyond it, or a fifth of what the disk has left, what was not used for longest is removed
_BRAINSCORE = "brainscore_vision.model_helpers.activations"  # where Brain-Score keeps other models' activations
FORMAT = 2  # raise it when the same key would stand for other numbers

_CHECKSUM = struct.Struct("<I")  # at the end of each file, after the array


def is_enabled() -> bool:
    return result_caching.is_enabled(NAME)


def folder() -> Path:
    return Path(os.environ.get("RESULTCACHING_HOME", "~/.result_caching")).expanduser() / NAME


def images_hash(paths: Sequence[str]) -> str:
    """Of the contents of image files, in order."""
    found = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


class Entry:
    """One array on disk.

    Parameters
    ----------
    model, stimuli
        Identifiers; they name the file for people, and are part of the key.
    key
        All else that the array depends on; JSON.
    """

    def __init__(self, model: str, stimuli: str, **key: Any) -> None:
        digest = hashlib.sha256(
            json.dumps({"format": FORMAT, "model": model, "stimuli": stimuli, **key}, sort_keys=True).encode()
        ).hexdigest()
        self.path = folder() / _file_name(model) / f"{_file_name(stimuli)}-{digest[:32]}.npy"

    def load(self) -> np.ndarray | None:
        """The array, read from disk when it is used; None where there is none, or not the whole of it."""
        try:
            array = np.load(self.path, mmap_mode="c")  # raises where the file is shorter than its header says
            with open(self.path, "rb") as file:
                file.seek(-_CHECKSUM.size, os.SEEK_END)
                (expected,) = _CHECKSUM.unpack(file.read())
        except (OSError, ValueError, EOFError):
            return None
        if _checksum(array) != expected:  # as a machine leaves it that went down while it wrote
            return None
        with suppress(OSError):
            os.utime(self.path)
        return array

    def writer(self, count: int) -> EntryWriter:
        """Writes an array with `count` rows part by part."""
        return EntryWriter(self.path, count)


class EntryWriter:
    """Writes an array beside its final name, which it takes when it is complete.

    A disk that is full is no reason to stop: a warning says that the array is not kept.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count
        self._file: IO[bytes] | None = None
        self._written = self._checksum = 0
        self._failed = False

    def append(self, part: np.ndarray) -> None:
        """Write the next rows (row, …), float32."""
        if self._failed:
            return
        try:
            self._file = self._file or self._begin(part)
            data = np.ascontiguousarray(part).data
            self._file.write(data)
            self._checksum = zlib.crc32(data, self._checksum)
            self._written += len(part)
        except OSError as error:
            self._give_up(error)

    def finish(self) -> None:
        """Give a complete array its name; one that lacks rows is discarded."""
        if self._file is None or self._written != self._count:
            return self.discard()
        try:
            self._file.write(_CHECKSUM.pack(self._checksum))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._file.name, self._path)
        except OSError as error:
            self._give_up(error)
        else:
            self._file = None

    def discard(self) -> None:
        """Remove what is not complete; without effect after `finish`."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                os.unlink(self._file.name)
            self._file = None

    def _begin(self, part: np.ndarray) -> IO[bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(self._count * part[0].nbytes, self._path.parents[1])
        file = self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 (open until all parts are there)
            dir=self._path.parent, suffix=".part", delete=False
        )
        header = {"descr": part.dtype.str, "fortran_order": False, "shape": (self._count, *part.shape[1:])}
        np.lib.format.write_array_header_1_0(file, header)
        return file

    def _give_up(self, error: OSError) -> None:
        _logger.warning("Activations are not kept in %s: %s", self._path.parent, error.strerror or error)
        self._failed = True
        self.discard()


def _checksum(array: np.ndarray) -> int:
    found = 0
    for part in array:
        found = zlib.crc32(np.ascontiguousarray(part).data, found)
    return found


def limit_gb() -> float:
    """As the user says, else what leaves the disk most of its room."""
    if LIMIT_VARIABLE in os.environ:
        return float(os.environ[LIMIT_VARIABLE])
    here = folder()
    while not here.exists() and here != here.parent:
        here = here.parent
    return min(LIMIT_GB, shutil.disk_usage(here).free / 5e9)


def trim() -> None:
    """Hold what Brain-Score keeps of other models' activations to the same limit: it has none of its own."""
    for inside in folder().parent.glob(f"{_BRAINSCORE}*"):
        _remove_oldest(inside.rglob("*.pkl"), limit_gb() * 1e9)


def _make_room(size: int, root: Path) -> None:
    """Remove what was not used for longest, until `size` bytes more are within the limit."""
    limit = limit_gb() * 1e9
    if _remove_oldest(root.rglob("*.npy"), limit - size) + size > limit:
        raise OSError(None, f"{size / 1e9:.1f} GB are more than {LIMIT_VARIABLE}={limit / 1e9:g} allows")


def _remove_oldest(paths: Iterable[Path], limit: float) -> int:
    """Remove what was not used for longest until the files have `limit` bytes; the bytes that are left."""
    entries = []
    for path in paths:
        with suppress(OSError):  # another process may remove it, too
            status = path.stat()
            entries.append((max(status.st_mtime, status.st_atime), status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, freed, path in sorted(entries):
        if total <= limit:
            break
        path.unlink(missing_ok=True)
        total -= freed
    return total


def _file_name(identifier: str) -> str:
    return re.sub(r"[^\w.-]", "_", identifier)[:100]
