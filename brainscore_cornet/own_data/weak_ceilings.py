"""Time bins of recordings whose noise ceiling may be 0, so that a score says nothing."""

from __future__ import annotations

import numpy as np

from ..metrics.exact import exact_metrics
from .neural import RecordingsBenchmark
from .resampling import Resamples
from .site_scores import ceilings_of

_CLEAR = 0.5  # a noise ceiling that needs no interval
_RESAMPLES = 100


def weak_ceilings(benchmark: RecordingsBenchmark) -> str | None:
    """Return a warning if the interval of the noise ceiling of a time bin includes 0, as in the map; None otherwise.

    A score is the squared similarity divided by the ceiling, and noise divided by noise may look like a good one.
    """
    if not benchmark.has_ceiling:
        return None
    with exact_metrics():  # Brain-Score would start a process for each time bin
        ceiling = np.asarray(benchmark.ceiling, dtype=float)
    if np.all(ceiling > _CLEAR):
        return None
    recorded = benchmark.recorded
    shared = Resamples.draw(len(recorded.stimuli), recorded.values.shape[1], _RESAMPLES, seed=0)
    found = ceilings_of(benchmark, shared)
    if found is None:
        return None
    weak = np.flatnonzero(~(found.draws.interval()[0] > 0))
    if not len(weak):
        return None
    names = [f"{start:g}-{end:g}" for start, end in np.array(recorded.time_bins)[weak]]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    estimates = list(dict.fromkeys(f"{value:.3f}" for value in np.sort(found.draws.point[weak])[[0, -1]]))
    return (
        f"no reliable signal at {shown} ms: the noise ceiling may be 0 there (estimated: {' to '.join(estimates)}), "
        "and a score divided by it says nothing"
    )
