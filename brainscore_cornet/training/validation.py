"""Validation of a network on images in folders: exact accuracies, next to published ones."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ..cornet.anatomy import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from ..cornet.architectures import CLASSES
from ..cornet.commitments import architecture_of, get_commitment
from ..cornet.errors import UserError, whole_number
from ..cornet.network import find_weights, plain_integers
from ..cornet.preparation import Colour, checked_background, checked_resize
from ..cornet.progress_line import showing
from ..cornet.recording.images import warn_of_transparency
from ..cornet.weights.released import RELEASED, mismatch
from ..cornet.weights.state_dicts import read_checkpoint, trained_with
from ..ranks import is_first
from .data import Data
from .folders import ImageSet, find_validation
from .image_dataset import Views
from .initial_network import build, held_classes
from .module import Learner
from .progress import Progress
from .recipes import RECIPES
from .run_devices import Machine, quiet
from .run_options import check_on_error

DEFAULT_BATCH_SIZE = 256
# Between libraries that decode and resize JPEGs, top-1 of one network differs by some tenths of a percent.
TOLERANCE = 0.01
_IMAGENET = (50_000, 224)  # validation images, px: what published figures are of
_SYNSET = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Validation:
    """The result of `validate`."""

    model: str
    weights: str | None
    """Weight file; None for a network with its own initialization."""
    image_size: int
    images: int
    """Number of classified images."""
    top1: float
    """Fraction of the images; printed, accuracies are in %."""
    top5: float | None
    """None for five classes or fewer."""
    loss: float
    """Cross-entropy, the mean over images, in nats."""
    images_per_second: float
    published_top1: tuple[float, ...]
    """Published top-1 accuracies, the most reliable first; empty if there is none."""
    agrees: bool | None
    """Whether top-1 agrees with the first of these; None if they cannot be compared."""
    comparison: str
    """The comparison as text, or why there is none."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Path -> why the image was omitted."""
    resize: str = "crop"
    background: Colour | None = None


def validate(
    model: str,
    data_path: str | os.PathLike,
    *,
    val_labels: str | os.PathLike | None = None,
    weights: str | os.PathLike | None = "released",
    times: int | Mapping[str, int] | None = None,
    image_size: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    device: str | None = None,
    devices: int | None = None,
    nodes: int | None = None,
    workers: int | None = None,
    precision: str = "fp32",
    on_error: str = "fail",
    resize: str = "crop",
    background: str | Iterable[int] | None = None,
) -> Validation:
    """Classify validation images, each exactly once, and return top-1, top-5 and loss.

    Parameters
    ----------
    model
        `cornet_s` and so on, or CORnet's own `Z`, `R`, `RT`, `S`.
    data_path
        A folder with `val/` or `val_in_folders/`, or with a folder of images for each class.
    val_labels
        A table of the images' classes, for images that are not in a folder for each class: see `read_labels`.
    weights
        `released` (downloaded when needed), None for the network's own initialization, a path or a URL.
    times
        Time steps: a number for R and RT, a number for each of V2, V4, IT for S; by default those that a weight file
        of `train` states, else the released ones.
    image_size
        Height and width in px. By default what a weight file of `train` states, else 224.
    batch_size
        Images in a batch, over all devices.
    device, devices, nodes, workers, precision, on_error
        As in `train`.
    resize, background
        As in `load_model`; by default the shorter side becomes 256/224 of the size, and the centre is shown.

    Raises
    ------
    UserError
        If an argument is invalid, weights are unavailable, or the images' classes are not the network's.
    """
    if image_size is not None:
        image_size = whole_number(image_size, "an image size in px", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)
    batch_size = whole_number(batch_size, "a batch size", 1)
    check_on_error(on_error)
    resize, colour = checked_resize(resize), checked_background(background)
    architecture = architecture_of(model)
    machine = Machine.find(device, devices, nodes, precision)
    loading = machine.workers(workers)
    images = find_validation(data_path, val_labels)
    identifier = f"cornet_{architecture.lower()}"
    requested = identifier if str(model).upper() == architecture else get_commitment(model).identifier
    path = find_weights(requested, weights)
    if path is not None:
        _check_classes(images, path)
    times = plain_integers(times)
    if path is not None:
        stated = trained_with(path, architecture)
        times = stated.times if times is None else times
        image_size = stated.image_size if image_size is None else image_size
    image_size = image_size or _IMAGENET[1]
    learner = Learner(
        build(architecture, len(images.classes), times, weights=path).to(memory_format=torch.channels_last),
        RECIPES[architecture],
        skip_unreadable=on_error == "skip",
    )
    if colour is None and is_first():
        warn_of_transparency([str(images.path(index)) for index in range(len(images))])
    data = Data(None, Views(images, image_size, resize=resize, background=colour), batch_size, loading)
    shown = showing() if is_first() else nullcontext()
    with quiet(), shown, tempfile.TemporaryDirectory() as folder:
        trainer = machine.trainer(Path(folder), [Progress()])
        trainer.validate(learner, datamodule=data, verbose=False)
    sums = learner.validated
    released = path is not None and mismatch(RELEASED[identifier], path) is None
    standard = (sums.images, image_size) == _IMAGENET and times is None and precision == "fp32"
    standard = standard and resize == "crop" and colour is None
    published = RELEASED[identifier].top1
    agrees, comparison = _compare(sums.top1, published, released, standard)
    return Validation(
        model=requested,
        weights=None if path is None else str(path),
        image_size=image_size,
        images=sums.images,
        top1=sums.top1,
        top5=None if math.isnan(sums.top5) else sums.top5,
        loss=sums.loss,
        images_per_second=(sums.images + len(learner.unreadable)) / max(learner.validation_seconds, 1e-9),
        published_top1=published,
        agrees=agrees,
        comparison=comparison,
        unreadable=learner.unreadable,
        resize=resize,
        background=colour,
    )


def _check_classes(images: ImageSet, path: Path) -> None:
    """Raise `UserError` if the classes are not those that the network was trained with."""
    names = read_checkpoint(path).get("classes")
    if isinstance(names, list):
        if names != list(images.classes):
            only = sorted(set(names) ^ set(images.classes))
            raise UserError(
                f"{path} was trained on other classes than those in {images.folder}: {len(only)} are in one of them "
                f"only, such as {only[0]}."
            )
        return
    held = held_classes(path)
    if held != len(images.classes):
        raise UserError(
            f"The network in {path} has {held} classes, {images.folder} has {len(images.classes)} "
            "classes: expected the same classes, of which the network's outputs have the order of sorted names."
        )
    others = [name for name in images.classes if not _SYNSET.fullmatch(name)]
    if held == CLASSES and others:
        raise UserError(
            f"{images.folder} has a class {others[0]}: the network's {CLASSES} classes are ImageNet's, which have "
            "WordNet ids for names, such as n01440764."
        )


def _compare(top1: float, published: tuple[float, ...], released: bool, standard: bool) -> tuple[bool | None, str]:
    if not released:
        return None, "no comparison: these are not the released weights"
    if not published:
        return None, "no comparison: no reliable figure was published"
    first, *others = (f"{100 * each:.1f} %" for each in published)
    figures = first + "".join(f" (another source: {other})" for other in others)
    if not standard:
        count, size = _IMAGENET
        return None, f"published top-1 {figures}; no comparison: it is of {count} images at {size} px in fp32"
    agrees = abs(top1 - published[0]) <= TOLERANCE
    verdict = "agrees" if agrees else "DOES NOT AGREE"
    return agrees, f"published top-1 {figures}; {verdict} within {100 * TOLERANCE:g} %"
