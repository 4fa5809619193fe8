"""Writing of features as labelled netCDF or zarr, numpy arrays or a table, portion by portion."""

from __future__ import annotations

import math
import mmap
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..cornet.commitments import Commitment
from ..cornet.errors import UserError
from ..cornet.names import for_spreadsheets
from ..cornet.recording.record import LOGITS, Site, is_decoded
from ..cornet.writing import discard, move, sync
from .early_checks import TABLES, existing, images_table

MOST_COLUMNS = 20_000  # of a table; larger tables take too long to write and read
_PORTION = 2**26  # bytes that are copied at a time
_CHUNK = 2**22  # bytes of a chunk of a .zarr


@dataclass(frozen=True)
class Features:
    """Extracted features with their labels."""

    arrays: Mapping[Site, np.ndarray]
    """Site -> array (image, channel, row, column), or (image, channel) for logits and pooled layers."""
    kept: np.ndarray
    """Rows of the arrays that belong to readable images."""
    table: pd.DataFrame
    """Table with a row for each of these images."""
    commitment: Commitment
    attributes: Mapping[str, str]
    flat: bool = False
    """Whether numpy files have one axis for all units of an image."""

    def layers(self) -> dict[str, list[int]]:
        """Return layer -> its time steps."""
        found: dict[str, list[int]] = {}
        for site in self.arrays:
            found.setdefault(site.layer, []).append(site.time_step)
        return found

    def dims(self, layer: str) -> dict[str, int]:
        """Return the axes of one layer's variable and their lengths."""
        steps = self.layers()[layer]
        count, shape = len(self.kept), self.arrays[Site(layer, steps[0])].shape[1:]
        names = ("channel", "channel_x", "channel_y") if len(shape) == 3 else ("channel",)
        own = {"time_step": len(steps), **dict(zip(names, shape, strict=True))}
        time_step, *space = (f"{layer}:{name}" for name in own)
        lengths = list(own.values())
        return {time_step: lengths[0], "presentation": count, **dict(zip(space, lengths[1:], strict=True))}

    def portions(self, site: Site) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield a few images at a time: their rows in the result, and the values (image, …)."""
        array = self.arrays[site]
        count = max(1, _PORTION // max(1, array[:1].nbytes))
        for start in range(0, len(self.kept), count):
            rows = self.kept[start : start + count]
            yield slice(start, start + len(rows)), array[rows]
            drop_pages(array)

    def values(self, site: Site) -> np.ndarray:
        array = self.arrays[site]
        return np.asarray(array) if len(self.kept) == len(array) else array[self.kept]

    def time_bins(self, layer: str) -> list[tuple[float, float]]:
        """Return the committed time bin of each time step of a layer, nan if none is committed."""
        bins = {} if is_decoded(layer) else self.commitment.time_bins[layer.split(".")[0]]
        return [bins.get(step, (math.nan, math.nan)) for step in self.layers()[layer]]

    def labels(self, layer: str) -> dict[str, str]:
        """Return the attributes of a layer's variable."""
        region = "decoder" if layer == LOGITS else layer.split(".")[0]
        return {"layer": layer, "region": region, "model": self.commitment.identifier}


def dataset(features: Features) -> xr.Dataset:
    """Return a dataset in memory, with a variable (time_step, presentation, channel, …) for each layer."""
    found = _without_values(features)
    for layer, steps in features.layers().items():
        values = np.stack([features.values(Site(layer, step)) for step in steps])
        found[layer] = (list(features.dims(layer)), values, features.labels(layer))
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


