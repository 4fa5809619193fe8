"""Scoring on stand-ins, by the code that `brainscore-cornet score` runs in each of its processes."""

from __future__ import annotations

from collections.abc import Callable

from brainscore_cornet.scoring.jobs import Job, candidates, targets
from brainscore_cornet.scoring.scorer import Bench, Outcome


def scorer(model, **options) -> Callable[[str], Outcome]:
    """A function benchmark -> outcome, for a model as `score_models` takes it; the model is loaded once.

    Parameters
    ----------
    options
        Of `load_model`, such as `image_size`.
    """
    (candidate,) = candidates(model, options)
    bench = Bench()

    def score(benchmark) -> Outcome:
        (target,) = targets([benchmark])
        return bench.score(Job(candidate, target))

    return score
