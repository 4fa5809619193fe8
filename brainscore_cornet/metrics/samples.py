"""Matrices (sample, column) that are read in portions of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

PORTION = 2**26  # bytes of a portion in double precision


class Samples:
    """A matrix (sample, column), such as recorded activity, that need not be in memory as a whole.

    Parameters
    ----------
    blocks
        Matrices (sample, column) that lie below each other: arrays, memory maps, or xarray variables of any kind.
    """

    def __init__(self, blocks: Sequence[np.ndarray | xr.Variable]) -> None:
        self._blocks = list(blocks)
        self.shape = (sum(len(block) for block in blocks), np.shape(blocks[0])[1])
        dtypes: list[Any] = [block.dtype for block in blocks]
        self.dtype = np.result_type(*dtypes)

    @property
    def place(self) -> tuple | None:
        """Where in memory it lies, by which it is known again; None where it is not in memory."""
        arrays = [getattr(block, "_data", block) for block in self._blocks]
        places = [
            (array.ctypes.data, array.shape, array.strides, array.dtype)
            for array in arrays
            if isinstance(array, np.ndarray)
        ]
        return tuple(places) if len(places) == len(arrays) else None

    def columns(self, start: int, stop: int) -> np.ndarray:
        """Columns `start` to `stop` of all samples, (sample, column), as they were recorded."""
        return np.concatenate([np.asarray(block[:, start:stop]) for block in self._blocks])

    def take(self, columns: np.ndarray) -> np.ndarray:
        """Any columns of all samples, (sample, column)."""
        return np.concatenate([np.asarray(block[:, columns]) for block in self._blocks])

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Whole samples, (row, column), in the order of `rows`."""
        taken = np.empty((len(rows), self.shape[1]), self.dtype)
        start = 0
        for block in self._blocks:
            here = np.flatnonzero((rows >= start) & (rows < start + len(block)))
            taken[here] = np.asarray(block[rows[here] - start])
            start += len(block)
        return taken

    @property
    def portion_size(self) -> int:
        """The number of columns that are read at once."""
        return max(1, PORTION // (8 * self.shape[0]))

    def portions(self) -> Iterator[tuple[int, np.ndarray]]:
        """The first column and the columns of one portion after the other."""
        for start in range(0, self.shape[1], self.portion_size):
            yield start, self.columns(start, min(start + self.portion_size, self.shape[1]))

    def distinct(self) -> tuple[Samples, np.ndarray]:
        """Those blocks that equal no earlier one, and for each sample its row among them.

        A network without dynamics is recorded with the same activity in each time bin.
        """
        kept: list[int] = []
        rows = []
        for number, block in enumerate(self._blocks):
            same = next((place for place, other in enumerate(kept) if _equal(block, self._blocks[other])), len(kept))
            if same == len(kept):
                kept.append(number)
            rows.append(sum(len(self._blocks[other]) for other in kept[:same]) + np.arange(len(block)))
        return Samples([self._blocks[number] for number in kept]), np.concatenate(rows)


def _equal(first, second) -> bool:
    if first.shape != second.shape or not np.array_equal(np.asarray(first[:, :1]), np.asarray(second[:, :1])):
        return False  # most are told apart by their first column
    return np.array_equal(np.asarray(first), np.asarray(second))
