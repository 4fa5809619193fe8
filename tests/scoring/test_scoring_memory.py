"""A job that cannot fit the memory is refused with the figure, before it starts."""

from __future__ import annotations

import pytest
from brainscore_core.metrics import Score
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.memory import MemoryEstimate
from helpers.made_recordings import HALVES, small_benchmark
from helpers.small_model import small_model

from brainscore_cornet.metrics import WAYS
from brainscore_cornet.metrics.memory import needed_gb
from brainscore_cornet.scoring.jobs import Candidate, Job, Target
from brainscore_cornet.scoring.scorer import JobScorer

MAJAJHONG = MemoryEstimate(3200, 1, 25_088, 1, 0.3, 0, 0)  # stimuli, trials, CORnet-S' IT, time bins, GB recorded
FEATURES = 64 * 12 * 12  # of the network's V1


def _row(benchmark, stand_in, memory_gb: float = 8.0, metrics: str = "exact"):
    model = small_model(stand_in, "cornet_z")
    job = Job(Candidate("small", lambda: model), Target(benchmark.identifier, lambda: benchmark, "made up"))
    return JobScorer(memory_gb, metrics).score(job).row


def test_only_what_is_held_is_estimated(stimuli, stand_in):
    """The recording and a few matrices of samples by samples, and for a check what Brain-Score copies, too."""
    metric = load_metric("ridge", crossvalidation_kwargs=HALVES)
    rows = {metrics: _row(small_benchmark(stimuli, metric), stand_in, metrics=metrics) for metrics in WAYS}
    assert [row.status for row in rows.values()] == ["scored"] * 3
    held = {metrics: row.memory_estimate_mb for metrics, row in rows.items()}
    recorded = len(stimuli) * FEATURES * 4 / 2**20
    assert recorded < held["exact"] < 12 * recorded
    assert held["exact"] + held["stock"] < held["checked"]
    # MajajHong2015 in CORnet-S' IT: .3 GB are recorded
    assert 0.3 < needed_gb(small_benchmark(stimuli, metric), MAJAJHONG, copies=1) < 1


@pytest.mark.parametrize("memory_gb", [1e-6, 8.0])
def test_memory_is_known_before(stimuli, stand_in, memory_gb):
    """Brain-Score's own estimate is in the row, and what is more than there is names stimuli, neuroids and bins."""
    row = _row(small_benchmark(stimuli, lambda source, target: Score(0.5)), stand_in, memory_gb)
    assert row.memory_estimate_mb > 0
    if memory_gb == 8.0:
        assert (row.status, row.score) == ("scored", 0.25)  # explained variance
        return
    assert row.status == "failed"
    assert f"6 stimuli x {FEATURES} neuroids x 1 time bins" in row.reason
    assert "0.0 GB are free" in row.reason
