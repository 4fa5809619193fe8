"""Tables that say the classes of validation images, which ImageNet has in one folder."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cornet.errors import UserError

_META = "meta.mat"
_CLASS = re.compile(r"\d+")


@dataclass(frozen=True)
class LabelTable:
    """The class of each validation image."""

    path: Path
    by_key: Mapping[str, str]
    """Name without its ending, or number -> class."""
    is_by_number: bool
    """Whether images are named by the number at the end of their names, as in `ILSVRC2012_val_00000001.JPEG`."""

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.by_key.values()))

    def key(self, image: str) -> str:
        """Return what the table calls an image; raises `UserError` for a name that it cannot contain."""
        stem = Path(image).stem
        if not self.is_by_number:
            return stem
        number = re.search(r"\d+$", stem)
        if number is None:
            raise UserError(
                f"{self.path} has the classes of numbered images, such as ILSVRC2012_val_00000001.JPEG: {image} has no "
                "number at the end of its name."
            )
        return str(int(number[0]))


def read_labels(path: str | os.PathLike) -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path
        A `.csv` with a header and a row for each image: its name, and its class as the first word of the second column,
        as Kaggle's `LOC_val_solution.csv`. Any other file has a class number in each line, that of the line's number
        among the images, as `ILSVRC2012_validation_ground_truth.txt` of ImageNet's development kit; the kit's
        `meta.mat` beside it says which class has which number.

    Raises
    ------
    UserError
        If the file is missing, or a line of it is not as expected.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"Cannot read the table of labels {path}: {error.strerror}.") from error
    is_by_number = path.suffix.lower() != ".csv"
    by_key = _numbered(path, text) if is_by_number else _named(path, text)
    if not by_key:
        raise UserError(f"The table of labels {path} has no labels.")
    return LabelTable(path, by_key, is_by_number)


def _named(path: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    rows = csv.reader(text.splitlines())
    next(rows, None)
    for row in filter(None, rows):
        words = row[1].split() if len(row) > 1 else []
        if not words:
            raise UserError(
                f"Line {rows.line_num} of {path} names no class: expected an image and its class, such as "
                "ILSVRC2012_val_00000001,n01751748."
            )
        name = _without_ending(row[0].strip())
        if found.setdefault(name, words[0]) != words[0]:
            raise UserError(f"{path} has two classes for {name}: {found[name]} and {words[0]}.")
    return found


def _without_ending(name: str) -> str:
    return Path(name).stem if re.search(r"\.[A-Za-z]+$", name) else name


def _numbered(path: Path, text: str) -> dict[str, str]:
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not _CLASS.fullmatch(line.strip()):
            raise UserError(
                f"Line {number} of {path} is {line.strip()[:40]!r}: expected the number of a class in each line, as in "
                "ILSVRC2012_validation_ground_truth.txt, or a .csv of images and classes, as Kaggle's."
            )
    names = _classes_by_number(path.with_name(_META), path)
    for number, line in enumerate(lines, start=1):
        if int(line) not in names:
            raise UserError(f"Line {number} of {path} is class {int(line)}, which {_META} beside it does not have.")
    return {str(number): names[int(line)] for number, line in enumerate(lines, start=1)}


def _classes_by_number(meta: Path, path: Path) -> dict[int, str]:
    """Return the WordNet id of each class number of ImageNet's development kit."""
    from scipy.io import loadmat

    if not meta.is_file():
        raise UserError(
            f"{path} numbers the classes in an order of its own, which is in the development kit's {_META}: put it "
            f"beside that file. There is no {meta}."
        )
    try:
        synsets = np.atleast_1d(loadmat(meta, squeeze_me=True)["synsets"])
        return {int(number): str(name) for number, name in zip(synsets["ILSVRC2012_ID"], synsets["WNID"], strict=True)}
    except Exception as error:  # damaged files raise many kinds
        raise UserError(
            f"{meta} cannot be read as {_META} of ImageNet's development kit ({type(error).__name__}: {error})."
        ) from error
