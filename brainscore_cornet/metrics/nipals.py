"""One split of partial least squares on its way through the components, with the iterates of scikit-learn's NIPALS.

NIPALS uses the wide one of its two matrices only in products with its own transpose. With the Gram matrix of the wide
side known, every iterate is a combination of the columns of the narrow side, and what is left of an iteration is one
product with a matrix of the narrow side's size. The wide side are the features where they predict neuroids, and the
targets where neuroids predict features.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.cross_decomposition import PLSRegression
from threadpoolctl import ThreadpoolController

from .blas import subtract_pair
from .narrow_side import Narrow
from .power_iteration import Exhausted, power_iteration
from .predictions import Smoother, Split
from .samples import Samples

_CONSTANT = 10 * np.finfo(float).eps  # scikit-learn's threshold for what is left of a target
_LEAST_SQUARE = 1e-18  # of the predictors' initial sum of squares: what is less is rounding
_STALE = 1e-4  # of its largest entry: a matrix that was only updated while it shrank so far is computed anew
SINGLE_THREAD = ThreadpoolController()  # matrices of one split are too small for several threads


class PlsFit(ABC):
    """One split on its way through the components; vectors (sample,) are 0 outside the training samples.

    Each component is found in steps, since products with a matrix that several splits share are computed together:
    `find_direction`, `combine`, for `FromTargets` `find_scores`, `begin_deflation`, `deflate`.

    Parameters
    ----------
    least
        Of the initial variance, that still counts.
    """

    is_metric: bool
    """Whether a step of the power iteration is also the inner product of its vectors."""

    def __init__(self, narrow: Narrow, targets: Samples, split: Split, model: PLSRegression, least: float) -> None:
        self._least = least
        self.narrow, self._targets, self._model, self._split = narrow, targets, model, split
        wide, self._all = narrow.wide, narrow.columns
        self._wide = wide
        self._train, self._test = (torch.from_numpy(rows).to(self._all.device) for rows in (split.train, split.test))
        self._is_train = torch.zeros(len(self._all), dtype=torch.float64, device=self._all.device)
        self._is_train[self._train] = 1
        self._mean = self._all[self._train].mean(0)
        left_out = torch.nonzero(self._is_train == 0)[:, 0]
        self._step = narrow.step(self._train, left_out, self._mean).numpy()
        """One step of the power iteration, (column, column); what is above the diagonal is not up to date."""
        self._largest = float(self._step.diagonal().max())
        fewer = min(self._train, left_out, key=len)  # all samples together give 0, so that both sums are the same
        centre = float(wide.matrix[fewer][:, fewer].sum()) / len(self._train)
        self._initial = self._variance = float(wide.matrix.diagonal()[self._train].sum()) - centre
        self._first = 0  # the first target that is not constant
        self._first_left: torch.Tensor | None = None
        """What earlier scores leave of that, (sample,)."""
        self._first_count = 0
        """Number of these scores."""
        size = (model.n_components, len(self._all))
        self._scores, self._images = (torch.zeros(size, dtype=torch.float64, device=self._all.device) for _ in range(2))
        self._squares = torch.ones(model.n_components, dtype=torch.float64, device=self._all.device)
        self._count = 0
        self._loadings: list[torch.Tensor] = []
        self._weights: list[torch.Tensor] = []
        self._weighted: list[torch.Tensor] = []
        self.exhausted = False

    def find_direction(self, component: int) -> np.ndarray | None:
        """Return the next component's weights of the columns of the narrow side, None if there is no next one."""
        if self.exhausted or self._count < component:
            return None
        try:
            start = self._start()
            if start is None:
                warnings.warn(f"y residual is constant at iteration {component}", stacklevel=2)
                return None
            return power_iteration(self._current_step(), start, self.is_metric, self._model.max_iter, self._model.tol)
        except Exhausted:
            self.exhausted = True
        return None

    @abstractmethod
    def combine(self, direction: torch.Tensor, combination: torch.Tensor) -> None:
        """Keep weights (column,) and the narrow side times them (sample,)."""

    @property
    def scores(self) -> torch.Tensor:
        """The last component's scores, (sample,)."""
        return self._scores[self._count - 1]

    def begin_deflation(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores, and the Gram matrix times them (sample,) without what earlier scores explain."""
        centred = self._centred(image)
        self._images[self._count - 1] = centred
        deflated = self._orthogonal(centred, slice(self._count - 1))
        return self.scores, deflated

    def deflate(
        self, deflated: torch.Tensor, sums: torch.Tensor, loadings: torch.Tensor, products: torch.Tensor
    ) -> None:
        """Take the last scores out of both sides.

        Parameters
        ----------
        deflated
            From `begin_deflation`.
        sums
            Of the scores and of `deflated`.
        loadings, products
            The narrow side times the scores and times `deflated`, (column,).
        """
        loadings = loadings - sums[0] * self._mean
        products = products - sums[1] * self._mean
        square = float(self._squares[self._count - 1])
        share = float(self.scores @ deflated) / square
        one, other = loadings / square, products - share / 2 * loadings
        subtract_pair(self._step, one.cpu().numpy(), other.cpu().numpy())
        self._variance -= share
        self._loadings.append(loadings)
        self.exhausted = self._variance < self._least * self._initial

    def smoother(self) -> Smoother | None:
        if self.exhausted:
            return None
        if not self._count:
            return Smoother(self._all[self._test][:, :0], self._all[self._train][:, :0])
        scores, squares = self._scores[: self._count, self._train].T, self._squares[: self._count]
        predictors, loadings = self._rotated(torch.stack(self._weights, 1))
        left = torch.linalg.solve((loadings / squares[:, None]).T, predictors.T).T
        return Smoother(left, scores / squares)

    @abstractmethod
    def _start(self) -> np.ndarray | None:
        """The first vector of the power iteration; None where the targets are explained."""

    @abstractmethod
    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted predictors of the test samples (test, component), and loadings (component, component)."""

    def _keep_scores(self, scores: torch.Tensor, least: float) -> None:
        """Keep the next component's scores, unless so little is left of them that they are rounding."""
        square = scores @ scores
        self.exhausted = float(square) < least
        self._scores[self._count], self._squares[self._count] = scores, square
        self._count += 1

    def _current_step(self) -> np.ndarray:
        # no entry of a Gram matrix is larger than the largest on its diagonal
        if float(self._step.diagonal().max()) < _STALE * self._largest:
            narrow = self._orthogonal(self._centred(self._all))
            self._step = (narrow.T @ (self._wide.matrix @ narrow)).cpu().numpy()
            self._largest = float(self._step.diagonal().max())
        return self._step

    def _centred(self, products: torch.Tensor) -> torch.Tensor:
        is_train = self._is_train if products.ndim == 1 else self._is_train[:, None]
        return (products - self._is_train @ products / len(self._train)) * is_train

    def _orthogonal(self, products: torch.Tensor, which: slice | None = None) -> torch.Tensor:
        """Without the part that scores explain, all or some of these; they are orthogonal to each other."""
        which = slice(self._count) if which is None else which
        scores, squares = self._scores[which], self._squares[which]
        shares = scores @ products
        return products - scores.T @ (shares / (squares if products.ndim == 1 else squares[:, None]))

    def _target(self, column: int) -> torch.Tensor | None:
        """Return a centred target, (sample,); None for a constant one."""
        values = self._targets.columns(column, column + 1)[self._split.train].astype(float)
        if (values == values[0]).all():
            if np.abs(values - values.mean(0)).max() >= _CONSTANT:
                raise Exhausted  # scikit-learn starts from the rounding of a mean
            return None
        centred = torch.zeros_like(self._is_train)
        centred[self._train] = torch.from_numpy(values[:, 0] - values.mean()).to(centred)
        return centred

    def _first_target(self) -> torch.Tensor | None:
        """What is left of the first target of which something is left, (sample,)."""
        while self._first < self._targets.shape[1]:
            if self._first_left is None:
                self._first_left, self._first_count = self._target(self._first), 0
            if self._first_left is not None:
                self._first_left = self._orthogonal(self._first_left, slice(self._first_count, self._count))
                self._first_count = self._count
                if self._first_left.abs().max() >= _CONSTANT:
                    return self._first_left
            self._first, self._first_left = self._first + 1, None
        return None


class FromTargets(PlsFit):
    """Few targets: the power iteration runs over combinations of targets."""

    is_metric = True

    def _start(self) -> np.ndarray | None:
        return None if self._first_target() is None else np.eye(1, self._all.shape[1], self._first)[0]

    def combine(self, direction: torch.Tensor, combination: torch.Tensor) -> None:
        self._weights.append(self._orthogonal((combination - self._mean @ direction) * self._is_train))

    @property
    def combination(self) -> torch.Tensor:
        """Of samples, (sample,): its image are the next scores."""
        return self._weights[-1]

    def find_scores(self, image: torch.Tensor) -> None:
        """Keep the scores that the image of the combination, (sample,), gives."""
        self._weighted.append(image)
        self._keep_scores(self._orthogonal(self._centred(image)), self._least * self._initial)

    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.stack(self._weighted, 1)
        return images[self._test] - images[self._train].mean(0), self._images[: self._count] @ weights


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
        return None if target is None else (target @ self._all - target.sum() * self._mean).cpu().numpy()

    def combine(self, direction: torch.Tensor, combination: torch.Tensor) -> None:
        self._weights.append(direction)
        scores = self._orthogonal((combination - self._mean @ direction) * self._is_train)
        self._keep_scores(scores, _LEAST_SQUARE * self.narrow.square)

    def _rotated(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (self._all[self._test] - self._mean) @ weights, torch.stack(self._loadings) @ weights
