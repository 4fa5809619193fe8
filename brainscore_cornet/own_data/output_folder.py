"""A folder of outputs that belong together: one process writes to it, and all of them are replaced at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..charts import check_packages
from ..cornet.writing import discard, locked, make_folder, move, writing
from ..early_paths import folder_for


@contextmanager
def output_folder(given: Path, what: str) -> Iterator[Path]:
    """Make a folder for tables and figures, and lock it against other processes inside this context.

    Parameters
    ----------
    what
        Name of the outputs in messages, such as `the map`.

    Raises
    ------
    UserError
        If charts cannot be drawn, the folder cannot be made, or another process writes to it.
    """
    check_packages()
    folder = folder_for(given, what)
    busy = f"Another process is writing to {folder}: wait for it, or name another folder for {what}."
    with ExitStack() as stack:
        with writing(folder):
            make_folder(folder)
            stack.enter_context(locked(folder / ".lock", busy, temporary=True))
        yield folder


@contextmanager
def replaced_together(folder: Path) -> Iterator[Path]:
    """Yield a folder for files that move into `folder` after this context, if nothing in it fails."""
    part = folder / ".part"
    with writing(folder):
        discard(part)  # of a process that was killed
        make_folder(part)
        try:
            yield part
            for path in sorted(part.iterdir()):
                move(path, folder / path.name)
        finally:
            discard(part)
