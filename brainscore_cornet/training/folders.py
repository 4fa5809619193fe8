"""Search and checks of image folders: a subfolder for each class, or a table of the validation images' classes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cornet.errors import UserError
from ..cornet.names import counted
from ..early_paths import imagenet_path
from ..image_folders import images_below
from .label_tables import LabelTable, read_labels

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
    """Names of the classes, sorted; an image's label is the index of its class."""
    paths: np.ndarray
    """Paths relative to the folder, as one array of bytes: a million strings would be copied into each worker."""
    labels: np.ndarray
    is_labelled: bool = False
    """Whether the classes come from a table instead of the folders' names."""

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> Path:
        return self.folder / os.fsdecode(self.paths[index])

    def fingerprint(self) -> str:
        """Return a hash of the classes and relative paths, independent of the folder's location and image contents.

        It is the same for images in a folder for each class and for those with a table of the same classes.
        """
        found = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogateescape"))
        paths = self.paths
        if self.is_labelled:
            folders = np.array([os.fsencode(f"{name}/") for name in self.classes])
            paths = np.char.add(folders[self.labels], paths)
        found.update(paths.tobytes())
        return found.hexdigest()[:16]


def find_training(
    data_path: str | os.PathLike, val_labels: str | os.PathLike | None = None
) -> tuple[ImageSet, ImageSet]:
    """Return the training and the validation images; raises `UserError` if their classes differ."""
    table = None if val_labels is None else read_labels(val_labels)
    train, validation = training_folders(data_path, table)
    return find_images(train), find_images(validation) if table is None else find_labelled(validation, table)


def training_folders(data_path: str | os.PathLike, table: LabelTable | None = None) -> tuple[Path, Path]:
    """Return the folders of training and of validation images; raises `UserError` if their classes differ."""
    root = imagenet_path(data_path)
    train, validation = (_subfolder(root, names, what) for names, what in ((TRAIN, "training"), _VALIDATING))
    if table is None:
        _compare(train, _class_names(train), f"{validation.name}/", _class_names(validation))
    else:
        _compare(train, _class_names(train), str(table.path), table.classes)
    if len(_class_names(train)) == 1:
        raise UserError(f"{train} has a single class folder: there is nothing to tell apart. Expected two or more.")
    return train, validation


def find_validation(data_path: str | os.PathLike, val_labels: str | os.PathLike | None = None) -> ImageSet:
    """Return the validation images, in `val/`, `val_in_folders/` or the folder itself if it holds the classes.

    Parameters
    ----------
    val_labels
        A table of the images' classes; the images then are in `val/`, `val_in_folders/` or the folder itself.
    """
    folder = validation_folder(data_path, has_labels=val_labels is not None)
    return find_images(folder) if val_labels is None else find_labelled(folder, read_labels(val_labels))


def validation_folder(data_path: str | os.PathLike, *, has_labels: bool = False) -> Path:
    """Return the folder of validation images, as in `find_validation`; raises `UserError` if there is none."""
    root = imagenet_path(data_path)
    within = [root / name for name in VALIDATION if (root / name).is_dir()]
    if within:
        return within[0]
    return (
        root
        if has_labels or (not (root / TRAIN[0]).is_dir() and _class_names(root))
        else _subfolder(root, *_VALIDATING)
    )


def find_labelled(folder: Path, table: LabelTable) -> ImageSet:
    """Return the images of a folder with the classes of a table, in the order that they have in class folders.

    Raises
    ------
    UserError
        If an image is not in the table, or the table has images that are not in the folder: accuracies would be those
        of other images.
    """
    found, _ = images_below(folder, ENDINGS)
    if not found:
        raise UserError(f"{folder} has no images: expected those whose classes are in {table.path}.")
    by_key: dict[str, str] = {}
    for path in found:
        key = table.key(path)
        if (other := by_key.setdefault(key, path)) != path:
            raise UserError(f"{other} and {path} are the same image to {table.path}: remove one of them.")
    unknown = [path for key, path in by_key.items() if key not in table.by_key]
    if unknown:
        images = counted(len(unknown), "image")
        raise UserError(f"{table.path} has no class for {images} in {folder}: {_some(unknown)}.")
    missing = [key for key in table.by_key if key not in by_key]
    if missing:
        raise UserError(
            f"{table.path} has the classes of {len(table.by_key)} images, {folder} has {len(found)} of them. "
            f"Missing are {_some(missing)}."
        )
    classes = table.classes
    index = {name: label for label, name in enumerate(classes)}
    labelled = sorted((index[table.by_key[key]], os.path.relpath(path, folder)) for key, path in by_key.items())
    labels, paths = zip(*labelled, strict=True)
    return ImageSet(folder, tuple(classes), np.array([os.fsencode(path) for path in paths]), np.array(labels), True)


def find_images(folder: Path) -> ImageSet:
    """Return the images of each class folder and its subfolders; raises `UserError` if a class has none."""
    classes = _class_names(folder)
    if not classes:
        hint = " Or give a table of its images' classes: --val-labels" if folder.name in VALIDATION else ""
        raise UserError(f"{folder} has no class folders: expected one for each class, with its images inside.{hint}")
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
    hint = ", or --val-labels" if names == VALIDATION else ""
    raise UserError(f"{root} has no {spelled}: expected the {what} images there, in a folder for each class{hint}.")


def _compare(train: Path, in_train: list[str], other: str, in_other: list[str]) -> None:
    ours, theirs = set(in_train), set(in_other)
    if ours and theirs and ours != theirs:
        parts = [
            f"only {name} has {_some(sorted(more))}"
            for name, more in ((f"{train.name}/", ours - theirs), (other, theirs - ours))
            if more
        ]
        raise UserError(f"The classes in {train.parent} differ: {'; '.join(parts)}. Expected the same in both.")


def _class_names(folder: Path) -> list[str]:
    try:
        # hidden folders are not classes: Jupyter and macOS make some beside them
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
    except OSError as error:
        raise UserError(f"Cannot read {folder}: {error.strerror}.") from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
