"""The power iteration of scikit-learn's NIPALS, to the iteration at which it stops."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.exceptions import ConvergenceWarning

_ROUGH = 30.0  # of the tolerance: from there on, iterations are in double precision
_FEW = 128  # columns: matrices of fewer are in the cache in double precision, too


class Exhausted(Exception):
    """No variance is left before all components are found: scikit-learn's components are rounding from here on."""


def power_iteration(step: np.ndarray, start: np.ndarray, is_metric: bool, max_iter: int, tol: float) -> np.ndarray:
    """The vector (column,) at which scikit-learn's power iteration stops.

    Far from there it is computed in single precision, in a quarter of the time: what is rounded off is a small part of
    the directions that the further iterations suppress.

    Parameters
    ----------
    step
        (column, column), symmetric. Each vector is `step` times the one before, scaled to length 1.
    is_metric
        Whether `step` is also the inner product by which lengths are measured, in place of the usual one.

    Raises
    ------
    Exhausted
        When a vector has no length.
    """
    vector, done = start, 0
    for matrix, least in _stages(step, tol):
        vector = vector.astype(matrix.dtype)
        vector, image = _scaled(vector, matrix @ vector, is_metric)
        while done < max_iter - 1:
            done += 1
            old, old_image = vector, image
            vector, image = _scaled(image, matrix @ image, is_metric)
            change = vector - old
            if change @ (image - old_image if is_metric else change) < least:
                break
        else:
            warnings.warn("Maximum number of iterations reached", ConvergenceWarning, stacklevel=2)
            return vector.astype(float)
        if matrix is not step:
            vector, done = old, done - 1  # this one is computed again
    return vector


def _stages(step: np.ndarray, tol: float) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the matrix and the tolerance in single precision, where that is faster, and then in double."""
    if len(step) >= _FEW:
        single = np.empty_like(step, np.float32)
        # no number is too large, and neither directions nor lengths depend on the scale
        np.multiply(step, 1 / step.diagonal().max(), out=single, casting="same_kind")
        yield single, _ROUGH * tol
    yield step, tol


def _scaled(vector: np.ndarray, image: np.ndarray, is_metric: bool) -> tuple[np.ndarray, np.ndarray]:
    square = vector @ (image if is_metric else vector)
    if not square > 0:
        raise Exhausted
    length = math.sqrt(square)
    return vector / length, image / length
