"""A disk cache of activations, whose key holds everything that they depend on, shared by several benchmarks.

Brain-Score caches activations of its models in the same place and by the same rules: under `RESULTCACHING_HOME`,
unless `RESULTCACHING_DISABLE` disables it, and only for stimulus sets that have an identifier.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
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

from ..errors import UserError
from ..writing import sync_names

_logger = logging.getLogger(__name__)

NAME = "brainscore_cornet.activations"  # the name by which `RESULTCACHING_DISABLE` disables this cache alone
LIMIT_VARIABLE = "BRAINSCORE_CORNET_CACHE_GB"
LIMIT_GB = 10.0  # beyond it, or a fifth of the free disk space, the least recently used files are removed
_BRAINSCORE = "brainscore_vision.model_helpers.activations"  # Brain-Score's cache of other models' activations
FORMAT = 2  # increase it whenever the same key would give other numbers

_CHECKSUM = struct.Struct("<I")  # at the end of each file, after the array


def is_enabled() -> bool:
    import result_caching  # which imports xarray: a wrong option should be reported sooner

    return result_caching.is_enabled(NAME)


def folder() -> Path:
    return Path(os.environ.get("RESULTCACHING_HOME", "~/.result_caching")).expanduser() / NAME


def images_hash(paths: Sequence[str]) -> str:
    """Return a hash of the contents of image files, in order."""
    found = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


class Entry:
    """One cached array on disk.

    Parameters
    ----------
    model, stimuli
        Identifiers; they are part of the file's name and of the key.
    key
        Everything else that the array depends on, as JSON.
    """

    def __init__(self, model: str, stimuli: str, **key: Any) -> None:
        digest = hashlib.sha256(
            json.dumps({"format": FORMAT, "model": model, "stimuli": stimuli, **key}, sort_keys=True).encode()
        ).hexdigest()
        self.path = folder() / _file_name(model) / f"{_file_name(stimuli)}-{digest[:32]}.npy"

    def load(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the array, memory-mapped, or None if it is missing, incomplete, damaged or of another shape."""
        try:
            array = np.load(self.path, mmap_mode="c")  # raises if the file is shorter than its header says
            with open(self.path, "rb") as file:
                file.seek(-_CHECKSUM.size, os.SEEK_END)
                (expected,) = _CHECKSUM.unpack(file.read())
        except (OSError, ValueError, EOFError):
            return None
        if array.shape != shape or array.dtype != np.float32 or not array.flags.c_contiguous:
            return None
        if _checksum(array) != expected:  # such as after a crash of the machine during writing
            return None
        with suppress(OSError):
            os.utime(self.path)
        return array

    def writer(self, count: int) -> EntryWriter:
        """Return a writer for an array with `count` rows."""
        return EntryWriter(self.path, count)


class EntryWriter:
    """Writes an array part by part under a temporary name, and renames it when it is complete.

    A full disk does not stop the recording: a warning says that the array is not cached.
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
        """Rename a complete array to its final name; an array that lacks rows is discarded."""
        if self._file is None or self._written != self._count:
            return self.discard()
        try:
            self._file.write(_CHECKSUM.pack(self._checksum))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._file.name, self._path)
            sync_names(self._path.parent)
        except OSError as error:
            self._give_up(error)
        else:
            self._file = None

    def discard(self) -> None:
        """Remove an incomplete array; this has no effect after `finish`."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                os.unlink(self._file.name)
            self._file = None

    def _begin(self, part: np.ndarray) -> IO[bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _free_space(self._count * part[0].nbytes, self._path.parents[1])
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
    """Return the cache's limit in GB: the user's, else the smaller of the default and a fifth of the free space."""
    if LIMIT_VARIABLE in os.environ:
        try:
            limit = float(os.environ[LIMIT_VARIABLE])
        except ValueError:
            limit = math.nan
        if not limit >= 0:
            given = os.environ[LIMIT_VARIABLE]
            raise UserError(f"Expected {LIMIT_VARIABLE} as a number of GB, such as 20, received {given!r}.")
        return limit
    here = folder()
    while not here.exists() and here != here.parent:
        here = here.parent
    return min(LIMIT_GB, shutil.disk_usage(here).free / 5e9)


def trim() -> None:
    """Apply the same limit to Brain-Score's cache of other models' activations, which has no limit of its own."""
    for inside in folder().parent.glob(f"{_BRAINSCORE}*"):
        _remove_oldest(inside.rglob("*.pkl"), limit_gb() * 1e9)


def _free_space(size: int, root: Path) -> None:
    """Remove the least recently used files until `size` more bytes are within the limit."""
    limit = limit_gb() * 1e9
    if _remove_oldest(root.rglob("*.npy"), limit - size) + size > limit:
        raise OSError(None, f"{size / 1e9:.1f} GB are more than {LIMIT_VARIABLE}={limit / 1e9:g} allows")


def _remove_oldest(paths: Iterable[Path], limit: float) -> int:
    """Remove the least recently used files until at most `limit` bytes remain; returns the remaining bytes."""
    entries = []
    for path in paths:
        with suppress(OSError):  # another process may have removed it
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
