"""Similarity of representations, `rdm` and `cka`, with resampled stimuli."""

from __future__ import annotations

from typing import Any

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from scipy.stats import rankdata

from ..metrics.exact import exact_metrics
from .neural import SIMILARITIES
from .resampling import Draws


def similarity_draws(name: str, first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> Draws:
    """Return Brain-Score's similarity of two representations (stimulus, unit), and its values with resampled stimuli.

    Resampled values are of the same statistic with weighted stimuli: for `rdm` Pearson's r of the ranks of
    dissimilarities with weighted pairs, for `cka` the alignment of weighted kernels without their diagonals. The same
    statistic with equal weights is subtracted and Brain-Score's value is added.

    Parameters
    ----------
    name
        `rdm` or `cka`.
    weights
        (resample, stimulus).
    """
    metric: Any = SIMILARITIES[name]()
    with exact_metrics():
        point = float(metric(_assembly(first), _assembly(second)))
    compute: Any = _rank_correlation if name == "rdm" else _alignment
    matrices = [_ranks(each) if name == "rdm" else _kernel(each) for each in (first, second)]
    equal = np.ones((1, len(first)))
    resampled = compute(*matrices, weights.astype(float)) - compute(*matrices, equal) + point
    return Draws(np.asarray(point), resampled, sizes=(len(first), 2))


def _assembly(values: np.ndarray) -> NeuroidAssembly:
    """Return values with the coordinates that the metric needs."""
    rows, units = np.arange(len(values)), np.arange(values.shape[1])
    coords = {
        "stimulus_id": ("presentation", rows),
        "row": ("presentation", rows),
        "neuroid_id": ("neuroid", units),
        "unit": ("neuroid", units),
    }
    return NeuroidAssembly(np.asarray(values), coords=coords, dims=["presentation", "neuroid"])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return standardized ranks of the dissimilarities, (stimulus, stimulus), with zeros on the diagonal."""
    above = np.triu_indices(len(values), 1)
    ranks = rankdata(1 - np.corrcoef(values)[above])
    matrix = np.zeros((len(values), len(values)))
    matrix[above] = (ranks - ranks.mean()) / ranks.std()
    return matrix + matrix.T


def _rank_correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(1) ** 2 - (weights**2).sum(1)  # of the weights of pairs of different stimuli
    mx, my, xx, yy, xy = (
        _quadratic(weights, matrix) / total for matrix in (first, second, first**2, second**2, first * second)
    )
    return (xy - mx * my) / np.sqrt((xx - mx**2) * (yy - my**2))


def _kernel(values: np.ndarray) -> np.ndarray:
    """Return products of the stimuli, (stimulus, stimulus), with zeros on the diagonal."""
    centred = np.asarray(values, float) - values.mean(0, dtype=float)
    kernel = centred @ centred.T
    np.fill_diagonal(kernel, 0)
    return kernel / np.linalg.norm(kernel)


def _alignment(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    both, one, other = (_independence(*pair, weights) for pair in ((first, second), (first, first), (second, second)))
    return both / np.sqrt(one * other)


def _independence(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of the products of two kernels, centred by weighted means."""
    total = weights.sum(1)
    rows, columns = weights @ first, weights @ second
    means = (rows * weights).sum(1) * (columns * weights).sum(1) / total**2
    return _quadratic(weights, first * second) - 2 * (weights * rows * columns).sum(1) / total + means


def _quadratic(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return ((weights @ matrix) * weights).sum(1)
