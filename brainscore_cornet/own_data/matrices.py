"""Dissimilarity matrices from arrays and files, checked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from ..cornet.errors import UserError
from .data_files import TABLES, check_separator, read, separator_of

_ALMOST = 1e-6  # of the largest dissimilarity, for rounding in text files


def read_matrices(path: Path, variable: str | None) -> np.ndarray:
    """Return the numbers in a file; a table is a matrix without a header."""
    if path.suffix.lower() in TABLES and path.suffix.lower() != ".parquet":
        if not os.path.isfile(path):
            raise UserError(f"{path} does not exist.")
        try:
            table = pd.read_csv(path, header=None, sep=separator_of(path))
        except ValueError as error:  # includes pandas' errors
            raise UserError(f"Cannot read {path}: {str(error).splitlines()[0]}") from error
        texts = [name for name in table if table[name].dtype.kind not in "fiu"]
        if texts:
            check_separator(str(table[texts[0]].iloc[0]), path)
            raise UserError(
                f"{path}: expected a matrix of numbers without a header, received {table[texts[0]].iloc[0]!r}."
            )
        return table.to_numpy(float)
    found = read(path, variable)
    return found.to_numpy(float) if isinstance(found, pd.DataFrame) else found.values


def as_matrices(given, stimuli: int, source: str, stimuli_source: str) -> np.ndarray:
    """Return dissimilarities as (subject, stimulus, stimulus), of double precision.

    Raises
    ------
    UserError
        For what is no dissimilarities of the stimuli.
    """
    values = np.asarray(given)
    if values.dtype.kind not in "fiu":
        raise UserError(f"{source} holds {values.dtype}, expected numbers.")
    values = values.astype(float)
    pairs = stimuli * (stimuli - 1) // 2
    if values.ndim in (1, 2) and values.shape[-1] == pairs != stimuli:
        values = np.stack([squareform(each) for each in np.atleast_2d(values)])
    values = values[np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != values.shape[2]:
        raise UserError(
            f"{source} has the shape {np.shape(given)}: expected square matrices (stimulus, stimulus), or (subject, "
            "stimulus, stimulus); average sessions first."
        )
    if values.shape[1] != stimuli:
        raise UserError(f"{source} is of {values.shape[1]} stimuli, and {stimuli_source} has {stimuli}.")
    if stimuli < 4:
        raise UserError(f"Expected dissimilarities of at least 4 stimuli, received {stimuli}.")
    for number, matrix in enumerate(values):
        _check(matrix, source if len(values) == 1 else f"{source}, subject {number + 1}")
    return (values + values.transpose(0, 2, 1)) / 2 * (1 - np.eye(stimuli))


def _check(matrix: np.ndarray, where: str) -> None:
    above = matrix[np.triu_indices(len(matrix), 1)]
    if not np.isfinite(above).all():
        row, column = np.argwhere(~np.isfinite(matrix + matrix.T))[0]
        raise UserError(f"{where}: the dissimilarity of stimuli {row + 1} and {column + 1} is missing or infinite.")
    almost = _ALMOST * np.abs(above).max()
    if (np.abs(np.nan_to_num(np.diag(matrix))) > almost).any():
        hint = " These are similarities: give 1 - r." if np.allclose(np.diag(matrix), 1) else ""
        raise UserError(f"{where}: expected zeros on the diagonal, received {np.diag(matrix)[0]:.3g}.{hint}")
    if (np.abs(matrix - matrix.T) > almost).any():
        row, column = np.argwhere(np.abs(matrix - matrix.T) > almost)[0]
        raise UserError(
            f"{where} is not symmetric: {matrix[row, column]:.3g} in row {row + 1}, column {column + 1}, and "
            f"{matrix[column, row]:.3g} in row {column + 1}, column {row + 1}."
        )
    if above.max() == above.min():
        raise UserError(f"{where}: all dissimilarities are {above[0]:.3g}, expected different ones.")
