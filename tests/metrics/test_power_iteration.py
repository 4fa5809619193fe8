"""The power iteration stops where scikit-learn's own does, however slowly it converges."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cross_decomposition._pls import _get_first_singular_vectors_power_method as of_sklearn
from sklearn.exceptions import ConvergenceWarning

from brainscore_cornet.metrics.power_iteration import Exhausted, power_iteration


def _sides(samples: int, features: int, targets: int, rank: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(features + targets)
    latent = random.normal(size=(samples, rank))
    made = [
        latent @ random.normal(size=(rank, width)) + noise * random.normal(size=(samples, width))
        for width in (features, targets)
    ]
    return tuple(each - each.mean(0) for each in made)


@pytest.mark.parametrize(
    ("features", "targets", "rank", "noise"),
    [
        pytest.param(300, 150, 6, 0.3, id="signal"),
        pytest.param(300, 150, 1, 0.0, id="rank 1"),
        pytest.param(300, 150, 3, 0.0, id="rank 3"),
        pytest.param(40, 150, 4, 30.0, id="noise"),
        pytest.param(300, 1, 2, 1.0, id="one target"),
        pytest.param(300, 3, 2, 1.0, id="three targets"),
    ],
)
@pytest.mark.parametrize("is_metric", [True, False], ids=["targets", "predictors"])
def test_it_stops_where_scikit_learn_stops(features, targets, rank, noise, is_metric):
    """Weights over either side are those of scikit-learn at its last iteration, not those of the limit."""
    predictors, recorded = _sides(90, features, targets, rank, noise)
    covariance = predictors.T @ recorded
    weights, *_ = of_sklearn(predictors, recorded)
    if is_metric:
        found = power_iteration(np.tril(covariance.T @ covariance), np.eye(1, targets)[0], True, 500, 1e-6)
        found = covariance @ found
    else:
        found = power_iteration(np.tril(covariance @ covariance.T), covariance[:, 0], False, 500, 1e-6)
    np.testing.assert_allclose(found / np.linalg.norm(found), weights, rtol=0, atol=1e-9)


def test_it_gives_up_where_scikit_learn_gives_up():
    """After the greatest number of iterations, a warning comes with the vector that scikit-learn has then."""
    predictors, recorded = _sides(90, 40, 150, 4, 30.0)
    covariance = predictors.T @ recorded
    with pytest.warns(ConvergenceWarning):
        weights, *_ = of_sklearn(predictors, recorded, max_iter=7, tol=1e-12)
    with pytest.warns(ConvergenceWarning):
        found = covariance @ power_iteration(covariance.T @ covariance, np.eye(1, 150)[0], True, 7, 1e-12)
    np.testing.assert_allclose(found / np.linalg.norm(found), weights, rtol=0, atol=1e-9)


def test_nothing_is_left():
    """A matrix of zeros has no direction."""
    with pytest.raises(Exhausted):
        power_iteration(np.zeros((5, 5)), np.eye(1, 5)[0], True, 500, 1e-6)
