"""PNG files of the kinds that PIL reads and cannot write: 16 bits for each colour, and interlaced ones (Adam7)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

# first row and column, and distances, of Adam7's seven passes: section 8.2 of the PNG specification
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def write_png(path: Path, pixels: np.ndarray, *, interlaced: bool = False) -> None:
    """Write pixels (row, column, channel) of 8 or 16 bits, with 1 to 4 channels."""
    height, width, channels = pixels.shape
    stored = pixels.astype(">u2") if pixels.dtype == np.uint16 else pixels
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    parts = [stored[row::down, column::right] for row, column, down, right in passes]
    # each row begins with its filter, none
    data = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, _COLOUR_TYPES[channels], 0, 0, interlaced)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
