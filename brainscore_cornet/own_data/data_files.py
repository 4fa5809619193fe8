"""Reading of arrays and tables from the files in which laboratories keep their data."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..cornet.errors import UserError, unknown_name
from ..extras import install_line

LABELS = {
    "stimulus_id": "stimulus",
    "neuroid_id": "neuroid",
    "repetition": "repetition",
    "time_bin_start": "time_bin",
    "time_bin_end": "time_bin",
}
"""Names of one-dimensional variables that label an axis -> the axis."""
_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
TABLES = (".csv", ".tsv", ".parquet")
_NUMBERS = "fiub"
_CUT_OFF = re.compile(r"cannot reshape array of size (\d+) into shape (.+)")
_TEXTS = ("stimulus_id", "neuroid_id", "stimulus", "subject", "choice", "truth", "distractor", "condition")
_TEXTS += ("stimulus_1", "stimulus_2", "stimulus_3", "image_label")
"""Columns of tables that are text even where they look like numbers."""


@dataclass(frozen=True)
class Labelled:
    """An array as it was read, with what the file says about its axes."""

    values: np.ndarray
    dims: tuple[str, ...] | None = None
    """Names of the axes, None where the file has none."""
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Name, such as `stimulus_id`, -> a value for each position on an axis."""


def read(path: Path, variable: str | None = None) -> Labelled | pd.DataFrame:
    """Return the array or the table in a file.

    Parameters
    ----------
    path
        `.npy`, `.npz`, `.mat` (version 7.3, too), `.h5`, `.hdf5`, `.nc`, `.csv`, `.tsv` or `.parquet`.
    variable
        Name of the array, in files that hold several.

    Raises
    ------
    UserError
        If the file does not exist, cannot be read, or holds no such array.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected a file that ends in {', '.join(READERS)} or .nwb.")
    if not os.path.isfile(path):
        raise UserError(f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty.")
    try:
        return reader(path, variable)
    except UserError:
        raise
    except Exception as error:  # each library has its own kinds for damaged files
        first = (str(error).splitlines() or [type(error).__name__])[0]
        hint = "" if path.suffix.lower() in (".csv", ".tsv") else "; it may be cut off or damaged"
        raise UserError(f"Cannot read {path}: {first.rstrip('.')}{hint}.") from error


def _npy(path: Path, variable: str | None) -> Labelled:
    try:
        return Labelled(np.load(path, allow_pickle=False))
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"{path} holds Python objects: expected an array of numbers, saved with numpy.save."
            ) from None
        if found := _CUT_OFF.match(str(error)):
            raise UserError(
                f"{path} is cut off or damaged: it holds {found[1]} numbers, and says that its shape is {found[2]}. "
                "Copy or save it again."
            ) from None
        raise


def _npz(path: Path, variable: str | None) -> Labelled:
    arrays = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            try:
                arrays[name] = file[name]
            except ValueError:  # Python objects beside the array
                if name == variable:
                    raise
    return _chosen(arrays, path, variable)


def _mat(path: Path, variable: str | None) -> Labelled:
    import h5py
    from scipy.io import loadmat

    if h5py.is_hdf5(path):  # version 7.3
        return _chosen(_hdf5_arrays(path, is_matlab=True), path, variable)
    found = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    return _chosen({name: _without_cells(value) for name, value in _fields(found).items()}, path, variable)


def _h5(path: Path, variable: str | None) -> Labelled:
    return _chosen(_hdf5_arrays(path, is_matlab=False), path, variable)


def _nc(path: Path, variable: str | None) -> Labelled:
    with xr.open_dataset(path, engine="netcdf4") as opened:
        dataset = opened.load()
    arrays = {str(name): each for name, each in dataset.data_vars.items() if each.ndim >= 2}
    name = _one_of(list(arrays), path, variable)
    found = of_dataarray(arrays[name])
    labels = {
        each: variable.values
        for each, variable in dataset.data_vars.items()
        if each in LABELS and variable.ndim == 1 and set(variable.dims) <= set(arrays[name].dims)
    }
    return Labelled(found.values, found.dims, {**labels, **found.labels})


def _csv(path: Path, variable: str | None) -> pd.DataFrame:
    return read_table(path)


READERS: Mapping[str, Callable[[Path, str | None], Labelled | pd.DataFrame]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".mat": _mat,
    ".h5": _h5,
    ".hdf5": _h5,
    ".nc": _nc,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _csv,
}


def read_table(path: Path) -> pd.DataFrame:
    """Return a table whose ids are text, so that `01` keeps its zero."""
    if path.suffix.lower() == ".parquet":
        if find_spec("pyarrow") is None:
            raise UserError(f"To read {path}, pyarrow is needed: {install_line('features')}")
        return without_index(pd.read_parquet(path))
    separator = separator_of(path)
    names = pd.read_csv(path, sep=separator, nrows=0).columns
    if len(names) == 1:
        check_separator(str(names[0]), path)
    texts: Any = {name: str for name in names if name.strip() in _TEXTS}
    table = pd.read_csv(path, sep=separator, dtype=texts, keep_default_na=False, na_values=["", "NaN", "nan", "n/a"])
    return table.rename(columns={name: name.strip() for name in table.columns})


def without_index(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose named index is columns."""
    return table.reset_index() if any(name is not None for name in table.index.names) else table


