"""The run directory: its settings, and the lock that lets only one process write to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..cornet.errors import UserError
from ..cornet.writing import write_aside, writing

SETTINGS = "run.json"


@contextmanager
def locked(
    folder: Path, settings: Mapping[str, Any], free: frozenset[str] = frozenset(), kept: Sequence[str] = ()
) -> Iterator[None]:
    """Lock the run directory for this process, after a check that it belongs to this run.

    Parameters
    ----------
    settings
        Everything that the run's weights depend on, as JSON.
    free
        Names of settings that may differ from the run's first ones.
    kept
        Patterns of the files that make a folder a run's: without any of them nothing is lost with other settings.

    Raises
    ------
    UserError
        Where the folder is another run's, with what differs, where another process writes to it, and where it cannot
        be made.
    """
    from filelock import FileLock, Timeout

    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: expected a folder for the output.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"Another process is training into {folder}: wait for it, or name another output folder."
            ) from None
    try:
        path = folder / SETTINGS
        differing = [name for name in _differing(path, settings) if name not in free]
        if differing and any(any(folder.glob(pattern)) for pattern in kept):
            before = json.loads(path.read_text(encoding="utf-8"))
            changes = "; ".join(
                f"{name} {json.dumps(before.get(name))} there, {json.dumps(settings.get(name))} here"
                for name in differing
            )
            raise UserError(
                f"{folder} holds another run: {changes}. Name another output folder, or give the options of that run."
            )
        with writing(path):
            text = json.dumps(settings, indent=1, ensure_ascii=False)
            write_aside(path, lambda part: part.write_text(text + "\n", encoding="utf-8"))
        yield
    finally:
        lock.release()


def _differing(path: Path, settings: Mapping[str, Any]) -> list[str]:
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read, so that it is not known whose folder it is in: {error}") from error
    return [name for name in {**before, **settings} if before.get(name) != settings.get(name)]
