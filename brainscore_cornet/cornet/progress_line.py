"""The current work as one line on standard error: a bar on a terminal, a line every 30 s in a log."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from .names import shown

FIRST = 2.0  # s before the first line of a log, where nothing has been printed at once
EVERY = 30.0  # s between two lines of a log
_RENEWED = 0.5  # s between two states of a terminal's line
_SHORTEST_BAR = 6  # characters
_SHORTEST_TEXT = 12  # characters of the text beside the numbers, however narrow the terminal


@dataclass(frozen=True)
class Work:
    """What is being done, and how much of it is complete."""

    what: str
    done: int = 0
    total: int | None = None
    """None if it is not known."""
    unit: str = "image"
    """A noun in the singular, or `B` for bytes."""
    first: int | None = None
    """What was complete at the beginning, for the rate; None if nothing is counted."""
    note: str = ""
    """Further numbers, such as a loss."""


Listener = Callable[[Work | None, Hashable], None]
_listener: Listener | None = None
_line: ProgressLine | None = None
_uncounted: Work | None = None
_is_counting = False


def report(work: Work | None, key: Hashable = None) -> None:
    """Show work, if a line is shown at all; None ends the work of this key.

    Parameters
    ----------
    key
        Tells several works apart that are done at the same time.
    """
    global _uncounted
    if _listener is None:
        return
    if key is None:
        _uncounted = work if work is not None and work.first is None else _uncounted
    _listener(work, key)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send this process' work to a function, in place of a line, inside this context."""
    global _listener, _uncounted
    before, _listener = (_listener, _uncounted), listener
    try:
        yield
    finally:
        _listener, _uncounted = before


@contextmanager
def showing(what: str | None = None) -> Iterator[None]:
    """Show a line inside this context, beginning with `what` at once; inside another such context, change its text."""
    global _line
    if _listener is not None:
        if what is not None:
            report(Work(what))
        yield
        return
    line = _line = ProgressLine()
    try:
        with line, listening(line.show):
            if what is not None:
                report(Work(what))
                line.draw()
            yield
    finally:
        _line = None


@contextmanager
def counting(what: str, total: int | None, *, unit: str = "image", first: int = 0) -> Iterator[Callable[[int], None]]:
    """Show how much of some work is complete, and yield a function that adds to it.

    Work inside other counted work, such as recordings of portions, is not shown. Afterwards the line has the text from
    before.
    """
    global _is_counting
    if _is_counting:
        yield lambda count: None
        return
    done = first

    def add(count: int) -> None:
        nonlocal done
        done += count
        report(Work(what, done, total, unit, first))

    _is_counting = True
    try:
        with showing():
            add(0)
            yield add
            if _uncounted is not None:
                report(_uncounted)
    finally:
        _is_counting = False


def set_aside() -> None:
    """Remove a terminal's line, which is about to get other text; it returns below that text."""
    if _line is not None:
        _line.clear()


def _forget() -> None:
    """Show nothing in a forked process, such as a loader's worker: the thread and its lock are the parent's."""
    global _listener, _line
    _listener = _line = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)


class ProgressLine:
    """A line about the latest work, which a thread of its own keeps up to date."""

    def __init__(self) -> None:
        self._file = sys.stderr
        self._is_terminal = bool(getattr(self._file, "isatty", lambda: False)())
        self._works: dict[Hashable, tuple[float, Work]] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, daemon=True)
        self._drawn = False

    def __enter__(self) -> ProgressLine:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self.clear()

    def show(self, work: Work | None, key: Hashable) -> None:
        with self._lock:
            if work is None:
                self._works.pop(key, None)
                return
            begun, before = self._works.get(key, (0.0, None))
            is_same = before is not None and (before.what, before.first) == (work.what, work.first)
            self._works[key] = (begun if is_same else time.monotonic(), work)

    def draw(self) -> None:
        """Print the present state."""
        with self._lock, suppress(OSError, ValueError):  # standard error is closed
            lines = self._lines()
            if not lines:
                return
            if not self._is_terminal:
                print(*lines, sep="\n", file=self._file, flush=True)
                return
            more = _more(len(lines) - 1)
            text = lines[0][: shutil.get_terminal_size().columns - 1 - len(more)] + more
            print(f"\r\x1b[K{text}", end="", file=self._file, flush=True)
            self._drawn = True

    def clear(self) -> None:
        with self._lock, suppress(OSError, ValueError):
            if self._drawn:
                print("\r\x1b[K", end="", file=self._file, flush=True)
                self._drawn = False

    def _lines(self) -> list[str]:
        now = time.monotonic()
        works = {key: each for key, each in self._works.items() if key is not None} or self._works
        as_text = partial(_bar, others=len(works) - 1) if self._is_terminal else in_words
        return [shown(as_text(work, now - begun)) for begun, work in works.values()]

    def _keep_up(self) -> None:
        wait = _RENEWED if self._is_terminal else FIRST
        while not self._over.wait(wait):
            self.draw()
            wait = _RENEWED if self._is_terminal else EVERY


def in_words(work: Work, seconds: float) -> str:
    """Return work as text: what is done, how many of how many, the rate and the time left."""
    if work.first is None:
        return f"{work.what}{f', {seconds:.0f} s so far' if seconds >= 1 else ''}"
    rate = (work.done - work.first) / seconds if seconds > 0 else 0.0
    if work.unit == "B":
        units, count, scale = "MB", f"{work.done / 1e6:,.1f}", 1e6
        total = None if work.total is None else f"{work.total / 1e6:,.1f}"
    else:
        is_one = (work.done if work.total is None else work.total) == 1
        units, count, scale = work.unit if is_one else f"{work.unit}s", f"{work.done:,}", 1.0
        total = None if work.total is None else f"{work.total:,}"
    parts = [f"{work.what}: {count}{'' if total is None else f' of {total}'} {units}"]
    if rate > 0:
        parts.append(f"{rate / scale:.3g} {units}/s")
        is_known = work.done - work.first > 2 or seconds >= EVERY  # the first ones wait for what all share
        if work.total is not None and work.done < work.total and is_known:
            parts.append(f"{_duration((work.total - work.done) / rate)} left")
    return ", ".join([*parts, work.note] if work.note else parts)


def _bar(work: Work, seconds: float, others: int = 0) -> str:
    """Return a line of a terminal's width; where that is too narrow, the text is shortened and the numbers are not."""
    from tqdm import tqdm

    width = shutil.get_terminal_size().columns - 1 - len(_more(others))
    if work.first is None:
        room = width - len(in_words(replace(work, what=""), seconds))
        return in_words(replace(work, what=_shortened(work.what, room)), seconds)
    meter = partial(
        tqdm.format_meter,
        work.done,
        work.total,  # pyright: ignore[reportArgumentType]  # None is allowed
        seconds,
        unit=work.unit,
        unit_scale=work.unit == "B",
        initial=work.first,
        postfix=work.note or None,
    )
    room = width - len(meter(ncols=0)) - len(": ||") - _SHORTEST_BAR
    return meter(ncols=width, prefix=_shortened(work.what, room))


def _more(others: int) -> str:
    return f" (and {others} more)" if others else ""


def _shortened(text: str, room: int) -> str:
    """Return a text with an ellipsis in its middle, if it is longer than the room for it."""
    room = max(room, _SHORTEST_TEXT)
    if len(text) <= room:
        return text
    head = (room - 1) // 2
    return f"{text[:head]}…{text[head + 1 - room :]}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
