"""After a power cut, the same command ends with the same result: the disk is copied while a command runs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from helpers.crashes import Disk, Running, command, contents, score_toys, training, unsynced_command
from helpers.toys import calls
from helpers.trainings import pictures, same, table

from brainscore_cornet.scoring import read_table

CUTS = 10  # of each entrance
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.name != "posix" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not Path("/dev/loop0").exists(),
        reason="cannot mount a file system in a file here",
    ),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return pictures(tmp_path_factory.mktemp("images"), 100, 2)


@pytest.fixture
def disk(request, tmp_path) -> Disk:
    """A small one, since it is copied as a whole; checkpoints need more."""
    return Disk(tmp_path, megabytes=128 if request.node.name == "test_train" else 48)


def cut(disk: Disk, start: Callable[[Path], Running], ready: Callable[[Path], bool]) -> list[Path]:
    """Run a command to its end, several times if that is quick, and copy the disk often once it is `ready`."""
    copies: list[Path] = []
    while len(copies) < CUTS:
        with disk.mounted() as place:
            for path in place.glob("*out*"):  # of the run before
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            process = start(place)
            while process.process.is_alive() and not ready(place):
                time.sleep(0.01)
            while process.process.is_alive() and len(copies) < 6 * CUTS:
                copies.append(disk.cut(len(copies)))
                time.sleep(0.03)
            assert process.wait() == 0, process.said
    return copies[:: len(copies) // CUTS][:CUTS]


def features(
    images: Path, tmp_path: Path, run: Callable, ending: str, way: Sequence[str] = ("--threads", "1")
) -> Callable[[Path], Running]:
    def start(place: Path) -> Running:
        arguments = ["features", "cornet_z_untrained", str(images / "train"), "-o", str(place / f"out.{ending}")]
        options = ["--image-size", "64", "--batch-size", "1", "--layer", "V2", "--device", "cpu"]
        return Running(run, *arguments, *options, *way, folder=place, log=tmp_path / "log")

    return start


def outputs(place: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(place).items() if not name.startswith((".", "lost+found"))}


def resumed(disk: Disk, copies: list[Path], start: Callable[[Path], Running], expected: dict[str, bytes]) -> list[int]:
    """Run the command again on each copy; returns whether each ends with other files (1) or not (0)."""
    wrong = []
    for copy in copies:
        with disk.mounted(copy) as place:
            process = start(place)
            assert process.wait() == 0, process.said
            assert "Traceback" not in process.said
            wrong.append(int(outputs(place) != expected))
    return wrong


@pytest.mark.parametrize("ending", ["npy", "nc"])
def test_features(images, disk, tmp_path, capsys, ending):
    """No row is lost, and without the waiting for the disk some would be, which shows that the cuts are real."""
    start = features(images, tmp_path, command, ending)
    found = {}
    for run in (command, unsynced_command):
        begun = features(images, tmp_path, run, ending)
        copies = cut(disk, begun, lambda place: (place / f".out.{ending}.unfinished" / "state.json").exists())
        with disk.mounted() as place:
            expected = outputs(place)
            for path in place.glob("*out*"):
                path.unlink()
        found[run.__name__] = resumed(disk, copies, start, expected)
    with capsys.disabled():
        print(f"\npower cuts, features.{ending}: {len(found['command'])} cuts, {sum(found['command'])} wrong; ", end="")
        print(f"without waiting for the disk {sum(found['unsynced_command'])} of {len(found['unsynced_command'])}")
    assert sum(found["command"]) == 0


def test_features_in_shards(images, disk, tmp_path, capsys):
    """What another process computes is resumed, too, and there is room for that however far the command came."""
    start = features(images, tmp_path, command, "npy", ("--workers", "1"))
    copies = cut(disk, start, lambda place: any(place.glob(".out.npy.shard-*/state.json")))
    with disk.mounted() as place:
        expected = outputs(place)
    wrong = resumed(disk, copies, start, expected)
    with capsys.disabled():
        print(f"\npower cuts, features in shards: {len(wrong)} cuts, {sum(wrong)} wrong")
    assert sum(wrong) == 0


def test_train(disk, tmp_path, capsys):
    """Weights and table are the same, bit for bit."""
    images = pictures(tmp_path, 12, 2)

    def start(place: Path) -> Running:
        arguments = training(images, place / "out")
        return Running(command, *arguments, folder=place, log=tmp_path / "log")

    copies = cut(disk, start, lambda place: any((place / "out").glob("checkpoints/*.ckpt")))
    last = tmp_path / "last.pth"
    with disk.mounted() as place:
        shutil.copy(place / "out" / "cornet_z_epoch_02.pth", last)
        rows = table(place / "out")
    for copy in copies:
        with disk.mounted(copy) as place:
            process = start(place)
            assert process.wait() == 0, process.said
            assert same(place / "out" / last.name.replace("last", "cornet_z_epoch_02"), last)
            assert table(place / "out") == rows
    with capsys.disabled():
        print(f"\npower cuts, train: {len(copies)} cuts, 0 wrong")
    assert torch.load(last, weights_only=True)["epoch"] == 2


def test_score(disk, tmp_path, capsys):
    """What was reported as saved is there and whole, and the run goes on from it."""

    def start(place: Path) -> Running:
        told = (str(tmp_path / "calls"), str(place / "out"), 0, str(tmp_path / "told"))
        return Running(score_toys, *told, folder=place, log=tmp_path / "log")

    moments: list[float] = []
    copies: list[Path] = []
    with disk.mounted() as place:
        process = start(place)
        while process.process.is_alive():
            if len(calls(tmp_path / "told")) > len(moments):  # right after a result was reported
                moments.append(time.time())
                copies.append(disk.cut(len(copies)))
            time.sleep(0.005)
        assert process.wait() == 0, process.said
    told = [line.split(" ", 1) for line in calls(tmp_path / "told")]
    lost = 0
    for moment, copy in zip(moments, copies, strict=True):
        with disk.mounted(copy) as place:
            rows = read_table(place / "out")  # warnings about damaged rows are errors here
            saved = set(rows["model"] + " " + rows["benchmark"])
            lost += len({name for when, name in told if float(when) < moment} - saved)
    with disk.mounted(copies[len(copies) // 2]) as place:
        process = start(place)
        assert process.wait() == 0, process.said
        assert read_table(place / "out")["score"].tolist() == [0.9] * 5 + [0.2] * 5
    with capsys.disabled():
        print(f"\npower cuts, score: {len(copies)} cuts, {lost} results lost")
    assert len(copies) >= CUTS // 2
    assert lost == 0
