"""The memory that a job will need, before it starts."""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout

import psutil

from ..metrics import CHECKED, STOCK

_COPIES = 3  # of a recording, that Brain-Score's own models hold at once: batches, their whole, and an assembly of it


def estimate(model, benchmark, metrics: str, limit_gb: float | None) -> tuple[float | None, str | None]:
    """Return an estimate in MB, if there is one, and a reason not to score if memory is short.

    Where this package computes the metric, it is what that holds; otherwise it is Brain-Score's own estimate, which is
    an upper bound.
    """
    from brainscore_vision.benchmark_helpers.memory import available_memory_gb

    try:
        with redirect_stdout(io.StringIO()):  # Brain-Score prints a machine-readable line
            found = benchmark.preallocate_memory(model, raise_if_oom=False)
    except Exception:  # benchmarks without an estimate; and whatever else is wrong is raised again by the job itself
        return None, None
    needed = getattr(found, "total_estimated_gb", None)
    if needed is None:
        return None, None
    if metrics != STOCK:
        needed = _held_gb(model, benchmark, found, metrics) or needed
    # the limit is on all that the process holds, of which the model is there already
    below_limit = math.inf if limit_gb is None else limit_gb - psutil.Process().memory_info().rss / 1024**3
    available = max(0, min(available_memory_gb(), below_limit))
    if needed <= available:
        return needed * 1024, None
    return needed * 1024, (
        f"{benchmark.identifier} needs about {needed:.1f} GB of memory for {found.num_stimuli} stimuli x "
        f"{found.num_features} neuroids x {found.num_timebins} time bins, {available:.1f} GB are free: use a "
        "machine with more, or raise --memory if it was given. (BRAINSCORE_SKIP_MEMORY_CHECK=1 skips this check.)"
    )


def _held_gb(model, benchmark, found, metrics: str) -> float | None:
    from ..cornet.brain_model import CORnetModel
    from ..metrics.memory import needed_gb

    held = needed_gb(benchmark, found, 1 if isinstance(model, CORnetModel) else _COPIES)
    # a check lets Brain-Score compute, too, from activity in double precision
    return held if held is None or metrics != CHECKED else held + 2 * found.total_estimated_gb
