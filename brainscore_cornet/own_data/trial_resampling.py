"""Scores of behaviour with resampled stimuli, in resamples that all models share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
import pandas as pd

from .resampling import Draws, weighted_correlations
from .stimulus_tables import ID
from .trial_metrics import (
    TRIPLET_CHANCE,
    BehaviourBenchmark,
    ErrorConsistencyBenchmark,
    LabelAccuracyBenchmark,
    ObjectDiscriminationBenchmark,
    OddOneOutBenchmark,
)
from .trials import CHOICE, CONDITION, SUBJECT, TRUTH

Statistic = Callable[[np.ndarray], np.ndarray]
"""From weights of stimuli (resample, stimulus) to scores (resample,)."""


_HIGHEST = 1.0
"""Score that no model exceeds, as in the benchmarks, where single trials of subjects have a ceiling."""


class TrialScorer:
    """Scores models on trials of behaviour, with random weights of the stimuli (Bayesian bootstrap, Rubin 1981).

    The weights of `odd_one_out` are of triplets, all trials of one together. The noise ceiling is that of all stimuli;
    so are the false alarm rates and means that `i1` and `i2n` subtract.
    """

    def __init__(self, benchmark: BehaviourBenchmark, resamples: int, seed: int) -> None:
        self._benchmark = benchmark
        odd = isinstance(benchmark, OddOneOutBenchmark)
        self._count = len(set(benchmark.triplets)) if odd else len(benchmark.stimulus_set)
        self._weights = np.random.default_rng(seed).exponential(size=(resamples, self._count))

    def __call__(self, model) -> Draws:
        """Return the score of a model, which is the benchmark's, but negative where the similarity is."""
        statistic = _STATISTICS[type(self._benchmark)](self._benchmark, model)
        point = statistic(np.ones((1, self._count)))[0]
        return Draws(np.asarray(point), statistic(self._weights), sizes=(self._count, self._count))


def _accuracy(benchmark: LabelAccuracyBenchmark, model) -> Statistic:
    right = _right(benchmark, model)
    return lambda weights: _mean(right, weights)


def _error_consistency(benchmark: ErrorConsistencyBenchmark, model) -> Statistic:
    right, names = _right(benchmark, model), benchmark.stimulus_set[ID].to_numpy()
    table: Any = benchmark.trials.table
    of_subjects = (
        table.assign(right=table[CHOICE] == table[TRUTH]).pivot(index=SUBJECT, columns=ID, values="right")[names]
    ).to_numpy(float)
    conditions = benchmark.stimulus_set[CONDITION].to_numpy()
    ceiling = float(benchmark.ceiling) if benchmark.has_ceiling else 1.0

    def score(weights: np.ndarray) -> np.ndarray:
        kappas = []
        for condition in pd.unique(conditions):
            here = np.flatnonzero(conditions == condition)
            own = _mean(right[here], weights[:, here])
            for subject in of_subjects[:, here]:
                other = _mean(subject, weights[:, here])
                expected = own * other + (1 - own) * (1 - other)
                observed = _mean(right[here] == subject, weights[:, here])
                with np.errstate(invalid="ignore", divide="ignore"):
                    kappas.append((observed - expected) / (1 - expected))
        mean = np.nanmean(kappas, axis=0)
        return np.minimum(mean / ceiling, _HIGHEST) if benchmark.has_ceiling else mean

    return score


def _odd_one_out(benchmark: OddOneOutBenchmark, model) -> Statistic:
    agrees = benchmark.agrees(model).astype(float)
    numbers, _ = pd.factorize(np.array(benchmark.triplets))
    if not benchmark.has_ceiling:
        return lambda weights: _mean(agrees, weights[:, numbers])
    reach = float(benchmark.ceiling) - TRIPLET_CHANCE
    return lambda weights: np.minimum((_mean(agrees, weights[:, numbers]) - TRIPLET_CHANCE) / reach, _HIGHEST)


def _discrimination(benchmark: ObjectDiscriminationBenchmark, model) -> Statistic:
    metric, compared = copy(benchmark._metric), []  # the benchmark's own metric stays as it is

    def correlate(*matrices, **options):
        compared.append([_in_order(each) for each in matrices])
        return type(metric).correlate(*matrices, **options)

    metric.correlate = correlate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pairs of labels without a trial
        metric(benchmark.probabilities(model), benchmark.trials.assembly())
    reach = np.sqrt(np.asarray(benchmark.ceiling.raw.values, float))

    def score(weights: np.ndarray) -> np.ndarray:
        found = []
        for source, target in compared:
            stimuli, _ = known = np.nonzero(~np.isnan(target))
            ours, theirs = (each[known][:, np.newaxis] for each in (source, target))
            found.append(weighted_correlations(ours, theirs, weights[:, stimuli])[:, 0])
        return (np.array(found) / reach[:, np.newaxis]).mean(0)

    return score


_STATISTICS: dict[type, Callable[[Any, Any], Statistic]] = {
    LabelAccuracyBenchmark: _accuracy,
    ErrorConsistencyBenchmark: _error_consistency,
    OddOneOutBenchmark: _odd_one_out,
    ObjectDiscriminationBenchmark: _discrimination,
}


def _right(benchmark: BehaviourBenchmark, model) -> np.ndarray:
    """Return whether the model labels each stimulus right, (stimulus,)."""
    labels = benchmark.labels(model)
    label = dict(zip(labels[ID].values, np.ravel(labels.values), strict=True))
    stimuli = benchmark.stimulus_set
    return np.array([label[name] == truth for name, truth in zip(stimuli[ID], stimuli[TRUTH], strict=True)], float)


def _in_order(matrix) -> np.ndarray:
    """Return discriminabilities (stimulus, choice) in the order of both; of `i1` those of all choices in one."""
    ordered = matrix.sortby(ID)
    if "choice" in ordered.dims:
        return ordered.sortby("choice").transpose("presentation", "choice").values
    return ordered.values[:, np.newaxis]


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ values / weights.sum(1)
