"""Collection of images from folders, patterns, lists, tables or memory, and their check before the extraction."""

from __future__ import annotations

import glob
import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image

from ..cornet.errors import MachineError, UserError, machine_failure
from ..cornet.names import counted, encodable
from ..cornet.preparation import PATH, Colour
from ..cornet.progress_line import counting
from ..cornet.recording.images import Source, check_mode, say_transparent
from ..cornet.recording.stimuli import as_stimulus_set, stimulus_paths
from ..image_folders import readable_images
from .early_checks import NUMPY, SEPARATORS, STORED, nothing_at, of_numpy, without_paths
from .stored_images import StoredImage, StoredImages, hint, open_stored

_logger = logging.getLogger(__name__)

_THREADS = 8  # threads that check files, which mostly wait for the disk
_LISTS = (".txt", *SEPARATORS)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?")
_SHOWN = 3  # unreadable files that a message names; the rest is counted


@dataclass(frozen=True)
class Images:
    """The images from which features are extracted, in order."""

    table: pd.DataFrame
    """One row for each image: `stimulus_path` and the columns of the user's table."""
    sources: Sequence[Source]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Path -> why the image is unreadable."""
    given: Sequence[str] = ()
    """Paths of images and of lists of images, as given."""

    def __len__(self) -> int:
        return len(self.sources)

    def fingerprint(self) -> str:
        """Return a hash of the table, and of the files' sizes and times of change."""
        contents = hashlib.sha256(self.table.to_csv(index=False).encode())
        arrays = dict.fromkeys(str(each.images.path) for each in self.sources if isinstance(each, StoredImage))
        for source in (*self.sources, *arrays):
            if isinstance(source, str) and Path(source).is_file():
                status = Path(source).stat()
                contents.update(f"{status.st_size} {status.st_mtime_ns}".encode())
        return contents.hexdigest()

    def first(self, count: int) -> Images:
        return Images(self.table.iloc[:count], self.sources[:count])

    def without(self, bad: Mapping[int, str]) -> Images:
        """Return the images without some, which are given as row -> reason."""
        kept = [row for row in range(len(self)) if row not in bad]
        left_out = {**self.left_out, **{str(self.table[PATH].iloc[row]): reason for row, reason in bad.items()}}
        return Images(self.table.iloc[kept].reset_index(drop=True), [self.sources[row] for row in kept], left_out)


def collect(given) -> Images:
    """Find images, and return them; raises `UserError` if there are none.

    Parameters
    ----------
    given
        A `StimulusSet`, or a table with a column `stimulus_path`; a path or a list of paths, each of a folder
        (searched with its subfolders), a pattern such as `faces/*.png`, an image, a `.txt` with a path in each line, or
        a `.csv` or `.tsv` with a column `stimulus_path` (paths in these are relative to the file's folder); or PIL
        images or arrays (height, width) or (height, width, 3) of 8 bits, one or a list. A path may also name an array
        in an HDF5 or MATLAB file, `images.h5:/imgBrick`, or one image in it, `images.h5:/imgBrick[17]`.
    """
    opened: dict[tuple[str, str], StoredImages] = {}
    if isinstance(given, pd.DataFrame) and PATH in given and any(map(STORED.fullmatch, map(str, given[PATH]))):
        table, sources = _with_arrays(given.reset_index(drop=True).astype({PATH: str}), opened)
        return Images(table, sources, given=[str(images.path) for images in opened.values()])
    if isinstance(given, pd.DataFrame):
        given = as_stimulus_set(given)
        paths = stimulus_paths(given)
        table = pd.DataFrame(given).reset_index(drop=True).assign(**{PATH: list(map(encodable, paths))})
        return Images(table, paths)
    if _is_one(given):
        given = [given]
    tables, sources, paths = [], [], []
    for number, each in enumerate(given):
        if isinstance(each, str | Path):
            table, found = _found(str(each), opened)
            paths.append(str(each))
            sources += found
            table = table.assign(**{PATH: table[PATH].map(encodable)})
        elif isinstance(each, StoredImage):
            table = pd.DataFrame({PATH: [str(each)]})
            sources.append(each)
        else:
            table = pd.DataFrame({PATH: [f"image {number}"]})
            sources.append(_in_memory(each, number))
        tables.append(table)
    if not sources:
        raise UserError("No images: expected a folder, image files, a list of them, or images in memory.")
    files = [str(images.path) for images in opened.values()]
    return Images(pd.concat(tables, ignore_index=True), sources, given=[*paths, *files])


def _is_one(given) -> bool:
    if isinstance(given, np.ndarray):
        return given.dtype.kind not in "UO" and given.ndim < 4
    return isinstance(given, str | Path | Image.Image | StoredImage) or not isinstance(given, Iterable)


def _found(text: str, opened: dict[tuple[str, str], StoredImages]) -> tuple[pd.DataFrame, list[Source]]:
    """Return the rows of a table, and the source of each image."""
    if (stored := open_stored(text, opened)) is not None:
        return pd.DataFrame({PATH: list(map(str, stored))}), list(stored)
    path = Path(text).expanduser()
    if path.is_dir():
        paths = readable_images(path)
        if not paths:
            raise UserError(f"The folder {text} holds no images.")
    elif path.is_file():
        if path.suffix.lower() in _LISTS:
            return _with_arrays(_listed(path), opened)
        if path.suffix.lower() in NUMPY:
            raise of_numpy(path)
        if (advice := hint(path)) is not None:
            raise UserError(advice)
        paths = [str(path)]
    else:
        paths = sorted(file for file in glob.glob(str(path), recursive=True) if Path(file).is_file())
        if not paths:
            raise nothing_at(text)
    return pd.DataFrame({PATH: paths}), list(paths)


