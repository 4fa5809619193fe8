"""The two sides of a comparison, each in a process of its own, told in turn to run."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

Run = Callable[[Sequence[str]], "np.ndarray | Timed"]
TOLERANCE = 1e-5  # of the largest activity


class Timed(NamedTuple):
    """What a run returns that itself knows which part of its time is to be compared."""

    seconds: float
    values: np.ndarray


def compare(name: str, paths: list[str], repeats: int, folder: Path, tolerance: float) -> dict:
    """Each side in a process of its own, in turn; without images, times are those of a whole run."""
    context = multiprocessing.get_context("spawn")
    sides = {}
    for side in ("theirs", "ours"):
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, name, side, paths, folder))  # it ends with the connection
        process.start()
        there.close()  # so that the end of the process is noticed
        sides[side] = here
        here.recv()  # prepared, and warmed up on a few images
    seconds = {side: [] for side in sides}
    for _ in range(repeats):
        for side, connection in sides.items():
            connection.send("run")
            seconds[side].append(connection.recv())
    values, memory, added, share = {}, {}, {}, {}
    for side, connection in sides.items():
        connection.send("stop")
        path, memory[side], added[side], share[side] = connection.recv()
        values[side] = np.load(path, mmap_mode="r")
    ms = {side: statistics.median(times) / max(1, len(paths)) * 1000 for side, times in seconds.items()}
    return {
        "name": name,
        "images": len(paths),
        **{f"{side}_ms": value for side, value in ms.items()},
        "ratio": ms["theirs"] / ms["ours"],
        **{f"{side}_mb": value for side, value in memory.items()},
        **{f"{side}_added_mb": value for side, value in added.items()},
        "equal": equal(values["ours"], values["theirs"], tolerance),
        "ours_gpu_share": share["ours"],
    }


def serve(connection, name: str, side: str, paths: list[str], folder: Path) -> None:
    """One side: prepare, then run when told to."""
    import warnings

    from speed.rows import ROWS

    warnings.simplefilter("ignore")
    multiprocessing.set_start_method("fork", force=True)  # of processes that a side starts, as it is for a user
    run = getattr(ROWS[name], side)()
    if paths:
        run(paths[:2])  # whatever is slow only once
    forget_peak()
    held = peak()
    connection.send("ready")
    values = None
    while connection.recv() == "run":
        values = None
        start = time.perf_counter()
        values, seconds = run(paths), time.perf_counter() - start
        if isinstance(values, Timed):
            seconds, values = values
        connection.send(seconds)
    memory = peak()
    path = folder / f"{side}.npy"
    np.save(path, values)
    connection.send((str(path), memory, memory - held, gpu_share(run, paths) if paths else None))


# The peak since a moment is where Linux keeps it; elsewhere it is that of the whole life of the process.
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    if CLEAR.exists():
        CLEAR.write_text("5")


def peak() -> float:
    """Most memory that this process held, in MB."""
    if CLEAR.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def gpu_share(run, paths) -> float | None:
    """How much of the time of a run the GPU computes, None where there is none."""
    import torch

    if not torch.cuda.is_available():
        return None
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        start = time.perf_counter()
        run(paths)
        seconds = time.perf_counter() - start
    kernels = sum(event.self_device_time_total for event in profile.key_averages() if "Memcpy" not in event.key)
    return kernels / 1e6 / seconds


def equal(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> bool:
    ours = ours.reshape(theirs.shape)
    if theirs.dtype.kind != "f":
        return bool((ours == theirs).all())
    return bool(np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max())
