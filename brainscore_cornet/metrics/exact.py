"""For the time of a benchmark's call, Brain-Score's metrics and ceilings are computed by this package.

Benchmarks hide their metrics in closures and make them while they score. What is replaced is therefore what calling one
of Brain-Score's classes does; an object of which not every part is known is computed as before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from brainscore_vision.metric_helpers.temporal import PerTime
from brainscore_vision.metrics.cka.metric import CKA, CKACrossValidated
from brainscore_vision.metrics.internal_consistency.ceiling import InternalConsistency
from brainscore_vision.metrics.rdm.metric import RDM, RDMCrossValidated, RDMSimilarity
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    TrainTestSplitCorrelation,
)
from brainscore_vision.utils import LazyLoad

from ..cornet.errors import UserError
from . import EXACT, STOCK, ceilings, recognition, regression_metrics, similarity
from .alignment import NotCovered
from .gram import Grams

TOLERANCE = 1e-5
"""Of scores and raw values, where both are computed."""


@dataclass
class Computed:
    """Who computed the metrics of a call."""

    is_checked: bool
    exact: int = 0
    stock: int = 0
    grams: Grams = field(default_factory=Grams)
    is_busy: bool = False

    @property
    def metric(self) -> str:
        """`exact` where all metrics were computed here, `stock` where Brain-Score computed one, or none is known."""
        return EXACT if self.exact and not self.stock else STOCK


class _Use(NamedTuple):
    kind: type
    plan: Callable[[Any], Any]
    """What is known of an object, something false where it is not exactly known."""
    compute: Callable
    """From the object, the plan, the Gram matrices, and the arguments of the call."""
    is_metric: bool = True


def _cross_validated(metric, plan, grams: Grams, *given):
    return regression_metrics.cross_validated(metric, plan, *given, gram=grams)


def _with_test_set(metric, plan, grams: Grams, *given):
    return regression_metrics.with_test_set(metric, plan, *given, gram=grams)


def _similarity(metric, _, grams: Grams, *given):
    return (similarity.cka if isinstance(metric, CKA) else similarity.cross_validated)(metric, *given, gram=grams)


_USES = (
    _Use(CrossRegressedCorrelation, recognition.regression_metric, _cross_validated),
    _Use(TrainTestSplitCorrelation, recognition.regression_metric, _with_test_set),
    _Use(CKA, recognition.cka, _similarity),
    _Use(CKACrossValidated, recognition.cross_validated_similarity, _similarity),
    _Use(RDMCrossValidated, recognition.cross_validated_similarity, _similarity),
    _Use(RDMSimilarity, recognition.rdm_similarity, lambda *given: similarity.dissimilarity_correlation(*given[3:])),
    _Use(RDM, recognition.rdm, lambda *given: similarity.dissimilarity_matrix(*given[3:]), is_metric=False),
    _Use(
        InternalConsistency,
        recognition.internal_consistency,
        lambda ceiler, _, grams, *given: ceilings.internal_consistency(ceiler, *given),
        is_metric=False,
    ),
    _Use(
        PerTime,
        recognition.temporal_internal_consistency,
        lambda ceiler, _, grams, *given: ceilings.temporal_internal_consistency(ceiler, *given),
        is_metric=False,
    ),
)


@contextmanager
def exact_metrics(is_checked: bool = False) -> Iterator[Computed]:
    """Inside, known metrics and ceilings are computed exactly and fast; afterwards all is as before.

    Parameters
    ----------
    is_checked
        Let Brain-Score compute each of them, too, from activity in double precision.

    Raises
    ------
    UserError
        When the two differ by more than `TOLERANCE`, with both numbers.
    """
    computed = Computed(is_checked)
    before = [(use.kind, vars(use.kind).get("__call__")) for use in _USES]
    try:
        for use in _USES:
            use.kind.__call__ = _replaced(use, use.kind.__call__, computed)
        yield computed
    finally:
        for kind, own in before:
            if own is None:  # it was inherited
                if "__call__" in vars(kind):
                    del kind.__call__
            else:
                kind.__call__ = own


def _replaced(use: _Use, original: Callable, computed: Computed) -> Callable:
    signature = inspect.signature(original)

    def __call__(self, *args, **kwargs):
        if computed.is_busy:
            return original(self, *args, **kwargs)
        if plan := use.plan(self):
            given = [_loaded(each) for each in signature.bind(self, *args, **kwargs).args[1:]]
            computed.is_busy = True
            try:
                score = use.compute(self, plan, computed.grams, *given)
                if computed.is_checked:
                    _compare(use.kind.__name__, score, original(self, *map(_doubled, given)))
                computed.exact += use.is_metric
                return score
            except NotCovered:
                pass
            finally:
                computed.is_busy = False
        computed.stock += use.is_metric
        return original(self, *args, **kwargs)

    return __call__


def _loaded(given):
    if type(given) is LazyLoad:
        given._ensure_loaded()
        return given.content
    return given


def _doubled(given):
    if getattr(given, "dtype", None) != np.float32:
        return given
    return given.copy(data=given.values.astype(float))  # an assembly's `astype` gives an array without its methods


def _compare(name: str, ours, theirs) -> None:
    for what in ("score", "raw"):
        values, others = (np.asarray(each if what == "score" else _raw(each), float) for each in (ours, theirs))
        if values.shape == others.shape and np.allclose(values, others, rtol=0, atol=TOLERANCE, equal_nan=True):
            continue
        worst = np.nanargmax(np.abs(values - others)) if values.shape == others.shape else 0
        raise UserError(
            f"{name}: the {what} is {values.flat[worst]:.7f} by this package and {others.flat[worst]:.7f} by "
            f"Brain-Score, more than {TOLERANCE:g} apart: score with --stock-metrics, and report it."
        )


def _raw(score):
    return getattr(score, "attrs", {}).get("raw", np.nan)