def separator_of(path: Path) -> str:
    """Return what separates the columns of a table: a tab in `.tsv` files, else a comma."""
    return "\t" if path.suffix.lower() == ".tsv" else ","


def check_separator(line: str, path: Path) -> None:
    """Raise `UserError` for the text of a single column that consists of several, separated by something else."""
    expected = _SEPARATORS[separator_of(path)]
    if found := next((name for mark, name in _SEPARATORS.items() if mark in line and name != expected), None):
        raise UserError(f"{path}: the columns are separated by {found}, expected {expected}.")


def of_dataarray(array: xr.DataArray) -> Labelled:
    """Return a DataArray or an assembly with the labels of its axes; levels of an index are labels, too."""
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    dims = tuple(map(str, array.dims))
    labels = {str(name): np.asarray(values) for name, of, values in walk_coords(array) if len(of) == 1}
    own = {"stimulus": "stimulus_id", "neuroid": "neuroid_id"}
    # an axis whose coordinate has its own name is labelled by it
    labels = {own.get(name, name) if own.get(name) not in labels else name: values for name, values in labels.items()}
    return Labelled(np.asarray(array.values), dims, labels)


def as_texts(values: Any) -> np.ndarray:
    """Return ids as text without blanks around it; whole numbers lose their decimal point."""
    return np.array([_as_text(value) for value in np.asarray(values).ravel().tolist()], dtype=object)


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _chosen(arrays: Mapping[str, np.ndarray], path: Path, variable: str | None) -> Labelled:
    """Return the array of several that holds the data, with those that label its axes."""
    labels = {}
    for name, values in arrays.items():
        singular = name.split("/")[-1].removesuffix("s")
        if singular in LABELS and name != variable and max(np.shape(values), default=0) == np.size(values):
            labels[singular] = np.ravel(values)
    data = [name for name, each in arrays.items() if np.ndim(each) >= 2 and each.dtype.kind in _NUMBERS]
    data = [name for name in data if name.split("/")[-1].removesuffix("s") not in labels]
    # every vector of MATLAB has two dimensions
    data = [name for name in data if sum(size > 1 for size in arrays[name].shape) > 1] or data
    name = _one_of(data if variable is None else list(arrays), path, variable)
    return Labelled(arrays[name], None, labels)


def _one_of(names: list[str], path: Path, variable: str | None) -> str:
    if variable is not None:
        if variable not in names:
            raise UserError(f"{path}: {unknown_name(variable, names or ['(nothing)'], 'variable')}")
        return variable
    if not names:
        raise UserError(f"{path} holds no array of numbers with two dimensions or more.")
    if len(names) > 1:
        raise UserError(f"{path} holds several arrays ({', '.join(names[:5])}): name one, variable = {names[0]!r}.")
    return names[0]


def _hdf5_arrays(path: Path, is_matlab: bool) -> dict[str, np.ndarray]:
    import h5py

    found: dict[str, np.ndarray] = {}
    with h5py.File(path, "r") as file:
        cells: Any = file

        def visit(name: str, each) -> None:
            if not isinstance(each, h5py.Dataset) or name.startswith("#"):
                return
            values = each[()] if each.shape is not None else np.empty(0)
            if is_matlab:
                values = np.transpose(values)  # MATLAB's first axis varies fastest
                if each.attrs.get("MATLAB_class") == b"char":  # a text in each row
                    values = np.array(["".join(map(chr, row)).strip() for row in np.atleast_2d(values)], object)
                elif values.dtype == object:
                    values = np.array([_matlab_text(cells[reference]) for reference in values.ravel()], object)
            found[name] = np.asarray(values)

        file.visititems(visit)
    return found


def _matlab_text(characters: Any) -> str:
    return "".join(map(chr, np.ravel(characters[()])))


def _fields(values: Mapping[str, Any], parent: str = "") -> dict[str, np.ndarray]:
    """Return MATLAB's variables, and the fields of structures as `structure/field`."""
    found: dict[str, np.ndarray] = {}
    for name, value in values.items():
        names = getattr(value, "dtype", np.dtype(float)).names
        if names and np.size(value) == 1:
            found |= _fields({field: np.ravel(value)[0][field] for field in names}, f"{parent}{name}/")
        else:
            found[f"{parent}{name}"] = np.asarray(value)
    return found


def _without_cells(values: np.ndarray) -> np.ndarray:
    """Return a MATLAB cell array of text as an array of text, and other arrays unchanged."""
    if values.dtype != object:
        return values
    return np.array([str(np.ravel(cell)[0]) if np.size(cell) == 1 else str(cell) for cell in values.ravel()], object)
