"""An unfinished extraction on disk, which the same request resumes after an interruption."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..cornet.errors import UserError
from ..cornet.json_files import Damaged, read_object
from ..cornet.recording.record import Site
from ..cornet.writing import discard, locked, reserve, sync, sync_names, write_text, writing
from .early_checks import existing, exists
from .finished import is_noted, note

_logger = logging.getLogger(__name__)

SYNC_EVERY = 2.0  # s between two records of the progress, each of which waits for the disk
_SHARD = "shard"  # the part of a request that says which shard it is for
_WRITING = "writing"  # a file that is there once the output is being written


class Unfinished:
    """A folder beside the output, with one array for each site, `(image, …)`, and how many images are done.

    What is recorded as done is on the disk before the record is. A folder that cannot be trusted counts as not done.

    Parameters
    ----------
    output
        Final path of the output.
    request
        Everything that the result depends on, as JSON. Another request into the same output is an error.
    kind
        Ending of the folder's name.
    """

    def __init__(self, output: Path, request: Mapping[str, Any], kind: str = "unfinished") -> None:
        self._output = output
        self.folder = output.with_name(f".{output.name}.{kind}")
        self._request: dict[str, Any] = json.loads(json.dumps(request))
        self._arrays: dict[Site, np.memmap] = {}
        self._recorded = 0.0
        self.done = 0
        self.bad: dict[int, str] = {}

    @contextmanager
    def opened(self, overwrite: bool) -> Iterator[bool]:
        """Lock the folder against other processes, and yield whether the output is complete, of this very request.

        Parameters
        ----------
        overwrite
            Whether to start anew, and replace an existing output or another request's unfinished one.

        Raises
        ------
        UserError
            If another process holds the lock, another request is unfinished, or the output exists.
        """
        busy = f"Another process is extracting into {self._output}: wait for it, or choose another output."
        complete = False
        with ExitStack() as stack:
            with writing(self._output):
                lock_file = self.folder.with_name(f"{self.folder.name}.lock")
                stack.enter_context(locked(lock_file, busy, temporary=True))
                if overwrite:
                    discard(self.folder)
                elif complete := self._is_complete() and not self._is_shard_begun():
                    discard(self.folder)  # left where a process was killed after its last file
                    _logger.warning("%s is complete. To compute it again: --overwrite", self._output)
                else:
                    self._check()
            yield complete

    def arrays(self, shapes: Mapping[Site, tuple[int, ...]], count: int) -> dict[Site, np.memmap]:
        """Return arrays (image, …) on disk, reopened if they can be trusted, else created in full size."""
        wanted = {
            site: (self.folder / f"{number}.npy", (count, *shape))
            for number, (site, shape) in enumerate(shapes.items())
        }
        self._read_state(count)
        if self.done:
            try:
                self._arrays = {site: _reopened(path, shape) for site, (path, shape) in wanted.items()}
                return dict(self._arrays)
            except Damaged as error:
                self._distrust(str(error))
        self.begin()
        with writing(self.folder):
            try:
                self._arrays = {site: _created(path, shape) for site, (path, shape) in wanted.items()}
            except OSError:
                discard(self.folder)  # nothing was done yet, and a full disk needs the space
                raise
            sync_names(self.folder.parent)
        return dict(self._arrays)

    def reserved(self) -> int:
        """Return how many bytes the folder has on the disk, all of which are kept or written again."""
        return sum(path.lstat().st_size for path in self.folder.rglob("*")) if self.folder.is_dir() else 0

    def begin(self) -> None:
        """Make a folder in which nothing is done."""
        with writing(self.folder):
            discard(self.folder)
            self.folder.mkdir()
            write_text(self.folder / "request.json", json.dumps(self._request, sort_keys=True, indent=1))

    def count_done(self, count: int) -> int:
        """Return how many of `count` images are recorded as done."""
        self._read_state(count)
        return self.done

    def mark(self, done: int) -> None:
        """Note how many images are complete; every few seconds this is recorded on the disk."""
        self.done = done
        if time.monotonic() - self._recorded > SYNC_EVERY:
            self.record()

    def record(self) -> None:
        """Record the progress, after everything that is done is on the disk."""
        with writing(self.folder):
            for number, array in enumerate(self._arrays.values()):
                array.flush()
                sync(self.folder / f"{number}.npy")
            sync_names(self.folder)
            write_text(self.folder / "state.json", json.dumps({"done": self.done, "bad": dict(self.bad)}))
        self._recorded = time.monotonic()

    def begin_writing(self) -> None:
        """Note that the output is being written from here on, so that an interrupted attempt is known as one."""
        with writing(self.folder):
            write_text(self.folder / _WRITING, "")

    def finish(self) -> None:
        """Note that the output is complete, and remove the folder."""
        note(self._output, self._request)
        self.remove()

    def remove_own(self) -> None:
        """Remove the folder if it is of this request."""
        if self._kept_request() == self._request:
            self.remove()

    def remove(self) -> None:
        self._arrays = {}
        discard(self.folder)

    def _is_shard_begun(self) -> bool:
        """Return whether this is a shard that is being computed, also in place of an output that is complete."""
        return _SHARD in self._request and self._kept_request() == self._request

    def _is_complete(self) -> bool:
        return is_noted(self._output, {name: value for name, value in self._request.items() if name != _SHARD})

    def _check(self) -> None:
        """Raise `UserError` if the output exists or another request is unfinished; discard what cannot be trusted."""
        kept = self._kept_request()
        if kept is None:
            if there := existing(self._output):
                raise UserError(exists(there[0]))
            discard(self.folder)
        elif kept != self._request:
            raise UserError(
                f"{self.folder} holds another extraction into {self._output} that is not finished. Resume it with the "
                "command that began it, choose another output, or discard it: --overwrite"
            )
        elif (self.folder / _WRITING).exists():
            for path in existing(self._output):  # of an interrupted attempt: the next one needs its space
                discard(path)

    def _kept_request(self) -> dict[str, Any] | None:
        if not os.path.lexists(self.folder):
            return None
        try:
            if not stat.S_ISDIR(os.lstat(self.folder).st_mode):
                raise Damaged("it is not a folder")
            return read_object(self.folder / "request.json")
        except (FileNotFoundError, Damaged) as error:
            self._distrust("request.json is missing" if isinstance(error, FileNotFoundError) else str(error))
            return None

    def _read_state(self, count: int) -> None:
        self.done, self.bad = 0, {}
        try:
            state = read_object(self.folder / "state.json")
            done, bad = state.get("done"), state.get("bad")
            if type(done) is not int or not 0 <= done <= count or not isinstance(bad, dict):
                raise Damaged(f"state.json has done {done!r} of {count} images"[:200])
            if not all(row.isdecimal() and int(row) < count and isinstance(why, str) for row, why in bad.items()):
                raise Damaged("state.json names images that are not there")
        except (FileNotFoundError, NotADirectoryError):
            return
        except Damaged as error:
            return self._distrust(str(error))
        self.done, self.bad = done, {int(row): reason for row, reason in bad.items() if int(row) < done}

    def _distrust(self, reason: str) -> None:
        self.done, self.bad = 0, {}
        _logger.warning("%s cannot be resumed (%s): the extraction starts anew.", self.folder, reason)


def _created(path: Path, shape: tuple[int, ...]) -> np.memmap:
    array = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    reserve(path)
    return array


def _reopened(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Return an array on disk; raises `Damaged` if it has another shape, type, order or size."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Damaged(f"{path.name} is not a file")
        array = np.lib.format.open_memmap(path, "r+")  # raises if the file is shorter than its header says
    except Damaged:
        raise
    except Exception as error:  # damaged headers raise many kinds
        raise Damaged(f"{path.name}: {error}") from error
    if array.shape != shape or array.dtype != np.dtype("<f4") or not array.flags.c_contiguous:
        raise Damaged(f"{path.name} holds {array.dtype} {array.shape}, expected float32 {shape}")
    if status.st_size != array.offset + array.nbytes:
        raise Damaged(f"{path.name} has {status.st_size} bytes, expected {array.offset + array.nbytes}")
    return array
