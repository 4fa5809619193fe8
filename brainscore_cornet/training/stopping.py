"""Handling of signals that stop a run: SIGTERM, which batch systems send before they kill a job, and Ctrl+C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ..cornet.errors import UserError
from ..ranks import is_first

_END = b"\0"  # no signal has this number
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
        self._before: Mapping[int, Any] = {}

    @property
    def requested(self) -> bool:
        return self._signal is not None

    @contextmanager
    def restored(self) -> Iterator[Stopping]:
        """Restore the previous signal handlers after this context."""
        if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
            yield self
            return
        self._before = before = {number: signal.getsignal(number) for number in _NAMES}
        # Handlers wait until a call into torch returns, such as a backward pass of seconds. The wakeup file does not.
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        thread = threading.Thread(target=self._announce, args=(reading,), daemon=True)
        thread.start()
        wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(wakeup)
            os.write(writing, _END)
            thread.join()
            os.close(reading)
            os.close(writing)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _announce(self, reading: int) -> None:
        """Print what happens after the first signal, whose number the wakeup file gets."""
        while (byte := os.read(reading, 1)) != _END:
            if self._is_listening and byte[0] in _NAMES:
                self._is_listening = False
                again = "; Ctrl+C again stops without saving" if byte[0] == signal.SIGINT else ""
                self._print_line(f"Stopping after this step, to save it{again}.")

    def listen(self) -> None:
        """Install the handlers, in place of Lightning's, which would stop in the middle of a step."""
        if threading.current_thread() is threading.main_thread():
            for number in _NAMES:
                signal.signal(number, self._note)
            self._is_listening = is_first()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signal == number == signal.SIGINT:
            if callable(handler := self._before.get(number)):  # the command line's, which prints a line
                handler(number, frame)
            raise KeyboardInterrupt
        self._signal = number

    def stopped(self, when: str, output: Path) -> TrainingStopped:
        number = self._signal or signal.SIGTERM  # another process of the run received it
        return TrainingStopped(
            f"Stopped by {_NAMES[number]} {when}; the progress is saved in {output}, and the same command resumes.",
            128 + number,
        )
