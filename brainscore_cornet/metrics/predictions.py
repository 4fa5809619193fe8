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

_SMALL = 1e-150  # length whose square is still a number of full precision


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


class UnitColumns(NamedTuple):
    """The columns of a matrix, centred and of length 1."""

    values: np.ndarray
    """(sample, column), float64; NaN in constant columns."""
    constant: np.ndarray
    """Which columns are constant, (column,)."""


def unit_columns(values: np.ndarray) -> UnitColumns:
    """Return the columns of a matrix (sample, column), centred and of length 1."""
    constant = (values == values[:1]).all(0)
    deviations = values - values.mean(0, dtype=float)
    lengths = _lengths(deviations)
    if not ((lengths > _SMALL) & (lengths < 1 / _SMALL)).all():
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations /= np.abs(deviations).max(0)
        lengths = _lengths(deviations)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviations /= lengths
    deviations[:, constant] = np.nan
    return UnitColumns(deviations, constant)


def pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r of each column of two matrices (sample, column), as `scipy.stats.pearsonr` gives it.

    Where a column is constant, r is NaN, and `ConstantInputWarning` says so.
    """
    return pearson_of_units(unit_columns(first), unit_columns(second))


def pearson_of_units(first: UnitColumns, second: UnitColumns) -> np.ndarray:
    """`pearson` of matrices whose columns are centred and of length 1."""
    constant = first.constant | second.constant
    found = np.einsum("ij,ij->j", first.values, second.values).clip(-1, 1)
    if constant.any():
        warnings.warn(
            ConstantInputWarning(f"{constant.sum()} of {len(constant)} are constant: r is NaN."), stacklevel=3
        )
    return np.round(found) if len(first.values) == 2 else found


def _lengths(columns: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.sqrt(np.einsum("ij,ij->j", columns, columns))
