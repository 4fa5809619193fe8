"""Dissimilarity matrices from arrays and files, checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from scipy.spatial.distance import squareform

from ..cornet.errors import UserError
from .axes_of_recordings import matched_ids
from .data_files import TABLES, as_texts, check_separator, read, separator_of
from .missing_codes import missing_code
from .stimulus_tables import ID

_ALMOST = 1e-6  # of the largest dissimilarity, for rounding in text files


def read_matrices(path: Path, variable: str | None) -> tuple[np.ndarray, list[str] | None]:
    """Return the numbers in a file, and the stimulus ids of their rows, None where the file has none.

    A table is a matrix without a header, or one with ids in its first row and its first column.
    """
    if path.suffix.lower() in TABLES and path.suffix.lower() != ".parquet":
        if not os.path.isfile(path):
            raise UserError(f"{path} does not exist.")
        try:
            table = pd.read_csv(path, header=None, sep=separator_of(path), dtype=str)
        except ValueError as error:  # includes pandas' errors
            raise UserError(f"Cannot read {path}: {str(error).splitlines()[0]}") from error
        return _of_text(table, path)
    found = read(path, variable)
    if isinstance(found, pd.DataFrame):
        return _of_frame(found.set_index(ID) if ID in found else found)
    ids = found.labels.get(ID)
    return found.values, None if ids is None else as_texts(ids).tolist()


def as_matrices(given, ids, stimuli: StimulusSet, source: str, stimuli_source: str) -> np.ndarray:
    """Return dissimilarities as (subject, stimulus, stimulus) in the order of the stimuli, of double precision.

    Parameters
    ----------
    ids
        Stimulus ids of the rows; None for the order of the stimuli, or what a DataFrame says.

    Raises
    ------
    UserError
        For what is no dissimilarities of the stimuli.
    """
    if isinstance(given, pd.DataFrame):
        given, own = _of_frame(given)
        ids = own if ids is None else ids
    get_matrices: Any = getattr(given, "get_matrices", None)  # of rsatoolbox's RDMs
    try:
        values = np.asarray(given if get_matrices is None else get_matrices())
    except ValueError:
        raise UserError(f"Expected {source} as an array or a DataFrame, received a {type(given).__name__}.") from None
    if values.dtype.kind not in "fiu":
        raise UserError(f"{source} holds {values.dtype}, expected numbers.")
    values, count = values.astype(float), len(stimuli)
    pairs = count * (count - 1) // 2
    if values.ndim in (1, 2) and values.shape[-1] == pairs != count:
        values = np.stack([squareform(each) for each in np.atleast_2d(values)])
    values = values[np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != values.shape[2]:
        raise UserError(f"{source} has the shape {np.shape(given)}: {_expected(np.shape(given), pairs)}.")
    if ids is not None:
        names = matched_ids(ids, values.shape[1], stimuli, source, stimuli_source, "stimulus")
        if len(set(names)) < len(names):
            raise UserError(f"{source} has the stimulus {max(names, key=names.tolist().count)!r} twice.")
        order = pd.Index(names).get_indexer(pd.Index(stimuli[ID]))
        if (order < 0).any():
            absent = stimuli[ID].iloc[int(np.flatnonzero(order < 0)[0])]
            raise UserError(f"{source} has no dissimilarities of the stimulus {absent!r} of {stimuli_source}.")
        values = values[:, order][:, :, order]
    if values.shape[1] != count:
        raise UserError(f"{source} is of {values.shape[1]} stimuli, and {stimuli_source} has {count}.")
    if count < 4:
        raise UserError(f"Expected dissimilarities of at least 4 stimuli, received {count}.")
    for number, matrix in enumerate(values):
        _check(matrix, source if len(values) == 1 else f"{source}, subject {number + 1}")
    return (values + values.transpose(0, 2, 1)) / 2 * (1 - np.eye(count))


def _of_text(table: pd.DataFrame, path: Path) -> tuple[np.ndarray, list[str] | None]:
    """Return the numbers and the ids of a table as it was read, without a header."""
    ids = None
    if len(table) == table.shape[1] > 1 and pd.isna(table.iloc[0, 0]) and table.iloc[0, 1:].notna().all():
        ids = as_texts(table.iloc[0, 1:]).tolist()
        if ids != as_texts(table.iloc[1:, 0]).tolist():
            raise UserError(f"{path}: the ids in the first row and in the first column differ.")
        table = table.iloc[1:, 1:]
    try:
        return table.to_numpy(float), ids
    except ValueError:
        numbers: Any = table.apply(pd.to_numeric, errors="coerce")
        text = str(table.to_numpy()[numbers.isna() & table.notna()][0])
        check_separator(text, path)
        raise UserError(
            f"{path}: expected a matrix of numbers without a header, or with ids in the first row and column, received "
            f"{text!r}."
        ) from None


def _of_frame(table: pd.DataFrame) -> tuple[np.ndarray, list[str] | None]:
    """Return the numbers of a table, and the ids that its index or its columns have, None if these only count."""
    counted = list(map(str, range(len(table))))
    for names in (table.index, table.columns):
        ids = as_texts(names).tolist()
        if table.shape[0] == table.shape[1] and ids != counted:
            return table.to_numpy(), ids
    return table.to_numpy(), None


def _expected(shape: tuple[int, ...], pairs: int) -> str:
    """Return what was expected in place of a shape."""
    expected = "expected square matrices (stimulus, stimulus), or (subject, stimulus, stimulus)"
    if len(shape) == 4:
        return f"{expected}; average sessions first"
    if (len(shape) == 3 and shape[0] == shape[1]) or (len(shape) == 2 and shape[0] == pairs):
        return f"{expected}; move the subjects to the first dimension"
    if len(shape) == 2 and abs(shape[0] - shape[1]) == 1:
        return f"{expected}; remove the header or the column of ids, or give both"
    return expected


def _check(matrix: np.ndarray, where: str) -> None:
    above = matrix[np.triu_indices(len(matrix), 1)]
    if not np.isfinite(above).all():
        row, column = np.argwhere(~np.isfinite(matrix + matrix.T))[0]
        raise UserError(f"{where}: the dissimilarity of stimuli {row + 1} and {column + 1} is missing or infinite.")
    if found := missing_code(above[:, np.newaxis, np.newaxis].astype(float), "dissimilarities"):
        raise UserError(f"{where}: {found[1]}: leave out the stimuli whose dissimilarities are missing.")
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
    if np.median(above) < 0:
        raise UserError(f"{where}: most dissimilarities are negative, such as {above.min():.3g}: give 1 - r.")
    if above.max() == above.min():
        raise UserError(f"{where}: all dissimilarities are {above[0]:.3g}, expected different ones.")
