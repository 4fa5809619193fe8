"""Ridge and ordinary least squares from a Gram matrix of features, where there are more features than samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .gram import Gram
from .predictions import Smoother, Split
from .samples import Samples

_SINGULAR = 1e-10  # of the mean variance: a sample that the others determine that closely adds rounding
_WORTH_INVERTING = 4  # splits: the inverse takes the time of three factors
_KEPT = 1e-14  # of the largest singular value


def ridge(gram: Gram, splits: Sequence[Split], alpha: float) -> list[Smoother]:
    """Ridge regression with an intercept."""
    if (shared := _from_one_inverse(gram, splits, alpha)) is not None:
        return shared
    smoothers = []
    for split in splits:
        inner, outer = gram.centred(split.train, split.test)
        inner.diagonal().add_(alpha)
        smoothers.append(Smoother(torch.cholesky_solve(outer.T, torch.linalg.cholesky(inner)).T))
    return smoothers


def least_squares(gram: Gram, splits: Sequence[Split]) -> list[Smoother]:
    """The least-squares solution of least norm, with an intercept.

    scikit-learn before 1.7 does not cut off the singular value that centring makes 0: what it predicts from more
    features than samples is then in part rounding, and changes with the order of the features.
    """
    if (shared := _from_one_inverse(gram, splits, 0)) is not None:
        return shared
    smoothers = []
    for split in splits:
        inner, outer = gram.centred(split.train, split.test)
        factor = _factor(inner)
        if factor is not None:
            smoothers.append(Smoother(torch.cholesky_solve(outer.T, factor).T))
            continue
        values, vectors = torch.linalg.eigh(inner)
        kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
        smoothers.append(Smoother(outer @ (vectors[:, kept] / values[kept]) @ vectors[:, kept].T))
    return smoothers


def _from_one_inverse(gram: Gram, splits: Sequence[Split], alpha: float) -> list[Smoother] | None:
    """What is predicted of left-out samples, from the inverse of the products of all samples.

    The inverse of a matrix bordered by ones, for the intercept, has the predictions of any left-out samples in its
    rows (Rippa 1999, https://doi.org/10.1023/A:1018975909870, for one sample).

    Returns
    -------
    None where a split tests other samples than it leaves out, for so few splits that each by itself is sooner, and
    where the other samples determine one so closely that rounding matters.
    """
    everything = np.arange(len(gram.matrix))
    parts = [np.concatenate([split.train, split.test]) for split in splits]
    if len(splits) < _WORTH_INVERTING or any(not np.array_equal(np.sort(each), everything) for each in parts):
        return None
    inner = gram.matrix.clone()
    inner.diagonal().add_(alpha)
    factor = _factor(inner)
    if factor is None:
        return None
    inverse = torch.cholesky_inverse(factor)
    sums = inverse.sum(0)
    inverse -= torch.outer(sums, sums / sums.sum())  # the intercept's
    smoothers = []
    for split in splits:
        train, test = (torch.from_numpy(rows).to(inverse.device) for rows in (split.train, split.test))
        rows = inverse[test]
        smoothers.append(Smoother(-torch.cholesky_solve(rows[:, train], torch.linalg.cholesky(rows[:, test]))))
    return smoothers


def _factor(inner: torch.Tensor) -> torch.Tensor | None:
    """Cholesky factor of products (sample, sample) of centred samples; None if some determine others too closely."""
    variance = float(inner.diagonal().sum()) / len(inner)
    # what centring took out is given a variance; targets are centred, too, and do not see it
    factor, failed = torch.linalg.cholesky_ex(inner + variance / len(inner))
    return factor if not failed and float(factor.diagonal().min()) ** 2 > _SINGULAR * variance else None


def ridge_cv(gram: Gram, split: Split, targets: Samples, alphas: np.ndarray) -> tuple[Smoother, np.float64]:
    """Ridge regression with the alpha of the least leave-one-out error, and that alpha."""
    values, vectors, outer = gram.spectrum(split)
    weights = 1 / (values[:, None] + torch.from_numpy(alphas).to(values))
    weights[-1] = 0  # the intercept's, which is not regularized
    recorded = torch.from_numpy(targets.columns(0, targets.shape[1])[split.train]).to(values)
    projected = vectors.T @ (recorded - recorded.mean(0))
    best = int(leave_one_out_errors(vectors, weights, projected).argmin())  # the first of several
    left = (outer @ (vectors * weights[:, best])) @ vectors.T
    return Smoother(left), alphas[best]


def leave_one_out_errors(vectors: torch.Tensor, weights: torch.Tensor, projected: torch.Tensor) -> torch.Tensor:
    """The mean squared error of each sample's prediction from all others, (alpha,).

    Parameters
    ----------
    vectors
        Eigenvectors of the Gram matrix, (sample, dimension).
    weights
        Of each dimension, (dimension, alpha).
    projected
        Targets, (dimension, target).
    """
    inverse = (vectors**2 @ weights) ** -2  # (sample, alpha)
    samples, targets = projected.shape
    if 4 * targets < samples:
        errors = [
            ((vectors @ (weight[:, None] * projected)) ** 2).sum(1) @ each
            for weight, each in zip(weights.T, inverse.T, strict=True)
        ]
        return torch.stack(errors) / projected.numel()
    # The denominators of all alphas are combinations of a few vectors, of which each takes one product of matrices.
    scale = inverse.mean(0)
    left, values, right = torch.linalg.svd(inverse / scale, full_matrices=False)
    products = projected @ projected.T
    errors = torch.zeros_like(scale)
    for column, value, row in zip(left.T, values, right, strict=True):
        if value < _KEPT * values[0]:
            break
        spread = (vectors * column[:, None]).T @ vectors
        spread *= products
        errors += value * row * (weights * (spread @ weights)).sum(0)
    return errors * scale / projected.numel()
