"""Which of Brain-Score's metrics and ceilings an object is: by the types of all its parts, never by a name."""

from __future__ import annotations

from dataclasses import dataclass

import scipy.stats
from brainscore_vision.metric_helpers.temporal import PerTime, PerTimeRegression, SpanTimeRegression
from brainscore_vision.metric_helpers.transformations import (
    CrossValidation,
    CrossValidationSingle,
    Split,
    TestOnlyCrossValidation,
)
from brainscore_vision.metric_helpers.xarray_utils import Defaults, XarrayCorrelation, XarrayRegression
from brainscore_vision.metrics.cka.metric import CKA, CKACrossValidated
from brainscore_vision.metrics.internal_consistency import ceiling
from brainscore_vision.metrics.rdm.metric import RDM, RDMCrossValidated, RDMMetric, RDMSimilarity
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    ReverseCrossRegressedCorrelation,
    ReverseTrainTestSplitCorrelation,
    TrainTestSplitCorrelation,
)

from . import regressions
from .regressions import Regression

STIMULUS, NEUROID = Defaults.stimulus_coord, Defaults.neuroid_coord
_XARRAY = {
    "_expected_dims": Defaults.expected_dims,
    "_neuroid_dim": Defaults.neuroid_dim,
    "_neuroid_coord": NEUROID,
    "_stimulus_coord": STIMULUS,
}


@dataclass(frozen=True)
class Plan:
    """How predictions of recordings are made and compared."""

    regression: Regression
    time: str | None = None
    """`shared`: one regression for all time bins; `separate`: one for each; None: recordings without time bins."""


def regression_metric(metric) -> Plan | None:
    """Of a metric that regresses and correlates, cross-validated or with given training and test sets."""
    if _is(metric, CrossRegressedCorrelation, ReverseCrossRegressedCorrelation):
        if not cross_validates_stimuli(metric.cross_validation):
            return None
    elif not _is(metric, TrainTestSplitCorrelation, ReverseTrainTestSplitCorrelation):
        return None
    regression, correlation, time = metric.regression, metric.correlation, None
    for kind, name in ((SpanTimeRegression, "shared"), (PerTimeRegression, "separate")):
        if _is(regression, kind):
            if not _is_per_time(correlation):
                return None
            regression, correlation, time = regression._regression, correlation.callable, name
            break
    if not _is(regression, XarrayRegression) or not is_pearson(correlation):
        return None
    if any(getattr(regression, name) != value for name, value in _XARRAY.items()):
        return None
    found = regressions.known(regression._regression)
    return None if found is None else Plan(found, time)


def cross_validates_stimuli(cross_validation) -> bool:
    """Whether an object splits stimuli as Brain-Score's `CrossValidation` does."""
    return (
        _is(cross_validation, CrossValidation)
        and _is(cross_validation._split, Split)
        and cross_validation._split_coord == cross_validation._split._split_coord == STIMULUS
        and cross_validation._stratification_coord == cross_validation._split._stratification_coord
    )


def is_pearson(correlation) -> bool:
    """Whether an object is Brain-Score's correlation of each neuroid over stimuli."""
    return (
        _is(correlation, XarrayCorrelation)
        and correlation._correlation is scipy.stats.pearsonr
        and (correlation._correlation_coord, correlation._neuroid_coord) == (STIMULUS, NEUROID)
    )


def internal_consistency(ceiler) -> bool:
    """Whether an object is the correlation of split halves over repetitions, corrected and aggregated as usual."""
    if not _is(ceiler, ceiling.InternalConsistency) or not _is(ceiler._consistency, ceiling._SplitHalvesConsistency):
        return False
    halves = ceiler._consistency
    wrapper, metric = halves._consistency, halves._consistency._consistency_metric
    validation = halves._cross_validation
    return (
        _is(wrapper, ceiling._SplitHalvesConsistency.SplitHalfWrapper)
        and _is(wrapper._correction, ceiling.SpearmanBrownCorrection)
        and _is(metric, ceiling.PearsonCorrelation)
        and is_pearson(metric._correlation)
        and metric._neuroid_dim == Defaults.neuroid_dim
        and halves._aggregate == metric.aggregate
        and _is(validation, CrossValidationSingle)
        and _is(validation._split, Split)
        and validation._split._split_coord == wrapper._split_coord
        and validation._split._unique_split_values
    )


def temporal_internal_consistency(ceiler) -> bool:
    """Whether an object is that ceiling for each time bin."""
    return _is_per_time(ceiler) and internal_consistency(ceiler.callable)


def cka(metric) -> bool:
    """Whether an object is centred kernel alignment of two assemblies over stimuli."""
    return _is(metric, CKA) and metric._comparison_coord == STIMULUS


def rdm(metric) -> bool:
    """Whether an object makes a dissimilarity matrix of an assembly."""
    return _is(metric, RDM) and metric._neuroid_dim == Defaults.neuroid_dim


def rdm_similarity(metric) -> bool:
    """Whether an object compares dissimilarity matrices over stimuli."""
    return _is(metric, RDMSimilarity) and metric._comparison_coord == STIMULUS


def cross_validated_similarity(metric) -> bool:
    """Whether an object is one of the two, of parts of the stimuli."""
    if not _is(metric, CKACrossValidated, RDMCrossValidated):
        return False
    validation, inner = metric._cross_validation, metric._metric
    is_known = cka(inner) or (_is(inner, RDMMetric) and rdm(inner._rdm) and rdm_similarity(inner._similarity))
    return (
        is_known and _is(validation, TestOnlyCrossValidation) and cross_validates_stimuli(validation._cross_validation)
    )


def _is_per_time(thing) -> bool:
    return _is(thing, PerTime) and (thing.dims, thing.check_coords) == (["time_bin"], ["time_bin_start"])


def _is(thing, *kinds: type) -> bool:
    """Whether an object is of exactly one of these classes, and nothing of its class was replaced in the object."""
    return type(thing) in kinds and not any(hasattr(type(thing), name) for name in vars(thing))
