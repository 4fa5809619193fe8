"""The narrow side of partial least squares, which all splits of a metric share."""

from __future__ import annotations

import torch

from .gram import Gram


class Narrow:
    """The narrow side, which all splits share.

    Parameters
    ----------
    wide
        The Gram matrix of the wide side.
    columns
        The narrow side (sample, column).
    """

    def __init__(self, wide: Gram, columns: torch.Tensor) -> None:
        self.wide = wide
        self.columns = columns - columns.mean(0)
        """Centred by all samples."""
        self.images = wide.matrix @ self.columns
        """The Gram matrix times the columns, (sample, column)."""
        self.square = float((self.columns**2).sum())
        self._step: torch.Tensor | None = None

    def step(self, train: torch.Tensor, left_out: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        """Return one step of the power iteration of a split (column, column).

        It is the inner product of the centred training samples that the Gram matrix gives. With few samples left out,
        their share is subtracted from that of all samples.
        """
        if len(left_out) >= len(train) / 2:
            inner = self.columns[train] - mean
            return (inner.T @ (self.wide.matrix[train][:, train] @ inner)).cpu()
        if self._step is None:
            self._step = self.columns.T @ self.images
        outside, images = self.columns[left_out], self.images[left_out]
        half = outside.T @ (images - self.wide.matrix[left_out][:, left_out] @ outside / 2)
        totals = -self.wide.matrix[left_out].sum(0)  # all samples together give 0
        sums = totals[train] @ self.columns[train]
        shift = torch.outer(sums - totals[train].sum() / 2 * mean, mean)
        return (self._step - half - half.T - shift - shift.T).cpu()
