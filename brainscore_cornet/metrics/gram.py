"""Gram matrices: the products of all samples with each other, which are sums over columns."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from .samples import PORTION, Samples

if TYPE_CHECKING:
    from .predictions import Split

_TILE = 1024  # rows and columns of a product: large enough for its own speed, small enough for the cache
_SHORT = 2048  # columns whose products are summed in single precision
_KEPT = 1e-14  # of the largest eigenvalue


class Gram:
    """The products of all samples with each other, after the mean of each column was subtracted.

    Beside itself, a portion of the columns is in memory.

    Parameters
    ----------
    is_rough
        Multiply in single precision, which takes half the time. Sums are in double precision all the same: what is
        lost is some 1e-8 of a sample's product with itself.
    """

    def __init__(self, samples: Samples, is_rough: bool = False) -> None:
        distinct, rows = samples.distinct()
        count = distinct.shape[0]
        self.matrix = torch.zeros(count, count, dtype=torch.float64, device=pick_device(8 * len(rows) ** 2))
        for _, columns in distinct.portions():
            add_products(self.matrix, columns, columns.mean(0, dtype=float), is_rough)
        mirror(self.matrix)
        self.is_finite = bool(torch.isfinite(self.matrix.diagonal()).all())
        if count < len(rows):
            index = torch.from_numpy(rows).to(self.matrix.device)
            self.matrix = self.matrix[index][:, index]
            mean = self.matrix.mean(0)
            self.matrix -= mean - mean.mean()
            self.matrix -= mean[:, None]
        self._spectrum: tuple | None = None

    @property
    def device(self) -> torch.device:
        return self.matrix.device

    def centred(self, rows: np.ndarray, others: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Products (row, row) and (other, row), where the mean of `rows` is subtracted from all samples."""
        inside, outside = (torch.from_numpy(each).to(self.device) for each in (rows, others))
        inner = self.matrix[inside][:, inside]
        outer = self.matrix[outside][:, inside]
        mean = inner.mean(0)
        outer += mean.mean() - mean - outer.mean(1, keepdim=True)
        inner += mean.mean() - mean - mean[:, None]
        return inner, outer

    def spectrum(self, split: Split) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Eigenvalues and eigenvectors of the training samples' products, and products (test, train), centred.

        The last vector is constant: its value is made the largest, in place of the 0 that it may share with others.
        All are kept until another split is asked for, since several groups of targets may share them.
        """
        key = (split.train.tobytes(), split.test.tobytes())
        if self._spectrum is None or self._spectrum[0] != key:
            self._spectrum = None
            inner, outer = self.centred(split.train, split.test)
            inner += 2 * float(inner.diagonal().sum()) / len(inner)
            self._spectrum = (key, (*torch.linalg.eigh(inner), outer))
        return self._spectrum[1]

    def factor(self) -> torch.Tensor:
        """A matrix (sample, rank) with orthogonal columns and the same Gram matrix."""
        values, vectors = torch.linalg.eigh(self.matrix)
        kept = values > _KEPT * values[-1]
        return vectors[:, kept] * values[kept].sqrt()


class MakeGram(Protocol):
    """Makes a Gram matrix, or finds it."""

    def __call__(self, samples: Samples, is_rough: bool = False) -> Gram: ...


class Grams:
    """Makes Gram matrices and keeps the last ones: metrics may ask for one again, with other targets."""

    _KEPT = 2

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple, tuple[Samples, Gram]] = OrderedDict()

    def __call__(self, samples: Samples, is_rough: bool = False) -> Gram:
        place = samples.place
        if place is None:
            return Gram(samples, is_rough)
        key = (place, is_rough)
        if key not in self._kept:
            while len(self._kept) >= self._KEPT:
                self._kept.popitem(last=False)
            self._kept[key] = (samples, Gram(samples, is_rough))  # what is kept is not put elsewhere in memory
        self._kept.move_to_end(key)
        return self._kept[key][1]


def add_products(matrix: torch.Tensor, columns: np.ndarray, means: np.ndarray, is_rough: bool) -> None:
    """Add the products of all rows of `columns` (sample, column) less `means`; those below the diagonal suffice."""
    dtype = torch.float32 if is_rough else torch.float64
    part, centre = (torch.from_numpy(each).to(matrix.device, dtype) for each in (columns, means))
    part = part - centre
    # NumPy's products of narrow slices take a third of torch's time on the CPU, a matrix's with itself half of that
    sums, factors = (matrix, part) if matrix.is_cuda else (matrix.numpy(), part.numpy())
    width = _SHORT if is_rough else part.shape[1]
    for start in range(0, len(part), _TILE):
        for other in range(0, start + 1, _TILE):
            tile = sums[start : start + _TILE, other : other + _TILE]
            for column in range(0, part.shape[1], width):
                portion = factors[:, column : column + width]
                tile += portion[start : start + _TILE] @ portion[other : other + _TILE].T


def mirror(matrix: torch.Tensor) -> None:
    """Fill in what is above the diagonal."""
    for start in range(0, len(matrix), _TILE):
        stop = start + _TILE
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def pick_device(size: int) -> torch.device:
    """CUDA where there is room for twice `size` bytes; other accelerators lack double precision."""
    if torch.cuda.is_available() and torch.cuda.mem_get_info()[0] > 2 * size + PORTION:
        return torch.device("cuda")
    return torch.device("cpu")
