"""Images in an array of an HDF5 file or of a MATLAB file of version 7.3, which are read one by one when needed."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..cornet.errors import UserError
from .early_checks import STORED

_logger = logging.getLogger(__name__)

_LEAST_CACHE, _MOST_CACHE = 2**24, 2**29  # bytes of decompressed chunks that stay in memory
_COLOURS = (3, 4, 1)  # lengths of the axis of colours: red, green and blue; with opacity; gray
_MATLAB = "MATLAB_class"  # the attribute that MATLAB gives to its variables


@dataclass(frozen=True)
class StoredImage:
    """One image of an array in a file."""

    images: StoredImages
    number: int

    def __str__(self) -> str:
        return f"{self.images.name}[{self.number}]"

    def __call__(self) -> Image.Image:
        return self.images.read(self.number)


class StoredImages:
    """An array of images, of 8 or 16 bits, in the first of these orders of axes that fits.

    HDF5: (image, row, column, colour), (image, colour, row, column), (row, column, colour), (image, row, column), (row,
    column). MATLAB: (row, column, colour, image), (image, row, column, colour), (row, column, colour), (row, column,
    image), (row, column).

    Parameters
    ----------
    path
        The file.
    dataset
        Path of the array in the file, such as `/imgBrick`.

    Raises
    ------
    UserError
        If the file cannot be read or has no such array, or its shape or type is another.
    """

    def __init__(self, path: Path, dataset: str) -> None:
        import h5py

        self.path, self.name, self._path_in_file = path, f"{path}:{dataset}", dataset
        try:
            with h5py.File(path) as file:
                found = file.get(dataset)
                if not isinstance(found, h5py.Dataset):
                    raise UserError(f"{path} has no array {dataset}: its arrays are {_listed(file) or 'none'}.")
                shape, dtype, is_matlab = found.shape, np.dtype(found.dtype), _MATLAB in found.attrs
                self._is_logical = dtype.kind == "b" or found.attrs.get(_MATLAB) == b"logical"
                chunks = found.chunks
        except OSError as error:
            raise UserError(f"Cannot read {path} as HDF5, which MATLAB writes with -v7.3: {error}") from error
        if dtype.kind != "b" and dtype not in (np.uint8, np.uint16):
            raise UserError(f"The values of {self.name} are {dtype}, expected images of 8 or 16 bits (uint8, uint16).")
        axes = _axes(shape, is_matlab)
        if axes is None or 0 in shape:
            raise UserError(f"{self.name} has the shape {shape}, expected images such as (image, row, column, colour).")
        self._axes = axes
        along, *_, colours = axes
        self.count = 1 if along is None else shape[along]
        size = math.prod(shape) * dtype.itemsize // self.count
        needed = size * (chunks[along] if chunks and along is not None else 1) * 3 // 2
        # one image may lie in many chunks, each with many images: decompressed, they serve the images after it, too
        self._file = h5py.File(path, rdcc_nbytes=min(max(needed, _LEAST_CACHE), _MOST_CACHE), rdcc_nslots=10_007)
        self._dataset: Any = self._file[dataset]
        self.has_opacity = colours is not None and shape[colours] == 4
        rows, columns = (shape[axis] for axis in axes[1:3])
        is_coloured = colours is not None and shape[colours] > 1
        _logger.info("%s: %d images of %d x %d px%s", self.name, self.count, rows, columns, ", colour" * is_coloured)

    def __reduce__(self) -> tuple[type[StoredImages], tuple[Path, str]]:
        return StoredImages, (self.path, self._path_in_file)  # another process opens the file anew

    def __getitem__(self, number: int) -> StoredImage:
        if not 0 <= number < self.count:
            raise UserError(f"{self.name} has {self.count} images, counted from 0: there is no {number}.")
        return StoredImage(self, number)

    def all(self) -> Sequence[StoredImage]:
        return [StoredImage(self, number) for number in range(self.count)]

    def read(self, number: int) -> Image.Image:
        along, *axes = self._axes
        pixels = self._dataset[tuple(number if axis == along else slice(None) for axis in range(self._dataset.ndim))]
        places = [axis for axis in axes if axis is not None]
        pixels = pixels.transpose(np.argsort(np.argsort(places)))
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        if self._is_logical:
            pixels = pixels.astype(np.uint8) * 255
        elif pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(pixels))


def open_stored(text: str, opened: dict[tuple[str, str], StoredImages]) -> Sequence[StoredImage] | None:
    """Return the images that a text such as `images.h5:/imgBrick` or `images.h5:/imgBrick[17]` names, None for others.

    Parameters
    ----------
    opened
        Arrays that are open already; others are added.
    """
    if (found := STORED.fullmatch(text)) is None or Path(text).exists():
        return None
    path, dataset, number = found.groups()
    if (path, dataset) not in opened:
        opened[path, dataset] = StoredImages(Path(path).expanduser(), dataset)
    images = opened[path, dataset]
    return images.all() if number is None else [images[int(number)]]


def hint(path: Path) -> str | None:
    """Return how to name the images in a file of arrays, None for a file of another kind."""
    import h5py

    if path.suffix.lower() not in (".h5", ".hdf5", ".mat"):
        return None
    try:
        with h5py.File(path) as file:
            arrays = _listed(file)
    except OSError:
        return f"{path} cannot be read as HDF5, which MATLAB writes with -v7.3."
    return f"{path} has arrays: name the one of the images, such as {path.name}:/imgBrick. It has {arrays or 'none'}."


def _listed(file) -> str:
    import h5py

    found: list[str] = []

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and not re.match("#", name):
            found.append(f"/{name} {item.shape}")

    file.visititems(visit)
    return ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")


def _axes(shape: tuple[int, ...], is_matlab: bool) -> tuple[int | None, int, int, int | None] | None:
    """Return the axes of images, rows, columns and colours in an HDF5 file, None for those that there are not.

    MATLAB's axes are in the reverse order in the file.
    """
    count = len(shape)
    own = shape[::-1] if is_matlab else shape
    orders: dict[int, list[str]] = {
        4: ["rcki", "irck"] if is_matlab else ["irck", "ikrc"],
        3: ["rck", "rci"] if is_matlab else ["rck", "irc"],
        2: ["rc"],
    }
    for order in orders.get(count, []):
        if "k" not in order or own[order.index("k")] in _COLOURS[: 3 if count == 4 else 2]:
            place = {name: count - 1 - at if is_matlab else at for at, name in enumerate(order)}
            return place.get("i"), place["r"], place["c"], place.get("k")
    return None
