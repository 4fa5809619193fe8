"""The image files below a folder: links are followed, each file counts once, hidden files count as none."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from .cornet.errors import UserError
from .cornet.names import counted

_logger = logging.getLogger(__name__)

_WITHOUT_PIXELS = {"BUFR", "GRIB", "HDF5", "MPEG"}  # formats that PIL identifies and cannot decode


def readable_images(folder: str | os.PathLike) -> list[str]:
    """Return the images of all formats that PIL reads, sorted by path; a warning counts the hidden ones."""
    Image.init()  # else the formats are those that were needed so far
    formats = Image.OPEN.keys() - _WITHOUT_PIXELS
    endings = {ending for ending, name in Image.registered_extensions().items() if name in formats}
    paths, hidden = images_below(folder, endings)
    if hidden:
        said = counted(hidden, "hidden image is", "hidden images are")
        _logger.warning("%s left out in %s, with names that begin with a dot.", said, folder)
    return sorted(paths)


def images_below(folder: str | os.PathLike, endings: Collection[str]) -> tuple[list[str], int]:
    """Return the images, folder by folder, and the number of hidden ones that are left out.

    Links to folders are followed, but a folder that was seen already is not entered again, be it by a loop of links.
    Names that begin with a dot are those of other programs: `._im0.png`, `.ipynb_checkpoints/im0-checkpoint.png`.

    Parameters
    ----------
    endings
        Of images' names, in lower case and with their dots.

    Raises
    ------
    UserError
        If one of the folders cannot be read, whose images would be missing without a word.
    """
    found: list[tuple[str, list[str]]] = []
    hidden = 0
    seen = {os.path.realpath(folder)}
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_fail):
        inside = []
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(root, name))
            if real not in seen:
                seen.add(real)
                inside.append(name)
        folders[:] = inside
        images = [name for name in sorted(names) if os.path.splitext(name)[1].lower() in endings]
        if any(part.startswith(".") for part in Path(root).relative_to(folder).parts):
            hidden += len(images)
            continue
        shown = [name for name in images if not name.startswith(".")]
        hidden += len(images) - len(shown)
        found.append((root, shown))
    files = [str(Path(root, name)) for root, names in sorted(found) for name in names]  # without a leading ./
    return [file for file in files if os.path.isfile(file)], hidden


def _fail(error: OSError) -> None:
    raise UserError(f"Cannot read the folder {error.filename}: {error.strerror}.") from error
