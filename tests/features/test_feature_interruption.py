"""After any interruption, the same call resumes an extraction and ends with the same file."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.patience import PATIENCE
from helpers.processes import extract_into, peak_of_extraction, preloaded
from helpers.small_model import small_model
from PIL import Image

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.cornet.writing import scratch_array
from brainscore_cornet.features import output_files
from brainscore_cornet.features.unfinished import Unfinished

KILLED_AFTER = (0, 2, 4, 8)  # images, of 16


@pytest.fixture
def many(tmp_path) -> list[str]:
    """Enough images for eight batches."""
    folder = tmp_path / "images"
    folder.mkdir()
    shades = np.random.RandomState(0)
    for index in range(16):
        Image.fromarray(shades.randint(0, 256, (80, 80, 3), dtype=np.uint8)).save(folder / f"{index:03}.png")
    return sorted(map(str, folder.iterdir()))


def done_of(state: Path) -> int:
    """The recorded number of images, 0 if there is no record."""
    try:
        return json.loads(state.read_text())["done"]
    except (FileNotFoundError, json.JSONDecodeError):  # while it is written
        return 0


@pytest.mark.parametrize("ending", [".nc", pytest.param(".npy", marks=pytest.mark.slow)])
def test_killed_at_any_moment(many, tmp_path, ending):
    """An extraction that was killed and resumed ends with the same bytes as an undisturbed one."""
    context = preloaded()

    def start(output: Path):
        process = context.Process(target=extract_into, args=(many, str(output), ["IT", "V1.conv1"]))
        process.start()
        return process

    start(tmp_path / f"undisturbed{ending}").join()
    expected = {path.name.removeprefix("undisturbed"): path.read_bytes() for path in tmp_path.glob("undisturbed*")}
    assert expected
    resumed = 0
    for number, done in enumerate(KILLED_AFTER):
        output = tmp_path / f"killed{number}{ending}"
        process = start(output)
        state = tmp_path / f".{output.name}.unfinished" / "state.json"
        while process.is_alive() and (not state.exists() or done_of(state) < done):
            time.sleep(0.001)
        process.kill()
        process.join()
        resumed += done_of(state) > 0
        if state.parent.exists() or not list(tmp_path.glob(f"killed{number}*")):  # else it was done before
            restarted = start(output)
            restarted.join()
            assert restarted.exitcode == 0
        found = {
            path.name.removeprefix(f"killed{number}"): path.read_bytes() for path in tmp_path.glob(f"killed{number}*")
        }
        assert found.keys() == expected.keys()
        for name, content in expected.items():
            assert found[name] == content, name
        assert not state.parent.exists()
    assert resumed >= 2  # some were in the middle


@pytest.fixture
def extract(stand_in, pictures):
    return partial(extract_features, small_model(stand_in, "cornet_z"), list(map(str, pictures)))


def test_another_request_into_the_same_output(extract, tmp_path, monkeypatch):
    """Another request into an output is refused, finished or not, unless it is to be replaced; the same one is not."""
    output = tmp_path / "out.npy"
    extract(layers=["V1"], output=output)
    with pytest.raises(UserError, match=r"out\.npy exists\. To replace it: --overwrite"):
        extract(layers=["V2"], output=output)
    extract(layers=["V2"], output=output, overwrite=True)
    first = np.load(output)
    changed = output.stat().st_mtime_ns
    extract(layers=["V2"], output=output)
    assert output.stat().st_mtime_ns == changed

    mark = Unfinished.mark

    def stop(self, done):
        mark(self, done)
        if done:
            raise KeyboardInterrupt

    output = tmp_path / "stopped.npy"
    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "mark", stop)
        with pytest.raises(KeyboardInterrupt):
            extract(layers=["V2"], output=output)
    with pytest.raises(UserError, match=r"another extraction .*not finished"):
        extract(layers=["V4"], output=output)
    extract(layers=["V2"], output=output)
    np.testing.assert_array_equal(np.load(output), first)
    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "mark", stop)
        with pytest.raises(KeyboardInterrupt):
            extract(layers=["V2"], output=output, overwrite=True)
    assert (tmp_path / ".stopped.npy.unfinished" / "state.json").exists()
    extract(layers=["V4"], output=output, overwrite=True)
    assert np.load(output).shape != first.shape
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk(extract, tmp_path):
    """A full disk is reported in one line, before work or when it fills; no partial file has the output's name."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        with pytest.raises(UserError, match=r"The features need .* GB .* has 0\.0 GB left"):
            extract(output=small / "out.nc")
        with pytest.raises(UserError, match=r"Cannot write .*the disk is full"):
            Unfinished(small / "out.npy", {}).arrays({Site("V1.output", 0): (1000, 10)}, 100)
        with pytest.raises(UserError, match=r"Cannot write .*sites: the disk is full"):
            scratch_array(small / "sites", (1000, 100))  # unreserved, it kills the process when it is written to
        (small / "sites").unlink()
        assert [path.name for path in small.glob("[!.]*")] == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of memory")
@pytest.mark.slow
@pytest.mark.parametrize("ending", ["nc", "npy"])
def test_memory_does_not_grow_with_the_number_of_images(pictures, tmp_path, ending):
    """Four times as many images, 240 MB of features more, take at most a tenth more."""
    context, peaks = multiprocessing.get_context("spawn"), []
    results = context.Queue()
    for times in (17, 67):
        paths = [str(path) for path in pictures] * times
        arguments = (paths, str(tmp_path / f"{times}.{ending}"), results)
        process = context.Process(target=peak_of_extraction, args=arguments)
        process.start()
        peaks.append(results.get(timeout=PATIENCE))
        process.join()
    assert peaks[1] < 1.1 * peaks[0]


