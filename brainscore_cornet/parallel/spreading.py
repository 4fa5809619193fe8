"""Work in several threads at once, each of which looks after a process of this machine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Queue
from typing import TypeVar

from ..python_children import Abandoned

Group = TypeVar("Group")
Result = TypeVar("Result")


def spread(
    groups: Sequence[Group], workers: int, work: Callable[[Group, Callable[[], bool]], Iterable[Result]]
) -> Iterator[Result]:
    """Work on groups in `workers` threads, and yield each result once, when it is available.

    Parameters
    ----------
    work
        Function of a group, and of a function that says whether its results are still wanted, which returns the
        group's results. It may raise `Abandoned` when they are not. Another error ends all work and is raised here.
    """
    left = deque(groups)
    heard: Queue[tuple[Result, ...] | BaseException] = Queue()
    stopped = threading.Event()

    def take() -> None:
        try:
            while True:
                try:
                    group = left.popleft()
                except IndexError:  # another thread took the last group
                    return
                for result in work(group, lambda: not stopped.is_set()):
                    heard.put((result,))
                heard.put(())  # the group is complete
        except Abandoned:
            pass
        except BaseException as error:  # raised again where the results are read
            heard.put(error)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(min(workers, len(left)))]
    try:
        for thread in threads:
            thread.start()
        unfinished = len(groups)
        while unfinished:
            result = heard.get()
            if isinstance(result, BaseException):
                raise result
            yield from result
            unfinished -= not result
    finally:
        stopped.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
