"""How well features predict recordings: Brain-Score's metrics for any arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brainscore_vision.metric_helpers.temporal import PerTime, PerTimeRegression, SpanTimeRegression
from brainscore_vision.metrics.regression_correlation import metric as brainscore

from ..cornet.errors import UserError, unknown_name, whole_number
from . import recognition, regression_metrics
from .activity import LABEL, assemblies
from .alignment import NEUROIDS, NotCovered
from .gram import Grams

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

_REGRESSIONS = {
    "pls": brainscore.pls_regression,
    "ridge": brainscore.ridge_regression,
    "ridgecv": brainscore.ridge_cv_regression,
    "linear_predictivity": brainscore.linear_regression,
    "neuron_to_neuron": brainscore.single_regression,
}
_REVERSE, _SHARED = "reverse_", "spantime_"
METRICS = (*_REGRESSIONS, *(f"{way}{name}" for way in (_REVERSE, _SHARED) for name in _REGRESSIONS))


def predictivity(
    features,
    recordings,
    metric: str = "pls",
    *,
    test: tuple[Any, Any] | None = None,
    splits: int = 10,
    train_size: float = 0.9,
    stratify: str | Sequence | None = "object_name",
    seed: int = 1,
) -> Score:
    """How well features predict recordings of the same stimuli, as Brain-Score measures it.

    Parameters
    ----------
    features
        (stimulus, feature) or (stimulus, feature, time bin): an array, which may be a memory map, a DataArray or an
        assembly. They are read in portions of features, and not copied as a whole.
    recordings
        (stimulus, neuroid) or (stimulus, neuroid, time bin), of any of these kinds. Where both have a coordinate
        `stimulus_id`, stimuli are matched by it, otherwise by their order.
    metric
        `pls`, `ridge`, `ridgecv`, `linear_predictivity` or `neuron_to_neuron`. With `reverse_` before it, recordings
        predict features. Each time bin has a regression of its own; with `spantime_` before it, all share one.
    test
        Features and recordings to test on. Without them, the stimuli are split at random.
    splits
        How often the stimuli are split.
    train_size
        The share of the stimuli that a regression is fitted on.
    stratify
        Labels of the stimuli, or the recordings' coordinate that has them: each split has all labels in the same
        shares. `object_name` is left out where recordings do not have it.
    seed
        Of the random splits.

    Returns
    -------
    Brain-Score's Score: the mean over splits of the median over neuroids. `.raw` is Pearson's r of each split and
    neuroid, `.error` the standard error over splits.

    Raises
    ------
    UserError
        For what does not fit together, and for recordings that hold NaN, whose neuroids are named.
    """
    if metric not in METRICS:
        raise unknown_name(metric, METRICS, "metric")
    parts = [(features, recordings)] if test is None else [(features, recordings), test]
    if metric.startswith(_REVERSE):
        parts = [(recorded, predicted) for predicted, recorded in parts]
    sides = [assemblies(*part, stratify=stratify if test is None else None) for part in parts]
    regression, correlation = _parts(metric, sides[0][0])
    try:
        if test is not None:
            made = brainscore.TrainTestSplitCorrelation(regression, correlation)
            (train, train_targets), (tested, test_targets) = sides
            given = (train, tested, train_targets, test_targets)
            return regression_metrics.with_test_set(made, _plan(made), *given, Grams())
        settings = {
            "splits": whole_number(splits, "a number of splits", 1),
            "train_size": train_size,
            "stratification_coord": LABEL if hasattr(sides[0][1], LABEL) else None,
            "random_state": seed,
        }
        made = brainscore.CrossRegressedCorrelation(regression, correlation, settings)
        return regression_metrics.cross_validated(made, _plan(made), *sides[0], Grams())
    except NotCovered:
        raise UserError(
            "Features and recordings do not fit together: expected the same time bins, and, where there is a test "
            "set, its features and neuroids in the same order; and at least two stimuli to test on."
        ) from None


def _plan(metric) -> recognition.Plan:
    plan = recognition.regression_metric(metric)
    assert plan is not None, "it is made of Brain-Score's own parts"
    return plan


def _parts(metric: str, predictors) -> tuple[Any, Any]:
    """Brain-Score's regression and correlation of a metric."""
    has_time, width = predictors.ndim == 3, predictors.sizes[NEUROIDS]
    if metric.startswith(_SHARED) and not has_time:
        raise UserError(f"{metric} needs time bins: features and recordings (stimulus, neuroid, time bin).")
    regression = _REGRESSIONS[metric.removeprefix(_REVERSE).removeprefix(_SHARED)]()
    components = getattr(regression._regression, "n_components", 0)
    if width < components:
        raise UserError(f"{metric} finds {components} components: it needs as many predictors, received {width}.")
    correlation = brainscore.pearsonr_correlation()
    if has_time:
        regression = (SpanTimeRegression if metric.startswith(_SHARED) else PerTimeRegression)(regression)
        correlation = PerTime(correlation)
    return regression, correlation
