"""Recordings on disk: what a model's `look_at` returns, in a netCDF file, and back without a difference.

xarray cannot write the indexes of several levels that Brain-Score's assemblies have. Here each level is a variable, as
in Brain-Score's own files, and an attribute of the file says what else is needed to make the same assembly.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_core.supported_data_standards.brainio import assemblies

from ..cornet.errors import UserError
from ..cornet.writing import output_path, write_aside, writing

_ENDING = ".nc"
_ATTRIBUTE = "brainscore_cornet_recording"
_DATES = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"}


def save_recording(recording: xr.DataArray, path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Write a recording, activations or behaviour to a netCDF file, from which `load_recording` makes the same.

    `NeuroidAssembly.from_files` of Brain-Score and xarray open the file, too.

    Parameters
    ----------
    recording
        What `look_at` or `activations_model` returned, or another assembly or DataArray.
    path
        A file that ends in `.nc`.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    UserError
        If the file exists or cannot be written, or values are of a type that it cannot hold.
    """
    path = output_path(path, "a file for the recording")
    if not isinstance(recording, xr.DataArray):
        raise UserError(f"Expected a recording, as look_at returns it, received {type(recording).__name__}.")
    if path.suffix != _ENDING:
        raise UserError(f"Expected a file that ends in {_ENDING}, received {path}.")
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists: choose another file, or overwrite=True.")
    written = _as_dataset(recording)
    with writing(path):
        write_aside(path, lambda part: written.to_netcdf(part, engine="netcdf4"))


def load_recording(path: str | os.PathLike) -> Any:
    """Return a recording that `save_recording` has written, of the same class and with the same indexes.

    Raises
    ------
    UserError
        If the file does not exist, is damaged, or was not written by `save_recording`.
    """
    path = Path(path).expanduser()
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as opened:
            found = opened.load()
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"Cannot read the recording {path}: {error}") from error
    if _ATTRIBUTE not in found.attrs:
        raise UserError(f"{path} was not written by save_recording: open it with xarray.open_dataset.")
    described = json.loads(found.attrs[_ATTRIBUTE])
    arrays = {name: _decoded(found[name], how) for name, how in described["variables"].items()}
    coords: dict[Any, Any] = {}
    for stored, name in described["coords"]:
        coords[name] = (found[stored].dims, arrays[stored])
    for dim, levels in described["indexes"]:
        coords[dim] = _index([(name, arrays[stored], dtype) for stored, name, dtype in levels])
    return _CLASSES[described["class"]](
        arrays[described["data"]],
        coords=coords,
        dims=found[described["data"]].dims,
        name=described["name"],
        attrs=_from_json(described["attrs"]),
    )


def _as_dataset(recording: xr.DataArray) -> xr.Dataset:
    """Return a dataset of plain variables, and everything else in one attribute."""
    variables: dict[str, dict[str, Any]] = {}
    stored: dict[str, tuple] = {}

    def store(name: Any, dims: tuple, values: np.ndarray) -> str:
        is_valid = isinstance(name, str) and re.fullmatch(r"\w[\w@+.-]*", name) and name not in stored
        key = name if is_valid else f"variable_{len(stored)}"
        encoded, attributes, variables[key] = _encoded(values, name)
        stored[key] = (dims, encoded, attributes)
        return key

    indexes, coords, levels = [], [], set()
    for dim in recording.dims:
        index = recording.indexes.get(dim) if dim in recording.coords else None
        if isinstance(index, pd.MultiIndex):
            stored_levels = [
                (store(name, (dim,), index.get_level_values(name).to_numpy()), name, level.dtype.str)
                for name, level in zip(index.names, index.levels, strict=True)
            ]
            indexes.append((dim, stored_levels))
            levels.update((dim, *index.names))
    for name, coord in recording.coords.items():
        if name not in levels:
            coords.append((store(name, coord.dims, coord.values), name))
    data = store("data", recording.dims, recording.values)
    kind = type(recording).__name__
    described = {
        "class": kind if kind in _CLASSES else "DataArray",
        "name": recording.name,
        "attrs": _as_json(dict(recording.attrs), "the attributes"),
        "data": data,
        "indexes": indexes,
        "coords": coords,
        "variables": variables,
    }
    return xr.Dataset({data: stored.pop(data)}, coords=stored, attrs={_ATTRIBUTE: json.dumps(described)})


