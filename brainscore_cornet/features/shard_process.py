"""A process that computes shards: if it dies, another one resumes the shard."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle

from ..cornet.brain_model import CORnetModel
from ..cornet.errors import UserError
from ..cornet.progress_line import Work, listening
from ..cornet.writing import Busy
from ..python_children import Abandoned, ChildOwner, Lost, NotStarted, PythonChild, import_path, start
from .image_sources import Images
from .shards import Shard

_POLL = 0.5  # s between two attempts at a shard that a lost worker had locked
_LOST = 3  # processes in a row, at most, that are lost before an image of a shard is complete
_RELEASED = 90.0  # s after which a lost worker, which had locked the shard, has ended


@dataclass(frozen=True)
class ShardTask:
    """A shard, as it is sent to a process."""

    model: bytes
    """A pickled model, or function that makes one."""
    folder: Path
    """The command's working folder, to which paths of images are relative."""
    images: bytes
    """Those of the shard, pickled: files of arrays are opened where it is computed."""
    count: int
    """Number of images."""
    options: Mapping[str, Any]
    """Arguments of `Extraction` besides the model and the images."""
    output: Path
    shard: Shard
    request: Mapping[str, Any]
    """The request of the whole extraction."""
    on_error: str
    threads: int
    """Threads of the computation. The last bits depend on their number: it is that of the command."""

    @property
    def name(self) -> str:
        return f"shard {self.shard.number} of {self.shard.count}"


class ShardProcess(ChildOwner):
    """Computes shards in a child process, which is started when needed and restarted after it was lost."""

    def compute(self, task: ShardTask, is_wanted: Callable[[], bool]) -> Iterator[tuple[ShardTask, int]]:
        """Compute a shard, or what is left of it, and yield it with the number of its images that are complete.

        Raises
        ------
        Abandoned
            If `is_wanted` returns False.
        UserError
            If the shard cannot be computed, or several processes in a row were lost before any image was complete.
        """
        lost, furthest = 0, 0
        give_up = time.monotonic() + _RELEASED
        while True:
            try:
                for done in self._answers(task, is_wanted):
                    if done > furthest:
                        lost, furthest = 0, done
                    yield task, done
                yield task, task.count
                return
            except Busy:
                if time.monotonic() > give_up:
                    raise
                if not is_wanted():
                    raise Abandoned from None
                time.sleep(_POLL)
            except (NotStarted, Lost) as error:
                how = str(error) if isinstance(error, NotStarted) else f"The last one {error}."
                self.close()
                lost += 1
                if lost == _LOST:
                    raise UserError(
                        f"{lost} processes in a row that computed {task.name} were lost. {how} If memory is short, "
                        "compute fewer shards at once, or smaller batches."
                    ) from error

    def _answers(self, task: ShardTask, is_wanted: Callable[[], bool]) -> Iterator[int]:
        child = self._started(is_wanted)
        child.send(cloudpickle.dumps(task))
        answer: int | Exception | None
        while (answer := child.receive(is_wanted)) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def _started(self, is_wanted: Callable[[], bool]) -> PythonChild:
        if self._child is None:
            self._child = start(f"{__name__}:serve", {}, is_wanted)
            self._child.send(pickle.dumps(import_path()))
        return self._child


def serve(connection: Connection) -> None:
    """Run in the child process: compute shards from the connection until the parent closes it or dies."""
    logging.disable(logging.WARNING)  # the parent says what concerns all shards
    warnings.simplefilter("ignore")
    try:
        sys.path[:] = pickle.loads(connection.recv_bytes())
        while True:
            answer = _answer(connection, connection.recv_bytes())
            connection.send_bytes(answer)
    except (EOFError, ConnectionError):
        return


def _answer(connection: Connection, packed: bytes) -> bytes:
    """Return None once a shard is complete, or the error that it raised, packed."""

    def tell(work: Work | None, _key) -> None:
        if work is not None and work.first is not None:
            connection.send_bytes(pickle.dumps(work.done))

    try:
        with listening(tell):
            _compute(pickle.loads(packed))
        return pickle.dumps(None)
    except (EOFError, ConnectionError):
        raise
    except UserError as error:
        return cloudpickle.dumps(error.with_traceback(None))
    except Exception as error:  # a bug, whose place is to be shown
        found = RuntimeError(f"{type(error).__name__}: {error}")
        found.add_note("".join(traceback.format_exception(error)))
        return cloudpickle.dumps(found)


def _compute(task: ShardTask) -> None:
    import torch

    from .extraction import Extraction
    from .sharded import compute_rows

    torch.set_num_threads(task.threads)
    with suppress(OSError):  # on another machine; images that are not there are reported
        os.chdir(task.folder)
    images: Images = pickle.loads(task.images)
    extraction = Extraction(_made(task.model), images, **task.options)
    for name, value in extraction.attributes.items():
        if value != task.request.get(name):
            raise UserError(
                f"The process of {task.name} has {name} {value}, the command {task.request.get(name)}: expected the "
                "same weights and packages on all machines."
            )
    compute_rows(extraction, images, task.output, task.shard, task.request, task.on_error)


@lru_cache(maxsize=1)  # the same for all shards of an extraction
def _made(model: bytes) -> CORnetModel:
    made = pickle.loads(model)
    return made if isinstance(made, CORnetModel) else made()
