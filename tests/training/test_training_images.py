"""What is in each batch, and what an image looks like there."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from helpers.trainings import pictures
from PIL import Image
from torchvision import datasets, transforms

from brainscore_cornet import UserError
from brainscore_cornet.training.folders import find_training, find_validation
from brainscore_cornet.training.image_dataset import Key, TrainingSampler, ValidationSampler, Views, loader, normalized


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes; one picture is gray, one larger, one lies deeper."""
    root = pictures(tmp_path_factory.mktemp("images"), 6, 2, size=48)
    Image.new("L", (90, 61), 77).save(root / "train" / "a" / "0.png")
    (root / "train" / "b" / "deeper").mkdir()
    (root / "train" / "b" / "3.png").rename(root / "train" / "b" / "deeper" / "3.JPG.png")
    (root / "train" / "b" / "notes.txt").write_text("no image")
    return root


def test_found_as_imagefolder_finds_them(folder):
    """The same images with the same labels in the same order as torchvision's ImageFolder."""
    for ours, part in zip(find_training(folder), ("train", "val"), strict=True):
        theirs = datasets.ImageFolder(str(folder / part))
        found = [(str(ours.path(index)), label) for index, label in enumerate(ours.labels)]
        assert found == theirs.samples
        assert list(ours.classes) == theirs.classes


def test_validation_is_torchvisions(folder):
    """Resized to 256/224, the centre of it, normalized: the numbers of torchvision's transforms, bit for bit."""
    _, images = find_training(folder)
    prepare = transforms.Compose(
        [
            transforms.Resize(37),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    theirs = torch.stack([image for image, _ in datasets.ImageFolder(str(images.folder), prepare)])
    batch = Views(images, 32).__getitems__([Key(0, index) for index in range(len(images))])
    assert torch.equal(normalized(batch.images), theirs)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.weights.tolist() == [1] * len(images)


def test_random_parts(folder):
    """An image is another one in each epoch, half of the time mirrored, and always the same in the same epoch."""
    images, _ = find_training(folder)
    views = Views(images, 32, seed=3)

    def seen(epoch: int, *indices: int) -> torch.Tensor:
        return views.__getitems__([Key(epoch, index) for index in indices]).images

    assert torch.equal(seen(2, 4, 5), seen(2, 4, 5))
    assert torch.equal(seen(2, 5, 4)[1], seen(2, 4)[0])  # wherever it is in the batch
    assert not torch.equal(seen(2, 4), seen(3, 4))
    assert not torch.equal(Views(images, 32, seed=4).__getitems__([Key(2, 4)]).images, seen(2, 4))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    seen(0, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_half_are_mirrored(tmp_path):
    """Of a picture that is dark on the left, about half of the views are dark on the right."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = np.arange(32, dtype=np.uint8)[None, :, None] + 200
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "val" / name).mkdir(parents=True)
        for part in ("train", "val"):
            Image.fromarray(pixels).save(tmp_path / part / name / "0.png")
    images, _ = find_training(tmp_path)
    seen = Views(images, 32, seed=0).__getitems__([Key(epoch, 0) for epoch in range(400)]).images.float()
    right_is_lighter = (seen[..., 16:].mean((1, 2, 3)) - seen[..., :16].mean((1, 2, 3))).sign()
    decided = right_is_lighter[right_is_lighter != 0]
    assert len(decided) > 200
    assert abs((decided > 0).float().mean() - 0.5) < 0.08


def test_the_same_with_any_number_of_workers(folder):
    """Processes that load images change nothing."""
    images, _ = find_training(folder)
    seen = [
        [batch.images for batch in loader(Views(images, 32, 0), TrainingSampler(18, 5, 0), workers, pinned=False)]
        for workers in (0, 2)
    ]
    assert all(torch.equal(*batches) for batches in zip(*seen, strict=True))


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("parts", [1, 2])
def test_training_is_shared_out(world, parts):
    """Any number of devices and parts: together the same joint batches, of which every image is in one."""
    alone = [{key.index for key in keys} for keys in TrainingSampler(23, 5, seed=1)]
    assert Counter(index for batch in alone for index in batch) == dict.fromkeys(range(23), 1)
    orders = [TrainingSampler(23, 5, 1, rank, world, parts) for rank in range(world)]
    assert {len(list(order)) for order in orders} == {len(orders[0])} == {5 * parts}
    for step in range(5):
        joint = Counter(
            key.index
            for order in orders
            for keys in list(order)[step * parts : (step + 1) * parts]
            for key in keys
            if key.counts
        )
        assert joint == dict.fromkeys(alone[step], 1)
        assert orders[0].joint_size(step) == len(alone[step])


def test_order():
    """Another one in each epoch and for each seed; what is left of an epoch is what would have come."""
    order = TrainingSampler(50, 8, seed=0)
    first = list(order)
    order.start(1)
    second = list(order)
    assert first != second
    order.start(1, 3)
    assert list(order) == second[3:]
    assert len(order) == len(second) == 7
    assert list(TrainingSampler(50, 8, seed=1)) != first


@pytest.mark.parametrize(("count", "least", "steps"), [(16, 2, 2), (17, 2, 2), (18, 2, 3), (17, 0, 3), (1, 2, 0)])
def test_a_last_batch_that_is_too_small(count, least, steps):
    """A last batch that is too small for batch normalization is left out."""
    assert TrainingSampler(count, 8, 0, least=least).steps == steps


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 12])
def test_validation_is_shared_out(count, world):
    """Every image counts exactly once, and all devices have as many batches."""
    orders = [ValidationSampler(count, 2, rank, world) for rank in range(world)]
    batches = [list(order) for order in orders]
    assert {len(each) for each in batches} == {len(orders[0])}
    seen = Counter(key.index for each in batches for keys in each for key in keys if key.counts)
    assert seen == dict.fromkeys(range(count), 1)


def test_validation_folders(folder, tmp_path):
    """`val/`, CORnet's `val_in_folders/`, or class folders themselves."""
    (tmp_path / "val_in_folders").symlink_to(folder / "val")
    found = [find_validation(each).fingerprint() for each in (folder, tmp_path, folder / "val")]
    assert len(set(found)) == 1
    (tmp_path / "train").symlink_to(folder / "train")
    assert find_training(tmp_path)[1].fingerprint() == found[0]
    (tmp_path / "val_in_folders").unlink()
    with pytest.raises(UserError, match="has no val/ or val_in_folders/"):
        find_validation(tmp_path)
