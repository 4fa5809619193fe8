"""The regressions that Brain-Score uses, known by their classes, and how each is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from brainscore_vision.metrics.regression_correlation.metric import (
    DualRidgeCVRegression,
    DualRidgeRegression,
    SingleRegression,
)
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV

from ..cornet.errors import UserError
from . import linear, pls, single
from .gram import Gram, MakeGram
from .predictions import Given, Prediction, Split
from .samples import Samples


@dataclass(frozen=True)
class Fitted:
    """The predictions of all splits, and what is known of the fits."""

    predictions: Sequence[Prediction]
    dtype: np.dtype
    """Of the predictions as Brain-Score computes them."""
    alpha: float | np.floating | None = None
    """The one that was chosen, where there is one split."""


@dataclass(frozen=True)
class Regression:
    """A regression: scikit-learn's own, and a faster way to its predictions."""

    estimator: Any
    """None where it is Brain-Score's `SingleRegression`."""
    is_dual: bool = False
    """Whether it is one of Brain-Score's own classes around the estimator."""

    def fit(self, predictors: Samples, targets: Samples, splits: Sequence[Split], gram: MakeGram) -> Fitted:
        """Fit on each split's training samples, and predict its test samples.

        Raises
        ------
        UserError
            When features are not finite.
        """
        gram = _finite(gram)
        single_precision = predictors.dtype == np.float32
        if self.estimator is None:
            return Fitted(single.fit(predictors, targets, splits), predictors.dtype)
        if isinstance(self.estimator, PLSRegression):
            return self.fit_each(predictors, [targets], splits, gram)[0]
        is_wide = predictors.shape[1] > max(len(split.train) for split in splits)
        if isinstance(self.estimator, RidgeCV):
            return self._ridge_cv(predictors, targets, splits, gram if is_wide else None)
        found: Sequence[Prediction | None] = [None] * len(splits)
        if is_wide and isinstance(self.estimator, Ridge):
            found = linear.ridge(gram(predictors), splits, float(self.estimator.alpha))
        elif is_wide:
            found = linear.least_squares(gram(predictors), splits)
        dtype = np.dtype(np.float32 if single_precision and not self.is_dual else float)
        return Fitted(self._with_sklearn(found, predictors, targets, splits, float), dtype)

    def fit_each(
        self, predictors: Samples, targets: Sequence[Samples], splits: Sequence[Split], gram: MakeGram
    ) -> list[Fitted]:
        """Fit each group of targets by itself, as `fit` does; partial least squares of all groups take less time."""
        if not isinstance(self.estimator, PLSRegression):
            return [self.fit(predictors, each, splits, gram) for each in targets]
        found = pls.fit(predictors, targets, splits, self.estimator, _finite(gram))
        # scikit-learn gets what it would get from Brain-Score: its rounding is part of what it says
        return [
            Fitted(self._with_sklearn(own, predictors, each, splits, None), np.dtype(float))
            for own, each in zip(found, targets, strict=True)
        ]

    def _with_sklearn(self, found, predictors: Samples, targets: Samples, splits, dtype) -> list[Prediction]:
        """Fill in by scikit-learn what has no prediction yet."""
        return [
            prediction or Given(self._fitted(predictors, targets, split, dtype)[0])
            for prediction, split in zip(found, splits, strict=True)
        ]

    def _fitted(self, predictors: Samples, targets: Samples, split: Split, dtype) -> tuple[np.ndarray, Any]:
        estimator: Any = clone(self.estimator)
        columns = targets.columns(0, targets.shape[1])
        estimator.fit(predictors.rows(split.train).astype(dtype or predictors.dtype), columns[split.train])
        values = estimator.predict(predictors.rows(split.test).astype(dtype or predictors.dtype))
        return values.reshape(len(split.test), -1), estimator

    def _ridge_cv(self, predictors: Samples, targets: Samples, splits, gram: MakeGram | None) -> Fitted:
        predictions: list[Prediction] = []
        alpha = None
        for split in splits:
            if gram is None:
                values, estimator = self._fitted(predictors, targets, split, float)
                prediction, alpha = Given(values), estimator.alpha_
            else:
                alphas = np.asarray(self.estimator.alphas, float)
                prediction, alpha = linear.ridge_cv(gram(predictors), split, targets, alphas)
                alpha = float(alpha) if self.is_dual else alpha
            predictions.append(prediction)
        return Fitted(predictions, np.dtype(float), alpha)


def _finite(gram: MakeGram) -> MakeGram:
    def make(samples: Samples, is_rough: bool = False) -> Gram:
        made = gram(samples, is_rough)
        if not made.is_finite:
            raise UserError("The features hold values that are NaN or infinite: expected finite ones.")
        return made

    return make


def known(estimator) -> Regression | None:
    """The regression that an object is, None for one that is not exactly known."""
    if type(estimator) is SingleRegression:
        return Regression(None)
    if type(estimator) is DualRidgeRegression:
        return _known(Ridge(alpha=estimator.alpha), is_dual=True)
    if type(estimator) is DualRidgeCVRegression:
        return _known(RidgeCV(alphas=estimator.alphas, **estimator._ridgecv_kwargs), is_dual=True)
    return _known(estimator)


# parameters for which the faster ways were made; others are read, or change nothing
_PARAMETERS: dict[type, dict[str, tuple]] = {
    PLSRegression: {"scale": (False,)},
    LinearRegression: {"fit_intercept": (True,), "positive": (False,)},
    Ridge: {"fit_intercept": (True,), "positive": (False,), "solver": ("auto", "cholesky")},
    RidgeCV: {
        "fit_intercept": (True,),
        "scoring": (None,),
        "cv": (None,),
        "gcv_mode": (None, "auto"),
        "store_cv_results": (None, False),
        "store_cv_values": (None, False, "deprecated"),
        "alpha_per_target": (False,),
    },
}


def _known(estimator, is_dual: bool = False) -> Regression | None:
    if type(estimator) not in _PARAMETERS:
        return None
    parameters = estimator.get_params()
    if any(parameters.get(name) not in values for name, values in _PARAMETERS[type(estimator)].items()):
        return None
    alphas = parameters.get("alphas", [parameters.get("alpha", 1)])
    if np.ndim(alphas) != 1 or not all(isinstance(alpha, Real) and float(alpha) > 0 for alpha in alphas):
        return None
    return Regression(estimator, is_dual)
