"""What a regression predicts for the test samples of a split, and how well that correlates with what was recorded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.stats import ConstantInputWarning

from .samples import Samples


class Split(NamedTuple):
    """Which samples a regression is fitted on, and in which groups, such as time bins, its predictions are tested."""

    train: np.ndarray
    tests: tuple[np.ndarray, ...]

    @property
    def test(self) -> np.ndarray:
        return np.concatenate(self.tests)


class Prediction(Protocol):
    """Predictions for all test samples of a split."""

    def columns(self, start: int, targets: torch.Tensor) -> torch.Tensor:
        """Predictions (test sample, target) for the targets (training sample, target) from column `start` on."""
        ...


@dataclass(frozen=True)
class Smoother:
    """Predictions as weighted sums of the training samples' targets, after their mean was subtracted."""

    left: torch.Tensor
    """(test sample, rank)."""
    right: torch.Tensor | None = None
    """(training sample, rank); None for the identity."""

    def columns(self, start: int, targets: torch.Tensor) -> torch.Tensor:
        targets = targets.to(self.left.device)
        mean = targets.mean(0)
        inner = targets - mean
        return (mean + self.left @ (inner if self.right is None else self.right.T @ inner)).cpu()


@dataclass(frozen=True)
class Given:
    """Predictions (test sample, target) that are known already."""

    values: np.ndarray

    def columns(self, start: int, targets: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.values[:, start : start + targets.shape[1]]).to(targets)


def correlate(targets: Samples, splits: Sequence[Split], predictions: Iterable[Prediction]) -> np.ndarray:
    """Pearson's r of predicted and recorded values in double precision, (split, group, target)."""
    predictions = list(predictions)
    found = np.empty((len(splits), len(splits[0].tests), targets.shape[1]))
    for start, columns in targets.portions():
        stop = start + columns.shape[1]
        for number, (split, prediction) in enumerate(zip(splits, predictions, strict=True)):
            values = torch.from_numpy(columns[split.train]).double()
            predicted = prediction.columns(start, values)
            for group, rows in enumerate(split.tests):
                here, predicted = predicted[: len(rows)], predicted[len(rows) :]
                found[number, group, start:stop] = pearson(here.numpy(), columns[rows])
    return found


def pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r of each column of two matrices (sample, column), as `scipy.stats.pearsonr` gives it.

    Where a column is constant, r is NaN, and `ConstantInputWarning` says so.
    """
    constant = np.zeros(first.shape[1], bool)
    directions = []
    for values in (first, second):
        constant |= (values == values[:1]).all(0)
        deviations = values - values.mean(0, dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations /= np.abs(deviations).max(0)  # no square overflows
            directions.append(deviations / np.linalg.norm(deviations, axis=0))
    found = np.einsum("ij,ij->j", *directions).clip(-1, 1)
    if constant.any():
        message = f"{constant.sum()} of {len(constant)} neuroids are constant: their r is NaN."
        warnings.warn(ConstantInputWarning(message), stacklevel=2)
        found[constant] = np.nan
    return np.round(found) if len(first) == 2 else found
