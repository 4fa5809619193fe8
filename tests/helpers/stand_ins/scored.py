"""Scoring on stand-ins, by the code that `brainscore-cornet score` runs in each of its processes."""

from __future__ import annotations

from collections.abc import Callable

from brainscore_cornet.metrics import EXACT
from brainscore_cornet.scoring.jobs import Job, candidates, targets
from brainscore_cornet.scoring.scorer import JobOutcome, JobScorer


def scorer(model, metrics: str = EXACT, **options) -> Callable[[str], JobOutcome]:
    """A function benchmark -> outcome, for a model as `score_models` takes it; the model is loaded once.

    Parameters
    ----------
    metrics
        Who computes them, one of `metrics.WAYS`.
    options
        Of `load_model`, such as `image_size`.
    """
    (candidate,) = candidates(model, options)
    job_scorer = JobScorer(metrics=metrics)

    def score(benchmark) -> JobOutcome:
        (target,) = targets([benchmark])
        return job_scorer.score(Job(candidate, target))

    return score