def check_table(table: pd.DataFrame, sites: Iterable[Site], output: Path) -> None:
    """Raise `UserError` for columns of a user's table whose names are invalid in the output."""
    layers = {site.layer for site in sites}
    for name in map(str, table.columns):
        clash = any(name == layer or name.startswith((f"{layer}:", f"{layer}.t")) for layer in layers)
        if output.suffix in (".nc", ".zarr") and (not re.fullmatch(r"[\w@+.-]*\w[\w@+.-]*", name)):
            raise UserError(f"{output.suffix} cannot have a column {name!r}: name it with letters, digits, _ . + - @.")
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
    if output.suffix in TABLES and units > MOST_COLUMNS:
        raise UserError(
            f"A table of {units:,} columns would be too large (at most {MOST_COLUMNS:,}): choose fewer "
            "layers, average over space, or write .nc, .zarr or .npy."
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


def _table_coords(table: pd.DataFrame) -> dict[str, Any]:
    coords = {}
    for name in table.columns:
        column = table[name]
        if column.dtype == object:
            column = column.where(column.notna(), "").astype(str).astype(object)
        coords[str(name)] = ("presentation", column.to_numpy())
    return coords


def _without_values(features: Features) -> xr.Dataset:
    """Return a dataset with all coordinates and without variables."""
    coords = _table_coords(features.table)
    for layer, steps in features.layers().items():
        time_step, _, *space = dims = features.dims(layer)
        coords[time_step] = (time_step, steps)
        for name, edge in (("start", 0), ("end", 1)):
            bins = [float(time_bin[edge]) for time_bin in features.time_bins(layer)]
            coords[f"{layer}:time_bin_{name}"] = (time_step, bins, {"units": "ms after stimulus onset"})
        coords.update({name: (name, np.arange(dims[name])) for name in space})
    return xr.Dataset(coords=coords, attrs=dict(features.attributes))


def _global_coordinates(features: Features) -> str:
    return " ".join(map(str, features.table.columns))


def _variable_attributes(features: Features, layer: str) -> dict[str, str]:
    # xarray reads the names of coordinates that are not axes from this attribute
    return {**features.labels(layer), "coordinates": f"{layer}:time_bin_start {layer}:time_bin_end"}


def _write_netcdf(features: Features, path: Path) -> None:
    import netCDF4

    labels = _without_values(features)
    # written as variables, since xarray lists coordinates in an order that differs between processes
    labels.reset_coords().to_netcdf(path, engine="netcdf4")
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("coordinates", _global_coordinates(features))
        for layer in features.layers():
            variable = file.createVariable(layer, "f4", tuple(features.dims(layer)))
            variable.setncatts(_variable_attributes(features, layer))
            _fill(variable, features, layer)


def _write_zarr(features: Features, path: Path) -> None:
    import zarr

    _without_values(features).reset_coords().to_zarr(path)
    group = zarr.open_group(str(path), "a")
    group.attrs["coordinates"] = _global_coordinates(features)
    for layer in features.layers():
        dims = features.dims(layer)
        _, count, *space = dims.values()
        chunk = max(1, min(count, _CHUNK // (4 * math.prod(space))))
        variable = group.create_dataset(
            layer, shape=tuple(dims.values()), chunks=(1, chunk, *space), dtype="f4", fill_value=None
        )
        variable.attrs.update(_variable_attributes(features, layer) | {"_ARRAY_DIMENSIONS": list(dims)})
        _fill(variable, features, layer)
    zarr.consolidate_metadata(group.store)


def _fill(variable, features: Features, layer: str) -> None:
    for index, step in enumerate(features.layers()[layer]):
        for rows, values in features.portions(Site(layer, step)):
            variable[index, rows] = values


def _write_npy(features: Features, site: Site, path: Path) -> None:
    shape = features.arrays[site].shape[1:]
    shape = (len(features.kept), math.prod(shape)) if features.flat else (len(features.kept), *shape)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for _, values in features.portions(site):
            file.write(np.ascontiguousarray(values, "<f4").data)


def drop_pages(array: np.ndarray) -> None:
    """Drop the pages of a memory-mapped array, which otherwise count as this process' memory."""
    base = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)  # in a shared map, written data are kept


def _wide_table(features: Features, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of images with a column `layer.t<time step>.<unit>` for each unit."""
    parts = [table.reset_index(drop=True)]
    for site in features.arrays:
        flat = features.values(site).reshape(len(features.kept), -1)
        names = pd.Index([f"{site.layer}.t{site.time_step}.{unit}" for unit in range(flat.shape[1])])
        parts.append(pd.DataFrame(flat, columns=names))
    return pd.concat(parts, axis=1)


_WRITERS = {
    ".nc": _write_netcdf,
    ".zarr": _write_zarr,
    ".csv": lambda features, path: _wide_table(features, for_spreadsheets(features.table)).to_csv(path, index=False),
    ".parquet": lambda features, path: _wide_table(features, features.table).to_parquet(path, index=False),
}
