"""The memory that a benchmark's recording and metric will hold, where the metric is computed by this package."""

from __future__ import annotations

from brainscore_vision.benchmark_helpers.memory import MemoryEstimate
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV

from . import recognition
from .recognition import Plan
from .samples import PORTION

_GB = 1024**3
_DOUBLE = 8  # bytes
_VECTORS = 4  # that each component of a split keeps: scores, weights, and their products
_SPLITS = 10  # of Brain-Score's cross-validation


def needed_gb(benchmark, sizes: MemoryEstimate, copies: float) -> float | None:
    """GB that a benchmark will hold beside the model, None where Brain-Score computes its metric.

    Parameters
    ----------
    sizes
        Brain-Score's estimate, of which the numbers of stimuli, features and time bins are used.
    copies
        How often the model holds what it records: 1 where it writes into the recording.
    """
    recorded = sizes.num_stimuli * sizes.num_features * sizes.num_timebins * 4
    metric = getattr(benchmark, "_similarity_metric", None)
    plan = None if metric is None else recognition.regression_metric(metric)
    if plan is not None:
        assembly = getattr(benchmark, "_assembly", None)
        assembly = benchmark.train_assembly if assembly is None else assembly
        held = _regression_bytes(plan, sizes, assembly.sizes["neuroid"])
    elif recognition.rdm(getattr(benchmark, "_rdm", None)) or recognition.cka(metric):
        held = 6 * _DOUBLE * sizes.num_stimuli**2
    else:
        return None
    # copies are given back before the metric starts
    return (recorded + max((copies - 1) * recorded, held + 4 * min(PORTION, 2 * recorded))) / _GB


def _regression_bytes(plan: Plan, sizes: MemoryEstimate, neuroids: int) -> int:
    samples = sizes.num_stimuli * (sizes.num_timebins if plan.time == "shared" else 1)
    estimator = plan.regression.estimator
    targets = 6 * _DOUBLE * samples * neuroids
    if isinstance(estimator, PLSRegression):
        vectors = _SPLITS * _VECTORS * estimator.n_components * samples
        # with more targets than samples, theirs is a Gram matrix, too, and is decomposed
        matrices = 1 if neuroids <= samples else 5
        return targets + _DOUBLE * (vectors + matrices * samples**2 + 3 * _SPLITS * min(neuroids, samples) ** 2)
    if estimator is None:  # each neuroid's nearest, which needs no Gram matrix
        return targets
    return targets + _DOUBLE * (7 if isinstance(estimator, RidgeCV) else 4) * samples**2
