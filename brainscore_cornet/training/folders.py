"""Search and checks of image folders with a subfolder for each class, as ImageNet is usually stored."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cornet.errors import UserError
from ..early_paths import imagenet_path
from ..image_folders import images_below

# Endings of images in torchvision's ImageFolder.
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
TRAIN = ("train",)
VALIDATION = ("val", "val_in_folders")  # the second is CORnet's name
_NAMED = 3  # wrong folders that a message names; the rest is counted


@dataclass(frozen=True)
class ImageSet:
    """The images of one folder, in ImageFolder's order: by class, then by path."""

    folder: Path
    classes: tuple[str, ...]
    """Names of the class folders, sorted; an image's label is the index of its class."""
    paths: np.ndarray
    """Paths relative to the folder, as one array of bytes: a million strings would be copied into each worker."""
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> Path:
        return self.folder / os.fsdecode(self.paths[index])

    def fingerprint(self) -> str:
        """Return a hash of the classes and relative paths, independent of the folder's location and image contents."""
        found = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogateescape"))
        found.update(self.paths.tobytes())
        return found.hexdigest()[:16]


def find_training(data_path: str | os.PathLike) -> tuple[ImageSet, ImageSet]:
    """Return the training and the validation images; raises `UserError` if their classes differ."""
    root = imagenet_path(data_path)
    train, validation = (_subfolder(root, names, what) for names, what in ((TRAIN, "training"), _VALIDATING))
    _compare(train, validation)
    if len(_class_names(train)) == 1:
        raise UserError(f"{train} has a single class folder: there is nothing to tell apart. Expected two or more.")
    return find_images(train), find_images(validation)


def find_validation(data_path: str | os.PathLike) -> ImageSet:
    """Return the validation images, in `val/`, `val_in_folders/` or the folder itself if it holds the classes."""
    root = imagenet_path(data_path)
    within = [root / name for name in VALIDATION if (root / name).is_dir()]
    if not within and not (root / TRAIN[0]).is_dir() and _class_names(root):
        return find_images(root)
    return find_images(within[0] if within else _subfolder(root, *_VALIDATING))


def find_images(folder: Path) -> ImageSet:
    """Return the images of each class folder and its subfolders; raises `UserError` if a class has none."""
    classes = _class_names(folder)
    if not classes:
        raise UserError(f"{folder} has no class folders: expected one for each class, with its images inside.")
    paths, labels, empty = [], [], []
    for label, name in enumerate(classes):
        found, _ = images_below(folder / name, ENDINGS)
        paths += [os.fsencode(os.path.relpath(path, folder)) for path in found]
        labels += [label] * len(found)
        if not found:
            empty.append(name)
    if empty:
        raise UserError(
            f"{folder} has class folders without an image: {_some(empty)}. Expected files that end in "
            f"{', '.join(ENDINGS)}: add them, or remove the folder."
        )
    return ImageSet(folder, tuple(classes), np.array(paths), np.array(labels))


_VALIDATING = (VALIDATION, "validation")


def _subfolder(root: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    spelled = " or ".join(f"{name}/" for name in names)
    raise UserError(f"{root} has no {spelled}: expected the {what} images there, in a folder for each class.")


def _compare(train: Path, validation: Path) -> None:
    ours, theirs = set(_class_names(train)), set(_class_names(validation))
    if ours and theirs and ours != theirs:
        parts = [
            f"only {folder.name}/ has {_some(sorted(more))}"
            for folder, more in ((train, ours - theirs), (validation, theirs - ours))
            if more
        ]
        raise UserError(f"The class folders in {train.parent} differ: {'; '.join(parts)}. Expected the same in both.")


def _class_names(folder: Path) -> list[str]:
    try:
        # hidden folders are not classes: Jupyter and macOS make some beside them
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
    except OSError as error:
        raise UserError(f"Cannot read {folder}: {error.strerror}.") from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
