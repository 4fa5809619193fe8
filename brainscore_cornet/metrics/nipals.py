"""One split of partial least squares on its way through the components, with the iterates of scikit-learn's NIPALS.

NIPALS uses the wide one of its two matrices only in products with its own transpose. With the Gram matrix of the wide
side known, every iterate is a combination of the columns of the narrow side, and what is left of an iteration is one
product with a matrix of the narrow side's size. The wide side are the features where they predict neuroids, and the
targets where neuroids predict features.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

from .gram import Gram
from .predictions import Smoother, Split
from .samples import Samples

_CONSTANT = 10 * np.finfo(float).eps  # scikit-learn's threshold for what is left of a target
_LEAST_SQUARE = 1e-18  # of the predictors' initial sum of squares: what is less is rounding
_STALE = 1e-4  # of its largest entry: a matrix that was only updated while it shrank so far is computed anew
_THREADS = ThreadpoolController()


class Exhausted(Exception):
    """No variance is left before all components are found: scikit-learn's components are rounding from here on."""


class PlsFit(ABC):
    """One split on its way through the components; vectors (sample,) are 0 outside the training samples.

    Parameters
    ----------
    wide
        The Gram matrix of the wide side.
    narrow
        The narrow side (sample, column), centred by all samples.
    products
        The Gram matrix times `narrow`, (sample, column).
    least
        Of the initial variance, that still counts.
    """

    is_metric: bool
    """Whether a step of the power iteration is also the inner product of its vectors."""

    def __init__(
        self,
        wide: Gram,
        narrow: torch.Tensor,
        products: torch.Tensor,
        targets: Samples,
        split: Split,
        model: PLSRegression,
        least: float,
    ) -> None:
        self._least = least
        self._wide, self._all, self._targets, self._model, self._split = wide, narrow, targets, model, split
        self._train, self._test = (torch.from_numpy(rows).to(narrow.device) for rows in (split.train, split.test))
        self._is_train = torch.zeros(len(narrow), dtype=torch.float64, device=narrow.device)
        self._is_train[self._train] = 1
        self._mean = narrow[self._train].mean(0)
        left_out = torch.nonzero(self._is_train == 0)[:, 0]
        outer = wide.matrix[left_out]
        totals = -outer.sum(0)  # all samples together give 0
        products = products - outer.T @ narrow[left_out] - totals[:, None] * self._mean
        self._step = self._times_narrow(self._centred(products)).cpu().numpy()
        """One step of the power iteration, (column, column)."""
        self._largest = np.abs(self._step).max()
        centre = float(totals[self._train].sum()) / len(self._train)
        self._initial = self._variance = float(wide.matrix.diagonal()[self._train].sum()) - centre
        self._first = 0  # the first target that is not constant
        self.scores: list[torch.Tensor] = []
        self._images: list[torch.Tensor] = []
        self._loadings: list[torch.Tensor] = []
        self._weights: list[torch.Tensor] = []
        self.exhausted = False

    def find_direction(self, component: int) -> bool:
        """Whether there is a next component; then its weights are known, as a combination of the narrow side."""
        if self.exhausted or len(self.scores) < component:
            return False
        try:
            start = self._start()
            if start is None:
                warnings.warn(f"y residual is constant at iteration {component}", stacklevel=2)
                return False
            step = self._current_step()
            with _THREADS.limit(limits=1):  # matrices are too small for several
                direction = power_iteration(step, start, self.is_metric, self._model.max_iter, self._model.tol)
            self._combine(torch.from_numpy(direction).to(self._all.device))
        except Exhausted:
            self.exhausted = True
        return not self.exhausted

    def deflate(self, image: torch.Tensor) -> None:
        """Take the last scores out of both sides; `image` (sample,) is the Gram matrix times them."""
        scores = self.scores.pop()
        image = self._centred(image)
        deflated = self._orthogonal(image)
        loadings, products = self._times_narrow(torch.stack([scores, deflated], 1)).cpu().numpy()
        square = float(scores @ scores)
        share = float(scores @ deflated) / square
        update = np.outer(loadings / square, products)
        self._step += share * np.outer(loadings, loadings / square) - update - update.T
        self._variance -= share
        self.scores.append(scores)
        self._images.append(image)
        self._loadings.append(torch.from_numpy(loadings).to(scores.device))
        self.exhausted = self._variance < self._least * self._initial

    def smoother(self) -> Smoother | None:
        if self.exhausted:
            return None
        if not self.scores:
            return Smoother(self._all[self._test][:, :0], self._all[self._train][:, :0])
        scores = torch.stack(self.scores, 1)[self._train]
        squares = (scores**2).sum(0)
        predictors, loadings = self._rotated(torch.stack(self._weights, 1))
        left = torch.linalg.solve((loadings / squares[:, None]).T, predictors.T).T
        return Smoother(left, scores / squares)

    @abstractmethod
    def _start(self) -> np.ndarray | None:
        """The first vector of the power iteration; None where the targets are explained."""

    @abstractmethod
    def _combine(self, direction: torch.Tensor) -> None:
        """Keep the weights that the power iteration ended with."""

    @abstractmethod
    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted predictors of the test samples (test, component), and loadings (component, component)."""

    def _current_step(self) -> np.ndarray:
        if np.abs(self._step).max() < _STALE * self._largest:
            narrow = self._orthogonal(self._centred(self._all))
            self._step = (narrow.T @ (self._wide.matrix @ narrow)).cpu().numpy()
            self._largest = np.abs(self._step).max()
        return self._step

    def _times_narrow(self, products: torch.Tensor) -> torch.Tensor:
        """The narrow side, centred, times vectors (sample, vector): (vector, column)."""
        return products.T @ self._all - products.sum(0)[:, None] * self._mean

    def _centred(self, products: torch.Tensor) -> torch.Tensor:
        is_train = self._is_train if products.ndim == 1 else self._is_train[:, None]
        return (products - products[self._train].mean(0)) * is_train

    def _orthogonal(self, products: torch.Tensor) -> torch.Tensor:
        """Without the part that earlier scores explain."""
        for scores in self.scores:
            share = (scores @ products) / (scores @ scores)
            products = products - (scores * share if products.ndim == 1 else torch.outer(scores, share))
        return products

    def _target(self, column: int) -> torch.Tensor | None:
        """What is left of a target, (sample,); None for a constant one."""
        values = self._targets.columns(column, column + 1)[self._split.train].astype(float)
        if (values == values[0]).all():
            if np.abs(values - values.mean(0)).max() >= _CONSTANT:
                raise Exhausted  # scikit-learn starts from the rounding of a mean
            return None
        left = torch.zeros_like(self._is_train)
        left[self._train] = torch.from_numpy(values[:, 0] - values.mean()).to(left)
        left = self._orthogonal(left)
        return None if left.abs().max() < _CONSTANT else left

    def _first_target(self) -> torch.Tensor | None:
        """What is left of the first target of which something is left, (sample,)."""
        while self._first < self._targets.shape[1]:
            if (target := self._target(self._first)) is not None:
                return target
            self._first += 1
        return None


class FromTargets(PlsFit):
    """Few targets: the power iteration runs over combinations of targets."""

    is_metric = True

    def _start(self) -> np.ndarray | None:
        return None if self._first_target() is None else np.eye(1, self._all.shape[1], self._first)[0]

    def _combine(self, direction: torch.Tensor) -> None:
        combination = (self._all @ direction - self._mean @ direction) * self._is_train
        self._weights.append(self._orthogonal(combination))

    @property
    def combination(self) -> torch.Tensor:
        """Of samples, (sample,): its image are the next scores."""
        return self._weights[-1]

    def find_scores(self, image: torch.Tensor) -> None:
        scores = self._orthogonal(self._centred(image))
        self.exhausted = float(scores @ scores) < self._least * self._initial
        self.scores.append(scores)

    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images = self._wide.matrix @ weights
        return images[self._test] - images[self._train].mean(0), torch.stack(self._images) @ weights


class FromFactor(FromTargets):
    """Many features and many targets, which a factor of their Gram matrix stands for."""

    def _start(self) -> np.ndarray | None:
        if self._first_target() is None:
            return None
        column = torch.from_numpy(self._targets.columns(self._first, self._first + 1)[:, 0].astype(float))
        column = (column - column.mean()).to(self._all.device)
        return ((self._all.T @ column) / (self._all**2).sum(0)).cpu().numpy()


class FromPredictors(PlsFit):
    """Few features: the power iteration runs over their weights."""

    is_metric = False

    def _start(self) -> np.ndarray | None:
        target = self._first_target()
        return None if target is None else self._times_narrow(target[:, None])[0].cpu().numpy()

    def _combine(self, direction: torch.Tensor) -> None:
        self._weights.append(direction)
        scores = self._orthogonal((self._all @ direction - self._mean @ direction) * self._is_train)
        self.exhausted = float(scores @ scores) < _LEAST_SQUARE * float((self._all**2).sum())
        self.scores.append(scores)

    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (self._all[self._test] - self._mean) @ weights, torch.stack(self._loadings) @ weights


def power_iteration(step: np.ndarray, start: np.ndarray, is_metric: bool, max_iter: int, tol: float) -> np.ndarray:
    """The vector (column,) at which scikit-learn's power iteration stops.

    Parameters
    ----------
    step
        (column, column). Each vector is `step` times the one before, scaled to length 1.
    is_metric
        Whether `step` is also the inner product by which lengths are measured, in place of the usual one.

    Raises
    ------
    Exhausted
        When a vector has no length.
    """
    vector, image = _scaled(start, step @ start, is_metric)
    for _ in range(max_iter - 1):
        old, old_image = vector, image
        vector, image = _scaled(image, step @ image, is_metric)
        change = vector - old
        if change @ (image - old_image if is_metric else change) < tol:
            return vector
    warnings.warn("Maximum number of iterations reached", ConvergenceWarning, stacklevel=2)
    return vector


def _scaled(vector: np.ndarray, image: np.ndarray, is_metric: bool) -> tuple[np.ndarray, np.ndarray]:
    square = vector @ (image if is_metric else vector)
    if not square > 0:
        raise Exhausted
    length = math.sqrt(square)
    return vector / length, image / length
