"""Brain-Score's Score objects as netCDF: a group for the score, with a subgroup for each array in its attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

_VALUES = "score"  # the name of the variable in each group
_JSON = "json:"  # prefix of values that netCDF has no type for


def save_score(score: Score, path: Path) -> None:
    """Write a score with the arrays in its attributes, such as raw values and the ceiling, recursively."""
    with netCDF4.Dataset(path, "w"):
        pass
    for group, array in _walk(score, "/"):
        coords = {name: (dims, _plain(values)) for name, dims, values in walk_coords(array)}
        attrs = {name: _encoded(value) for name, value in array.attrs.items() if not isinstance(value, xr.DataArray)}
        values = xr.DataArray(_plain(array.values), dims=array.dims, coords=coords, attrs=attrs)
        values.to_dataset(name=_VALUES).to_netcdf(path, mode="a", group=group, engine="netcdf4")


def load_score(path: Path) -> Score:
    """Read a score that `save_score` wrote; arrays in the attributes become Score objects."""
    return _read(path, "/")


def _walk(score: xr.DataArray, group: str) -> Iterator[tuple[str, xr.DataArray]]:
    yield group, score
    for name, value in score.attrs.items():
        if isinstance(value, xr.DataArray):
            yield from _walk(value, f"{group}{name}/")


def _read(path: Path, group: str) -> Score:
    with netCDF4.Dataset(path) as file:  # closed here: opening a file twice crashes the library
        inside = list((file if group == "/" else file[group]).groups)
    with xr.open_dataset(path, group=group, engine="netcdf4") as dataset:
        array = dataset[_VALUES].load()
    coords = {name: (coord.dims, coord.values) for name, coord in array.coords.items()}
    score = Score(array.values, coords=coords, dims=array.dims)
    score.attrs.update({name: _decoded(value) for name, value in array.attrs.items()})
    score.attrs.update({name: _read(path, f"{group}{name}/") for name in inside})
    return score


def _plain(values) -> np.ndarray:
    """Return an array whose values are numbers or text, as netCDF requires; others become text."""
    values = np.asarray(values)
    if values.dtype == bool:
        return values.astype(np.int8)
    if values.dtype != object:
        return values
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        return values.astype(str)


def _encoded(value: Any) -> str | int | float:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    try:
        return _JSON + json.dumps(value, default=_listed)
    except (TypeError, ValueError):
        return repr(value)


def _listed(value: Any):
    value = value.values if isinstance(value, xr.DataArray) else value
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_JSON):
        return json.loads(value.removeprefix(_JSON))
    return value.item() if isinstance(value, np.generic) else value
