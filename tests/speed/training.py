"""Training compared: ours, and the loop that one writes by hand, over the same folders of images."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from speed.sides import Run, Timed

from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.device import pick_device

SIZE = 128  # px
BATCH = 32
WORKERS = 1
CLASSES = 4
LEARNING_RATE = 1e-4


def our_training() -> Run:
    import pandas as pd

    from brainscore_cornet import train

    def run(paths: Sequence[str]) -> Timed:
        with as_classes(paths) as folder:
            rows: pd.DataFrame = train(
                "Z",
                folder,
                folder / "out",
                epochs=2,
                lr=LEARNING_RATE,
                batch_size=BATCH,
                image_size=SIZE,
                workers=WORKERS,
                save_every="2e",
            )
        last = rows.iloc[-1]  # in the first epoch the processes that load images begin
        return Timed(float(last["seconds"]), np.array([last["train_images"]]))

    return run


def plain_training() -> Run:
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    device = pick_device()
    prepare = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def run(paths: Sequence[str]) -> Timed:
        with as_classes(paths) as folder:
            batches = DataLoader(
                datasets.ImageFolder(str(folder / "train"), prepare),
                batch_size=BATCH,
                shuffle=True,
                num_workers=WORKERS,
                pin_memory=device.type == "cuda",
                persistent_workers=True,
                prefetch_factor=4,
            )
            network = build_network("Z", classes=CLASSES).to(device, memory_format=torch.channels_last)
            optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=1e-4)
            for _ in range(2):
                begun, seen = time.perf_counter(), 0
                for images, labels in batches:
                    images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
                    loss = nn.functional.cross_entropy(network(images), labels.to(device, non_blocking=True))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    seen += len(images)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                seconds = time.perf_counter() - begun
        return Timed(seconds, np.array([seen]))

    return run


@contextmanager
def as_classes(paths: Sequence[str]) -> Iterator[Path]:
    """The images in class folders for training; a few of them for validation."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part, some in (("train", paths * (1 + CLASSES // len(paths))), ("val", (list(paths) * CLASSES)[:CLASSES])):
            for index, path in enumerate(some):
                into = root / part / str(index % CLASSES)
                into.mkdir(parents=True, exist_ok=True)
                os.symlink(os.path.abspath(path), into / f"{index:05}{Path(path).suffix}")
        yield root
