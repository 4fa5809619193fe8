"""Kernel alignment and dissimilarities are those that Brain-Score computes."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_vision import load_metric
from brainscore_vision.metrics.rdm.metric import RDM
from helpers.made_recordings import activity, assembly, check, ours, pair
from hypothesis import given, settings
from hypothesis import strategies as st

from brainscore_cornet.metrics import similarity

NAMES = ["cka", "cka_biased", "cka_cv", "rdm", "rdm_cv"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_assemblies(name, dtype):
    """Whole and cross-validated, for stimuli in different orders."""
    check(load_metric(name), *pair(40, 200, 6, dtype=dtype))


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(
    stimuli=st.integers(4, 40),
    features=st.integers(1, 100),
    neuroids=st.integers(1, 30),
    name=st.sampled_from(["cka", "cka_biased", "rdm"]),
    seed=st.integers(0, 1000),
)
def test_any_shape(stimuli, features, neuroids, name, seed):
    """The numbers are Brain-Score's for few and many stimuli, features and neuroids."""
    check(load_metric(name), *pair(stimuli, features + 2, neuroids + 2, seed=seed))


def test_ties():
    """Stimuli with equal activity have dissimilarities with equal ranks."""
    predictors, targets = activity(30, 60, 5)
    predictors[10:20] = predictors[:10]
    targets[10:20] = targets[:10]
    check(load_metric("rdm"), assembly(predictors), assembly(np.round(targets)))


def test_silent_stimulus():
    """A stimulus without any activity makes the similarity NaN."""
    predictors, targets = activity(30, 60, 5)
    predictors[3] = 0
    check(load_metric("rdm"), assembly(predictors), assembly(targets))


def test_matrix():
    """A dissimilarity matrix keeps its coordinates, whichever dimension comes first."""
    source, _ = pair(20, 50, 3)
    for each in (source, source.T):
        check(RDM(), each)


def test_products_in_single_precision(monkeypatch):
    """Activity in single precision is multiplied in single precision where there is much of it."""
    monkeypatch.setattr(similarity, "_LARGE", 0)
    activities = pair(40, 500, 6, dtype=np.float32)
    double = [each.astype(float) for each in activities]
    for name in NAMES:
        assert abs(ours(load_metric(name), *activities) - load_metric(name)(*double)) < 1e-6