def _index(levels: list[tuple[Any, np.ndarray, str]]) -> pd.MultiIndex:
    """Return an index of levels, given as name, values and type: whole numbers stay such where some are missing."""
    index = pd.MultiIndex.from_arrays([values for _, values, _ in levels], names=[name for name, _, _ in levels])
    for number, (_, _, dtype) in enumerate(levels):
        if dtype[1] in "iu":
            index = index.set_levels(pd.Index(index.levels[number]).astype(dtype), level=number)
    return index


def _encoded(values: np.ndarray, name: Any) -> tuple[np.ndarray, dict[str, str], dict[str, Any]]:
    """Return an array that netCDF holds, its attributes, and how it is decoded."""
    dtype = values.dtype
    if dtype.kind in "mM" and dtype.str.endswith("[ns]"):
        return values.view("int64"), _DATES if dtype.kind == "M" else {"units": "nanoseconds"}, {"dtype": dtype.str}
    if dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8)):
        return values, {}, {"dtype": dtype.str}
    if dtype.kind == "U" or (dtype.kind == "O" and all(map(_is_plain_text, values.ravel()))):
        return values.astype(object), {}, {"dtype": dtype.str}
    if dtype.kind != "O":
        raise UserError(f"{name} has values of type {dtype}, which a recording on disk cannot hold: convert them.")
    texts = np.empty(values.shape, object)
    for place, value in np.ndenumerate(values):
        texts[place] = json.dumps(_as_json(value, name))
    return texts, {}, {"dtype": dtype.str, "json": True}


def _decoded(variable: xr.DataArray, how: dict[str, Any]) -> np.ndarray:
    values, dtype = variable.values, np.dtype(how["dtype"])
    if how.get("json"):
        found = np.empty(values.shape, object)
        for place, value in np.ndenumerate(values):
            found[place] = _from_json(json.loads(value))
        return found
    return values.astype("int64").view(dtype) if dtype.kind in "mM" else values.astype(dtype)


def _is_plain_text(value: object) -> bool:
    """Return whether a value is text that netCDF holds unchanged."""
    if type(value) is not str or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _as_json(value: Any, name: Any) -> Any:
    """Return a value for JSON, of types that `_from_json` makes again; raises `UserError` for others."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if value is None or (isinstance(value, str | bool | int | float) and not isinstance(value, pd.Timedelta)):
        return value
    if value is pd.NA or value is pd.NaT:
        return {"missing": str(value)}
    if isinstance(value, pd.Timestamp):
        return {"time": value.isoformat()}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_as_json(each, name) for each in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _as_json(each, name) for key, each in value.items()}}
    raise UserError(
        f"{name} has a value of type {type(value).__name__}, which a recording on disk cannot hold: convert it to text "
        "or numbers first."
    )


_MADE: dict[str, Callable[[Any], Any]] = {
    "missing": lambda name: {"<NA>": pd.NA, "NaT": pd.NaT}[name],
    "time": pd.Timestamp,
    "tuple": lambda values: tuple(map(_from_json, values)),
    "list": lambda values: list(map(_from_json, values)),
    "dict": lambda values: {key: _from_json(each) for key, each in values.items()},
}
_CLASSES: dict[str, type] = {
    "DataArray": xr.DataArray,
    **{
        kind.__name__: kind
        for kind in vars(assemblies).values()
        if isinstance(kind, type) and issubclass(kind, assemblies.DataAssembly)
    },
}


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        return _MADE[kind](content)
    return value
