"""Writing of features for h5py (.h5), MATLAB (.mat) and torch (.pt)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd

from ..cornet.recording.record import Site
from .extracted import Features

MOST_BYTES_MAT = 2**31 - 1  # of one variable, in MATLAB's format up to version 7
MATLAB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_HEADER_BYTES = 116  # of a .mat's text, in which scipy writes the time
_HEADER = b"MATLAB 5.0 MAT-file, written by brainscore_cornet"


def write_h5(features: Features, path: Path) -> None:
    """Write a dataset (time_step, image, channel, row, column) for each variable, and a group with the table."""
    import h5py

    with h5py.File(path, "w") as file:
        for name in sorted(features.attributes):
            file.attrs[name] = features.attributes[name]
        table = file.create_group("images")
        for name, column in features.table.items():
            table.create_dataset(str(name), data=column.to_numpy(), dtype=_h5_type(column))
        for variable, sites in features.variables.items():
            dims = features.dims(variable)
            written = file.create_dataset(variable, tuple(dims.values()), "<f4")
            bins = np.array(features.time_bins(variable), float)
            labels = {
                **features.labels(variable),
                "dimensions": ["time_step", "image", "channel", "row", "column"][: len(dims)],
                "time_step": [site.time_step for site in sites],
                "time_bin_start": bins[:, 0],
                "time_bin_end": bins[:, 1],
            }
            for name, value in labels.items():
                written.attrs[name] = value
            for index, site in enumerate(sites):
                for rows, values in features.portions(site):
                    written[index, rows] = values


def _h5_type(column: pd.Series):
    import h5py

    return h5py.string_dtype() if column.dtype == object else column.dtype


def write_mat(features: Features, path: Path) -> None:
    """Write an array (image, channel, row, column) for each layer and time step, the images' table, and what is what.

    One array at a time is in memory.
    """
    from scipy.io import savemat

    sites = list(features.arrays)
    bins = [_bin(features, site) for site in sites]
    described = {
        "variable": np.array([matlab_name(site) for site in sites], object),
        "layer": np.array([site.layer for site in sites], object),
        "time_step": np.array([site.time_step for site in sites], float),
        "time_bin_start": np.array([start for start, _ in bins]),
        "time_bin_end": np.array([end for _, end in bins]),
    }
    table = {str(name): column.to_numpy() for name, column in features.table.items()}
    options = {"oned_as": "column", "long_field_names": True}
    with open(path, "w+b") as file:
        savemat(file, {"images": table, "sites": described, "attributes": dict(features.attributes)}, **options)
        for site in sites:
            savemat(file, {matlab_name(site): _flat(features, site)}, **options)
        file.seek(0)
        file.write(_HEADER.ljust(_HEADER_BYTES))


def matlab_name(site: Site) -> str:
    return f"{site.layer.replace('.', '_')}_t{site.time_step}"


def write_pt(features: Features, path: Path) -> None:
    """Write a dictionary that `torch.load` reads with `weights_only=True`, a tensor for each site."""
    import torch

    tensors: dict[str, dict[int, torch.Tensor]] = {}
    bins: dict[str, dict[int, tuple[float, float]]] = {}
    for number, site in enumerate(features.arrays):
        array = _on_disk(features, site, path.with_name(f"{path.name}.{number}.npy"))
        tensors.setdefault(site.layer, {})[site.time_step] = torch.from_numpy(array)
        bins.setdefault(site.layer, {})[site.time_step] = _bin(features, site)
    contents = {
        "features": tensors,
        "time_bins": bins,
        "images": {str(name): column.tolist() for name, column in features.table.items()},
        "attributes": dict(features.attributes),
    }
    torch.save(contents, path)


def _on_disk(features: Features, site: Site, path: Path) -> np.ndarray:
    """Return one array without the images that are left out; it is not read into memory."""
    array = features.arrays[site]
    shape = _shape(features, site)
    if not isinstance(array, np.ndarray) or len(features.kept) < len(array):
        copied = np.lib.format.open_memmap(path, "w+", np.float32, (len(features.kept), *array.shape[1:]))
        for rows, values in features.portions(site):
            copied[rows] = values
        array = copied
    return array.reshape(shape)


def _flat(features: Features, site: Site) -> np.ndarray:
    return features.values(site).reshape(_shape(features, site))


def _shape(features: Features, site: Site) -> tuple[int, ...]:
    shape = features.arrays[site].shape[1:]
    return (len(features.kept), math.prod(shape)) if features.flat else (len(features.kept), *shape)


def _bin(features: Features, site: Site) -> tuple[float, float]:
    """Return the committed time bin of a site in ms, nan if there is none."""
    for variable, sites in features.variables.items():
        if site in sites:
            start, end = features.time_bins(variable)[sites.index(site)]
            return float(start), float(end)
    raise KeyError(site)
