"""The bars of mean responses: their direction and length are those of the numbers beside them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.own_recordings import pictures

from brainscore_cornet import neural_benchmark
from brainscore_cornet.own_data.description import described

COUNT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures."""
    folder = tmp_path_factory.mktemp("bars")
    pictures(folder, COUNT)
    return folder


def bars(folder, means) -> list[str]:
    """What is printed of mean responses in several time bins."""
    spread = np.linspace(-1, 1, COUNT)[:, np.newaxis, np.newaxis] * np.ones((COUNT, 3, len(means)))
    benchmark = neural_benchmark(
        "Mylab.V4", spread - spread.mean(0) + np.array(means), stimuli=folder, dims=("stimulus", "neuroid", "time_bin"),
        region="V4", time_bins=[(10 * number, 10 * number + 10) for number in range(len(means))], metric="rdm",
        visual_degrees=8,
    )  # fmt: skip
    lines = described(benchmark)
    start = lines.index("Mean response over stimuli and neuroids:") + 1
    return [line.split(" ms ", 1)[1] for line in lines[start : start + len(means)]]


def test_rates_are_bars_from_0(folder):
    """The longest has 40 characters."""
    assert bars(folder, [10, 5, 0.1]) == ["█" * 40 + " 10", "█" * 20 + " 5", " 0.1"]


def test_responses_below_a_baseline_are_bars_to_the_left(folder):
    """A decrease is not drawn as an increase."""
    assert bars(folder, [3, -1, 0.001, -0.5]) == [
        " " * 10 + "│" + "█" * 30 + " 3",
        "█" * 10 + "│ -1",
        " " * 10 + "│ 0.001",
        " " * 5 + "█" * 5 + "│ -0.5",
    ]
    assert bars(folder, [-4, -2]) == ["█" * 40 + "│ -4", " " * 20 + "█" * 20 + "│ -2"]


def test_standardized_responses_have_no_bars(folder):
    """Means that differ from 0 by rounding alone are no responses."""
    assert [line.split()[0] for line in bars(folder, [1e-8, -3e-8])] == ["1e-08", "-3e-08"]
