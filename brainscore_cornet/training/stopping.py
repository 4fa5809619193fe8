"""Signals that ask a run to end: SIGTERM, which batch systems send some time before they kill, and Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cornet.errors import UserError

_NAMES: dict[int, str] = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl+C"}


class TrainingStopped(UserError):
    """A run that ended early because it was asked to, with all that it had done saved."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """That the process ends with: 128 and the signal's number, as shells have it."""


class Stopping:
    """Remembers that a signal came, for those who can stop in good order."""

    def __init__(self) -> None:
        self._signal: int | None = None

    @property
    def asked(self) -> bool:
        return self._signal is not None

    @contextmanager
    def restored(self) -> Iterator[Stopping]:
        """Outside, signals do what they did before."""
        if threading.current_thread() is not threading.main_thread():  # signals go to the main thread alone
            yield self
            return
        before = {number: signal.getsignal(number) for number in _NAMES}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """From now on; what Lightning does at a SIGTERM, it then does not: it would stop in the middle of a step."""
        if threading.current_thread() is threading.main_thread():
            for number in _NAMES:
                signal.signal(number, self._note)

    def _note(self, number: int, _) -> None:
        if self._signal == number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

    def stopped(self, when: str, output: Path) -> TrainingStopped:
        number = self._signal or signal.SIGTERM  # another process of the run was asked
        return TrainingStopped(
            f"Stopped by {_NAMES[number]} {when}; all that is done is saved in {output}, and the same command goes on.",
            128 + number,
        )
