"""A process of its own for jobs, watched from outside: it may hang, eat the memory or die, and nothing else does."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe
from typing import Any

import cloudpickle
import psutil

from ..cornet.recording import cache
from .jobs import Job
from .scorer import JobOutcome, JobScorer, failed

_POLL = 0.2  # s between two looks at a job under way
_GB = 1024**3


class JobAbandoned(Exception):
    """The job was given up because nobody waits for it any more."""


@dataclass
class _Child:
    process: subprocess.Popen
    connection: Connection
    allowed_gb: float = 0.0
    """Memory that it may use."""


class Process:
    """Scores jobs in a process, which is started when it is needed and again after it was lost.

    Parameters
    ----------
    timeout
        Seconds for each job.
    memory_gb
        For each job; by default nine tenths of what is free when the process starts.
    threads
        For the computation; by default all cores.
    cache
        Folder for activations, in place of `RESULTCACHING_HOME`.
    """

    def __init__(
        self,
        *,
        timeout: float | None = None,
        memory_gb: float | None = None,
        threads: int | None = None,
        cache: str | None = None,
    ) -> None:
        self._timeout, self._memory_gb = timeout, memory_gb
        self._environment = {} if cache is None else {"RESULTCACHING_HOME": cache}
        if threads is not None:
            self._environment |= {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
        self._child: _Child | None = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def score(self, job: Job, is_wanted: Callable[[], bool] = lambda: True) -> JobOutcome:
        """Score a job. Whatever becomes of the process, there is an outcome.

        Raises
        ------
        JobAbandoned
            When `is_wanted` says that nobody waits for it any more.
        """
        start, largest = time.monotonic(), 0
        try:
            child = self._started()
            start = time.monotonic()
            child.connection.send_bytes(job.packed())
            while not child.connection.poll(_POLL):
                resident = _resident(child.process.pid)
                largest = max(largest, resident)
                if reason := self._intolerable(resident, child.allowed_gb, time.monotonic() - start):
                    self.close()
                    return failed(job, reason, seconds=round(time.monotonic() - start, 1), memory_mb=largest / 2**20)
                if not is_wanted():
                    self.close()
                    raise JobAbandoned
            outcome: JobOutcome = pickle.loads(child.connection.recv_bytes())
        except (EOFError, ConnectionError, pickle.UnpicklingError):
            reason = self._how_it_died(largest)
            self.close()
            return failed(job, reason, seconds=round(time.monotonic() - start, 1), memory_mb=largest / 2**20)
        except BaseException:  # such as Ctrl-C
            self.close()
            raise
        largest = max(largest, _resident(child.process.pid))
        row = outcome.row and replace(outcome.row, memory_mb=round(largest / 2**20, 1))
        return replace(outcome, row=row)

    def close(self) -> None:
        if self._child is None:
            return
        self._child.connection.close()
        _kill(self._child.process.pid)
        self._child.process.wait()
        self._child = None

    def _started(self) -> _Child:
        if self._child is not None and self._child.process.poll() is None:
            return self._child
        self.close()
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what benchmarks print is no result
                env={**os.environ, **self._environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        child = self._child = _Child(process, ours)
        setup = {"path": sys.path, "memory_gb": self._memory_gb, "parent": os.getpid()}
        ours.send_bytes(cloudpickle.dumps(setup))
        child.allowed_gb = pickle.loads(ours.recv_bytes())  # when it has imported what takes seconds
        return child

    def _intolerable(self, resident: int, allowed_gb: float, seconds: float) -> str | None:
        if self._timeout is not None and seconds > self._timeout:
            return f"It was stopped after {self._timeout:g} seconds (--timeout)."
        if resident > allowed_gb * _GB:
            limit = f"{allowed_gb:.1f} GB are allowed (--memory)"
            return f"It was stopped at {resident / _GB:.1f} GB of memory: {limit}."
        return None

    def _how_it_died(self, largest: int) -> str:
        if self._child is None:
            return "The process that scores could not be started."
        try:
            code = self._child.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "The process that scored it no longer answered."
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        hint = ", as happens when a machine runs out of memory" if code == -signal.SIGKILL else ""
        memory = f"; it had {largest / _GB:.1f} GB" if largest else ""
        return f"The process that scored it died {how}{hint}{memory}."


def _resident(pid: int) -> int:
    """Bytes of a process and those that it started."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.Error:  # it ended in between
        pass
    return total


def _kill(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            each.kill()
    except psutil.Error:
        pass


def _serve(connection: Connection) -> None:
    """The other side: score what comes until the parent hangs up or dies."""
    setup: dict[str, Any] = pickle.loads(connection.recv_bytes())
    sys.path[:] = setup["path"]
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, to their authors
    warnings.showwarning = lambda message, *_: print(f"Warning: {message}", file=sys.stderr)
    threading.Thread(target=_die_with, args=(setup["parent"],), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    from brainscore_vision.benchmark_helpers.memory import available_memory_gb

    allowed_gb = setup["memory_gb"] or 0.9 * available_memory_gb()
    scorer = JobScorer(allowed_gb)
    connection.send_bytes(pickle.dumps(allowed_gb))
    while True:
        try:
            packed = connection.recv_bytes()
        except (EOFError, ConnectionError):
            return
        connection.send_bytes(_packed(scorer, packed))


def _packed(scorer: JobScorer, packed: bytes) -> bytes:
    outcome = scorer.score(pickle.loads(packed))
    cache.trim()
    try:
        return cloudpickle.dumps(outcome)
    except Exception as error:  # pickling fails in as many ways as there are objects among a score's attributes
        lost = f"the Score object is not kept, since it cannot be sent: {type(error).__name__}: {error}"
        assert outcome.row is not None, "only a score of a known version has no row, and it has no Score either"
        row = replace(outcome.row, note="; ".join(filter(None, [outcome.row.note, lost])))
        return cloudpickle.dumps(replace(outcome, row=row, score=None))


def _die_with(parent: int) -> None:
    """A job under way must not outlive who waits for it, even one that was killed and could not say so."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    from brainscore_cornet.scoring.process import _serve as serve  # so that its classes are those of the package

    serve(Connection(int(sys.argv[1])))
