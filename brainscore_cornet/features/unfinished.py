"""An unfinished extraction on disk, which the same request resumes after an interruption."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..cornet.errors import UserError
from ..cornet.recording.record import Site
from .output_files import existing


class Unfinished:
    """A folder beside the output, with one array for each site, `(image, …)`, and how many images are done.

    Parameters
    ----------
    output
        Final path of the output.
    request
        Everything that the result depends on, as JSON. Another request into the same output is an error.
    overwrite
        Whether an existing output, or another request's unfinished one, may be replaced.
    kind
        Ending of the folder's name.
    """

    def __init__(self, output: Path, request: Mapping[str, Any], overwrite: bool, kind: str = "unfinished") -> None:
        self.folder = output.with_name(f".{output.name}.{kind}")
        self._request = json.dumps(request, sort_keys=True, indent=1)
        with writable(output):
            if overwrite and self._kept_request() != self._request:
                shutil.rmtree(self.folder, ignore_errors=True)
            kept = self._kept_request()
            if kept is None and not overwrite and (there := existing(output)):
                raise UserError(f"{there[0]} exists. To replace it: --overwrite")
            if kept not in (None, self._request):
                raise UserError(
                    f"{self.folder} holds another extraction into {output} that is not finished. Resume it with the "
                    "command that began it, choose another output, or discard it: --overwrite"
                )
            if kept is None:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir()
                self._replace("request.json", self._request)
        state = self._state()
        self.done: int = state["done"]
        self.bad: dict[int, str] = {int(row): reason for row, reason in state["bad"].items()}

    def _kept_request(self) -> str | None:
        try:
            return (self.folder / "request.json").read_text()
        except FileNotFoundError:
            return None

    def _state(self) -> dict:
        try:
            return json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {"done": 0, "bad": {}}

    def arrays(self, shapes: Mapping[Site, tuple[int, ...]], count: int) -> dict[Site, np.memmap]:
        """Return arrays (image, …) on disk, created in full size or reopened."""
        found = {}
        for number, (site, shape) in enumerate(shapes.items()):
            path = self.folder / f"{number}.npy"
            with writable(path):
                if self.done == 0:
                    made = np.lib.format.open_memmap(path, "w+", np.float32, (count, *shape))
                    if hasattr(
                        os, "posix_fallocate"
                    ):  # reserves the space now, since a full disk would kill the process later
                        with open(path, "r+b") as file:
                            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
                    found[site] = made
                else:
                    found[site] = np.lib.format.open_memmap(path, "r+")
        return found

    def mark(self, done: int) -> None:
        """Record how many images are complete."""
        self.done = done
        with writable(self.folder):
            self._replace("state.json", json.dumps({"done": done, "bad": self.bad}))

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def _replace(self, name: str, text: str) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(text)
        part.replace(self.folder / name)


@contextmanager
def writable(path: Path):
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or error
        with suppress(OSError):
            if path.name.endswith(".npy"):  # no results are lost: the arrays were about to be created
                path.unlink(missing_ok=True)
        raise UserError(f"Cannot write {path}: {reason}.") from error
