"""Brain-Score's benchmarks score the same while their metrics are replaced, and nothing stays replaced."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import (
    NeuralBenchmark,
    RSABenchmark,
    TrainTestNeuralBenchmark,
    average_repetition,
)
from brainscore_vision.metrics.regression_correlation import metric as brainscore
from brainscore_vision.utils import LazyLoad
from helpers.made_recordings import assert_same, pair, repeated, theirs
from helpers.small_model import small_model
from PIL import Image
from sklearn.datasets import load_sample_images

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.metrics import exact, regression_metrics
from brainscore_cornet.metrics.exact import exact_metrics

STIMULI = 40


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> StimulusSet:
    """Forty different parts of two photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.RandomState(0)
    names = [f"stimulus_{number:03}" for number in range(STIMULI)]
    for number, name in enumerate(names):
        image = load_sample_images().images[number % 2]
        top, left = random.randint(0, 300), random.randint(0, 500)
        Image.fromarray(image[top : top + 96, left : left + 96]).save(folder / f"{name}.png")
    stimulus_set = StimulusSet({"stimulus_id": names, "object_name": np.arange(STIMULI) % 4})
    stimulus_set.stimulus_paths = {name: str(folder / f"{name}.png") for name in names}
    stimulus_set.identifier = "photographs"
    return stimulus_set


def recordings(photographs: StimulusSet, time_bins: int = 1, subjects: int = 1):
    """Made-up recordings of the photographs, with repetitions."""
    made = repeated(STIMULI, 4, 6, time_bins).reset_index("neuroid")
    made = type(made)(made.assign_coords(subject=("neuroid", np.arange(6) % subjects)))
    made.attrs["stimulus_set"] = photographs
    return made.squeeze("time_bin") if time_bins == 1 else made


def neural_benchmark(photographs: StimulusSet, metric, time_bins: int = 1, ceiling: str = "internal_consistency"):
    """A benchmark as Brain-Score's own are made, with its ceiling hidden in a closure."""
    repeats = recordings(photographs, time_bins)
    ceiler = load_metric(ceiling)
    return NeuralBenchmark(
        "made_up.IT-metric",
        average_repetition(repeats),
        similarity_metric=metric,
        visual_degrees=8,
        number_of_trials=1,
        ceiling_func=lambda: ceiler(repeats),
        version=1,
        parent="IT",
    )


def both(benchmark, model, monkeypatch):
    """A benchmark's score by this package and by Brain-Score, and who computed the first."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")  # which would keep ceilings
    with exact_metrics() as computed:
        score = benchmark(model)
    return score, theirs(benchmark, model), computed


@pytest.mark.parametrize(
    "identifier", ["cornet_z", "cornet_r", "cornet_rt", pytest.param("cornet_s", marks=pytest.mark.slow)]
)
def test_networks_on_photographs(identifier, photographs, stand_in, monkeypatch):
    """Activity of each network, recorded from photographs, scores as with Brain-Score, and so does its ceiling."""
    benchmark = neural_benchmark(photographs, load_metric("pls", crossvalidation_kwargs={"splits": 2}))
    score, expected, computed = both(benchmark, small_model(stand_in, identifier), monkeypatch)
    assert_same(score, expected)
    assert (computed.metric, computed.exact) == ("exact", 1)


def test_temporal(photographs, stand_in, monkeypatch):
    """Several time bins, of which the network answers some with the same activity."""
    metric = load_metric("spantime_pls", crossvalidation_kwargs={"splits": 2})
    benchmark = neural_benchmark(photographs, metric, 3, "internal_consistency_temporal")
    score, expected, computed = both(benchmark, small_model(stand_in, "cornet_rt"), monkeypatch)
    assert_same(score, expected)
    assert computed.metric == "exact"


def test_training_and_test_recordings(photographs, stand_in, monkeypatch):
    """Recordings that are loaded late, and a regression for each subject's neuroids."""
    ceiler = load_metric("internal_consistency")
    averaged = LazyLoad(lambda: average_repetition(recordings(photographs, subjects=2)))
    repeats = LazyLoad(lambda: recordings(photographs, subjects=2))
    benchmark = TrainTestNeuralBenchmark(
        "made_up.IT-ridgecv",
        ceiling_func=lambda: ceiler(repeats),
        version=1,
        train_assembly=averaged,
        test_assembly=averaged,
        similarity_metric=load_metric("ridgecv_split"),
        visual_degrees=8,
        number_of_trials=1,
        parent="IT",
        alpha_coord="subject",
    )
    score, expected, computed = both(benchmark, small_model(stand_in, "cornet_z"), monkeypatch)
    np.testing.assert_allclose(score.values, expected.values, atol=1e-6)
    np.testing.assert_allclose(score.attrs[1].values, expected.attrs[1].values, atol=1e-6)
    assert (computed.metric, computed.exact) == ("exact", 2)


