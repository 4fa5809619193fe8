"""At the edges, what scikit-learn does is the reference: degenerate data, few samples, missing values."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_vision import load_metric
from helpers.made_recordings import activity, assembly, check, pair

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.metrics.exact import exact_metrics


def _constant_target(predictors, targets):
    targets[:, 1] = 3.0


def _constant_first_target(predictors, targets):
    targets[:, 0] = 100.1  # of which subtracting the mean leaves rounding


def _dead_features(predictors, targets):
    predictors[:, ::2] = 0
    predictors[:, 1::4] = 1.3


def _equal_features(predictors, targets):
    predictors[:, 1::2] = predictors[:, ::2]


def _equal_stimuli(predictors, targets):
    predictors[1::2] = predictors[::2]


def _low_rank(predictors, targets):
    predictors[:] = predictors[:, :9] @ np.random.RandomState(0).randn(9, predictors.shape[1])


def _explained(predictors, targets):
    targets[:] = predictors[:, :1] * np.arange(1, targets.shape[1] + 1)


CONSTANT = [_constant_target, _constant_first_target]
EDGES = [*CONSTANT, _dead_features, _equal_features, _equal_stimuli, _low_rank, _explained]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (name, change)
        for name in ("pls", "ridge", "neuron_to_neuron", "ridgecv_split")
        for change in EDGES
        if name != "neuron_to_neuron" or change not in CONSTANT  # for which Brain-Score's metric fails
    ],
    ids=lambda value: getattr(value, "__name__", value).strip("_"),
)
def test_edges(name, change):
    """Where data are degenerate, the numbers are still scikit-learn's."""
    predictors, targets = activity(60, 100, 5)
    change(predictors, targets)
    if name.endswith("split"):
        check(
            load_metric(name),
            *(part for each in (predictors, targets) for part in map(assembly, (each[:40], each[40:]))),
        )
        return
    metric = load_metric(name, crossvalidation_kwargs={"splits": 2, "stratification_coord": None})
    check(metric, assembly(predictors), assembly(targets))


def test_few_samples():
    """With fewer training samples than components, the numbers are still scikit-learn's."""
    check(load_metric("pls", crossvalidation_kwargs={"splits": 2, "stratification_coord": None}), *pair(20, 100, 4))


@pytest.mark.parametrize("name", ["pls", "ridge", "neuron_to_neuron"])
def test_one_target(name):
    """A single neuroid is as good as many."""
    check(load_metric(name, crossvalidation_kwargs={"splits": 2}), *pair(60, 90, 1))


def test_too_few_features():
    """Fewer features than components are refused with scikit-learn's own error."""
    metric = load_metric("pls", crossvalidation_kwargs={"splits": 2})
    source, target = pair(60, 10, 3)
    with pytest.raises(ValueError, match="upper bound is 10"), exact_metrics():
        metric(source, target)


@pytest.mark.parametrize("name", ["pls", "neuron_to_neuron"])
def test_missing_values(name):
    """NaN in recordings is refused with the neuroids' names."""
    source, target = pair(60, 90, 5)
    target.values[3, 1] = target.values[7, 4] = np.nan
    names = sorted(target["neuroid_id"].values[[1, 4]])
    metric = load_metric(name, crossvalidation_kwargs={"splits": 2})
    with pytest.raises(UserError, match="of 2 of 5 neuroids") as error, exact_metrics():
        metric(source, target)
    assert all(each in str(error.value) for each in names)


def test_constant_in_the_test_set():
    """A neuroid that is constant in the test set has no correlation; a median over the others is left."""
    predictors, targets = activity(60, 90, 4)
    targets[45:, 2] = 1.0
    check(
        load_metric("pls_split"),
        *(part for each in (predictors, targets) for part in map(assembly, (each[:45], each[45:]))),
    )


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_no_correlation_with_any_feature(constant):
    """A neuroid that is constant has no best feature: numpy's own error, or what Brain-Score's rounding picks."""
    predictors, targets = activity(60, 90, 4)
    targets[:, 1] = constant
    metric = load_metric("neuron_to_neuron", crossvalidation_kwargs={"splits": 2})
    given = assembly(predictors), assembly(targets)
    if constant:
        check(metric, *given)
        return
    with pytest.raises(ValueError, match="All-NaN"), exact_metrics():
        metric(*given)
