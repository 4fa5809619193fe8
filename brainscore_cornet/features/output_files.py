"""Writing of features as labelled netCDF or zarr, numpy arrays or a table, portion by portion."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..cornet.errors import UserError
from ..cornet.names import for_spreadsheets
from ..cornet.recording.record import Site
from ..cornet.writing import discard, move, sync
from .array_files import MATLAB_NAME, MOST_BYTES_MAT, write_h5, write_mat, write_pt
from .early_checks import TABLES, check_columns, existing, images_table
from .extracted import Features, variables_of

_TIMES = {
    "M": {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"},
    "m": {"units": "nanoseconds"},
}
"""numpy's kind of type -> attributes by which xarray reads numbers as dates or durations."""
_CHUNK = 2**22  # bytes of a chunk of a .zarr


def dataset(features: Features) -> xr.Dataset:
    """Return a dataset in memory, with a variable (time_step, presentation, channel, …) for each layer."""
    found = _without_values(features)
    for name, sites in features.variables.items():
        values = np.stack([features.values(site) for site in sites])
        found[name] = (list(features.dims(name)), values, features.labels(name))
    return found


def write(features: Features, output: Path, workplace: Path) -> None:
    """Write the file `output`, which has its final name only once it is complete."""
    part = workplace / output.name
    if output.suffix in _WRITERS:
        discard(part)  # left by an interrupted run
        try:
            _WRITERS[output.suffix](features, part)
        except RuntimeError as error:  # raised by the netCDF library for a full disk
            raise UserError(f"Cannot write {part}: {error}.") from error
        if output.is_dir():  # an earlier .zarr, as `check_output` has verified
            sync(part)
            output.replace(workplace / "replaced")
        move(part, output)
    else:
        names = npy_names(features, output)
        for site in features.arrays:
            part = workplace / names[site].name
            _write_npy(features, site, part)
            move(part, names[site])
        part = workplace / "images.csv"
        for_spreadsheets(features.table).to_csv(part, index=False)
        move(part, images_table(output))
        for stale in set(existing(output)) - {*names.values(), images_table(output)}:
            stale.unlink()


def check_table(table: pd.DataFrame, shapes: Mapping[Site, tuple[int, ...]], output: Path) -> None:
    """Raise `UserError` for columns of a user's table whose names are invalid in the output."""
    layers = {*variables_of(shapes), *(site.layer for site in shapes)}
    for name in map(str, table.columns):
        clash = any(name == layer or name.startswith((f"{layer}:", f"{layer}.t")) for layer in layers)
        if output.suffix in (".nc", ".zarr") and (not re.fullmatch(r"[\w@+.-]*\w[\w@+.-]*", name)):
            raise UserError(f"{output.suffix} cannot have a column {name!r}: name it with letters, digits, _ . + - @.")
        if output.suffix == ".mat" and not MATLAB_NAME.fullmatch(name):
            raise UserError(f".mat cannot have a column {name!r}: name it with letters, digits and _.")
        if output.suffix == ".h5" and ("/" in name or name == "."):
            raise UserError(f".h5 cannot have a column {name!r}: name it without a slash.")
        if clash or name == "presentation":
            raise UserError(f"The column {name!r} has the name of something in the output: rename it.")


def check_size(shapes: Mapping[Site, tuple[int, ...]], count: int, output: Path, reserved: int = 0) -> None:
    """Raise `UserError` if the features are too large for a table or the disk.

    Parameters
    ----------
    reserved
        Bytes that an unfinished extraction has on the disk already.
    """
    units = sum(math.prod(shape) for shape in shapes.values())
    if output.suffix in TABLES:
        check_columns(units)
    largest = max((4 * count * math.prod(shape) for shape in shapes.values()), default=0)
    if output.suffix == ".mat" and largest > MOST_BYTES_MAT:
        raise UserError(
            f"A layer needs {largest / 1e9:.1f} GB at one time step, and .mat holds {MOST_BYTES_MAT / 1e9:.1f}: write "
            ".h5, which MATLAB reads with h5read, or average over space."
        )
    needed = 2 * 4 * count * units - reserved  # once as it is computed, once in the file
    free = shutil.disk_usage(output.parent).free
    if needed > free:
        raise UserError(
            f"The features need {needed / 1e9:.1f} GB while they are written, {output.parent} has {free / 1e9:.1f} GB "
            "left: choose fewer layers or time steps, or average over space."
        )


