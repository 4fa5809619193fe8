"""Made-up features and recordings as Brain-Score's assemblies, and what makes two of its scores the same."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import joblib
import numpy as np
import xarray as xr
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark

from brainscore_cornet.metrics.exact import exact_metrics

HALVES = {"splits": 2, "train_size": 0.5, "test_size": 0.5, "stratification_coord": None}  # of few stimuli
SCORE, RAW = 1e-6, 1e-5  # the differences that are allowed


def assembly(values: np.ndarray, stimuli: Sequence | None = None, **presentations) -> NeuroidAssembly:
    """Activity (presentation, neuroid) or (presentation, neuroid, time bin) with the usual coordinates.

    Neuroids are not in the order of their ids.
    """
    count, width = values.shape[:2]
    objects = np.repeat(["bear", "car", "face", "fruit"], -(-count // 4))[:count]
    coords = {
        "stimulus_id": (
            "presentation",
            [f"stimulus_{number:03}" for number in range(count)] if stimuli is None else stimuli,
        ),
        "object_name": ("presentation", objects),
        **{name: ("presentation", labels) for name, labels in presentations.items()},
        "neuroid_id": ("neuroid", [f"site_{number}" for number in np.random.RandomState(7).permutation(width)]),
        "region": ("neuroid", ["IT"] * width),
    }
    dims = ["presentation", "neuroid"]
    if values.ndim == 3:
        starts = 70 + 10 * np.arange(values.shape[2])
        coords |= {"time_bin_start": ("time_bin", starts), "time_bin_end": ("time_bin", starts + 10)}
        dims.append("time_bin")
    return NeuroidAssembly(values, coords=coords, dims=dims)


def stimulus_names(count: int) -> list[str]:
    return [f"stimulus_{number:03}" for number in range(count)]


def activity(
    stimuli: int, features: int, neuroids: int, time_bins: int | None = None, dtype=np.float64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Rectified features and noisy recordings that have a signal in common."""
    random = np.random.RandomState(seed)
    count = stimuli * (time_bins or 1)
    signal = random.randn(count, 12) * np.arange(1, 13) ** -0.5
    predictors = np.maximum(signal @ random.randn(12, features) + 0.3 * random.randn(count, features), 0)
    targets = signal @ random.randn(12, neuroids) + random.randn(count, neuroids)
    if time_bins is not None:
        predictors, targets = (
            values.reshape(time_bins, stimuli, -1).transpose(1, 2, 0) for values in (predictors, targets)
        )
    return predictors.astype(dtype), targets.astype(dtype)


def pair(*shape, seed: int = 0, **options) -> tuple[NeuroidAssembly, NeuroidAssembly]:
    """Features and recordings of the same stimuli in different orders."""
    predictors, targets = map(assembly, activity(*shape, seed=seed, **options))
    return predictors, targets.isel(presentation=np.random.RandomState(seed).permutation(len(targets)))


def repeated(
    stimuli: int, repetitions: int, neuroids: int, time_bins: int | None = None, dtype=np.float64
) -> NeuroidAssembly:
    """Recordings with repetitions, in no order."""
    random = np.random.RandomState(0)
    extra = () if time_bins is None else (time_bins,)
    signal = random.rand(stimuli, 1, neuroids, *extra) * 2
    values = (signal + random.rand(stimuli, repetitions, neuroids, *extra)).reshape(-1, neuroids, *extra)
    names = np.repeat(stimulus_names(stimuli), repetitions)
    objects = np.repeat(np.arange(stimuli) % 4, repetitions)
    made = assembly(
        values.astype(dtype), names, object_name=objects, repetition=np.tile(np.arange(repetitions), stimuli)
    )
    return made.isel(presentation=random.permutation(len(made)))


def halves(predictors: np.ndarray, targets: np.ndarray, train: int) -> list[NeuroidAssembly]:
    """Features to train and test with, and recordings, in the order of Brain-Score's metrics."""
    return [assembly(part) for each in (predictors, targets) for part in (each[:train], each[train:])]


def ours(metric, *given):
    """What a metric or ceiling gives while this package computes it."""
    with warnings.catch_warnings(), exact_metrics() as computed:
        warnings.simplefilter("ignore")
        score = metric(*given)
    assert not computed.stock
    return score


def theirs(metric, *given):
    """What Brain-Score gives, without the processes that it starts to loop over time bins."""
    with warnings.catch_warnings(), joblib.parallel_config(backend="sequential"):
        warnings.simplefilter("ignore")
        return metric(*given)


def check(metric, *given, **tolerances) -> None:
    """Both give the same."""
    assert_same(ours(metric, *given), theirs(metric, *given), **tolerances)


def assert_same(ours, theirs, score: float = SCORE, raw: float = RAW, where: str = "score") -> None:
    """Two scores agree in types, dimensions, coordinates and attributes, and in their numbers within the tolerances."""
    assert type(ours) is type(theirs), where
    if not isinstance(theirs, xr.DataArray):
        assert ours == theirs, where
        return
    assert (ours.dims, ours.dtype) == (theirs.dims, theirs.dtype), where
    assert (list(ours.attrs), list(ours.coords)) == (list(theirs.attrs), list(theirs.coords)), where
    for dim, index in theirs.indexes.items():
        assert ours.indexes[dim].names == index.names, (where, dim)
        assert ours.indexes[dim].equals(index), (where, dim)
    tolerance = raw if "raw" in where else score
    np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=tolerance, err_msg=where)
    for name, value in theirs.attrs.items():
        assert_same(ours.attrs[name], value, score, raw, f"{where}.{name}")


def small_benchmark(stimuli, metric) -> NeuralBenchmark:
    """Of Brain-Score's own class, around made-up recordings of three neurons in V1."""
    recorded = NeuroidAssembly(
        np.random.RandomState(0).rand(len(stimuli), 3, 1),
        coords={
            "stimulus_id": ("presentation", stimuli["stimulus_id"].values),
            "category": ("presentation", stimuli["category"].values),
            "neuroid_id": ("neuroid", [0, 1, 2]),
            "region": ("neuroid", ["V1"] * 3),
            "time_bin_start": ("time_bin", [50]),
            "time_bin_end": ("time_bin", [150]),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    recorded = recorded.squeeze("time_bin")  # as most benchmarks have it
    recorded.attrs["stimulus_set"] = stimuli
    return NeuralBenchmark(
        "made_up.V1-pls",
        recorded,
        similarity_metric=metric,
        visual_degrees=8,
        number_of_trials=1,
        ceiling_func=lambda: Score(1.0),
        version=1,
        parent="V1",
    )
