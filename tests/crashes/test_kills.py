"""Killed with SIGKILL at many operations on files, the same command ends with the same files, and nothing is left."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.crashes import Running, command, contents, fetch, kills, score_toys, training
from helpers.download_server import Reply, serve_without_proxy
from helpers.toys import calls
from helpers.trainings import SMALL, pictures, same, table

from brainscore_cornet.scoring import read_table

KILLS = 30  # of each entrance
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return pictures(tmp_path_factory.mktemp("images"), 10, 2)


def killed(folder: Path, start: Callable[[Path, int], Running], check: Callable[[Path], object], report) -> None:
    """Kill a command `KILLS` times, three times before each end, and hold each end against one without kills."""
    whole = folder / "whole"
    whole.mkdir()
    undisturbed = start(whole, 0)
    assert undisturbed.wait() == 0, undisturbed.said
    operations = int(Path(f"{undisturbed.log}.count").read_text())
    expected, done, resumed = check(whole), 0, 0
    for number, chain in enumerate(kills(operations)):
        if done >= KILLS:
            break
        place = folder / f"{number}"
        place.mkdir()
        for at in chain:
            process = start(place, at)
            code = process.wait()
            assert code in (0, -9), process.said
            assert "Traceback" not in process.said
            done += code == -9
            resumed += "Resuming" in process.said
        last = start(place, 0)
        assert last.wait() == 0, last.said
        assert check(place) == expected
        again = start(place, 0)  # as in `until command; do :; done`
        assert again.wait() == 0, again.said
        assert check(place) == expected
        hidden = [path.name for path in place.glob(".*")]
        assert not [name for name in hidden if not name.endswith(".lock")]
    with report():
        print(f"\n{folder.name}: {done} kills at {operations} operations, {resumed} resumed, nothing lost")
    assert done >= KILLS


@pytest.mark.parametrize("ending", ["nc", "zarr", "npy", "csv", "parquet"])
def test_features(images, tmp_path, capsys, ending):
    """In every format."""
    tmp_path = tmp_path / f"features.{ending}"
    tmp_path.mkdir()

    def start(place: Path, at: int) -> Running:
        options = ["--image-size", "32", "--batch-size", "4", "--layer", "IT", "--layer", "V1", "--device", "cpu"]
        options += ["--pool"] if ending in ("csv", "parquet") else []
        arguments = ["features", "cornet_z_untrained", str(images / "train"), "-o", str(place / f"out.{ending}")]
        return Running(command, *arguments, *options, folder=place, log=tmp_path / "log", kill_at=at)

    killed(tmp_path, start, contents, capsys.disabled)


def test_train(images, tmp_path, capsys):
    """Weights and table, bit for bit."""
    tmp_path = tmp_path / "train"
    tmp_path.mkdir()
    assert SMALL["image_size"] == 32

    def start(place: Path, at: int) -> Running:
        arguments = training(images, place / "out")
        return Running(command, *arguments, folder=place, log=tmp_path / "log", kill_at=at)

    def check(place: Path) -> list:
        last = "cornet_z_epoch_02.pth"
        assert same(place / "out" / last, tmp_path / "whole" / "out" / last)
        return table(place / "out")

    killed(tmp_path, start, check, capsys.disabled)


def test_weights(tmp_path, capsys, monkeypatch):
    """A file that is downloaded has its name only when it is whole."""
    import io
    import zipfile

    tmp_path = tmp_path / "weights"
    tmp_path.mkdir()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data", bytes(5_000_000))
    with serve_without_proxy(monkeypatch) as server:
        url = server.url("/mine.pth", Reply(file.getvalue()))

        def start(place: Path, at: int) -> Running:
            return Running(fetch, url, str(place), folder=place, log=tmp_path / "log", kill_at=at)

        def check(place: Path) -> list[bytes]:
            return [content for name, content in contents(place).items() if not name.endswith(".lock")]

        killed(tmp_path, start, check, capsys.disabled)


@pytest.mark.parametrize("workers", [0, 2])
def test_score(tmp_path, capsys, workers):
    """At random moments: what was reported is not scored again, and no process is left."""
    moments, done, output = random.Random(workers), 0, tmp_path / "out"
    arguments = (str(tmp_path / "calls"), str(output), workers, str(tmp_path / "told"))
    lost = 0
    for number in range(KILLS):
        process = Running(score_toys, *arguments, folder=tmp_path, log=tmp_path / "log")
        before = len(list(output.glob("scores/*/*.json")))
        end = time.monotonic() + moments.uniform(0.1, 1.5 if number % 3 else 60)
        while time.monotonic() < end and process.process.is_alive():
            if not number % 3 and len(list(output.glob("scores/*/*.json"))) > before:
                break  # killed right after a result
            time.sleep(0.01)
        done += process.process.is_alive()
        process.kill()
        saved = {f"{path.parent.name} {path.name.split('-')[0]}" for path in output.glob("scores/*/*.json")}
        told = {line.split(" ", 1)[1] for line in calls(tmp_path / "told")}
        lost += len(told - saved)
    last = Running(score_toys, *arguments, folder=tmp_path, log=tmp_path / "log")
    assert last.wait() == 0, last.said
    assert read_table(output)["score"].tolist() == [0.9] * 5 + [0.2] * 5
    told = [line.split(" ", 1)[1] for line in calls(tmp_path / "told")]
    with capsys.disabled():
        print(f"\nscore, workers {workers}: {done} kills, {lost} results lost, {len(told) - len(set(told))} told twice")
    assert lost == 0
    assert len(told) == len(set(told))
    assert done >= KILLS // 2


def test_two_at_once(images, tmp_path, capsys):
    """Twenty pairs of one command: one of the two is refused or finds the output complete, which is as without it."""
    refused = complete = 0
    expected = None
    for number in range(20):
        place = tmp_path / f"{number}"
        place.mkdir()
        arguments = ["features", "cornet_z_untrained", str(images / "train"), "-o", str(place / "out.npy")]
        arguments += ["--image-size", "32", "--batch-size", "4", "--layer", "IT", "--device", "cpu"]
        logs = [tmp_path / f"log-{each}" for each in range(2)]
        pair = [Running(command, *arguments, folder=place, log=log) for log in logs]
        codes = [process.wait() for process in pair]
        assert 0 in codes, [process.said for process in pair]
        for code, process in zip(codes, pair, strict=True):
            assert code == 0 or "Another process is extracting" in process.said
            refused += code != 0
            complete += "is complete" in process.said
        expected = expected or contents(place)
        assert contents(place) == expected
    with capsys.disabled():
        print(f"\ntwo at once: 20 pairs, {refused} refused, {complete} complete, all results equal")
