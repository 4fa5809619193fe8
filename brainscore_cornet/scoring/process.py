"""A monitored process for jobs: if it hangs, exceeds its memory or dies, only the current job fails."""

from __future__ import annotations

import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import psutil

from ..cornet.names import shown
from ..cornet.progress_line import Work, listening, report
from ..cornet.recording import cache
from ..metrics import EXACT
from ..python_children import (
    Abandoned,
    ChildOwner,
    Lost,
    NotStarted,
    PythonChild,
    import_path,
    start,
    threads_of_child,
)
from .jobs import Job
from .scorer import JobOutcome, JobScorer, failed

_POLL = 0.2  # s between two checks of a running job
_GB = 1024**3
# Freed memory is used again: to have it from the system anew for each batch takes a seventh of a score's time. The C
# library of Linux reads this, others ignore it.
_REUSE_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(_GB), "MALLOC_TRIM_THRESHOLD_": str(_GB)}
_STARTS = 2  # attempts to start a process; what ends it before it is ready is not the job's fault


class Process(ChildOwner):
    """Scores jobs in a child process, which is started when needed and restarted after it was lost.

    Parameters
    ----------
    timeout
        Time limit for each job in s.
    memory_gb
        Memory limit for each job in GB; by default nine tenths of the free memory when the process starts.
    metrics
        Who computes them, one of `metrics.WAYS`.
    threads
        Threads for the computation; by default one for each core.
    cache
        Folder for activations, in place of `RESULTCACHING_HOME`.
    """

    def __init__(
        self,
        *,
        timeout: float | None = None,
        memory_gb: float | None = None,
        metrics: str = EXACT,
        threads: int | None = None,
        cache: str | None = None,
    ) -> None:
        self._timeout, self._memory_gb, self._metrics = timeout, memory_gb, metrics
        # without Brain-Score's own bars, between which the line would be lost
        self._environment = {"TQDM_DISABLE": "1", **_REUSE_MEMORY}
        self._environment |= {} if cache is None else {"RESULTCACHING_HOME": cache}
        if threads is not None:
            self._environment |= threads_of_child(threads)
        self._allowed_gb = 0.0
        self._prepared: Future[PythonChild] | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Start the process in the background, so that it imports its libraries while this one does."""
        thread = ThreadPoolExecutor(1)
        self._prepared = thread.submit(self._start, lambda: not self._is_closed)
        thread.shutdown(wait=False)

    def close(self) -> None:
        self._is_closed = True
        if self._prepared is not None:
            wait([self._prepared])
            self._prepared = None
        super().close()

    def score(self, job: Job, is_wanted: Callable[[], bool] = lambda: True) -> JobOutcome:
        """Score a job and return its outcome, which is a failure if the process is lost during the job.

        Raises
        ------
        Abandoned
            If `is_wanted` returns False during the job.
        NotStarted
            If the process ends before it is ready, so that nothing is known about the job.
        """
        try:
            return self._score(job, is_wanted)
        finally:
            report(None, job.name)

    def _score(self, job: Job, is_wanted: Callable[[], bool]) -> JobOutcome:
        _report(job, Work("starting a process"))
        child, largest = self._started(is_wanted), 0
        begun = time.monotonic()
        try:
            child.connection.send_bytes(job.packed())
            while (outcome := _outcome(child.connection, job)) is None:
                resident = _resident(child.process.pid)
                largest = max(largest, resident)
                if reason := self._limit_exceeded(resident, time.monotonic() - begun):
                    self.close()
                    return failed(job, reason, seconds=round(time.monotonic() - begun, 1), memory_mb=largest / 2**20)
                if not is_wanted():
                    raise Abandoned
        except (EOFError, ConnectionError, pickle.UnpicklingError):
            reason = self._cause_of_death(child, largest)
            self.close()
            return failed(job, reason, seconds=round(time.monotonic() - begun, 1), memory_mb=largest / 2**20)
        except BaseException:  # such as Ctrl-C
            self.close()
            raise
        largest = max(largest, _resident(child.process.pid))
        row = outcome.row and replace(outcome.row, memory_mb=round(largest / 2**20, 1))
        return replace(outcome, row=row)

    def _started(self, is_wanted: Callable[[], bool]) -> PythonChild:
        if self._prepared is not None:
            prepared, self._prepared = self._prepared, None
            with suppress(NotStarted):  # it is started again
                prepared.result()
        if self._child is not None and self._child.process.poll() is None:
            return self._child
        super().close()
        for attempt in range(_STARTS):
            try:
                return self._start(is_wanted)
            except NotStarted:
                if attempt == _STARTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _start(self, is_wanted: Callable[[], bool]) -> PythonChild:
        child = start(f"{__name__}:serve", self._environment, is_wanted)
        try:
            setup = {"path": import_path(), "memory_gb": self._memory_gb, "metrics": self._metrics}
            child.send(cloudpickle.dumps(setup))
            self._allowed_gb = child.receive(is_wanted)
        except Lost as error:
            child.close()
            raise NotStarted(f"The process that scores {error} before it was ready.") from None
        except BaseException:
            child.close()
            raise
        self._child = child
        return child

    def _limit_exceeded(self, resident: int, seconds: float) -> str | None:
        if self._timeout is not None and seconds > self._timeout:
            return f"It was stopped after {self._timeout:g} seconds (--timeout)."
        if resident > self._allowed_gb * _GB:
            limit = f"{self._allowed_gb:.1f} GB are allowed (--memory)"
            return f"It was stopped at {resident / _GB:.1f} GB of memory: {limit}."
        return None

    @staticmethod
    def _cause_of_death(child: PythonChild, largest: int) -> str:
        how = child.end()
        hint = ", as happens when a machine runs out of memory" if signal.SIGKILL.name in how else ""
        memory = f"; it had {largest / _GB:.1f} GB" if largest else ""
        return f"The process that scored it {how}{hint}{memory}."


def _outcome(connection: Connection, job: Job) -> JobOutcome | None:
    """Wait briefly for a child's outcome, and show the progress that it reports; None if it is still at work."""
    waits_until = time.monotonic() + _POLL
    while connection.poll(max(0.0, waits_until - time.monotonic())):
        received: JobOutcome | Work = pickle.loads(connection.recv_bytes())
        if isinstance(received, JobOutcome):
            return received
        _report(job, received)
    return None


