"""Ridge and ordinary least squares from a Gram matrix of features, where there are more features than samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .gram import Gram
from .predictions import Smoother, Split
from .samples import Samples

_SINGULAR = 1e-10  # of the mean variance: a sample that the others determine that closely adds rounding
_KEPT = 1e-14  # of the largest singular value


def ridge(gram: Gram, splits: Sequence[Split], alpha: float) -> list[Smoother]:
    """Ridge regression with an intercept."""
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
    smoothers = []
    for split in splits:
        inner, outer = gram.centred(split.train, split.test)
        variance = float(inner.diagonal().sum()) / len(inner)
        # what centring took out is given a variance; targets are centred, too, and do not see it
        factor, failed = torch.linalg.cholesky_ex(inner + variance / len(inner))
        if not failed and float(factor.diagonal().min()) ** 2 > _SINGULAR * variance:
            smoothers.append(Smoother(torch.cholesky_solve(outer.T, factor).T))
            continue
        values, vectors = torch.linalg.eigh(inner)
        kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
        smoothers.append(Smoother(outer @ (vectors[:, kept] / values[kept]) @ vectors[:, kept].T))
    return smoothers


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
