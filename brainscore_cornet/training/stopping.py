"""Handling of signals that stop a run: SIGTERM, which batch systems send before they kill a job, and Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cornet.errors import UserError
from ..ranks import is_first
from ..signals import heard_at_once

_NAMES: dict[int, str] = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl+C"}


class TrainingStopped(UserError):
    """The run was stopped by a signal; its progress is saved."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code of the process: 128 plus the signal's number, as in shells."""


class Stopping:
    """Records that a signal arrived, so that the callbacks can stop the run after a step.

    Parameters
    ----------
    print_line
        Callback that prints a line at once when a signal arrives; called in another thread.
    """

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._signal: int | None = None
        self._is_listening = False
        self._heard: list[int] = []

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
            with heard_at_once(self._hear):
                yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int) -> None:
        """Print what happens after the first signal."""
        if not self._is_listening or number not in _NAMES:
            return
        self._heard.append(number)
        if len(self._heard) == 1 and is_first():
            again = "; Ctrl+C again stops at once" if number == signal.SIGINT else ""
            self._print_line(f"Stopping after this step, to save it{again}.")

    def listen(self) -> None:
        """Install the handlers, in place of Lightning's, which would stop in the middle of a step."""
        if threading.current_thread() is threading.main_thread():
            for number in _NAMES:
                signal.signal(number, self._note)
            self._is_listening = True

    def _note(self, number: int, _) -> None:
        # called once for two signals that arrive during a call into a library
        if number == signal.SIGINT and (self._signal == number or self._heard.count(number) > 1):
            raise KeyboardInterrupt
        self._signal = number

    def stopped(self, when: str, output: Path) -> TrainingStopped:
        number = self._signal or signal.SIGTERM  # another process of the run received it
        return TrainingStopped(
            f"Stopped by {_NAMES[number]} {when}; the progress is saved in {output}, and the same command resumes.",
            128 + number,
        )