def _report(job: Job, work: Work) -> None:
    report(replace(work, what=f"{job.candidate.name} on {job.target.name}: {work.what}"), job.name)


def _resident(pid: int) -> int:
    """Return the resident memory in bytes of a process and its children."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.Error:  # the process has just ended
        pass
    return total


def serve(connection: Connection) -> None:
    """Run in the child process: score jobs from the connection until the parent closes it or dies."""
    try:
        setup: dict[str, Any] = pickle.loads(connection.recv_bytes())
    except (EOFError, ConnectionError):
        return
    sys.path[:] = setup["path"]
    for category in (FutureWarning, SyntaxWarning, DeprecationWarning):  # addressed to the authors of libraries
        warnings.simplefilter("ignore", category)
    warnings.showwarning = lambda message, *_: print(f"Warning: {shown(message)}", file=sys.stderr)
    import torch  # noqa: F401  # now, so that it takes no time from the first job's limit
    from brainscore_vision.benchmark_helpers.memory import available_memory_gb

    allowed_gb = setup["memory_gb"] or 0.9 * available_memory_gb()
    scorer = JobScorer(allowed_gb, setup["metrics"])
    connection.send_bytes(pickle.dumps(allowed_gb))
    while True:
        try:
            packed = connection.recv_bytes()
            with listening(_Reporter(connection)):
                outcome = _packed(scorer, packed)
            connection.send_bytes(outcome)
        except (EOFError, ConnectionError):
            return


class _Reporter:
    """Sends the work in a child to its parent, as often as a line there is renewed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._what, self._sent = "", 0.0
        self._lock = threading.Lock()

    def __call__(self, work: Work | None, _key) -> None:
        with self._lock:
            now = time.monotonic()
            if work is not None and (work.what != self._what or now - self._sent > _POLL):
                self._what, self._sent = work.what, now
                self._connection.send_bytes(pickle.dumps(work))


def _packed(scorer: JobScorer, packed: bytes) -> bytes:
    outcome = scorer.score(pickle.loads(packed))
    cache.trim()
    try:
        return cloudpickle.dumps(outcome)
    except Exception as error:  # pickling can raise any exception, depending on a score's attributes
        lost = f"the Score object is not saved, since it cannot be pickled: {type(error).__name__}: {error}"
        assert outcome.row is not None, "only a score of a known version has no row, and it has no Score either"
        row = replace(outcome.row, note="; ".join(filter(None, [outcome.row.note, lost])))
        return cloudpickle.dumps(replace(outcome, row=row, score=None))