def test_representations(photographs, stand_in, monkeypatch):
    """Dissimilarity matrices of each subject, and their ceiling."""
    averaged = average_repetition(recordings(photographs, subjects=2))
    benchmark = RSABenchmark("made_up.IT-rdm", 1, averaged, "IT", 8, 1, "")
    score, expected, computed = both(benchmark, small_model(stand_in, "cornet_z"), monkeypatch)
    assert_same(score, expected)
    assert (computed.metric, computed.exact) == ("exact", 2)


class Mean(brainscore.CrossRegressedCorrelation):
    """Not the median."""

    def aggregate(self, scores):
        return scores.mean(dim="neuroid")


def _unknown_class():
    return Mean(brainscore.ridge_regression(), brainscore.pearsonr_correlation(), {"splits": 2})


def _known_class(regression=None, correlation=scipy.stats.pearsonr, **replaced):
    made = brainscore.CrossRegressedCorrelation(
        regression or brainscore.ridge_regression(), brainscore.XarrayCorrelation(correlation), {"splits": 2}
    )
    vars(made).update(replaced)
    return made


UNKNOWN = {
    "a class of one's own": _unknown_class,
    "another aggregation": lambda: _known_class(aggregate=lambda scores: scores.max("neuroid")),
    "another correlation": lambda: _known_class(correlation=scipy.stats.spearmanr),
    "scaled features": lambda: _known_class(brainscore.pls_regression({"scale": True})),
    "no intercept": lambda: _known_class(brainscore.ridge_regression({"fit_intercept": False})),
    "another stimulus coordinate": lambda: _known_class(
        brainscore.ridge_regression(xarray_kwargs={"stimulus_coord": "object_name"})
    ),
}


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_parts(make):
    """A metric of which any part is not exactly known stays Brain-Score's."""
    source, target = pair(40, 60, 3)
    expected = make()(source, target)
    with exact_metrics() as computed:
        score = make()(source, target)
    assert_same(score, expected, score=0, raw=0)
    assert computed.metric == "stock"


def test_nothing_stays():
    """After a call that raised, Brain-Score's classes are what they were, also where they inherit."""
    before = [dict(vars(use.kind)) for use in exact._USES]

    def interrupted():
        with exact_metrics():
            assert [dict(vars(use.kind)) for use in exact._USES] != before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [dict(vars(use.kind)) for use in exact._USES] == before


def test_another_metric():
    """A call in which no known metric was computed is Brain-Score's."""
    with exact_metrics() as computed:
        load_metric("accuracy")(np.arange(3), np.arange(3))
    assert computed.metric == "stock"


def test_checked(monkeypatch):
    """Where both are computed, a difference is an error with both numbers."""
    source, target = pair(40, 60, 3, dtype=np.float32)
    metric = load_metric("ridge", crossvalidation_kwargs={"splits": 2})
    with exact_metrics(is_checked=True) as computed:
        metric(source, target)
    assert computed.metric == "exact"
    correlate = regression_metrics.correlate
    monkeypatch.setattr(regression_metrics, "correlate", lambda *given: correlate(*given) - 2e-5)
    message = r"CrossRegressedCorrelation: the score is 0\.\d+ .* and 0\.\d+ by Brain-Score"
    with pytest.raises(UserError, match=message), exact_metrics(is_checked=True):
        metric(source, target)
