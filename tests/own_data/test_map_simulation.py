"""Intervals and p-values of the map hold what they promise, over many simulated data sets."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from helpers.own_recordings import pictures
from scipy import stats

from brainscore_cornet import neural_benchmark
from brainscore_cornet.own_data.resampling import Resamples, stacked
from brainscore_cornet.own_data.site_scores import SiteScorer, ceiled, ceilings_of

DATA_SETS, REPETITIONS = 200, 4
SEED = 700_000  # others than the data sets on which the factors in `resampling.py` were chosen
CASES = {  # stimuli, neuroids, features, noise of the neuroids
    "few stimuli": (60, 20, 30, 1.0),
    "more stimuli": (100, 30, 30, 1.0),
    "more features than stimuli": (100, 30, 200, 2.0),
}


@pytest.fixture(scope="module")
def simulate(tmp_path_factory):
    """For each data set its score, its ceiled score and the difference of two equally good models, as draws."""
    images = list(map(str, pictures(tmp_path_factory.mktemp("images"), 100)))

    @cache
    def simulated(case: str):
        stimuli, neuroids, features, noise = CASES[case]
        found = []
        for number in range(DATA_SETS):
            random = np.random.RandomState(SEED + number)
            signal = random.randn(stimuli, 10) * np.arange(1, 11) ** -0.5
            models = [signal @ random.randn(10, features) + 0.8 * random.randn(stimuli, features) for _ in range(2)]
            clean = (signal @ random.randn(10, neuroids))[None, :, :, None]
            benchmark = neural_benchmark(
                "simulated", clean + noise * random.randn(REPETITIONS, stimuli, neuroids, 1), stimuli=images[:stimuli],
                dims=("repetition", "stimulus", "neuroid", "time_bin"), region="IT", time_bins=[(70, 170)],
                metric="ridge", visual_degrees=8,
            )  # fmt: skip
            resamples = Resamples.draw(stimuli, neuroids, 200, seed=number)
            score, ceilings = SiteScorer(benchmark, resamples), ceilings_of(benchmark, resamples)
            raw = [
                stacked([score(each.astype(np.float32)).draws]).map(lambda values: np.moveaxis(values, -1, -2))
                for each in models
            ]
            explained = [ceiled(each, ceilings.draws) for each in raw]
            found.append((raw[0], explained[0], explained[0].map(np.subtract, explained[1])))
        return list(zip(*found, strict=True))

    return simulated


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_intervals_cover(simulate, case):
    """Intervals of 95 % hold the expected value in 93 to 97 % of the data sets, give or take the error of 200."""
    for draws, expected in zip(simulate(case), (None, None, 0.0), strict=True):
        points = np.array([each.point.item() for each in draws])
        limits = np.array([[edge.item() for edge in each.interval()] for each in draws])
        expected = points.mean() if expected is None else expected
        covered = ((limits[:, 0] <= expected) & (expected <= limits[:, 1])).mean()
        error = np.sqrt(0.95 * 0.05 / DATA_SETS)
        print(f"{case}: {covered:.3f}")
        assert 0.93 - error < covered < 0.97 + error


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_p_values_without_a_difference_are_uniform(simulate, case):
    """Two models that are equally good differ significantly in 5 % of the data sets, and in none more often."""
    p_values = np.array([each.p_value().item() for each in simulate(case)[2]])
    print(f"{case}: {(p_values < 0.05).mean():.3f} below 0.05, {stats.kstest(p_values, 'uniform').pvalue:.3f}")
    assert (p_values < 0.05).mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / DATA_SETS)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
