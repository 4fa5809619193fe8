"""Metrics on made-up activity of the sizes of real benchmarks: Brain-Score's own, and the same computed by ours."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from helpers.made_recordings import assembly
from speed.sides import TOLERANCE, Run, Timed

_SPLITS = 10
_RANK = 400  # dimensions of the signal that features and recordings share
_REPETITIONS = 40


@dataclass(frozen=True)
class Measured:
    """A metric, the size of its data, the least ratio of times, and the most that ours may add to the data."""

    metric: str
    stimuli: int
    features: int
    neuroids: int
    goal: float
    time_bins: int | None = None
    most_added_mb: float | None = None
    tolerance: float = TOLERANCE

    def activity(self) -> tuple[np.ndarray, np.ndarray]:
        """Features (stimulus, feature, …) with a spectrum that falls as that of networks does, and noisy recordings."""
        random = np.random.default_rng(0)
        count = self.stimuli * (self.time_bins or 1)
        scale = np.arange(1, _RANK + 1, dtype=np.float32) ** -0.7
        signal = random.standard_normal((count, _RANK), np.float32) * scale
        weights = random.standard_normal((_RANK, self.features), np.float32)
        features = np.empty((count, self.features), np.float32)
        for start in range(0, count, 512):
            part = signal[start : start + 512] @ weights
            features[start : start + 512] = np.maximum(part + random.standard_normal(part.shape, np.float32), 0)
        recordings = signal @ random.standard_normal((_RANK, self.neuroids), np.float32)
        recordings = recordings + 2 * random.standard_normal(recordings.shape)
        if self.time_bins is None:
            return features, recordings
        shape = (self.time_bins, self.stimuli, -1)
        return features.reshape(shape).transpose(1, 2, 0), recordings.reshape(shape).transpose(1, 2, 0)

    def data(self) -> list:
        """What the metric is called with."""
        if self.metric == "internal_consistency":
            return [_repeated(self.stimuli, self.neuroids)]
        features, recordings = self.activity()
        if self.metric.endswith("_split"):
            train = self.stimuli * 9 // 10
            return [assembly(part) for each in (features, recordings) for part in (each[:train], each[train:])]
        return [assembly(features), assembly(recordings)]

    @property
    def has_splits(self) -> bool:
        return self.metric == "internal_consistency" or not self.metric.endswith(("_split", "cka", "rdm"))


MEASURED = {
    "pls, MajajHong2015 IT": Measured("pls", 3200, 25_088, 168, 80, most_added_mb=600),
    "pls, FreemanZiemba2013 V1": Measured("pls", 135, 200_704, 102, 20, most_added_mb=300),
    "spantime_pls, 10 time bins": Measured("spantime_pls", 1280, 25_088, 168, 50, 10, 3000),
    "ridgecv, 5000 neuroids": Measured("ridgecv_split", 2000, 25_088, 5000, 3, most_added_mb=1000),
    # scikit-learn's least squares of single-precision features are in part rounding
    "linear_predictivity": Measured("linear_predictivity", 3200, 25_088, 168, 50, tolerance=1e-2),
    "neuron_to_neuron": Measured("neuron_to_neuron", 3200, 25_088, 168, 50),
    "internal_consistency, 40 repetitions": Measured("internal_consistency", 1280, 0, 168, 20),
    "cka": Measured("cka", 1280, 25_088, 168, 3),
    "rdm": Measured("rdm", 1280, 25_088, 168, 3),
}


def ours(name: str) -> Run:
    """All splits by this package."""
    from brainscore_vision import load_metric

    from brainscore_cornet.metrics.exact import exact_metrics

    measured, data = _prepared(name)

    def run(_) -> np.ndarray:
        with exact_metrics() as computed:
            score = load_metric(measured.metric)(*data)
        assert not computed.stock
        return _compared(measured, score)

    return run


def theirs(name: str) -> Run:
    """One split by Brain-Score, the first one, for which its time is taken ten times."""
    from brainscore_vision import load_metric
    from brainscore_vision.metric_helpers import transformations

    measured, data = _prepared(name)
    if measured.has_splits:
        build = transformations.Split.build_splits
        transformations.Split.build_splits = lambda self, given: _first(*build(self, given))

    def run(_) -> Timed:
        metric = load_metric(measured.metric)
        start = time.perf_counter()
        score = metric(*data)
        seconds = (time.perf_counter() - start) * (_SPLITS if measured.has_splits else 1)
        return Timed(seconds, _compared(measured, score))

    return run


def _prepared(name: str) -> tuple[Measured, list]:
    """The data, after what is slow only once."""
    from brainscore_vision import load_metric

    from brainscore_cornet.metrics.exact import exact_metrics

    measured = MEASURED[name]
    with exact_metrics():
        load_metric(measured.metric)(*replace(measured, stimuli=60, features=60, neuroids=4).data())
    return measured, measured.data()


def _first(values, splits: list) -> tuple:
    return values, splits[:1]


def _compared(measured: Measured, score) -> np.ndarray:
    """What both sides give: the values of the first split, or those of all neuroids, or the score."""
    if measured.has_splits:
        return np.asarray(score.raw.isel(split=0), float)
    return np.asarray(getattr(score, "raw", score), float)


def _repeated(stimuli: int, neuroids: int):
    random = np.random.default_rng(0)
    signal = np.repeat(random.standard_normal((stimuli, neuroids)), _REPETITIONS, axis=0)
    names = np.repeat([f"stimulus_{number:04}" for number in range(stimuli)], _REPETITIONS)
    values = signal + 3 * random.standard_normal(signal.shape)
    objects = np.repeat(np.arange(stimuli) % 8, _REPETITIONS)
    repetitions = np.tile(np.arange(_REPETITIONS), stimuli)
    return assembly(values, names, object_name=objects, repetition=repetitions)
