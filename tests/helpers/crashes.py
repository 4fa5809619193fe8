"""Commands in processes of their own that are killed at a chosen operation on files, and disks without power."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from helpers.patience import PATIENCE

PRELOADED = [
    "helpers.crashes",
    "helpers.toys",
    "brainscore_cornet.cornet.brain_model",
    "brainscore_cornet.features",
    "brainscore_cornet.scoring.pool",
    "brainscore_cornet.training.training_run",
    "matplotlib.backends.backend_agg",
    "torch.utils.tensorboard",
]
_OPERATIONS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"}
_TICK = 10**7  # ns: two changes of a file that are closer may have one time
SECONDS = 200  # after which a command counts as stuck


class Running:
    """A function in a process of its own; what takes long to import is imported once for all of them.

    Parameters
    ----------
    folder
        Operations on files in this folder are counted.
    kill_at
        The process kills itself before this operation, counted from 1; 0 for never.
    """

    def __init__(self, function: Callable, *arguments, folder: Path, log: Path, kill_at: int = 0) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.log = log
        self.process = context.Process(target=_run, args=(function, arguments, str(folder), str(log), kill_at))
        self.process.start()

    def wait(self) -> int:
        """Return the exit code."""
        self.process.join(SECONDS)
        assert self.process.exitcode is not None, self.said
        return self.process.exitcode

    def kill(self) -> None:
        """Kill the process, and wait until all that it has started is gone."""
        try:
            started = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            started = []
        self.process.kill()
        self.process.join()
        assert not left_of(started)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def left_of(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those that do not end; one whose parent has not asked for its exit code has ended."""
    end, left = time.monotonic() + PATIENCE, list(processes)
    while (left := [process for process in left if _is_alive(process)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _run(function: Callable, arguments: Sequence, folder: str, log: str, kill_at: int) -> None:
    import torch

    torch.set_num_threads(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    multiprocessing.set_start_method("fork", force=True)  # as it is in a process that was not made here
    count = 0

    def watch(event: str, details: tuple) -> None:
        nonlocal count
        if event not in _OPERATIONS or not details or not str(details[0]).startswith(folder):
            return
        if event == "open" and not (details[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    function(*arguments)
    Path(f"{log}.count").write_text(str(count))


def training(images: Path, output: Path) -> list[str]:
    """The arguments of a short training that saves often."""
    return [
        *("train", "--model", "Z", "--data_path", str(images), "-o", str(output), "--image_size", "32"),
        *("--epochs", "2", "--batch_size", "8", "--save-every", "0.0001m", "--ngpus", "0", "-j", "0"),
    ]


def command(*arguments: str) -> None:
    """Run the command line, with a record of the progress of features several times a second."""
    from brainscore_cornet.cli.main import main
    from brainscore_cornet.features import unfinished

    unfinished.SYNC_EVERY = 0.1
    sys.argv = ["brainscore-cornet", *arguments]
    try:
        main()
    except SystemExit as stopped:
        if stopped.code:
            raise


def unsynced_command(*arguments: str) -> None:
    """Run the command line without waiting for the disk after each batch, so that power cuts can be seen to matter."""
    import numpy as np

    from brainscore_cornet.features import unfinished

    sync, created = unfinished.sync, unfinished._created

    def synced_once(path: Path, shape: tuple[int, ...]) -> np.memmap:
        array = created(path, shape)  # without its header it would count as damaged
        array.flush()
        sync(path)
        unfinished.np.memmap.flush = lambda self: None
        return array

    unfinished._created = synced_once
    unfinished.sync = lambda path: None
    command(*arguments)


def fetch(url: str, folder: str) -> None:
    """Download weights from a URL."""
    os.environ["TORCH_HOME"] = folder
    from brainscore_cornet.cornet.weights.released import locate

    locate(url)


def score_toys(log: str, output: str, workers: int, told: str) -> None:
    """Score two models on five benchmarks, and write down each result that was reported as saved."""
    from helpers.toys import ToyBenchmark, ToyModel

    from brainscore_cornet.scoring import score_models

    def tell(row, *_) -> None:
        with open(told, "a") as file:
            file.write(f"{time.time()} {row.model} {row.benchmark}\n")

    models = {name: ToyModel(name, worth) for name, worth in (("good", 0.9), ("bad", 0.2))}
    benchmarks = [ToyBenchmark(f"b{index}", Path(log), seconds=0.2) for index in range(5)]
    score_models(models, benchmarks, output=output, workers=workers or None, on_result=tell)


def kills(operations: int, chain: int = 3) -> Iterator[list[int]]:
    """Yield chains of operations to kill at: the last one of each is among the last third, where files are renamed."""
    drawn = random.Random(operations)
    while True:
        first = [drawn.randint(1, operations) for _ in range(chain - 1)]
        yield [*first, drawn.randint(2 * operations // 3, operations)]


def contents(folder: Path) -> dict[str, bytes]:
    """Return name -> bytes of all files in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Disk:
    """A file system in a file, which can be copied at any moment: what was not written back by then is lost."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.image, self.mount = folder / "disk.img", folder / "disk"
        self.mount.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(megabytes * 2**20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)

    @contextmanager
    def mounted(self, image: Path | None = None) -> Iterator[Path]:
        """Mount the file system, or a copy of it, whose journal is then applied as after a power cut."""
        # without the safety net for programs that do not wait for the disk, and with names written every second
        options = "loop,noauto_da_alloc,commit=1"
        subprocess.run(["mount", "-o", options, image or self.image, self.mount], check=True)
        try:
            yield self.mount
        finally:
            subprocess.run(["umount", self.mount], check=True)

    def cut(self, number: int) -> Path:
        """Copy the file as it is at one moment: a copy into which something was written meanwhile is made again."""
        copy = self.image.with_name(f"cut-{number}.img")
        while True:
            changed = self.image.stat().st_mtime_ns
            if time.time_ns() - changed < _TICK:
                time.sleep(_TICK / 1e9)
                continue
            subprocess.run(["cp", "--sparse=auto", self.image, copy], check=True)
            if self.image.stat().st_mtime_ns == changed:
                return copy
