"""Each target predicted by the one feature that it correlates best with, as Brain-Score's `SingleRegression` does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from brainscore_vision.metrics.regression_correlation.metric import pearsonr

from .gram import pick_device
from .predictions import Given, Split
from .samples import Samples

_CLOSE = 1e-4  # of r: features that near to the best one are compared once more, in Brain-Score's own arithmetic
_UNCERTAIN = 1e-9  # of the variance in all samples: less than that in the training samples may be rounding


def fit(predictors: Samples, targets: Samples, splits: Sequence[Split]) -> list[Given]:
    """What each target's best feature predicts.

    Raises
    ------
    ValueError
        For a target that has no correlation with any feature, as numpy raises it for Brain-Score.
    """
    recorded = targets.columns(0, targets.shape[1])
    centred = torch.from_numpy(recorded - recorded.mean(0, dtype=float)).to(pick_device(recorded.nbytes))
    nearest = [_Nearest(recorded, centred, split.train) for split in splits]
    for start, columns in predictors.portions():
        part = torch.from_numpy(columns).to(centred)
        part -= part.mean(0)
        products, squares = part.T @ centred, (part**2).sum(0)
        for each in nearest:
            each.see(start, part, products, squares)
    found = []
    for split, each in zip(splits, nearest, strict=True):
        chosen, place = np.unique(each.features(predictors), return_inverse=True)
        found.append(Given(predictors.take(chosen)[split.test][:, place]))
    return found


class _Nearest:
    """The features that correlate best with each target in one split's training samples."""

    def __init__(self, recorded: np.ndarray, centred: torch.Tensor, train: np.ndarray) -> None:
        self._recorded, self._train = recorded[train], train
        self._left_out = torch.from_numpy(np.setdiff1d(np.arange(len(recorded)), train)).to(centred.device)
        self._left_targets = centred[self._left_out]
        self._means, self._variance, is_certain = self._moments(centred, (centred**2).sum(0))
        self._uncertain_targets = np.flatnonzero(~is_certain.cpu().numpy())
        self._highest = np.full(recorded.shape[1], -np.inf)
        self._near: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # r, target, feature
        self._uncertain: list[np.ndarray] = []

    def _moments(self, values: torch.Tensor, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Means and sums of squares of the training samples: of all samples, of which the mean is 0, less the others'.

        Also whether they are more than rounding.
        """
        left = values[self._left_out]
        means = -left.sum(0) / len(self._train)
        variance = squares - (left**2).sum(0) - len(self._train) * means**2
        return means, variance, variance > _UNCERTAIN * squares

    def see(self, start: int, part: torch.Tensor, products: torch.Tensor, squares: torch.Tensor) -> None:
        """Compare a portion (sample, feature) of the features; its products with all targets are (feature, target)."""
        means, variance, is_certain = self._moments(part, squares)
        covariance = products - part[self._left_out].T @ self._left_targets
        covariance -= len(self._train) * torch.outer(means, self._means)
        r = covariance / torch.outer(variance, self._variance).sqrt()
        r = torch.where(is_certain[:, None], r, -torch.inf).cpu().numpy()
        self._uncertain.append(start + np.flatnonzero(~is_certain.cpu().numpy()))
        self._highest = np.fmax(self._highest, r.max(0))
        feature, target = np.nonzero(r > self._highest - _CLOSE)
        self._near.append((r[feature, target], target, start + feature))

    def features(self, predictors: Samples) -> np.ndarray:
        """The feature of each target, (target,): the first of those with the highest r."""
        r, target, feature = (np.concatenate(each) for each in zip(*self._near, strict=True))
        is_near = r > self._highest[target] - _CLOSE
        target, feature = target[is_near], feature[is_near]
        varying, constant = self._told_apart(predictors, np.concatenate(self._uncertain))
        chosen = np.empty(len(self._highest), int)
        for each, highest in enumerate(self._highest):
            if each in self._uncertain_targets:
                chosen[each] = self._first_of(predictors, each, np.arange(predictors.shape[1]))
                continue
            # r of a constant feature is rounding, or NaN: it matters where no other one is higher
            others = varying if highest > _CLOSE else np.concatenate([varying, constant])
            near = np.sort(np.concatenate([feature[target == each], others]))
            chosen[each] = near[0] if len(near) == 1 else self._first_of(predictors, each, near)
        return chosen

    def _told_apart(self, predictors: Samples, uncertain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Uncertain features that vary in the training samples, and those that do not."""
        values = predictors.take(uncertain)[self._train]
        is_constant = (values == values[:1]).all(0)
        return uncertain[~is_constant], uncertain[is_constant]

    def _first_of(self, predictors: Samples, target: int, features: np.ndarray) -> int:
        """The feature with the highest r in Brain-Score's own arithmetic, the first of several."""
        recorded = self._recorded[:, target : target + 1]
        step = predictors.portion_size
        with np.errstate(invalid="ignore", divide="ignore"):
            r = [
                pearsonr(predictors.take(features[start : start + step])[self._train], recorded)
                for start in range(0, len(features), step)
            ]
        return int(features[np.nanargmax(np.concatenate(r))])
