"""The run directory: its settings, and the lock that lets only one process write to it."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..cornet.errors import UserError
from ..cornet.json_files import Damaged, read_object
from ..cornet.names import encodable
from ..cornet.writing import locked, make_folder, write_text, writing

SETTINGS = "run.json"
TABLE = "metrics.csv"
FOLDER = "checkpoints"
ENDING = ".ckpt"
CHECKPOINT = re.compile(rf"epoch_\d{{5,}}_step_\d{{9,}}{re.escape(ENDING)}")
"""Names of checkpoints, which sort by position."""
_KEPT = (TABLE, f"{FOLDER}/*{ENDING}")  # files that make a folder a run's: without any of them nothing is lost


@contextmanager
def run_directory(
    folder: Path,
    settings: Mapping[str, Any],
    free: frozenset[str] = frozenset(),
    saved: Callable[[], Mapping[str, Any] | None] = lambda: None,
) -> Iterator[None]:
    """Lock the run directory for this process, after a check that it belongs to this run.

    Parameters
    ----------
    settings
        Everything that the run's weights depend on, as JSON.
    free
        Names of settings that may differ from the run's first ones.
    saved
        Function that returns the settings in the newest checkpoint, in place of a damaged file of settings.

    Raises
    ------
    UserError
        If the folder is another run's, with what differs, another process writes to it, or it cannot be made.
    """
    _check_folder(folder)
    busy = f"Another process is training into {folder}: wait for it, or name another output folder."
    path = folder / SETTINGS
    with ExitStack() as stack:
        with writing(folder):
            make_folder(folder)
            stack.enter_context(locked(folder / ".lock", busy))
        _compare(folder, _settings_of(path, saved), settings, free)
        with writing(path):
            write_text(path, encodable(json.dumps(settings, indent=1, ensure_ascii=False)) + "\n")
        yield


def check_run(folder: Path, settings: Mapping[str, Any], free: frozenset[str], unknown: Collection[str]) -> None:
    """Raise `UserError` if the folder is another run's or a file, or the run has more epochs than it is to have.

    Some of that is known only when the images have been looked at and checkpoints have been read.

    Parameters
    ----------
    settings, free
        As in `run_directory`.
    unknown
        Names of the settings that are not known yet.
    """
    _check_folder(folder)
    try:
        before = read_object(folder / SETTINGS)
    except (Damaged, OSError):  # `run_directory` reports or mends it
        return
    _compare(folder, before, settings, free.union(unknown))
    found = [path for path in (folder / FOLDER).glob(f"*{ENDING}") if CHECKPOINT.fullmatch(path.name)]
    oldest = min(found, default=None)  # later ones may be damaged
    if oldest is not None and epochs_in(oldest) > settings["epochs"]:
        raise too_few_epochs(oldest, epochs_in(oldest), settings["epochs"])


def epochs_in(path: Path) -> int:
    """Return the number of epochs before a checkpoint, from its name."""
    return int(path.stem.split("_")[1])


def too_few_epochs(trained: object, done: int, epochs: int) -> UserError:
    return UserError(f"{trained} was trained for {done} epochs, not less than {epochs}: give more --epochs.")


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: expected a folder for the output.")


def _compare(folder: Path, before: Mapping[str, Any], settings: Mapping[str, Any], free: frozenset[str]) -> None:
    if not before or not any(any(folder.glob(pattern)) for pattern in _KEPT):
        return
    names = [name for name in {**before, **settings} if name not in free]
    differing = [name for name in names if before.get(name) != settings.get(name)]
    if differing:
        changes = "; ".join(
            f"{name} {json.dumps(before.get(name))} there, {json.dumps(settings.get(name))} here" for name in differing
        )
        raise UserError(
            f"{folder} holds another run: {changes}. Name another output folder, or give the options of that run."
        )


def _settings_of(path: Path, saved: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any]:
    try:
        return read_object(path)
    except FileNotFoundError:
        return {}
    except Damaged as error:
        before = saved()
        if before is None:
            raise UserError(
                f"{path} cannot be read ({error}), so it is not known whose folder it is in. Remove it to take the "
                "options of this command."
            ) from error
        warnings.warn(f"{path} cannot be read ({error}): the newest checkpoint's settings are used.", stacklevel=2)
        return json.loads(json.dumps(before))
