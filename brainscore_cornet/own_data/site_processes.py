"""Scores of several sites at once, in processes: threads of one process would wait for the interpreter's lock."""

from __future__ import annotations

import logging
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Self

import cloudpickle
import numpy as np
import torch

from ..cornet.errors import UserError
from ..cornet.recording.record import Site
from ..parallel.spreading import spread
from ..python_children import Lost, PythonChild, import_path, start, threads_of_child
from .site_scores import SiteScorer, SiteScores

_MOST = 8  # processes, each of which has libraries of 0.5 GB in memory


def count_for(sites: int) -> int:
    """Return how many processes score that many sites; 1 is this process, which has the GPU where there is one."""
    return 1 if torch.cuda.is_available() else min(torch.get_num_threads(), sites, _MOST)


class SiteProcesses:
    """Processes that score sites; they start in the background, while the sites are recorded.

    Parameters
    ----------
    count
        Number of processes, each with one thread.
    """

    def __init__(self, scorer: SiteScorer, count: int) -> None:
        self._scorer = cloudpickle.dumps(scorer)
        self._count = count
        self._starting: list[Future[PythonChild]] = []
        self._free: SimpleQueue[Future[PythonChild]] = SimpleQueue()
        self._is_closed = False

    def __enter__(self) -> Self:
        threads = ThreadPoolExecutor(self._count)
        self._starting = [threads.submit(self._started) for _ in range(self._count)]
        threads.shutdown(wait=False)
        for each in self._starting:
            self._free.put(each)
        return self

    def __exit__(self, *_) -> None:
        self._is_closed = True
        for each in self._starting:
            with suppress(Exception):  # one that did not start
                each.result().close()

    def scored(self, arrays: Mapping[Site, np.memmap]) -> Iterator[tuple[Site, SiteScores]]:
        """Yield the scores of each site, when they are known, from its activity in a file (stimulus, unit).

        Raises
        ------
        UserError
            If a process cannot be started or is lost, or for the reasons of `SiteScorer`.
        """
        yield from spread(list(arrays.items()), self._count, self._score)

    def _started(self) -> PythonChild:
        child = start(f"{__name__}:serve", threads_of_child(1), lambda: not self._is_closed)
        try:
            child.send(pickle.dumps(import_path()))
            child.send(self._scorer)
        except BaseException:
            child.close()
            raise
        return child

    def _score(
        self, activity: tuple[Site, np.memmap], is_wanted: Callable[[], bool]
    ) -> Iterator[tuple[Site, SiteScores]]:
        site, array = activity
        starting = self._free.get()
        try:
            child = starting.result()
            child.send(pickle.dumps((array.filename, array.dtype, array.shape)))
            answer: SiteScores | Exception = child.receive(is_wanted)
        except Lost as error:
            raise UserError(
                f"The process that scored {site.layer} at time step {site.time_step} {error}. If memory is short, set "
                "OMP_NUM_THREADS=1, so that one site is scored after the other."
            ) from error
        if isinstance(answer, Exception):
            raise answer
        self._free.put(starting)
        yield site, answer


def serve(connection: Connection) -> None:
    """Run in the child process: score sites from the connection until the parent closes it or dies."""
    logging.disable(logging.WARNING)  # the parent says what concerns all sites
    warnings.simplefilter("ignore")
    try:
        sys.path[:] = pickle.loads(connection.recv_bytes())
        scorer: SiteScorer = pickle.loads(connection.recv_bytes())
        while True:
            file, dtype, shape = pickle.loads(connection.recv_bytes())
            connection.send_bytes(cloudpickle.dumps(_answer(scorer, np.memmap(file, dtype, "r", shape=shape))))
    except (EOFError, ConnectionError):
        return


def _answer(scorer: SiteScorer, activity: np.ndarray) -> SiteScores | Exception:
    try:
        return scorer(activity)
    except Exception as error:  # it is raised where the scores are awaited
        return error.with_traceback(None)
