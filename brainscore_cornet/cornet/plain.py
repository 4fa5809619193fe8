"""Conversion of numpy's, xarray's and pandas' values, which benchmarks pass, to plain Python values."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any


def plain(value: Any) -> Any:
    """Return the Python value of a numpy scalar or of a zero-dimensional array, and anything else unchanged."""
    return value.item() if getattr(value, "shape", None) == () else value


def plain_list(values: Iterable) -> list:
    """Return the values of any container as a list, those of an array of several dimensions row by row.

    The order of a set differs between processes: its values are sorted by their text.
    """
    if isinstance(values, AbstractSet):
        values = sorted(values, key=str)
    elif getattr(values, "ndim", 1) > 1:
        import numpy as np  # here: the command line's help needs no arrays

        values = np.asarray(values, dtype=object).ravel()
    return [plain(value) for value in values]
