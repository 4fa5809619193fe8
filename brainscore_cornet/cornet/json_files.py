"""Reading of small JSON files, which a crash, another program or another person may have damaged."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

_LARGEST = 50_000_000  # bytes; nothing that this package writes comes near


class Damaged(ValueError):
    """A file does not hold what was written to it; the message says why, without the file's name."""


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Damaged
        If it is anything else than a readable file with a JSON object.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for a writer
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Damaged("it is not a file")
            if status.st_size > _LARGEST:
                raise Damaged(f"it has {status.st_size} bytes")
            found = json.loads(file.read().decode("utf-8"))
    except FileNotFoundError:
        raise
    except Damaged:
        raise
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from error
    except RecursionError:
        raise Damaged("its brackets are nested too deeply") from None
    except ValueError as error:
        raise Damaged(str(error)) from error
    if not isinstance(found, dict):
        raise Damaged(f"it holds a {type(found).__name__}, expected an object")
    return found
