"""The power iteration of scikit-learn's NIPALS, to the iteration at which it stops."""

from __future__ import annotations

import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .blas import SymmetricProduct

_ERROR = 1e-9  # of a vector's length: what the subspace may lack of it
_FIRST = 16  # dimensions of the first subspace that is tried
_GROWTH = 1.5  # from one subspace to the next
_POWERS = 32  # iterations that are computed together
_CANCELLED = 1e-3  # of a product's length: if less is left of it, rounding is a part of that
_ROUNDING = np.finfo(float).eps


class Exhausted(Exception):
    """No variance is left before all components are found: scikit-learn's components are rounding from here on."""


def power_iteration(step: np.ndarray, start: np.ndarray, is_metric: bool, max_iter: int, tol: float) -> np.ndarray:
    """The vector (column,) at which scikit-learn's power iteration stops.

    The vectors of many iterations are all but in a subspace of few dimensions, which a Lanczos iteration finds with as
    many products (Saad 1992, https://doi.org/10.1137/0729014); there, a power of the matrix is one of its eigenvalues.

    Parameters
    ----------
    step
        (column, column), symmetric; what is above the diagonal is not read. Each vector is `step` times the one
        before, scaled to length 1.
    is_metric
        Whether `step` is also the inner product by which lengths are measured, in place of the usual one.

    Raises
    ------
    Exhausted
        When a vector has no length.
    """
    subspace = _Subspace(step, start)
    size = _FIRST
    while True:
        subspace.grow(size)
        found = _stop(subspace, is_metric, max_iter, tol)
        if found is not None:
            return found @ subspace.basis[: len(found)]
        size = math.ceil(_GROWTH * size)


class _Subspace:
    """What a vector, its product with a symmetric matrix, the product with that, and so on span, with the matrix in it.

    Parameters
    ----------
    matrix
        (column, column); what is above the diagonal is not read.
    start
        (column,).
    """

    def __init__(self, matrix: np.ndarray, start: np.ndarray) -> None:
        self._size = len(matrix)
        self._times = SymmetricProduct(matrix)
        length = math.sqrt(start @ start)
        if not length > 0:
            raise Exhausted
        self.basis = (start / length)[np.newaxis]
        """Orthogonal vectors of length 1, (dimension, column), and one that is the next."""
        self.diagonal: list[float] = []
        """Of the matrix in the subspace, which is tridiagonal."""
        self.beside: list[float] = []
        """Next to the diagonal; the last one leads out of the subspace, and is 0 where nothing does."""

    def grow(self, size: int) -> None:
        """Find dimensions up to `size`, or as many as there are."""
        size = min(size, self._size)
        done = len(self.diagonal)
        if self.beside and not self.beside[-1]:
            return
        basis = np.empty((size + 1, self._size))
        basis[: done + 1] = self.basis
        self.basis = basis
        for number in range(done, size):
            known = basis[: number + 1]
            product = self._times(basis[number])
            shares = known @ product
            product -= shares @ known
            diagonal, beside = float(shares[number]), math.sqrt(product @ product)
            scale = max(abs(diagonal), self.beside[-1] if number else 0.0)
            if beside < _CANCELLED * scale:
                product -= (known @ product) @ known
                beside = math.sqrt(product @ product)
            self.diagonal.append(diagonal)
            is_whole = number + 1 == self._size or not beside > _ROUNDING * scale
            self.beside.append(0.0 if is_whole else beside)
            if is_whole:
                return
            np.multiply(product, 1 / beside, out=basis[number + 1])


def _stop(subspace: _Subspace, is_metric: bool, max_iter: int, tol: float) -> np.ndarray | None:
    """The last vector of the power iteration in a subspace (dimension,); None where it lacks a part of that."""
    inside = np.diag(subspace.diagonal) + np.diag(subspace.beside[:-1], -1)
    values, vectors = np.linalg.eigh(inside)
    if not values[-1] > 0:
        raise Exhausted
    weights = values if is_metric else np.ones_like(values)
    ratios, leak = values / values[-1], subspace.beside[-1] / values[-1]
    lost, first, before = 0.0, 0, vectors[0]
    while True:
        # the last vector of the iterations before is the first one here
        count = min(_POWERS, max_iter - 1 - first)
        path = np.empty((len(ratios), count + 1))
        path[:, 0], path[:, 1:] = before, ratios[:, np.newaxis]
        np.multiply.accumulate(path, axis=1, out=path)
        before = path[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):  # after the stop
            lengths = np.sqrt(weights @ path**2)
            scaled = path / lengths
            change = weights @ (scaled[:, 1:] - scaled[:, :-1]) ** 2
        stops = np.flatnonzero(change < tol)
        last = int(stops[0]) + 1 if len(stops) else count
        if not (lengths[: last + 1] > 0).all():
            raise Exhausted
        lost += leak * float(np.abs(vectors[-1] @ path[:, :last]).sum())
        if not lost < _ERROR * math.sqrt(path[:, last] @ path[:, last]):
            return None
        if len(stops):
            return vectors @ scaled[:, last]
        first += count
        if first == max_iter - 1:
            warnings.warn("Maximum number of iterations reached", ConvergenceWarning, stacklevel=3)
            return vectors @ scaled[:, last]
