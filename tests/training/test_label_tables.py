"""Validation images in one folder with a table of their classes, as ImageNet's own site and Kaggle give it.

Held against torchvision's reader of ImageNet's development kit, and against the same images in class folders.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import run_here
from helpers.trainings import SMALL, command, pictures, same
from helpers.trainings import table as metrics_of
from scipy.io import savemat
from torchvision.datasets import imagenet as torchvisions

from brainscore_cornet import UserError, train, validate
from brainscore_cornet.training.folders import find_training, find_validation

# their numbers in the kit are in another order than their names
NUMBERS = {1: "n02119789", 2: "n02100735", 3: "n01440764", 4: "n00001740", 5: "n01443537"}
CLASSES = [NUMBERS[number] for number in (1, 2, 3, 5)]
KIT = "ILSVRC2012_devkit_t12"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"


def name_of(number: int) -> str:
    return f"ILSVRC2012_val_{number:08}.JPEG"


def write_kit(root: Path, numbers: list[int]) -> Path:
    """The development kit in its own form, with an inner node among the synsets; returns the ground truth."""
    data = root / KIT / "data"
    data.mkdir(parents=True)
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height")
    synsets = np.empty((len(NUMBERS), 1), [(name, object) for name in (*fields, "num_train_images")])
    for row, (number, wnid) in enumerate(NUMBERS.items()):
        synsets[row, 0] = (number, wnid, f"{wnid}, again", "a gloss", 2 * (number == 4), 0, 0, 1300)
    savemat(data / "meta.mat", {"synsets": synsets})
    (data / GROUND_TRUTH).write_text("".join(f"{number}\n" for number in numbers))
    return data / GROUND_TRUTH


def write_kaggle(root: Path, classes: list[str]) -> Path:
    """Kaggle's table: not in the images' order, with one or several boxes."""
    path = root / "LOC_val_solution.csv"
    rows = [
        f"{Path(name_of(number)).stem},{name} 85 1 499 272 {f'{name} 0 2 97 371 ' * (number % 2)}"
        for number, name in enumerate(classes, start=1)
    ]
    path.write_text("\r\n".join(["ImageId,PredictionString", *rows[::-1]]) + "\r\n")
    return path


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Path, Path]:
    """The same images: in class folders, and with the validation images in one folder and both tables beside."""
    in_folders = pictures(tmp_path_factory.mktemp("folders"), 2, 3, CLASSES)
    flat = tmp_path_factory.mktemp("flat")
    os.symlink(in_folders / "train", flat / "train")
    (flat / "val").mkdir()
    order = np.random.RandomState(1).permutation(12)
    numbers = [(1, 2, 3, 5)[each % 4] for each in order]
    for number, each in enumerate(order, start=1):
        old = in_folders / "val" / CLASSES[each % 4] / f"{each // 4}.png"
        old.rename(old.with_name(name_of(number)))
        os.link(old.with_name(name_of(number)), flat / "val" / name_of(number))
    write_kit(flat, numbers)
    write_kaggle(flat, [NUMBERS[number] for number in numbers])
    return in_folders, flat


TABLES = [f"{KIT}/data/{GROUND_TRUTH}", "LOC_val_solution.csv"]


@pytest.mark.parametrize("table", TABLES)
def test_the_images_are_those_in_class_folders(both, table):
    """Both tables give the images, the labels and the order of class folders, in training and validation."""
    in_folders, flat = both
    expected = find_validation(in_folders)
    for found in (
        find_validation(flat, flat / table),
        find_validation(flat / "val", flat / table),
        find_training(flat, flat / table)[1],
    ):
        assert found.classes == expected.classes
        assert found.labels.tolist() == expected.labels.tolist()
        assert [found.path(row).read_bytes() for row in range(12)] == [
            expected.path(row).read_bytes() for row in range(12)
        ]
        assert found.fingerprint() == expected.fingerprint()


def test_torchvision_reads_the_same_classes(both, tmp_path, monkeypatch):
    """torchvision's own reader of the development kit gives each image the same class."""
    _, flat = both
    archive = tmp_path / f"{KIT}.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(flat / KIT, KIT)
    known = (archive.name, hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setitem(torchvisions.ARCHIVE_META, "devkit", known)
    torchvisions.parse_devkit_archive(tmp_path)
    _, theirs = torchvisions.load_meta_file(tmp_path)
    ours = find_validation(flat, flat / TABLES[0])
    found = {ours.path(row).name: ours.classes[label] for row, label in enumerate(ours.labels)}
    assert found == {name_of(number): wnid for number, wnid in enumerate(theirs, start=1)}


def test_training_and_validation_are_those_of_class_folders(both, tmp_path):
    """The same weights and metrics, bit for bit; the run in class folders goes on with a table of labels."""
    in_folders, flat = both
    ground_truth, kaggle = (flat / table for table in TABLES)
    options = {**SMALL, "batch_size": 4}
    train("Z", in_folders, tmp_path / "folders", epochs=1, **options)
    assert run_here(*command(flat, "--val-labels", ground_truth, "--epochs", 1, "--batch_size", 4)).returncode == 0
    (flat / "out").rename(tmp_path / "flat")
    weights = "cornet_z_epoch_01.pth"
    assert same(tmp_path / "flat" / weights, tmp_path / "folders" / weights)
    assert metrics_of(tmp_path / "flat") == metrics_of(tmp_path / "folders")
    train("Z", flat, tmp_path / "folders", val_labels=kaggle, epochs=2, **options)
    options["weights"] = tmp_path / "flat" / weights
    found = [validate("Z", in_folders, **options), validate("Z", flat, val_labels=kaggle, **options)]
    assert len({replace(each, images_per_second=0, unreadable=None) for each in found}) == 1


def replaced(name: str, old: str, new: str):
    def spoil(flat: Path) -> None:
        text = (flat / name).read_text()
        assert old in text
        (flat / name).write_text(text.replace(old, new, 1))

    return spoil


MISTAKES = [
    (TABLES[0], lambda flat: (flat / TABLES[0]).unlink(), "Cannot read the table of labels"),
    (TABLES[0], lambda flat: (flat / TABLES[0]).write_text(""), "has no labels"),
    (TABLES[1], lambda flat: (flat / TABLES[1]).write_text("ImageId,PredictionString\n"), "has no labels"),
    (TABLES[0], lambda flat: (flat / KIT / "data" / "meta.mat").unlink(), "put it beside that file"),
    (TABLES[0], lambda flat: (flat / KIT / "data" / "meta.mat").write_bytes(b"damaged"), "cannot be read as meta.mat"),
    (TABLES[0], lambda flat: (flat / TABLES[0]).write_text("1\n2\nn02119789\n"), "Line 3 of .* is 'n02119789'"),
    (TABLES[0], lambda flat: (flat / TABLES[0]).write_text("7\n"), "Line 1 of .* is class 7"),
    (TABLES[0], lambda flat: (flat / TABLES[0]).write_text("1\n" * 11), "no class for 1 image in .*_00000012"),
    (TABLES[0], lambda flat: (flat / TABLES[0]).write_text("1\n" * 16), "of 16 images, .* has 12 .* 13, 14, 15 and 1"),
    (TABLES[0], lambda flat: (flat / "val" / "more.png").write_bytes(b""), "more.png has no number"),
    (TABLES[0], lambda flat: (flat / "val" / "0_12.png").write_bytes(b""), "are the same image"),
    (TABLES[1], lambda flat: (flat / "val" / "more.png").write_bytes(b""), "no class for 1 image in .*more.png"),
    (TABLES[1], replaced(TABLES[1], "_00000007,", "_00000107,"), "no class for 1 image in .*_00000007"),
    (TABLES[1], replaced(TABLES[1], "_00000007,", "_00000008,"), "two classes for ILSVRC2012_val_00000008"),
    (TABLES[1], lambda flat: (flat / TABLES[1]).write_text("image\nILSVRC2012_val_00000001\n"), "names no class"),
    (TABLES[1], lambda flat: [file.unlink() for file in (flat / "val").iterdir()], "val has no images"),
]


@pytest.mark.parametrize(("table", "spoil", "expected"), MISTAKES)
def test_what_does_not_fit_is_named(tmp_path, table, spoil, expected):
    """What is missing, damaged, of another form, or of other images is one error before any work."""
    (tmp_path / "val").mkdir()
    numbers = [1, 2, 3, 5] * 3
    for number in range(1, 13):
        (tmp_path / "val" / name_of(number)).write_bytes(b"")
    write_kit(tmp_path, numbers)
    write_kaggle(tmp_path, [NUMBERS[number] for number in numbers])
    spoil(tmp_path)
    with pytest.raises(UserError, match=expected):
        find_validation(tmp_path, tmp_path / table)


def test_classes_that_are_not_those_in_training(both, tmp_path):
    """A table of other classes than train/ has is an error that names them; without a table, it is asked for."""
    _, flat = both
    table = tmp_path / "labels.csv"
    table.write_text((flat / TABLES[1]).read_text().replace("n01440764", "n01484850"))
    with pytest.raises(UserError, match=r"differ: only train/ has n01440764; only .*labels.csv has n01484850"):
        find_training(flat, table)
    for find in (find_training, find_validation):
        with pytest.raises(UserError, match="--val-labels"):
            find(flat)
    with pytest.raises(UserError, match="--val-labels"):
        find_validation(flat / "val")
