"""Datasets, samplers and loaders of images, with reproducible order, crops and flips.

The order is drawn from (seed, epoch), the crop and the flip of an image from (seed, epoch, image). They do not depend
on the number of workers or devices, or on interruptions of the run.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as transforms

from ..cornet.errors import MachineError, UserError
from ..cornet.preparation import Colour
from ..cornet.recording.images import MEAN, STANDARD_DEVIATION, read_image, resized
from ..cornet.seeding import seeded
from .folders import ImageSet

_AREA, _ASPECT = [0.08, 1.0], [3 / 4, 4 / 3]  # of random crops: torchvision's defaults, which CORnet uses
_GRAY = 124  # replaces an unreadable image, which is not counted


class Batch(NamedTuple):
    """A batch of images for the network."""

    images: Tensor
    """(batch, 3, height, width), 8 bits; normalized on the device, so that a quarter of the bytes are copied."""
    labels: Tensor
    """(batch,)"""
    weights: Tensor
    """(batch,): 1 for images that are counted, 0 for padding and unreadable images."""
    unreadable: dict[str, str]
    """Path -> why the image is unreadable."""
    failure: str | None = None
    """An error of the machine, such as too many open files, which says nothing about the image."""


class Key(NamedTuple):
    """One image in one batch."""

    epoch: int
    index: int
    counts: bool = True


class Views(Dataset):
    """The dataset of images, with random crops and flips for training, or as they are for validation.

    Parameters
    ----------
    image_size
        Height and width in px.
    seed
        Seed of the crops and flips; None for validation.
    resize
        In validation, how images are made square, as in `cornet.recording.images.resized`.
    background
        Colour behind transparent pixels, by default the colours that are stored for them.
    """

    def __init__(
        self,
        images: ImageSet,
        image_size: int,
        seed: int | None = None,
        *,
        resize: str = "crop",
        background: Colour | None = None,
    ) -> None:
        self.images, self.image_size, self.seed = images, image_size, seed
        self.resize, self.background = resize, background

    def __getitems__(self, keys: list[Key]) -> Batch:
        pixels = torch.full((len(keys), self.image_size, self.image_size, 3), _GRAY, dtype=torch.uint8)
        weights = torch.zeros(len(keys))
        unreadable, failure = {}, None
        for row, key in enumerate(keys):
            path = self.images.path(key.index)
            try:
                view = self._view(read_image(str(path), self.background), key)
            except MachineError as error:
                failure = str(error)
                continue
            except UserError as error:
                if isinstance(error, MachineError):
                    failure = str(error)
                reason = error.__cause__ or error
                unreadable[str(path)] = str(reason).replace(str(path), "").strip(" :'") or type(reason).__name__
                continue
            pixels[row] = torch.from_numpy(view)
            weights[row] = float(key.counts)
        labels = torch.from_numpy(self.images.labels[[key.index for key in keys]])
        return Batch(pixels.permute(0, 3, 1, 2), labels, weights, unreadable, failure)

    def _view(self, image: Image.Image, key: Key) -> np.ndarray:
        """Return the cropped image (height, width, 3), 8 bits."""
        if self.seed is None:
            return np.array(resized(image, self.image_size, self.resize, self.background))
        size = [self.image_size, self.image_size]
        whole: Any = image  # torchvision declares its functions for tensors alone, and they take PIL's images as well
        with seeded(_drawn_from(self.seed, key.epoch, key.index)):
            top, left, height, width = RandomResizedCrop.get_params(whole, _AREA, _ASPECT)
            mirrored = torch.rand(1).item() < 0.5
        part = transforms.resized_crop(whole, top, left, height, width, size, InterpolationMode.BILINEAR)
        return np.array(part)[:, ::-1].copy() if mirrored else np.array(part)


class TrainingSampler:
    """The batch sampler of training: which images are in which batch.

    A step of the optimizer uses a global batch, of which each device computes its share, in several parts if gradients
    are accumulated. A step thus uses the same images on any number of devices.

    Parameters
    ----------
    count
        Number of images.
    batch_size
        Size of the global batch. The last one of an epoch may be smaller, as in CORnet's training.
    rank, world
        Rank of this device, and number of devices.
    parts
        Number of parts of each device's share.
    least
        Least number of images in each part; a smaller last batch is omitted.
    """

    def __init__(
        self, count: int, batch_size: int, seed: int, rank: int = 0, world: int = 1, parts: int = 1, least: int = 0
    ) -> None:
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self.rank, self.world, self.parts = rank, world, parts
        left = count % batch_size
        self.steps = count // batch_size + (left > 0 and left >= least * world * parts)
        self.epoch, self.first_step = 0, 0

    def start(self, epoch: int, step: int = 0) -> None:
        """Start the next iteration at this epoch and step."""
        self.epoch, self.first_step = epoch, step

    @property
    def images(self) -> int:
        """Number of images of an epoch."""
        return min(self.count, self.steps * self.batch_size)

    def joint_size(self, step: int) -> int:
        return min(self.batch_size, self.count - step * self.batch_size)

    def __len__(self) -> int:
        """Return the batches of a whole epoch, independent of the start of the iteration, as Lightning counts them."""
        return self.steps * self.parts

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, order = self.epoch, np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for step in range(self.first_step, self.steps):
            joint = order[step * self.batch_size : (step + 1) * self.batch_size]
            share = joint[self.rank :: self.world]
            for part in range(self.parts):
                # devices wait for each other: one without images left computes padding
                yield [Key(epoch, int(index)) for index in share[part :: self.parts]] or [
                    Key(epoch, int(joint[0]), counts=False)
                ]


class ValidationSampler:
    """The batch sampler of validation: every image once over all devices, with equally many batches on each."""

    def __init__(self, count: int, batch_size: int, rank: int = 0, world: int = 1) -> None:
        self.share = range(rank, count, world)
        self.batch_size = batch_size
        self.batches = math.ceil(math.ceil(count / world) / batch_size)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Key]]:
        for batch in range(self.batches):
            yield [Key(0, index) for index in self.share[batch * self.batch_size : (batch + 1) * self.batch_size]] or [
                Key(0, 0, counts=False)
            ]


def loader(views: Views, order: TrainingSampler | ValidationSampler, workers: int, pinned: bool) -> DataLoader:
    """Return a loader of batches in order, with persistent worker processes."""
    return DataLoader(
        views,
        batch_sampler=order,
        collate_fn=_as_it_is,
        num_workers=workers,
        pin_memory=pinned,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_begin_worker,
    )


def normalized(images: Tensor) -> Tensor:
    """Return images of 8 bits as float32, normalized by ImageNet's mean and standard deviation of each channel."""
    mean, deviation = _constants(images.device)
    return images.float().div_(255).sub_(mean).div_(deviation)


@cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and scale (channel, 1, 1), copied to the device once, since a copy waits for the device."""
    with torch.inference_mode(False):
        mean, deviation = (torch.tensor(each, device=device).view(3, 1, 1) for each in (MEAN, STANDARD_DEVIATION))
    return mean, deviation


def _drawn_from(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _as_it_is(batch: Any) -> Any:
    """Return the `Batch` from `Views` unchanged; DataLoader's declared type expects a list of single images."""
    return batch


def _begin_worker(_: int) -> None:
    # A batch system, and Ctrl+C, signal all processes of a job. The one that trains decides, and these end with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey_parent_alone, daemon=True).start()
    warnings.filterwarnings("ignore", module="PIL")  # about unusual metadata in some of ImageNet's files


def _obey_parent_alone() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