def _with_arrays(table: pd.DataFrame, opened: dict[tuple[str, str], StoredImages]) -> tuple[pd.DataFrame, list[Source]]:
    """Return a table with a row for each image of the arrays that it names, and the source of each row's image."""
    named = [open_stored(each, opened) or [each] for each in table[PATH]]
    sources: list[Source] = [*chain.from_iterable(named)]
    table = table.loc[table.index.repeat(list(map(len, named)))].reset_index(drop=True)
    return table.assign(**{PATH: list(map(str, sources))}), sources


def _listed(path: Path) -> pd.DataFrame:
    """Return the rows of a table or the lines of a text file, with their paths resolved."""
    try:
        if path.suffix.lower() in SEPARATORS:
            table = _table(path)
        else:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
            table = pd.DataFrame({PATH: [line for line in lines if line]})
    except (ValueError, OSError) as error:  # includes pandas' and Unicode's errors
        raise UserError(f"Cannot read the list of images {path}: {error}") from error
    if PATH not in table:
        raise without_paths(path, table.columns)
    if table.empty or any(pd.isna(each) for each in table[PATH]):
        raise UserError(f"{path} names no image{'' if table.empty else ' in some of its rows'}.")
    return table.assign(**{PATH: [str(path.parent / Path(str(each)).expanduser()) for each in table[PATH]]})


def _table(path: Path) -> pd.DataFrame:
    """Read a table whose columns stay text, unless each of their values is the number or truth value that it says.

    `0001` is thus not 1, and an identifier is text in any case: recordings are joined by it.
    """
    separator = SEPARATORS[path.suffix.lower()]
    # NA may be a label; a byte-order mark is no part of the first column's name
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    for column in table.columns:
        texts = table[column].dropna()
        if column in (PATH, "stimulus_id") or texts.empty:
            continue
        is_whole = len(texts) == len(table)
        if is_whole and set(texts) <= {"True", "False"}:
            table[column] = texts == "True"
        elif is_whole and all(map(_INTEGER.fullmatch, texts)):
            table[column] = texts.astype("int64")
        elif all(map(_NUMBER.fullmatch, texts)):
            table[column] = table[column].astype(float)
    return table


def _in_memory(image, number: int) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    array = np.asarray(image)
    if (
        array.dtype != np.uint8
        or array.size == 0
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
        raise UserError(
            f"Image {number} is a {type(image).__name__} of {array.dtype} {array.shape}: expected a path, a PIL image, "
            "or an array (height, width) or (height, width, 3) of 8 bits (uint8)."
        )
    return Image.fromarray(array)


def look(images: Images, on_error: str, background: Colour | None = None) -> Images:
    """Open every file without decoding it, so that unreadable files are reported before any work.

    Parameters
    ----------
    on_error
        `fail` raises `UserError` with the first unreadable files; `skip` omits them.
    background
        Colour that will be behind transparent pixels. Without one, images with transparency are counted in a warning.
    """
    rotated = animated = transparent = 0
    bad: dict[int, str] = {}
    with ThreadPoolExecutor(_THREADS) as executor, counting("Looking at the files", len(images)) as add:
        looked = executor.map(_look_at, images.sources, chunksize=16)
        for row, (reason, is_rotated, is_animated, is_transparent) in enumerate(looked):
            add(1)
            if reason is not None:
                bad[row] = reason
            rotated, animated = rotated + is_rotated, animated + is_animated
            transparent += is_transparent and background is None
    if bad and (on_error == "fail" or len(bad) == len(images)):
        raise UserError(_cannot_use(images.table[PATH].tolist(), bad))
    if rotated:
        say = counted(rotated, "image says that it is", "images say that they are")
        _logger.warning("%s rotated (EXIF). The pixels are used as they are stored.", say)
    if animated:
        _logger.warning("%s several frames; the first one is used.", counted(animated, "image has", "images have"))
    say_transparent(transparent)
    return images.without(bad)


def _cannot_use(paths: Sequence[str], bad: Mapping[int, str]) -> str:
    shown = "; ".join(f"{paths[row]} ({reason})" for row, reason in list(bad.items())[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    advice = " To leave such images out: --on-error skip" if len(bad) < len(paths) else ""
    return f"{len(bad)} of {len(paths)} images cannot be used: {shown}{more}.{advice}"


def _look_at(source: Source) -> tuple[str | None, bool, bool, bool]:
    """Return a problem or None, and whether the image is rotated, has several frames, and has transparency."""
    if isinstance(source, Image.Image):
        return None, False, False, source.has_transparency_data
    if isinstance(source, StoredImage):
        return None, False, False, source.images.has_opacity
    assert isinstance(source, str)  # no other source is collected
    try:
        if Path(source).stat().st_size == 0:
            return "it is empty", False, False, False
        with Image.open(source) as image:
            check_mode(image)
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            is_transparent = image.has_transparency_data  # before the frames are counted, which moves on to the last
            return None, orientation not in (0, 1), getattr(image, "n_frames", 1) > 1, is_transparent
    except Exception as error:  # PIL raises many kinds for damaged files
        if (reason := machine_failure(error)) is not None:
            raise MachineError(f"The machine cannot read {source}: {reason}.") from error
        reason = str(error).replace(str(source), "").replace(" ''", "").strip(" :'")
        return reason or type(error).__name__, False, False, False
