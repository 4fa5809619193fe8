"""Uncertainty of comparisons of dissimilarities, from rsatoolbox's bootstraps over stimuli and subjects."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from .resampling import LEVEL

RESAMPLES = 200


@dataclass(frozen=True)
class RdmResamples:
    """Comparisons of several models with the same data, and their variances."""

    points: np.ndarray
    """Mean over subjects of the comparison, (model,)."""
    variances: np.ndarray
    """(model,)."""
    differences: np.ndarray
    """Variance of the difference of each two models, in the order of `itertools.combinations`."""
    evaluations: np.ndarray
    """Comparisons with resampled stimuli and subjects, (resample, model)."""
    freedom: int
    """Degrees of freedom: of the fewer of stimuli and subjects, as in rsatoolbox."""

    def interval(self, points: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper limit of the interval of 95 %, from Student's t distribution."""
        reach = stats.t.ppf((1 + LEVEL) / 2, self.freedom) * np.sqrt(variances)
        return points - reach, points + reach

    def p_value(self, points: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Return the two-sided p-value of a value being 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(points == 0, 0, np.abs(points) / np.sqrt(variances))
        return 2 * stats.t.sf(t, self.freedom)

    def of_pair(self, first: int, second: int) -> tuple[float, float]:
        """Return the difference of two models and its variance."""
        order = list(combinations(range(len(self.points)), 2))
        return float(self.points[first] - self.points[second]), float(self.differences[order.index((first, second))])


def bootstrapped(models: Sequence, data, method: str, count: int = RESAMPLES) -> RdmResamples:
    """Compare models with subjects in rsatoolbox's bootstraps, all models in the same resamples.

    With several subjects, stimuli and subjects are resampled, together and each alone, and rsatoolbox corrects the
    variance for both; with one subject, stimuli are.

    Parameters
    ----------
    models
        Each model's dissimilarities, as rsatoolbox's RDMs of one matrix.
    data
        The subjects' dissimilarities, as rsatoolbox's RDMs.
    method
        rsatoolbox's name of the comparison.
    """
    from rsatoolbox.inference import eval_bootstrap, eval_bootstrap_pattern, eval_bootstrap_rdm  # pyright: ignore[reportPrivateImportUsage]
    from rsatoolbox.model import ModelFixed  # pyright: ignore[reportPrivateImportUsage]
    from rsatoolbox.rdm import compare  # pyright: ignore[reportPrivateImportUsage]
    from rsatoolbox.util.inference_util import extract_variances

    subjects, stimuli = data.n_rdm, data.n_cond
    ways = [eval_bootstrap, eval_bootstrap_rdm, eval_bootstrap_pattern] if subjects > 1 else [eval_bootstrap_pattern]
    fixed = [ModelFixed(str(number), each) for number, each in enumerate(models)]
    found = []
    state = np.random.get_state()  # rsatoolbox draws from numpy's global generator
    try:
        for evaluate in ways:
            np.random.seed(0)
            options: dict[str, Any] = {"method": method, "N": count, "boot_noise_ceil": False}
            with redirect_stderr(io.StringIO()), warnings.catch_warnings():  # its progress
                warnings.simplefilter("ignore", UserWarning)  # that ranks are averaged for tau
                found.append(evaluate(fixed, data, **options).evaluations.reshape(count, len(fixed)))
    finally:
        np.random.set_state(state)
    points = np.array([compare(each, data, method).mean() for each in models])
    covariances = np.array([_covariance(each) for each in found])
    sizes = {"n_rdm": subjects, "n_pattern": stimuli} if subjects > 1 else {"n_pattern": stimuli}
    variances, differences, _ = extract_variances(
        covariances if subjects > 1 else covariances[0], nc_included=False, **sizes
    )
    freedom = (min(subjects, stimuli) if subjects > 1 else stimuli) - 1
    return RdmResamples(points, np.ravel(variances), np.ravel(differences), found[0], freedom)


def _covariance(evaluations: np.ndarray) -> np.ndarray:
    """Return the covariance (model, model) over resamples, without those that hold too few different stimuli."""
    known = evaluations[~np.isnan(evaluations).any(1)]
    return np.atleast_2d(np.cov(known.T, ddof=1))
