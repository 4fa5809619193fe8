"""Extracted features with their labels, before they are written."""

from __future__ import annotations

import logging
import math
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..cornet.commitments import Commitment
from ..cornet.recording.record import LOGITS, Site, is_decoded

_logger = logging.getLogger(__name__)

_PORTION = 2**26  # bytes that are copied at a time


class JoinedRows:
    """Arrays (image, …), one or more, that are read as one without being copied."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self._arrays = arrays
        self._ends = np.cumsum([len(array) for array in arrays])
        self.shape = (int(self._ends[-1]), *arrays[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return these rows, given by their numbers in ascending order."""
        numbers = np.searchsorted(self._ends, rows, side="right")
        parts = []
        for number in np.unique(numbers):
            array = self._arrays[number]
            parts.append(array[rows[numbers == number] - (self._ends[number] - len(array))])
            drop_pages(array)
        return np.concatenate(parts)


Stored = np.ndarray | JoinedRows


@dataclass(frozen=True)
class Features:
    """Extracted features with their labels."""

    arrays: Mapping[Site, Stored]
    """Site -> array (image, channel, row, column), or (image, channel) for logits and pooled layers."""
    kept: np.ndarray
    """Rows of the arrays that belong to readable images."""
    table: pd.DataFrame
    """Table with a row for each of these images."""
    commitment: Commitment
    attributes: Mapping[str, str]
    flat: bool = False
    """Whether numpy files have one axis for all units of an image."""

    @cached_property
    def variables(self) -> dict[str, list[Site]]:
        """The sites of each variable, as `variables_of` returns them."""
        return variables_of({site: array.shape[1:] for site, array in self.arrays.items()})

    def dims(self, variable: str) -> dict[str, int]:
        """Return the axes of a variable and their lengths."""
        sites = self.variables[variable]
        count, shape = len(self.kept), self.arrays[sites[0]].shape[1:]
        names = ("channel", "channel_x", "channel_y") if len(shape) == 3 else ("channel",)
        own = {"time_step": len(sites), **dict(zip(names, shape, strict=True))}
        time_step, *space = (f"{variable}:{name}" for name in own)
        lengths = list(own.values())
        return {time_step: lengths[0], "presentation": count, **dict(zip(space, lengths[1:], strict=True))}

    def portions(self, site: Site) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield a few images at a time: their rows in the result, and the values (image, …)."""
        array = self.arrays[site]
        count = max(1, _PORTION // max(1, 4 * math.prod(array.shape[1:])))
        for start in range(0, len(self.kept), count):
            rows = self.kept[start : start + count]
            yield slice(start, start + len(rows)), array[rows]
            if isinstance(array, np.ndarray):
                drop_pages(array)

    def values(self, site: Site) -> np.ndarray:
        array = self.arrays[site]
        is_whole = isinstance(array, np.ndarray) and len(self.kept) == len(array)
        return np.asarray(array) if is_whole else array[self.kept]

    def time_bins(self, variable: str) -> list[tuple[float, float]]:
        """Return the committed time bin of each time step of a variable, nan if none is committed."""
        layer = self.variables[variable][0].layer
        bins = {} if is_decoded(layer) else self.commitment.time_bins[layer.split(".")[0]]
        return [bins.get(site.time_step, (math.nan, math.nan)) for site in self.variables[variable]]

    def labels(self, variable: str) -> dict[str, str]:
        """Return the attributes of a variable."""
        layer = self.variables[variable][0].layer
        region = "decoder" if layer == LOGITS else layer.split(".")[0]
        return {"layer": layer, "region": region, "model": self.commitment.identifier}


def variables_of(shapes: Mapping[Site, tuple[int, ...]]) -> dict[str, list[Site]]:
    """Return variable -> its sites: a layer's time steps, or those at which a layer has one size.

    Some layers of CORnet-S come before a strided convolution at the first step alone; their size is in the variable's
    name then, such as `IT.conv1_14x14` and `IT.conv1_7x7`.

    Parameters
    ----------
    shapes
        Shape (channel, row, column) or (channel,) of one image's activity at each site.
    """
    sizes: dict[str, set[tuple[int, ...]]] = {}
    for site, shape in shapes.items():
        sizes.setdefault(site.layer, set()).add(shape)
    found: dict[str, list[Site]] = {}
    for site, shape in shapes.items():
        size = "" if len(sizes[site.layer]) == 1 else "_" + "x".join(map(str, shape[1:]))
        found.setdefault(site.layer + size, []).append(site)
    return found


def say_sizes(shapes: Mapping[Site, tuple[int, ...]]) -> None:
    """Log which layers have a variable for each of several sizes."""
    sizes: dict[str, list[str]] = {}
    for variable, sites in variables_of(shapes).items():
        if variable != sites[0].layer:
            steps = ", ".join(str(site.time_step) for site in sites)
            sizes.setdefault(sites[0].layer, []).append(f"{variable} (time step {steps})")
    for layer, variables in sizes.items():
        _logger.warning("%s changes its size between time steps: it is in %s.", layer, " and ".join(variables))


def preprocessing(commitment: Commitment) -> str:
    """Return how images become the network's input, in words."""
    how = "" if commitment.resize == "squeeze" else f" ({commitment.resize})"
    behind = "" if commitment.background is None else f", background {commitment.background}"
    return f"resized to {commitment.image_size} px{how}{behind}, normalized as for ImageNet"


def drop_pages(array: np.ndarray) -> None:
    """Drop the pages of a memory-mapped array, which otherwise count as this process' memory."""
    base = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)  # in a shared map, written data are kept
