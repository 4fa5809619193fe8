"""Signals that are answered while a call into a library lasts, for which Python's own handlers wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_END = b"\0"  # no signal has this number
_writing: int | None = None


def _leave_to_parent() -> None:
    """Write nothing from a forked process, which gets a terminal's Ctrl-C, too, into the pipe of its parent."""
    if _writing is not None:
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_leave_to_parent)


@contextmanager
def heard_at_once(hear: Callable[[int], object]) -> Iterator[None]:
    """Call a function with the number of each handled signal inside this context, at once and in another thread.

    A handler in Python runs when the present call into a library returns, such as a backward pass of many seconds, and
    then once for all signals of a kind. This function does not wait. Only the main thread can open the context; in
    others it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _writing
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    outer, _writing = _writing, writing

    def listen() -> None:
        while (byte := os.read(reading, 1)) != _END:
            hear(byte[0])
            if before >= 0:
                with suppress(OSError):  # it is full or closed
                    os.write(before, byte)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        _writing = outer
        os.write(writing, _END)
        thread.join()
        os.close(reading)
        os.close(writing)
