"""Signals that are answered while a call into a library lasts, for which Python's own handlers wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_END = b"\0"  # no signal has this number


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
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

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
        os.write(writing, _END)
        thread.join()
        os.close(reading)
        os.close(writing)
