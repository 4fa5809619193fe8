"""Object solution times without TensorFlow: the same numbers, and Brain-Score's own class wherever it can work."""

from __future__ import annotations

import importlib
import json
import sys

import brainscore_vision
import numpy as np
import pytest
from brainscore_vision.benchmark_helpers import PrecomputedFeatures
from brainscore_vision.metrics.ost import metric
from brainscore_vision.metrics.ost.metric import TFProbabilitiesClassifier
from reference.object_solution_times import KEPT, PROBLEMS, REFERENCE, STIMULI, kar2019, problem

from brainscore_cornet.metrics import object_solution_times
from brainscore_cornet.metrics.object_solution_times import NOTE, LastFit, ProbabilitiesClassifier, without_tensorflow
from brainscore_cornet.scoring.jobs import Candidate, Job, Target
from brainscore_cornet.scoring.scorer import JobScorer


@pytest.fixture(scope="module")
def reference() -> dict:
    """What Brain-Score's classifier and metric gave with TensorFlow."""
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


@pytest.fixture
def no_tensorflow(monkeypatch):
    """Python finds no package `tensorflow`, also where there is one."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)


@pytest.fixture
def losses(monkeypatch) -> list[float]:
    """The loss of each minibatch, as the classifier computes it."""
    seen, compute = [], object_solution_times.cross_entropy

    def keep(logits, targets):
        loss = compute(logits, targets)
        seen.append(loss.item())
        return loss

    monkeypatch.setattr(object_solution_times, "cross_entropy", keep)
    return seen


@pytest.mark.parametrize("name", PROBLEMS)
def test_numbers_of_tensorflow(reference, losses, name):
    """Every minibatch's loss, the number of minibatches, weights and probabilities are TensorFlow's to 1e-6."""
    expected = reference["problems"][name]
    assembly = problem(**PROBLEMS[name])
    train, tested = assembly[:STIMULI], assembly[STIMULI:]
    classifier = ProbabilitiesClassifier()
    classifier.fit(train, train["image_label"])
    probabilities = classifier.predict_proba(tested)
    classifier.close()
    np.testing.assert_allclose(losses, expected["losses"], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(classifier.fitted.weights[:KEPT], expected["weights"], atol=1e-6)
    np.testing.assert_allclose(classifier.fitted.bias, expected["bias"], atol=1e-6)
    np.testing.assert_allclose(probabilities, expected["probabilities"], atol=2e-6)
    assert probabilities.dims == ("presentation", "choice")
    assert probabilities["choice"].values.tolist() == expected["choices"]
    assert probabilities["stimulus_id"].values.tolist() == tested["stimulus_id"].values.tolist()
    assert probabilities.dtype == np.float32


@pytest.mark.usefixtures("no_tensorflow")
def test_restored_after_an_error():
    """Brain-Score's class is back in its module when a benchmark raises."""

    def fail():
        assert metric.TFProbabilitiesClassifier is not TFProbabilitiesClassifier
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), without_tensorflow():
        fail()
    assert metric.TFProbabilitiesClassifier is TFProbabilitiesClassifier


def test_tensorflow_is_used_where_it_is_installed(monkeypatch, tmp_path):
    """Where Python finds a package `tensorflow`, Brain-Score's class stays."""
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with without_tensorflow() as notes:
        assert metric.TFProbabilitiesClassifier is TFProbabilitiesClassifier
    assert notes == []


@pytest.mark.usefixtures("no_tensorflow")
def test_other_benchmarks_load_no_metric(monkeypatch):
    """For a benchmark without this metric nothing is imported and nothing is replaced."""
    monkeypatch.delitem(sys.modules, metric.__name__)
    with without_tensorflow() as notes:
        assert metric.__name__ not in sys.modules
        assert metric.TFProbabilitiesClassifier is TFProbabilitiesClassifier
    assert notes == []


def test_equal_recordings_are_fitted_once():
    """The last fit is given again for the same recordings and labels, and for nothing else."""
    random = np.random.RandomState(0)
    recordings, labels = random.rand(20, 3).astype(np.float32), np.array(["car", "dog"] * 10)
    fit = LastFit()
    first = fit(recordings, labels)
    assert fit(np.asfortranarray(recordings), labels.copy()) is first
    others = [
        (recordings * 2, labels),
        (recordings, labels[::-1]),
        (recordings.astype(np.float64), labels),
    ]
    for other, names in others:
        assert fit(other, names) is not fit(recordings, labels)


@pytest.mark.usefixtures("no_tensorflow")
def test_kar2019_is_scored(reference, monkeypatch):
    """Brain-Score's benchmark has the score that it has with TensorFlow, and the row says what stood in for it."""
    importlib.import_module("brainscore_vision.data.kar2019")  # registers the data that are replaced
    found, target = kar2019()
    monkeypatch.setitem(brainscore_vision.data_registry, "Kar2019", lambda: target)
    benchmark = brainscore_vision.load_benchmark("Kar2019-ost")
    model = PrecomputedFeatures(found, visual_degrees=8)
    outcome = JobScorer().score(
        Job(Candidate("known", lambda: model), Target(benchmark.identifier, lambda: benchmark, ""))
    )
    assert outcome.row.status == "scored", outcome.row.reason
    assert outcome.row.raw == pytest.approx(reference["score"]["raw"], abs=1e-6)
    splits = outcome.score.attrs["raw"].attrs["raw"]
    np.testing.assert_allclose(splits, reference["score"]["splits"], atol=1e-6)
    assert outcome.row.note == NOTE
    assert metric.TFProbabilitiesClassifier is TFProbabilitiesClassifier
