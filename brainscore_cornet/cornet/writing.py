"""Safe writing of files: under a temporary name, renamed when complete, with one-line errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path beside `path`, and rename the file once it is complete and on the disk."""
    part = part_of(path)
    try:
        write(part)
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Return the temporary path of a file that is not yet complete."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert `OSError` inside this context, which writes to `path`, into a `UserError`."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or error
        raise UserError(f"Cannot write {path}: {reason}.") from error