def test_a_folder_that_cannot_be_written(extract, tmp_path):
    """A folder that cannot be written is named before any work, and so is a file in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"The folder .*file for the features does not exist"):
        extract(output=tmp_path / "file" / "out.nc")


@pytest.mark.parametrize("ending", ["nc", "npy"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_shards_are_joined(stand_in, bad_among, tmp_path, ending, count):
    """Computed in any order, they give the bytes of one extraction, also where images are left out."""
    model = small_model(stand_in, "cornet_z", batch_size=2)
    extract = partial(extract_features, model, bad_among, layers=["V2", "logits"], on_error="skip")
    extract(output=tmp_path / f"whole.{ending}")
    output = tmp_path / f"parts.{ending}"
    for number in range(count, 0, -1):
        if number == 1:
            with pytest.raises(UserError, match=f"shards are missing: 1/{count}"):
                extract(output=output, join=True)
        extract(output=output, shard=f"{number}/{count}")
    with pytest.raises(UserError, match="another extraction"):
        extract(output=output, join=True, layers=["V4"])
    extract(output=output, join=True)
    for path in tmp_path.glob("whole*"):
        assert path.read_bytes() == (tmp_path / path.name.replace("whole", "parts")).read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def twice_the_size(tmp_path, monkeypatch) -> Path:
    """A folder on a disk with room for V2's features of the six pictures twice, and for little else."""
    room = 2 * 4 * 6 * 128 * 6 * 6 + 2**14
    usage = shutil.disk_usage(tmp_path)

    def disk_usage(path):
        used = sum(each.stat().st_size for each in tmp_path.rglob("*") if each.is_file())
        return usage._replace(free=room - used)

    monkeypatch.setattr(output_files.shutil, "disk_usage", disk_usage)
    return tmp_path


@pytest.mark.usefixtures("forked_children")
@pytest.mark.parametrize("way", ["alone", "joined", "workers"])
def test_room_for_the_features_twice_is_enough(stand_in, pictures, twice_the_size, monkeypatch, way):
    """Whatever way, and also if it is interrupted between giving the output its name and noting that it is complete."""
    model = small_model(stand_in, "cornet_z", batch_size=2)
    output = twice_the_size / "out.npy"
    extract = partial(extract_features, model, pictures, layers=["V2"], output=output)
    if way == "joined":
        extract(shard="2/2")
        extract(shard="1/2")
    options = {"alone": {}, "joined": {"join": True}, "workers": {"parallel": 1}}[way]
    finish = Unfinished.finish

    def interrupted(self):
        monkeypatch.setattr(Unfinished, "finish", finish)
        assert output.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Unfinished, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(**options)
    extract(**options)
    assert np.load(output).shape[0] == len(pictures)
    assert not list(twice_the_size.glob(".*"))


@pytest.mark.usefixtures("forked_children")
@pytest.mark.parametrize("way", ["alone", "joined", "workers"])
def test_a_complete_output_is_computed_again(stand_in, pictures, tmp_path, way):
    """With `overwrite`, in whatever way, and without it the same request is complete again."""
    model = small_model(stand_in, "cornet_z", batch_size=2)
    output = tmp_path / "out.npy"
    extract = partial(extract_features, model, pictures, layers=["V2"], output=output)
    extract()
    first = output.stat().st_ino
    if way == "joined":
        extract(shard="2/2", overwrite=True)
        extract(shard="1/2", overwrite=True)
    extract(overwrite=True, **{"alone": {}, "joined": {"join": True}, "workers": {"parallel": 1}}[way])
    second = output.stat().st_ino
    assert second != first
    extract()
    assert output.stat().st_ino == second
    assert not list(tmp_path.glob(".*"))


def test_shards_that_are_left_of_a_complete_output(stand_in, pictures, tmp_path, monkeypatch):
    """Where joining is interrupted before it has removed them, the same command removes them."""
    model = small_model(stand_in, "cornet_z", batch_size=2)
    extract = partial(extract_features, model, pictures, layers=["V2"], output=tmp_path / "out.npy")
    extract(shard="1/2")
    extract(shard="2/2")
    remove = Unfinished.remove
    monkeypatch.setattr(
        Unfinished, "remove", lambda self: remove(self) if self.folder.suffix == ".unfinished" else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        extract(join=True)
    monkeypatch.undo()
    extract(join=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "out_images.csv"]


@pytest.fixture
def bad_among(pictures, tmp_path) -> list[str]:
    """The pictures and half a picture among them."""
    half = tmp_path / "half.jpg"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (99, 99, 3), dtype=np.uint8)).save(half)
    half.write_bytes(half.read_bytes()[:3000])
    return [*map(str, pictures[:3]), str(half), *map(str, pictures[3:])]


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_what_is_no_shard(extract, tmp_path, shard):
    """A malformed shard is refused, and so is joining shards that do not exist."""
    with pytest.raises(UserError, match="Expected a shard such as 3/16"):
        extract(output=tmp_path / "out.nc", shard=shard)
    with pytest.raises(UserError, match=r"no shards of .*out\.nc to join"):
        extract(output=tmp_path / "out.nc", join=True)
    with pytest.raises(UserError, match="for an output"):
        extract(shard="1/2")
