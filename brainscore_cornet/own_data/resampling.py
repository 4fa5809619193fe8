"""Uncertainty of scores over stimuli and neuroids: bootstrap, intervals and p-values.

A score is a mean over splits of a median over neuroids of a correlation over stimuli. Other stimuli and neuroids would
have given another score. Its variance has three parts:

- of neuroids and of their noise: bootstrap of neuroids, drawn with replacement;
- of stimuli: bootstrap of stimuli, by random weights with an exponential distribution (Bayesian bootstrap, Rubin 1981,
  https://doi.org/10.1214/aos/1176345338), which no small test set makes degenerate. Of it the covariance between the
  scores of two halves of the neuroids is taken: what all neuroids share. The noise of each is in the first part, and
  the median of what a bootstrap has made noisier would count it more than once;
- of the stimuli that regressions are fitted on: fits on two separate thirds of the stimuli, tested on the last third.
  Half of their squared difference is the variance of a fit on a third, of which, too, only what halves of the neuroids
  share is taken; that of the excess error of a fit falls with the square of the number of its samples, hence by 9.

The intervals and p-values that follow are checked by simulation in `tests/own_data/test_map_simulation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from ..metrics.predictions import UnitColumns, pearson_of_units, unit_columns

RESAMPLES = 300
FEWEST_RESAMPLES = 50
LEVEL = 0.95
_DIVISIONS = 4  # of the neuroids into halves
_FALL = 9  # of the variance of a fit from a third of the stimuli to all


@dataclass(frozen=True)
class Resamples:
    """Resamples of stimuli and neuroids, which all scores that are compared share."""

    weights: np.ndarray
    """Weight of each stimulus, (resample, stimulus)."""
    neuroids: np.ndarray
    """Numbers of the neuroids that are drawn, (resample, neuroid)."""
    orders: np.ndarray
    """Random orders of the neuroids, whose halves are compared, (division into halves, neuroid)."""

    @classmethod
    def draw(cls, stimuli: int, neuroids: int, count: int = RESAMPLES, seed: int = 0) -> Resamples:
        random = np.random.default_rng(seed)
        weights = random.exponential(size=(count, stimuli)).astype(np.float32)
        drawn = random.integers(neuroids, size=(count, neuroids))
        return cls(weights, drawn, np.array([random.permutation(neuroids) for _ in range(_DIVISIONS)]))


@dataclass(frozen=True)
class Draws:
    """A statistic of any shape, and its values in resamples."""

    point: np.ndarray
    """The statistic of the data themselves, (…)."""
    stimuli: np.ndarray
    """Values with resampled stimuli, (resample, …); with resampled neuroids, too, if these are resampled."""
    neuroids: np.ndarray | None = None
    """Values with resampled neuroids, (resample, …); None for statistics whose neuroids are not resampled."""
    halves: np.ndarray | None = None
    """Values of either half of the neuroids with resampled stimuli, (half, division into halves, resample, …)."""
    refits: np.ndarray | None = None
    """Values of either half of the neuroids, of regressions fitted on either of two thirds of the stimuli,
    (half, division into halves, third, tested third, …)."""
    sizes: tuple[int, int] = (2, 2)
    """Numbers of stimuli and of neuroids."""

    def map(self, function, *others: Draws) -> Draws:
        """Return the draws of a function of this statistic and others from the same resamples."""
        parts: list[Any] = [
            None if mine is None else function(mine, *rest)
            for mine, *rest in zip(self.parts()[:4], *(each.parts()[:4] for each in others), strict=True)
        ]
        if self.refits is not None:  # what is not fitted, such as a ceiling, is the same for all
            refits = [each.point if each.refits is None else each.refits for each in others]
            parts.append(function(self.refits, *refits))
        return Draws(*parts, sizes=self.sizes)

    def parts(self) -> tuple:
        return self.point, self.stimuli, self.neuroids, self.halves, self.refits

    def variance(self) -> np.ndarray:
        """Return the variance over stimuli and neuroids, with corrections for their numbers."""
        stimuli, neuroids = self.sizes
        fitting = 0.0 if self.refits is None else _of_fits(self.refits)
        if self.neuroids is None or self.halves is None:
            return _variance(self.stimuli) * stimuli / (stimuli - 1) + fitting
        deviations = self.halves - np.nanmean(self.halves, axis=2, keepdims=True)
        shared = np.nanmean(deviations[0] * deviations[1], axis=(0, 1))
        over_stimuli = np.maximum(shared, 0) * stimuli / (stimuli - 1)
        return over_stimuli + _variance(self.neuroids) * neuroids / (neuroids - 1) + fitting

    def interval(self, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper limit of the interval, from Student's t distribution."""
        reach = stats.t.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance())
        return self.point - reach, self.point + reach

    def p_value(self) -> np.ndarray:
        """Return the two-sided p-value of the statistic being 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.point) / np.sqrt(self.variance())
        return 2 * stats.t.sf(np.where(self.point == 0, 0, t), self.freedom)

    @property
    def freedom(self) -> int:
        """Degrees of freedom: of the fewer of stimuli and neuroids."""
        stimuli, neuroids = self.sizes
        return (stimuli if self.neuroids is None else min(stimuli, neuroids)) - 1


def corrected(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for their number, by the false discovery rate (Benjamini & Hochberg); NaN stays."""
    found = np.full(p_values.shape, np.nan)
    known = np.isfinite(p_values)
    if known.any():
        found[known] = stats.false_discovery_control(p_values[known])
    return found


