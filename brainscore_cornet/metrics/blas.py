"""BLAS of symmetric matrices that other threads need not wait for.

SciPy's own functions hold the interpreter's lock while they compute, so that two threads with fits of their own would
take turns. A call through ctypes releases it.
"""

from __future__ import annotations

import ctypes

import numpy as np
from scipy.linalg import cython_blas  # pyright: ignore[reportAttributeAccessIssue] -- not in its type stubs

_UPPER = b"U"  # of columns one after the other: what is below the diagonal of rows one after the other
_NUMBER, _LENGTH = ctypes.c_double, ctypes.c_int


def _exported(name: str, arguments: int):
    """Return a function that SciPy exports for Cython, whose arguments are all addresses."""
    capsule = cython_blas.__pyx_capi__[name]
    named = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(pointer(capsule, named(capsule)))


_dsymv, _dsyr2 = _exported("dsymv", 10), _exported("dsyr2", 9)
_one, _none = _NUMBER(1), _NUMBER(0)
_next = _LENGTH(1)


class SymmetricProduct:
    """Products of a symmetric matrix with vectors.

    Parameters
    ----------
    matrix
        (column, column), float64 and contiguous; what is above the diagonal is not read.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = _checked(matrix)
        self._size = _LENGTH(len(matrix))
        self._found = np.empty(len(matrix))
        size, found = ctypes.addressof(self._size), self._found.ctypes.data
        self._before = (_UPPER, size, ctypes.addressof(_one), matrix.ctypes.data, size)
        self._after = (ctypes.addressof(_next), ctypes.addressof(_none), found, ctypes.addressof(_next))

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """Return the product with a contiguous vector (column,), in memory that the next call writes to again."""
        _dsymv(*self._before, vector.ctypes.data, *self._after)
        return self._found


def subtract_pair(matrix: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Subtract the products of two vectors (column,), in either order, from a symmetric matrix (column, column).

    What is above the diagonal stays as it is.
    """
    size, factor = _LENGTH(len(matrix)), _NUMBER(-1)
    step = ctypes.addressof(_next)
    first, second = (np.ascontiguousarray(each, dtype=float) for each in (first, second))
    _dsyr2(
        *(_UPPER, ctypes.addressof(size), ctypes.addressof(factor)),
        *(first.ctypes.data, step, second.ctypes.data, step, _checked(matrix).ctypes.data, ctypes.addressof(size)),
    )


def _checked(matrix: np.ndarray) -> np.ndarray:
    if matrix.dtype != np.float64 or not matrix.flags.c_contiguous:
        raise ValueError(f"Expected a contiguous matrix of float64, received {matrix.dtype} {matrix.strides}.")
    return matrix
