"""Durable writing of files: complete on the disk before they have their names, one process at a time."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError
from .names import shown

if TYPE_CHECKING:
    import numpy as np

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""Errors of file systems without locks, such as some of networks."""
_ADDED = 48  # bytes, at most, that temporary files add to the name of an output
_NAME_MAX = 255  # bytes in a name on nearly all file systems


class Busy(UserError):
    """Another process holds the lock."""


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path beside `path`, and rename the file once it is complete and on the disk."""
    part = part_of(path)
    try:
        write(part)
        move(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_aside(path, lambda part: part.write_text(text, encoding="utf-8"))


def move(part: Path, path: Path) -> None:
    """Rename a file or folder once its contents are on the disk, and wait until the new name is there as well.

    In any other order, a machine that goes down can leave the name without the contents.
    """
    sync(part)
    part.replace(path)
    sync_names(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk."""
    if not path.is_dir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        return
    for each in path.iterdir():
        sync(each)
    sync_names(path)


def sync_names(folder: Path) -> None:
    """Wait until the names of the files in a folder are on the disk."""
    with suppress(OSError):  # some systems cannot, and then keep names by other means
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def part_of(path: Path) -> Path:
    """Return the temporary path of a file that is not yet complete."""
    return path.with_name(f".{path.name}.part")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and wait until their names are on the disk."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_names(folder.parent)


def reserve(path: Path) -> None:
    """Reserve the space of a file that is written through memory: a full disk would kill the process later."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def scratch_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Return a new array on disk, in single precision; raises `UserError` if there is no space for it."""
    import numpy as np

    with writing(path):
        array = np.memmap(path, np.float32, "w+", shape=shape)
        reserve(path)
    return array


def discard(path: Path) -> None:
    """Remove a file, a link or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(lock_file: Path, busy: str, *, temporary: bool = False) -> Iterator[None]:
    """Hold a lock file inside this context.

    Parameters
    ----------
    busy
        What to tell the user if another process holds it.
    temporary
        Whether the lock file is removed afterwards.

    Raises
    ------
    Busy
        If another process holds the lock.
    """
    import filelock

    lock = filelock.FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Busy(busy) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        yield  # nothing can be locked here
        return
    try:
        yield
    finally:
        if temporary:
            with suppress(OSError):
                lock_file.unlink()
        lock.release()


def output_path(given: str | os.PathLike, what: str) -> Path:
    """Return the path of an output; raises `UserError` before any work for one that no file can have."""
    text = os.fspath(given)
    if not text:
        raise UserError(f"Expected {what}, received an empty name.")
    path = Path(text).expanduser()
    if not text.isprintable():
        raise UserError(f"Expected {what} whose name is printable text in UTF-8, received {shown(text)}.")
    for name in path.parts:
        added = _ADDED if name == path.name else 0
        if (length := len(os.fsencode(name))) > _NAME_MAX - added:
            raise UserError(f"The name {name[:40]}… has {length} bytes: choose one of at most {_NAME_MAX - _ADDED}.")
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert `OSError` inside this context, which writes to `path`, into a `UserError`."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or error
        raise UserError(f"Cannot write {path}: {reason}.") from error
