"""Construction of Brain-Score's labelled assemblies from arrays, without copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

from ..commitments import TimeBin


def presentation_coords(
    columns: Mapping[str, Sequence | np.ndarray], shifts: Mapping[str, np.ndarray]
) -> dict[str, tuple]:
    """Return the coordinates of the presentation axis: stimulus columns and microsaccade shifts for each trial.

    Parameters
    ----------
    columns
        Name -> value for each stimulus.
    shifts
        Unit (`pixels`, `degrees`) -> shifts (trial, 2) in x and y.
    """
    trials = len(shifts["pixels"])
    coords = {name: ("presentation", np.repeat(values, trials)) for name, values in columns.items()}
    count = len(next(iter(columns.values())))
    for unit, values in shifts.items():
        for axis, name in enumerate("xy"):
            coords[f"microsaccade_shift_{name}_{unit}"] = ("presentation", np.tile(values[:, axis], count))
    return coords


def neuroid_index(identifier: str, layers: Mapping[str, tuple[int, ...]], region: str | None = None) -> pd.MultiIndex:
    """Return the index of the neuroid axis, for flattened activity of one or more layers.

    The levels are those of Brain-Score's extractor. A level for the region exists only in recordings from a region.

    Parameters
    ----------
    layers
        Layer -> shape without the presentation axis.
    region
        Region that the layer is committed to; it replaces the layer in the neuroid's id.
    """
    return _neuroid_index(identifier, tuple(layers.items()), region).copy()


@lru_cache(maxsize=2)  # the names of 200,000 neuroids take as long as a few images
def _neuroid_index(identifier: str, shapes: tuple, region: str | None) -> pd.MultiIndex:
    layers = dict(shapes)
    sizes = [int(np.prod(shape)) for shape in layers.values()]
    numbers = np.concatenate([np.arange(size) for size in sizes])
    which = np.repeat(np.arange(len(layers)), sizes)
    prefixes = np.array([f"{identifier}.{region or layer}." for layer in layers], dtype=object)
    # given levels and codes, pandas need not search hundreds of thousands of rows for distinct values
    levels = {
        "neuroid_num": (np.arange(max(sizes)), numbers),
        "model": ([identifier], np.zeros_like(which)),
        "layer": (list(layers), which),
        **({} if region is None else {"region": ([region], np.zeros_like(which))}),
        **{
            name: (np.arange(codes.max(initial=0) + 1), codes)
            for name, codes in _positions(layers.values(), sizes).items()
        },
        "neuroid_id": (prefixes[which] + pd.Index(numbers).astype(str), np.arange(len(which))),
    }
    return pd.MultiIndex(
        levels=[level for level, _ in levels.values()],
        codes=[codes for _, codes in levels.values()],
        names=list(levels),
        verify_integrity=False,
    )


# Brain-Score's names of the axes. Units of a fully connected layer have no position, but still these levels.
_CONVOLUTIONAL = ("channel", "channel_x", "channel_y")
_AXES = {
    1: _CONVOLUTIONAL,
    2: ("channel", "embedding"),
    3: _CONVOLUTIONAL,
    4: ("channel_temporal", "channel_x", "channel_y", "channel"),
}


def _positions(shapes: Iterable[tuple[int, ...]], sizes: Sequence[int]) -> dict[str, np.ndarray]:
    """Return axis -> position of each unit; -1, pandas' code for a missing value, for axes that a layer lacks."""
    found = []
    for shape, size in zip(shapes, sizes, strict=True):
        axes = _AXES.get(len(shape), ())
        codes = np.full((len(axes), size), -1)
        if axes:
            codes[: len(shape)] = np.indices(shape).reshape(len(shape), -1)
        found.append(dict(zip(axes, codes, strict=True)))
    return {
        axis: np.concatenate([codes.get(axis, np.full(size, -1)) for codes, size in zip(found, sizes, strict=True)])
        for axis in dict.fromkeys(axis for codes in found for axis in codes)
    }


def recordings(
    values: np.ndarray, time_bins: Sequence[TimeBin], presentations: dict, neuroids: pd.MultiIndex
) -> NeuroidAssembly:
    """Return a recording (time_bin, presentation, neuroid) of `values`, which are not copied."""
    coords = {
        "time_bin_start": ("time_bin", [start for start, _ in time_bins]),
        "time_bin_end": ("time_bin", [end for _, end in time_bins]),
        **presentations,
        "neuroid": neuroids,
    }
    return NeuroidAssembly(values, coords=coords, dims=["time_bin", "presentation", "neuroid"])


def layer_activations(values: np.ndarray, presentations: dict, neuroids: pd.MultiIndex) -> NeuroidAssembly:
    """Return activations (presentation, neuroid) of one or more layers from `values`, which are not copied."""
    return NeuroidAssembly(values, coords={**presentations, "neuroid": neuroids}, dims=["presentation", "neuroid"])
