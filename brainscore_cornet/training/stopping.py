"""Handling of signals that stop a run: SIGTERM, which batch systems send before they kill a job, and Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cornet.errors import UserError

_NAMES: dict[int, str] = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl+C"}


class TrainingStopped(UserError):
    """The run was stopped by a signal; its progress is saved."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code of the process: 128 plus the signal's number, as in shells."""


class Stopping:
    """Records that a signal arrived, so that the callbacks can stop the run after a step."""

    def __init__(self) -> None:
        self._signal: int | None = None

    @property
    def requested(self) -> bool:
        return self._signal is not None

    @contextmanager
    def restored(self) -> Iterator[Stopping]:
        """Restore the previous signal handlers after this context."""
        if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
            yield self
            return
        before = {number: signal.getsignal(number) for number in _NAMES}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Install the handlers, in place of Lightning's, which would stop in the middle of a step."""
        if threading.current_thread() is threading.main_thread():
            for number in _NAMES:
                signal.signal(number, self._note)

    def _note(self, number: int, _) -> None:
        if self._signal == number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

    def stopped(self, when: str, output: Path) -> TrainingStopped:
        number = self._signal or signal.SIGTERM  # another process of the run received it
        return TrainingStopped(
            f"Stopped by {_NAMES[number]} {when}; the progress is saved in {output}, and the same command resumes.",
            128 + number,
        )
