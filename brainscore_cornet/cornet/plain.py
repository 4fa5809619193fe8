"""Values as benchmarks pass them, from numpy, xarray and pandas, made Python's own."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any


def plain(value: Any) -> Any:
    """The Python value of a numpy scalar or of a zero-dimensional array; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () else value


def plain_list(values: Iterable) -> list:
    """The values of any container as a list, those of an array of several dimensions row by row.

    A set has no order that lasts from one process to the next: its values are sorted by their text.
    """
    if isinstance(values, AbstractSet):
        values = sorted(values, key=str)
    elif getattr(values, "ndim", 1) > 1:
        import numpy as np  # here: the command line's help needs no arrays

        values = np.asarray(values, dtype=object).ravel()
    return [plain(value) for value in values]
