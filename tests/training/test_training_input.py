"""What cannot be trained on is said in one line, before training where it can be seen there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from helpers.commands import run_here
from helpers.trainings import SMALL, command, pictures

from brainscore_cornet import UserError, train, validate
from brainscore_cornet.training.folders import find_training


@pytest.fixture
def folder(tmp_path) -> Path:
    return pictures(tmp_path, 2, 1)


def failed(arguments: list[str], folder: Path) -> str:
    """The one line with which the command line ends."""
    result = run_here(*arguments, folder=folder)
    assert result.returncode == 1
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.stderr
    return error


def without(*parts: str):
    return lambda folder: [shutil.rmtree(folder / part) for part in parts]


def emptied(folder: Path) -> None:
    (folder / "val" / "b" / "0.png").rename(folder / "val" / "b" / "0.txt")


def one_more(folder: Path) -> None:
    (folder / "val" / "d").mkdir()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (without("train"), "has no train/: expected the training images there"),
        (without("val"), "has no val/ or val_in_folders/: expected the validation images there"),
        (without("train/a", "train/b", "train/c"), "train has no class folders"),
        (emptied, "val has class folders without an image: b. Expected files that end in .jpg"),
        (
            lambda folder: [shutil.rmtree(folder / part / name) for part in ("train", "val") for name in "ab"],
            "a single",
        ),
        (without("val/b"), "differ: only train/ has b. Expected the same in both"),
        (one_more, "differ: only val/ has d"),
        (lambda folder: shutil.rmtree(folder), "There is no folder"),
    ],
)
def test_images_that_are_not_as_expected(folder, spoil, expected, tmp_path_factory):
    """Folders that are missing, empty, or differ are named; nothing is written."""
    spoil(folder)
    assert expected in failed(command(folder), tmp_path_factory.getbasetemp())
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ["--ngpus", "64"],
            "Requested 64 GPUs, available are " if torch.cuda.is_available() else "No device 'cuda' on",
        ),
        (["--device", "tpu"], "Unknown kind of device 'tpu'"),
        (["--precision", "fp8"], "Unknown precision 'fp8'"),
        (["--save-every", "often"], "received 'often'"),
        (["--on-error", "ignore"], "fail or skip"),
        (["--background", "pink"], "received 'pink'"),
        (["--lr", "-1"], "lr as a number above 0"),
        (["--optimizer", "adamw"], "--lr 0.001"),
        (["--image_size", "16"], "an image size in px"),
        (["--times", "3"], "feedforward"),
        (["--weights", "nowhere.pth"], "No weight file at nowhere.pth"),
        (["--restore_path", "nowhere.pth"], "No weight file at nowhere.pth"),
        (["--restore_path", "."], "has no checkpoint of a run in it"),
        (["--restore_path", "nowhere.pth", "--weights", "released"], "do not go together"),
        (["-o", "."], "is where the images are"),
        (["-o", "train"], "is where the images are"),
        (["-o", "val/a/0.png"], "is a file: expected a folder"),
    ],
)
def test_options_that_cannot_be(folder, flags, expected):
    """Invalid options are named with what was expected, before any training."""
    arguments = command(folder)
    if flags[0] in ("--ngpus", "--device"):
        del arguments[arguments.index("--ngpus") : arguments.index("--ngpus") + 2]
    assert expected in failed([*arguments, *flags], folder)
    assert not list((folder / "out").glob("*.csv"))
    assert sorted(path.name for path in folder.iterdir() if path.name != "out") == ["train", "val"]


def test_normalization_over_cpus(folder):
    """Synchronized batch normalization on CPUs, which torch lacks, is refused before any process starts."""
    with pytest.raises(UserError, match="needs GPUs"):
        train("S", folder, folder / "out", devices=2, sync_batchnorm=True, **SMALL)


def test_models_that_cannot_be(folder):
    """An unknown name, and a CORnet-RT that the image does not get through."""
    with pytest.raises(UserError, match="Unknown model 'Q'"):
        train("Q", folder, folder / "out", **SMALL)
    with pytest.raises(UserError, match="In 3 time steps of CORnet-RT the image does not reach the decoder"):
        train("RT", folder, folder / "out", times=3, **SMALL)


def test_folder_of_another_run(folder):
    """A folder of a run with another model, recipe or images is refused, with the difference; an equal run is not."""
    options = {"epochs": 1, "lr": 0.001, **SMALL}
    train("Z", folder, folder / "out", **options)
    with pytest.raises(UserError, match=r'holds another run: model "Z" there, "RT" here'):
        train("RT", folder, folder / "out", **options)
    with pytest.raises(UserError, match=r"lr 0\.001 there, 0\.1 here"):
        train("Z", folder, folder / "out", **{**options, "lr": 0.1})
    train("cornet_z", folder, folder / "out", **options, batch_size=256)
    (folder / "train" / "a" / "0.png").rename(folder / "train" / "a" / "other.png")
    with pytest.raises(UserError, match="training_images"):
        train("Z", folder, folder / "out", **options)


def test_what_is_hidden_is_no_image(folder):
    """Folders and files that Jupyter or macOS have put beside the images are passed over."""
    for part in ("train", "val"):
        (folder / part / ".ipynb_checkpoints").mkdir()
        (folder / part / "a" / ".ipynb_checkpoints").mkdir()
        shutil.copy(folder / part / "a" / "0.png", folder / part / "a" / ".ipynb_checkpoints" / "0.png")
        shutil.copy(folder / part / "a" / "0.png", folder / part / "a" / "._0.png")
    for images in find_training(folder):
        assert images.classes == ("a", "b", "c")
        assert not [path for path in images.paths if b"/." in path]


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_image(folder, part, workers):
    """An unreadable image is named; on request it is skipped, counted and listed."""
    bad = folder / part / "b" / "0.png"
    bad.write_bytes(bad.read_bytes()[:200])
    options = {"epochs": 2, "lr": 0.001, **SMALL, "workers": workers}
    with pytest.raises(UserError) as error:
        train("Z", folder, folder / "out", **options)
    assert str(error.value).startswith(f"Cannot read the image {bad}: ")
    assert str(error.value).endswith("--on-error skip")
    rows = train("Z", folder, folder / "skipped", on_error="skip", **options)
    assert list(rows["train_images"]) == [5 if part == "train" else 6] * 2
    assert list(rows["val_images"]) == [3 if part == "train" else 2] * 2
    listed = (folder / "skipped" / "unreadable.csv").read_text().splitlines()
    assert listed[0] == "path,reason"
    assert len(listed) == 2
    assert listed[1].startswith(f"{bad},")


def test_classes_of_a_network(folder):
    """Validating asks for the classes that the network was trained on."""
    train("Z", folder, folder / "out", epochs=1, lr=0.001, **SMALL)
    weights = folder / "out" / "cornet_z_epoch_01.pth"
    (folder / "val" / "c").rename(folder / "val" / "d")
    with pytest.raises(UserError, match="other classes"):
        validate("Z", folder, weights=weights, **SMALL)


def test_released_weights_want_imagenet(folder, released_folder):
    """A network of 1000 classes and another number of folders, or folders of other names, do not go together."""
    path = released_folder / "cornet_z-5c427c9c.pth"
    with pytest.raises(UserError, match=r"has 1000 classes, .* has 3 classes"):
        validate("Z", folder, weights=path, **SMALL)
    pictures(folder / "many", 1, 1, classes=[f"class-{index:04}" for index in range(1000)], size=32)
    with pytest.raises(UserError, match=r"has a class class-0000: .* WordNet ids"):
        validate("Z", folder / "many", weights=path, **SMALL)


def test_only_full_runs_are_compared(monkeypatch):
    """Only the released weights at 224 px on 50,000 images are compared with the published accuracy."""
    from brainscore_cornet.training.validation import _compare

    assert _compare(0.741, (0.747, 0.731), True, True) == (
        True,
        "published top-1 74.7 % (another source: 73.1 %); agrees within 1 %",
    )
    assert _compare(0.60, (0.747,), True, True) == (False, "published top-1 74.7 %; DOES NOT AGREE within 1 %")
    assert _compare(0.60, (0.747,), True, False)[0] is None
    assert _compare(0.60, (), True, True) == (None, "no comparison: no reliable figure was published")
    assert _compare(0.60, (0.747,), False, True)[0] is None