def correlations(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Pearson's r (column,) of the columns of two matrices (row, column), and with weights (resample, column).

    Parameters
    ----------
    weights
        Of the rows, (resample, row).
    """
    units = unit_columns(first), unit_columns(second)
    return pearson_of_units(*units), _weighted(*units, weights)


def weighted_correlations(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted Pearson's r (resample, column) of the columns of two matrices (row, column)."""
    return _weighted(unit_columns(first), unit_columns(second), weights)


def _weighted(first: UnitColumns, second: UnitColumns, weights: np.ndarray) -> np.ndarray:
    x, y = first.values.astype(np.float32), second.values.astype(np.float32)
    total = weights.sum(1, keepdims=True)
    width = x.shape[1]
    sums = weights @ np.concatenate([x, y, x * x, y * y, x * y], axis=1) / total
    mx, my, xx, yy, xy = (sums[:, number * width : (number + 1) * width] for number in range(5))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (xy - mx * my) / np.sqrt((xx - mx * mx) * (yy - my * my))


def drawn(
    r: np.ndarray, resampled: np.ndarray, resamples: Resamples, stimuli: int, refits: np.ndarray | None = None
) -> Draws:
    """Return the draws of the mean over splits of the median over neuroids.

    Parameters
    ----------
    r
        Of each split and neuroid, (split, neuroid).
    resampled
        The same with resampled stimuli, (resample, split, neuroid).
    stimuli
        Number of stimuli.
    refits
        Of regressions fitted on either of two thirds of the stimuli, (third, tested third, neuroid).
    """
    both = np.take_along_axis(resampled, resamples.neuroids[:, np.newaxis], axis=2)
    middle = r.shape[1] // 2
    is_alone = r.shape[1] == 1  # it says nothing of other neuroids: intervals are over stimuli

    def in_halves(values: np.ndarray) -> np.ndarray:
        parts = slice(None if is_alone else middle), slice(middle, None)
        return np.array([[_median(values[..., order[part]]) for order in resamples.orders] for part in parts])

    return Draws(
        np.asarray(_median(r).mean()),
        _median(both).mean(1),
        None if is_alone else _median(r[:, resamples.neuroids]).mean(0),
        in_halves(resampled).mean(-1),
        None if refits is None else in_halves(refits),
        sizes=(stimuli, r.shape[1]),
    )


def stacked(draws: list[Draws]) -> Draws:
    """Return one statistic with a further last axis."""
    parts: list[Any] = [
        None if any(part is None for part in same) else np.stack(same, axis=-1)
        for same in zip(*(each.parts() for each in draws), strict=True)
    ]
    return Draws(*parts, sizes=draws[0].sizes)


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median over the last axis, without missing values."""
    if not np.isnan(values).any():
        size = values.shape[-1]
        middle = slice((size - 1) // 2, size // 2 + 1)
        # np.median would also look for the largest value, to see whether it is missing
        return np.partition(values, range(middle.start, middle.stop), axis=-1)[..., middle].mean(-1)
    with np.errstate(all="ignore"):
        return np.nanmedian(values, axis=-1)


def _of_fits(refits: np.ndarray) -> np.ndarray:
    one, other = refits[:, :, 0] - refits[:, :, 1]
    return np.maximum((one * other).mean((0, 1)), 0) / 2 / _FALL


def _variance(values: np.ndarray) -> np.ndarray:
    return values.var(0, ddof=1) if not np.isnan(values).any() else np.nanvar(values, axis=0, ddof=1)