def npy_names(features: Features, output: Path) -> dict[Site, Path]:
    """Return the numpy file of each site: `output` itself if there is only one."""
    if len(features.arrays) == 1:
        return dict.fromkeys(features.arrays, output)
    return {site: output.with_name(f"{output.stem}_{site.layer}_t{site.time_step}.npy") for site in features.arrays}


def _without_values(features: Features) -> xr.Dataset:
    """Return a dataset with all coordinates and without variables."""
    coords: dict[str, Any] = {str(name): ("presentation", column.to_numpy()) for name, column in features.table.items()}
    for variable, sites in features.variables.items():
        time_step, _, *space = dims = features.dims(variable)
        coords[time_step] = (time_step, [site.time_step for site in sites])
        for name, edge in (("start", 0), ("end", 1)):
            bins = [float(time_bin[edge]) for time_bin in features.time_bins(variable)]
            coords[f"{variable}:time_bin_{name}"] = (time_step, bins, {"units": "ms after stimulus onset"})
        coords.update({name: (name, np.arange(dims[name])) for name in space})
    return xr.Dataset(coords=coords, attrs=dict(features.attributes))


def _labels(features: Features) -> xr.Dataset:
    """Return all coordinates as variables, since xarray lists coordinates in an order that differs between processes.

    Dates and durations are whole nanoseconds: xarray itself would round some of them, and fail for a few.
    """
    labels = _without_values(features).reset_coords()
    for name, variable in labels.variables.items():
        if variable.dtype.kind in _TIMES:
            labels[name] = (variable.dims, variable.values.view("int64"), _TIMES[variable.dtype.kind])
    return labels


def _global_coordinates(features: Features) -> str:
    return " ".join(map(str, features.table.columns))


def _variable_attributes(features: Features, variable: str) -> dict[str, str]:
    # xarray reads the names of coordinates that are not axes from this attribute
    return {**features.labels(variable), "coordinates": f"{variable}:time_bin_start {variable}:time_bin_end"}


def _write_netcdf(features: Features, path: Path) -> None:
    import netCDF4

    _labels(features).to_netcdf(path, engine="netcdf4")
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("coordinates", _global_coordinates(features))
        for name in features.variables:
            variable = file.createVariable(name, "f4", tuple(features.dims(name)))
            variable.setncatts(_variable_attributes(features, name))
            _fill(variable, features, name)


def _write_zarr(features: Features, path: Path) -> None:
    import zarr

    _labels(features).to_zarr(path)
    group = zarr.open_group(str(path), "a")
    group.attrs["coordinates"] = _global_coordinates(features)
    for name in features.variables:
        dims = features.dims(name)
        _, count, *space = dims.values()
        chunk = max(1, min(count, _CHUNK // (4 * math.prod(space))))
        variable = group.create_dataset(
            name, shape=tuple(dims.values()), chunks=(1, chunk, *space), dtype="f4", fill_value=None
        )
        variable.attrs.update(_variable_attributes(features, name) | {"_ARRAY_DIMENSIONS": list(dims)})
        _fill(variable, features, name)
    zarr.consolidate_metadata(group.store)


def _fill(variable, features: Features, name: str) -> None:
    for index, site in enumerate(features.variables[name]):
        for rows, values in features.portions(site):
            variable[index, rows] = values


def _write_npy(features: Features, site: Site, path: Path) -> None:
    shape = features.arrays[site].shape[1:]
    shape = (len(features.kept), math.prod(shape)) if features.flat else (len(features.kept), *shape)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for _, values in features.portions(site):
            file.write(np.ascontiguousarray(values, "<f4").data)


def _wide_table(features: Features, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of images with a column `layer.t<time step>.<unit>` for each unit."""
    parts = [table.reset_index(drop=True)]
    for site in features.arrays:
        flat = features.values(site).reshape(len(features.kept), -1)
        names = pd.Index([f"{site.layer}.t{site.time_step}.{unit}" for unit in range(flat.shape[1])])
        parts.append(pd.DataFrame(flat, columns=names))
    return pd.concat(parts, axis=1)


_WRITERS = {
    ".h5": write_h5,
    ".mat": write_mat,
    ".pt": write_pt,
    ".nc": _write_netcdf,
    ".zarr": _write_zarr,
    ".csv": lambda features, path: _wide_table(features, for_spreadsheets(features.table)).to_csv(path, index=False),
    ".parquet": lambda features, path: _wide_table(features, features.table).to_parquet(path, index=False),
}
