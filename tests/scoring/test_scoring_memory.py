"""A job that cannot fit the memory is refused with the figure, before it starts."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from helpers.small_model import small_model

from brainscore_cornet.scoring.jobs import Candidate, Job, Target
from brainscore_cornet.scoring.scorer import JobScorer

NEUROIDS = 3


@pytest.fixture
def benchmark(stimuli) -> NeuralBenchmark:
    """Of Brain-Score's own class, around made-up recordings; its metric only counts what it is given."""
    assembly = NeuroidAssembly(
        np.random.RandomState(0).rand(len(stimuli), NEUROIDS, 1),
        coords={
            "stimulus_id": ("presentation", stimuli["stimulus_id"].values),
            "category": ("presentation", stimuli["category"].values),
            "neuroid_id": ("neuroid", list(range(NEUROIDS))),
            "region": ("neuroid", ["V1"] * NEUROIDS),
            "time_bin_start": ("time_bin", [50]),
            "time_bin_end": ("time_bin", [150]),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    assembly.attrs["stimulus_set"] = stimuli
    return NeuralBenchmark(
        "made_up.V1-pls",
        assembly,
        similarity_metric=lambda source, target: Score(0.5),
        visual_degrees=8,
        number_of_trials=1,
        ceiling_func=lambda: Score(1.0),
        version=1,
        parent="V1",
    )


@pytest.mark.parametrize("memory_gb", [1e-6, 8.0])
def test_memory_is_known_before(benchmark, stand_in, memory_gb):
    """Brain-Score's own estimate is in the row, and what is more than there is names stimuli, neuroids and bins."""
    model = small_model(stand_in, "cornet_z")
    job = Job(Candidate("small", lambda: model), Target(benchmark.identifier, lambda: benchmark, "made up"))
    row = JobScorer(memory_gb).score(job).row
    assert row.memory_estimate_mb > 0
    if memory_gb == 8.0:
        assert (row.status, row.score) == ("scored", 0.25)  # explained variance
        return
    assert row.status == "failed"
    neuroids = 64 * 12 * 12
    assert f"6 stimuli x {neuroids} neuroids x 1 time bins" in row.reason
    assert "0.0 GB are free" in row.reason
