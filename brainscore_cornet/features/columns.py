"""Conversion of a table's columns, before any work, to types that the output can hold."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from ..cornet.errors import UserError
from ..cornet.names import encodable

_logger = logging.getLogger(__name__)

_WITH_TIMES = (".nc", ".zarr")  # in which xarray writes and reads numpy's dates and durations
_TEXT_ALONE = (".csv", ".npy")  # tables of text, the second one's beside its arrays
_EXACT = 2**53  # whole numbers up to this one are floats without loss


def writable(table: pd.DataFrame, ending: str) -> pd.DataFrame:
    """Return a table whose columns an output of this ending holds; a warning names those that become text.

    Numbers, truth values and text stay what they are, dates and durations where the format has them. Missing whole
    numbers make floats of a column. Everything else becomes text, of which missing values are empty.

    Raises
    ------
    UserError
        If two columns have one name.
    """
    repeated = [str(name) for name in table.columns[table.columns.duplicated()]]
    if repeated:
        raise UserError(f"The table of images has several columns {repeated[0]!r}: rename all but one.")
    convert = _CONVERSIONS.get(ending, lambda column: _plain(column, ending))
    converted = {name: convert(column) for name, column in table.items()}
    as_text = [
        str(name)
        for (name, given), column in zip(table.items(), converted.values(), strict=True)
        if column.dtype == object and not _is_text(given) and any(isinstance(each, str) for each in column)
    ]
    if as_text and ending not in _TEXT_ALONE:
        _logger.warning("%s has no type for the values of %s: they are written as text.", ending, ", ".join(as_text))
    return pd.DataFrame(converted, index=table.index)


def text(value: object) -> str:
    """Return a cell as text that every format holds: nothing for a missing value, escapes for what is not UTF-8."""
    if _is_missing(value):
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="surrogateescape")
    elif isinstance(value, pd.Timestamp):
        value = value.isoformat()
    return encodable(str(value)).replace("\0", "\\x00")  # at which netCDF ends a text


def _plain(column: pd.Series, ending: str) -> pd.Series:
    """Return a column of numpy's numbers, truth values or text, or of times where the format has them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(np.asarray(column), column.index)
    column = column.infer_objects()
    dtype, kind = column.dtype, getattr(column.dtype, "kind", "O")
    if isinstance(dtype, np.dtype) and kind in "biu":
        return column
    if kind == "b" and not column.isna().any():
        return column.astype(bool)
    if kind in "iu":
        if not column.isna().any():
            return column.astype(dtype.numpy_dtype)  # pyright: ignore[reportAttributeAccessIssue] -- pandas' own type
        if column.abs().max() <= _EXACT:
            return column.astype("float64")
    if kind == "f":
        is_common = dtype in (np.float32, np.float64)
        return column if is_common else column.astype("float32" if dtype == np.float16 else "float64")
    if isinstance(dtype, np.dtype) and kind in "mM" and ending in _WITH_TIMES:
        try:
            return column.astype(f"{kind}8[ns]")
        except (ValueError, OverflowError):  # before 1677 or after 2262
            pass
    return column.astype(object).map(text).astype(object)


def _of_csv(column: pd.Series) -> pd.Series:
    return _cells(column) if column.dtype == object else column


def _of_parquet(column: pd.Series) -> pd.Series:
    """Return a column unchanged if pyarrow has a type for its values."""
    import pyarrow

    column = _cells(column, only_text=True) if column.dtype == object else column
    try:
        pyarrow.Array.from_pandas(column)
    except pyarrow.ArrowException:
        if column.dtype == np.longdouble:
            return column.astype("float64")
        return _cells(column)
    return column


def _cells(column: pd.Series, only_text: bool = False) -> pd.Series:
    """Return a column with text in place of its values, which stay missing where they are."""
    values = [
        each if _is_missing(each) or (only_text and not isinstance(each, str)) else text(each)
        for each in column.astype(object)
    ]
    return pd.Series(values, column.index, dtype=object)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _is_text(column: pd.Series) -> bool:
    return all(isinstance(each, str | bytes) or _is_missing(each) for each in column.astype(object))


_CONVERSIONS: dict[str, Callable[[pd.Series], pd.Series]] = {
    ".csv": _of_csv,
    ".npy": _of_csv,
    ".parquet": _of_parquet,
}
