"""Matrices (sample, column) that are read in portions of columns, and their Gram matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import UserError

if TYPE_CHECKING:
    import xarray as xr

    from .predictions import Split

_PORTION = 2**26  # bytes of a portion in double precision
_TILE = 1024  # rows of a tile: large enough for the matrix product's own speed, small enough for the cache


class Samples:
    """A matrix (sample, column), such as recorded activity, that need not be in memory as a whole.

    Parameters
    ----------
    blocks
        Matrices (sample, column) that lie below each other: arrays, memory maps, or xarray variables of any kind.
    """

    def __init__(self, blocks: Sequence[np.ndarray | xr.Variable]) -> None:
        self._blocks = list(blocks)
        self.shape = (sum(len(block) for block in blocks), blocks[0].shape[1])
        self.dtype = np.result_type(*(block.dtype for block in blocks))

    @property
    def place(self) -> tuple | None:
        """Where in memory it lies, by which it is known again; None where it is not in memory."""
        arrays = [getattr(block, "_data", block) for block in self._blocks]
        if not all(isinstance(array, np.ndarray) for array in arrays):
            return None
        return tuple((array.ctypes.data, array.shape, array.strides, array.dtype) for array in arrays)

    def columns(self, start: int, stop: int) -> np.ndarray:
        """Columns `start` to `stop` of all samples, (sample, column), as they were recorded."""
        return np.concatenate([np.asarray(block[:, start:stop]) for block in self._blocks])

    def take(self, columns: np.ndarray) -> np.ndarray:
        """Any columns of all samples, (sample, column)."""
        return np.concatenate([np.asarray(block[:, columns]) for block in self._blocks])

    @property
    def portion_size(self) -> int:
        """The number of columns that are read at once."""
        return max(1, _PORTION // (8 * self.shape[0]))

    def portions(self) -> Iterator[tuple[int, np.ndarray]]:
        """The first column and the columns of one portion after the other."""
        for start in range(0, self.shape[1], self.portion_size):
            yield start, self.columns(start, min(start + self.portion_size, self.shape[1]))

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Whole samples, (row, column), in the order of `rows`."""
        taken = np.empty((len(rows), self.shape[1]), self.dtype)
        start = 0
        for block in self._blocks:
            here = np.flatnonzero((rows >= start) & (rows < start + len(block)))
            taken[here] = np.asarray(block[rows[here] - start])
            start += len(block)
        return taken


class Gram:
    """The products of all samples with each other, after the mean of each column was subtracted.

    It is a sum over columns: beside itself, a portion of the columns is in memory.

    Raises
    ------
    UserError
        When a value is not finite.
    """

    def __init__(self, samples: Samples) -> None:
        self._spectrum: tuple | None = None
        count = samples.shape[0]
        self.device = pick_device(8 * count**2)
        self.matrix = torch.zeros(count, count, dtype=torch.float64, device=self.device)
        for _, columns in samples.portions():
            part = torch.from_numpy(columns).to(self.device, torch.float64)
            self._add(part - part.mean(0))
        for start in range(0, count, _TILE):
            stop = min(start + _TILE, count)
            self.matrix[start:stop, stop:] = self.matrix[stop:, start:stop].T
        if not torch.isfinite(self.matrix.diagonal()).all():
            raise UserError("The features hold values that are NaN or infinite: expected finite ones.")

    def _add(self, part: torch.Tensor) -> None:
        """Add a portion's products, of which those below the diagonal suffice."""
        for start in range(0, len(part), _TILE):
            stop = min(start + _TILE, len(part))
            self.matrix[start:stop, :stop].addmm_(part[start:stop], part[:stop].T)

    def centred(self, rows: np.ndarray, others: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Products (row, row) and (other, row), where the mean of `rows` is subtracted from all samples."""
        rows, others = (torch.from_numpy(each).to(self.device) for each in (rows, others))
        inner = self.matrix[rows][:, rows]
        outer = self.matrix[others][:, rows]
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
            inner, outer = self.centred(split.train, split.test)
            inner += 2 * float(inner.diagonal().sum()) / len(inner)
            self._spectrum = (key, (*torch.linalg.eigh(inner), outer))
        return self._spectrum[1]

    def factor(self) -> torch.Tensor:
        """A matrix (sample, rank) with orthogonal columns and the same Gram matrix."""
        values, vectors = torch.linalg.eigh(self.matrix)
        kept = values > 1e-14 * values[-1]
        return vectors[:, kept] * values[kept].sqrt()


def pick_device(size: int) -> torch.device:
    """CUDA where there is room for twice `size` bytes; other accelerators lack double precision."""
    if torch.cuda.is_available() and torch.cuda.mem_get_info()[0] > 2 * size + _PORTION:
        return torch.device("cuda")
    return torch.device("cpu")
