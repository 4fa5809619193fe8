"""The package's children, forked from a process that has imported what they need.

A new Python takes three seconds for these imports. Everything but this start is the package's: connection, protocol,
limits, and how children end. Tests of the start itself use the package's own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from multiprocessing.context import ForkServerProcess
from typing import cast

from helpers.processes import preloaded

from brainscore_cornet.python_children import PythonChild, environment


class _Popen:
    """What the package uses of a `subprocess.Popen`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked child", timeout or 0)
        return self._process.exitcode


def start(target: str, changes: Mapping[str, str], is_wanted: Callable[[], bool] = lambda: True) -> PythonChild:
    """Start a child as `python_children.start` does, with its arguments."""
    ours, theirs = Pipe()
    with theirs:
        process = preloaded().Process(target=_run, args=(target, theirs, environment(changes)))
        process.start()
    return PythonChild(cast(subprocess.Popen, _Popen(process)), ours)


def _run(target: str, connection: Connection, variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.dup2(2, 1)
    module, _, name = target.partition(":")
    getattr(import_module(module), name)(connection)
    os._exit(0)  # without the seconds that it takes Python to forget all that was imported
