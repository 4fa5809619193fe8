"""The one place that starts Python: children import nothing from the working folder, and end with their parent.

`python -P -m brainscore_cornet.python_children MODULE:FUNCTION FILENO` is the main program of a `PythonChild`.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Self

from . import quietly_imported
from .cornet.errors import UserError
from .cornet.names import shown

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Environment in which no Python, also one that another library starts, imports from the working folder."""
_POLL = 0.2  # s between two checks whether a child's answer is still wanted
_WATCH = 0.5  # s between a child's checks of its parent


class NotStarted(UserError):
    """A child ended before it was ready."""


class Lost(Exception):
    """A child ended, or no longer answers; the message says how, and has the child as its subject."""


class Abandoned(Exception):
    """What a child was to do is no longer wanted."""


@dataclass
class PythonChild:
    """A Python process that runs one function, with a connection that only this process and the child have."""

    process: subprocess.Popen
    connection: Connection

    def send(self, packed: bytes) -> None:
        """Send bytes; raises `Lost` if the child has ended."""
        try:
            self.connection.send_bytes(packed)
        except ConnectionError as error:
            raise Lost(self.end()) from error

    def receive(self, is_wanted: Callable[[], bool] = lambda: True) -> Any:
        """Wait for an object that the child sends pickled, and return it.

        Raises
        ------
        Lost
            If the child ends before.
        Abandoned
            If `is_wanted` returns False before.
        """
        try:
            while not self.connection.poll(_POLL):
                if not is_wanted():
                    raise Abandoned
            return pickle.loads(self.connection.recv_bytes())
        except (EOFError, ConnectionError, pickle.UnpicklingError) as error:
            raise Lost(self.end()) from error

    def close(self) -> None:
        """Kill the child and what it has started."""
        self.connection.close()
        kill(self.process.pid)
        self.process.wait()

    def end(self) -> str:
        """Return how the child ended, in words."""
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "no longer answered"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class ChildOwner:
    """Has a child at a time, which is started when needed."""

    _child: PythonChild | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def python(*arguments: str) -> list[str]:
    """Return the command that runs Python without the working folder on its path."""
    return [sys.executable, "-P", *arguments]


def threads_of_child(count: int) -> dict[str, str]:
    """Return the changes of a child's environment that limit the threads of its computation."""
    return {f"{library}_NUM_THREADS": str(count) for library in ("OMP", "MKL", "OPENBLAS")}


def import_path() -> list[str]:
    """Return the folders that this process imports from, with the working folder, if it is among them, last.

    A user's own modules can thus be imported in children, and a file there cannot replace an installed package.
    """
    folders = _elsewhere()
    return [*folders, str(Path.cwd())] if len(folders) < len(sys.path) else folders


def _elsewhere() -> list[str]:
    here = Path.cwd()
    return [folder for folder in sys.path if folder and Path(folder) != here]


def environment(
    changes: Mapping[str, str], path: list[str] | None = None, base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment of children, which start with `path`, by default this process' without the working folder.

    Python runs a module `sitecustomize` of these folders.
    """
    folders = _elsewhere() if path is None else path
    return {**base, **SAFE_PATH, **changes, "PYTHONPATH": os.pathsep.join(folders)}


def start(target: str, changes: Mapping[str, str], is_wanted: Callable[[], bool] = lambda: True) -> PythonChild:
    """Start a child that calls `target`, `module:function`, with its connection, once the module is imported.

    Raises
    ------
    NotStarted
        If it ends before, with the reason.
    Abandoned
        If `is_wanted` returns False before it is ready.
    """
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            python("-m", __name__, target, str(theirs.fileno()), str(os.getpid())),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what it prints is not part of the command's output
            env=environment(changes),
        )
    child = PythonChild(process, ours)
    try:
        if reason := child.receive(is_wanted):
            raise NotStarted(f"A process of Python could not be started: {reason}.")
    except Lost as error:
        child.close()
        raise NotStarted(f"A process of Python {error} before it was ready.") from None
    except BaseException:  # such as Ctrl-C
        child.close()
        raise
    return child


def kill(pid: int) -> None:
    """Kill a process and all that it has started."""
    import psutil

    try:
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            each.kill()
    except psutil.Error:
        pass


def _run(target: str, fileno: int, parent: int) -> None:
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    connection = Connection(fileno)
    module, _, name = target.partition(":")
    try:
        function = getattr(quietly_imported(module), name)
    except BaseException as error:  # such as a library that does not fit the memory
        lines = str(error).strip().splitlines() or ["no message"]
        connection.send_bytes(pickle.dumps(shown(f"{type(error).__name__}: {lines[0]}")))
        sys.exit(1)
    connection.send_bytes(pickle.dumps(""))
    function(connection)


def _die_with(parent: int) -> None:
    """End this process, and what it has started, when its parent dies, even if the parent was killed."""
    while os.getppid() == parent:
        time.sleep(_WATCH)
    try:
        kill(os.getpid())
    finally:  # where the memory is too short even for that
        os._exit(1)


if __name__ == "__main__":
    _run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
