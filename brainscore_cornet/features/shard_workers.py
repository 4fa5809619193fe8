"""Shards as tasks: several processes of this machine, or a cluster's workers, compute them, and they are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import torch

from ..cornet.brain_model import CORnetModel
from ..cornet.errors import MAX_PROCESSES, UserError, whole_number
from ..cornet.progress_line import counting
from ..cornet.writing import discard, locked, writing
from ..parallel.dask_cluster import WAIT, Cluster, Watch, cluster_for, connected, on_worker
from ..parallel.spreading import spread
from ..python_children import Abandoned, import_path
from .shard_process import ShardProcess, ShardTask
from .sharded import images_of, join_shards, remove_shards, stored
from .shards import Shard, count_shards, shards_beside
from .unfinished import Unfinished

if TYPE_CHECKING:
    from .extraction import Extraction

_SHARDS_EACH = 4  # for each worker, so that all end at about the same time
_WORKERS_OF_A_SCHEDULER = 16  # is assumed


@dataclass(frozen=True)
class ShardWorkers:
    """Who computes an extraction in shards.

    Parameters
    ----------
    workers
        Processes of this machine, or SLURM jobs.
    cluster
        A cluster in place of this machine.
    make
        A function that makes the model in each process; by default the model is sent there with its weights.
    """

    workers: int | None
    cluster: Cluster | None = None
    make: Callable[[], CORnetModel] | None = None

    @classmethod
    def of(
        cls,
        workers: int | None,
        scheduler: str | None = None,
        tls: Mapping[str, str] | None = None,
        slurm: bool = False,
        make: Callable[[], CORnetModel] | None = None,
    ) -> ShardWorkers | None:
        """Return the workers that options name, None for this process alone; raises `UserError` for invalid ones."""
        if workers is not None:
            workers = whole_number(workers, "a number of workers", 1, MAX_PROCESSES)
        cluster = cluster_for(scheduler, tls, slurm, workers)
        return None if workers is None and cluster is None else cls(workers, cluster, make)

    def extract(
        self, extraction: Extraction, options: Mapping[str, Any], output: Path, on_error: str, overwrite: bool
    ) -> None:
        """Compute all shards that are not complete, and join them into the output.

        Parameters
        ----------
        options
            Arguments of `Extraction` besides the model and the images.
        """
        output = output.absolute()
        busy = f"Another command is extracting into {output}: wait for it, or choose another output."
        with writing(output):
            lock = locked(output.with_name(f".{output.name}.workers.lock"), busy, temporary=True)
        with lock:
            request = extraction.request(on_error)
            whole = Unfinished(output, request)
            with whole.opened(overwrite) as complete:
                if complete:
                    remove_shards(output, request)
                    return
                parts = () if overwrite else (stored(output, shard, request) for shard in shards_beside(output))
                extraction.check_room(len(extraction.images), output, whole, *parts)
            shards = self._shards(extraction, output, overwrite)
            if overwrite:
                for shard in shards:  # they are resumed from here, and not begun anew, when a worker is lost
                    stored(output, shard, request).begin()
            model = cloudpickle.dumps(self.make or extraction.model)
            threads, tasks = torch.get_num_threads(), []
            for shard in shards:
                images = images_of(extraction, shard)
                packed = cloudpickle.dumps(images), len(images)
                tasks.append(ShardTask(model, Path.cwd(), *packed, options, output, shard, request, on_error, threads))
            with counting("Extracting", len(extraction.images)) as add:
                self._compute(tasks, add)
            join_shards(extraction, output, on_error, overwrite)

    def _shards(self, extraction: Extraction, output: Path, overwrite: bool) -> list[Shard]:
        """Return those of an interrupted command, which may have had other workers, or new ones."""
        if overwrite:
            for shard in shards_beside(output):
                discard(stored(output, shard, {}).folder)
        batches = -(-len(extraction.images) // extraction.batch_size)
        each = -(-batches // (_SHARDS_EACH * (self.workers or _WORKERS_OF_A_SCHEDULER)))
        count = count_shards(output) or -(-batches // each)
        return [Shard(number, count) for number in range(1, count + 1)]

    def _compute(self, tasks: list[ShardTask], add: Callable[[int], None]) -> None:
        counted: dict[str, int] = {}
        results = self._on_cluster(tasks) if self.cluster is not None else self._here(tasks)
        for task, done in results:
            add(done - counted.get(task.name, 0))
            counted[task.name] = done

    def _here(self, tasks: list[ShardTask]) -> Iterator[tuple[ShardTask, int]]:
        """Yield how many of a task's images are complete, in several processes of this machine."""
        workers = min(self.workers or 1, len(tasks))

        def compute(left: Iterator[ShardTask], is_wanted: Callable[[], bool]) -> Iterator[tuple[ShardTask, int]]:
            with ShardProcess() as process:
                for task in left:
                    yield from process.compute(task, is_wanted)

        # each process takes the next one of all tasks, until none is left
        yield from spread([iter(tasks)] * workers, workers, compute)

    def _on_cluster(self, tasks: list[ShardTask]) -> Iterator[tuple[ShardTask, int]]:
        """Yield a task and the number of its images, when it is complete on a cluster."""
        from distributed import wait

        assert self.cluster is not None
        with connected(self.cluster) as client, client.as_current():
            watch = Watch(client)
            waiting = {}
            for task in tasks:
                packed = cloudpickle.dumps(task)
                waiting[client.submit(_compute_on_worker, packed, import_path(), pure=False)] = task
            try:
                while waiting:
                    try:
                        done: Any = wait(list(waiting), timeout=WAIT, return_when="FIRST_COMPLETED")
                    except TimeoutError:
                        watch.check()
                        continue
                    for future in done.done:
                        task = waiting.pop(future)
                        _check(future, task)
                        yield task, task.count
            finally:
                client.cancel(list(waiting))


def _check(future, task: ShardTask) -> None:
    if future.status == "finished":
        return
    error = future.exception() if future.status == "error" else None
    if isinstance(error, UserError):
        raise error
    reason = f"the task was {future.status}" if error is None else f"{type(error).__name__}: {error}"
    raise UserError(f"The workers that computed {task.name} were lost ({reason}).".replace("\n", " ")) from error


def _compute_on_worker(packed: bytes, path: list[str]) -> None:
    import pickle

    is_wanted = on_worker(path)
    with ShardProcess() as process:
        try:
            for _ in process.compute(pickle.loads(packed), is_wanted):
                pass
        except Abandoned:
            return
