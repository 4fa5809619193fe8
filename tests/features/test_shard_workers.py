"""Features in several processes, on Dask and in SLURM jobs: the bytes of one process, whoever is lost on the way."""

from __future__ import annotations

import pickle
import threading
import time
from functools import partial
from pathlib import Path

import cloudpickle
import h5py
import numpy as np
import psutil
import pytest
import torch
from helpers.commands import run_here
from PIL import Image

from brainscore_cornet import UserError, extract_features, load_model
from brainscore_cornet.cornet.recording.images import read_image
from brainscore_cornet.features import shard_process
from brainscore_cornet.features.image_sources import collect
from brainscore_cornet.features.shard_process import ShardProcess
from brainscore_cornet.features.shard_workers import ShardWorkers
from brainscore_cornet.parallel.dask_cluster import Cluster

LOAD = partial(load_model, "cornet_z_untrained", image_size=64, batch_size=2, device="cpu", workers=1)
WHAT = {"layers": ["V2", "logits"], "on_error": "skip"}
COMMAND = ("features", "cornet_z_untrained", "images", "-o", "parts.nc", "-l", "V2", "-l", "logits")
COMMAND += ("--image-size", "64", "--batch-size", "2", "--on-error", "skip", "--device", "cpu")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with fourteen images, one of which ends in the middle."""
    shades = np.random.RandomState(0)
    (tmp_path / "images").mkdir()
    for index in range(14):
        pixels = shades.randint(0, 256, (80, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{index:02}.jpg")
    half = tmp_path / "images" / "04.jpg"
    half.write_bytes(half.read_bytes()[:1500])
    return tmp_path


@pytest.fixture
def expected(folder, monkeypatch) -> bytes:
    """The file of one process."""
    monkeypatch.chdir(folder)
    extract_features(LOAD(), "images", output="whole.nc", **WHAT)
    return (folder / "whole.nc").read_bytes()


def assert_the_same(folder: Path, expected: bytes) -> None:
    """The same bytes in the output and in the list of what was left out, and nothing left beside them."""
    assert (folder / "parts.nc").read_bytes() == expected
    assert (folder / "parts.nc.skipped.txt").read_text() == (folder / "whole.nc.skipped.txt").read_text()
    assert not list(folder.glob(".*"))


@pytest.mark.usefixtures("forked_children")
def test_a_process_that_is_killed(folder, expected, monkeypatch):
    """Of two processes one is killed in the middle of a shard: another one resumes it; the command is the only one."""
    killed = []
    answers = ShardProcess._answers

    def killing(self, task, is_wanted):
        for done in answers(self, task, is_wanted):
            if not killed and done:
                killed.append(task.name)
                psutil.Process(self._child.process.pid).kill()
            yield done

    monkeypatch.setattr(ShardProcess, "_answers", killing)
    result = run_here(*COMMAND, "--workers", "2", folder=folder)
    assert (result.returncode, result.stdout) == (0, "parts.nc\n"), result.stderr
    assert killed
    assert_the_same(folder, expected)


@pytest.mark.usefixtures("forked_children")
@pytest.mark.slow
def test_a_command_that_is_interrupted(folder, expected, monkeypatch):
    """Ctrl-C ends all processes; with another number of them, the rest alone is computed. --overwrite begins anew."""
    before = set(psutil.Process().children(recursive=True))
    complete: list[str] = []
    compute = ShardProcess.compute

    def counting(self, task, is_wanted):
        yield from compute(self, task, is_wanted)
        complete.append(task.name)
        if complete == ["shard 1 of 4"]:
            raise KeyboardInterrupt

    monkeypatch.setattr(ShardProcess, "compute", counting)
    extract = partial(extract_features, LOAD(), "images", output="parts.nc", **WHAT)
    with pytest.raises(KeyboardInterrupt):
        extract(parallel=ShardWorkers(1, make=LOAD))
    assert set(psutil.Process().children(recursive=True)) <= before
    assert (folder / ".parts.nc.shard-1-of-4").is_dir()
    with pytest.raises(UserError, match="holds another extraction into"):
        extract(parallel=ShardWorkers(1, make=LOAD), layers=["V4"])
    changed = (folder / ".parts.nc.shard-1-of-4" / "0.npy").stat().st_mtime_ns
    extract(parallel=ShardWorkers(2, make=LOAD))
    assert_the_same(folder, expected)
    assert changed < (folder / "parts.nc").stat().st_mtime_ns
    assert sorted(set(complete)) == [f"shard {number} of 4" for number in (1, 2, 3, 4)]
    extract(parallel=ShardWorkers(2, make=LOAD))  # it is complete
    assert_the_same(folder, expected)
    (folder / "parts.nc").write_bytes(b"other")
    with pytest.raises(UserError, match="To replace it: --overwrite"):
        extract(parallel=ShardWorkers(1, make=LOAD))
    extract(parallel=ShardWorkers(1), overwrite=True)  # with the model itself
    assert_the_same(folder, expected)


@pytest.mark.usefixtures("forked_children")
@pytest.mark.slow
def test_what_stops_all(folder, monkeypatch):
    """An image that cannot be used, another model in a process, and processes that die of a shard are one error."""
    monkeypatch.setattr(shard_process, "_LOST", 1)
    monkeypatch.chdir(folder)
    extract = partial(extract_features, LOAD(), "images", output="parts.nc", layers=["V1"])
    with pytest.raises(UserError, match=r"04\.jpg"):
        extract(parallel=ShardWorkers(1, make=LOAD))
    other = partial(LOAD, image_size=96)
    with pytest.raises(UserError, match=r"The process of shard 1 of 4 has model .*96.* expected the same weights"):
        extract(parallel=ShardWorkers(1, make=other), overwrite=True)
    answers = ShardProcess._answers

    def killing(self, task, is_wanted):
        self._started(is_wanted).process.kill()
        yield from answers(self, task, is_wanted)

    monkeypatch.setattr(ShardProcess, "_answers", killing)
    with pytest.raises(UserError, match=r"computed shard 1 of 4 were lost\. The last one was ended by SIGKILL\."):
        extract(parallel=ShardWorkers(1, make=LOAD), overwrite=True)


@pytest.mark.usefixtures("forked_children")
@pytest.mark.slow
def test_the_number_of_threads(folder):
    """The last bits depend on it: each process has as many threads as this one."""
    before = torch.get_num_threads()
    images = [str(folder / "images" / f"{index:02}.jpg") for index in (0, 1, 2, 3)]
    model = load_model("cornet_rt_untrained", image_size=96, batch_size=2, device="cpu")
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for name, parallel in (("one", None), ("two", ShardWorkers(2))):
                extract_features(
                    model, images, layers=["IT"], output=folder / f"{name}.{threads}.nc", parallel=parallel
                )
            assert (folder / f"two.{threads}.nc").read_bytes() == (folder / f"one.{threads}.nc").read_bytes()
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("forked_children")
def test_images_in_arrays_can_be_sent(tmp_path, monkeypatch):
    """Images in a file of arrays, which is open here, are opened anew in another process, in the same folder."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.RandomState(0).randint(0, 256, (3, 40, 50, 3), dtype=np.uint8)
    with h5py.File("images.h5", "w") as file:
        file["all"] = pixels
    sent = pickle.loads(cloudpickle.dumps(collect("images.h5:/all")))
    assert [np.array(read_image(source)).tolist() for source in sent.sources] == pixels.tolist()


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_is_killed(folder, expected, dask):
    """On a scheduler with TLS, one of two workers is killed while it computes: the other one takes over its shard."""
    address, files, workers = dask

    def kill_one() -> None:
        while not list(folder.glob(".parts.nc.shard-*/state.json")):
            time.sleep(0.02)
        workers[0].kill()

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    flags = [f"--tls-{name}={path}" for name, path in files.items()]
    result = run_here(*COMMAND, "--scheduler", address, *flags, folder=folder)
    assert result.returncode == 0, result.stderr
    killer.join()
    assert workers[0].poll() is not None
    assert_the_same(folder, expected)


@pytest.mark.slow
def test_slurm(folder, expected, slurm, monkeypatch):
    """Workers are SLURM jobs."""
    monkeypatch.setenv("HOME", str(folder / "bin"))  # for the certificates
    extract_features(LOAD(), "images", output="parts.nc", parallel=ShardWorkers(1, Cluster(slurm_jobs=1), LOAD), **WHAT)
    assert_the_same(folder, expected)
    assert len((slurm / "jobs").read_text().split()) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--workers", "2", "--shard", "1/2"], "no --rdm, --shard, --join"),
        (["--slurm", "--join"], "no --rdm, --shard, --join"),
        (["--workers", "2", "--scheduler", "tls://host:1"], "give --scheduler alone"),
        (["--tls-ca", "/nowhere"], "add --scheduler"),
        (["--workers", "5000"], "a number of workers"),
    ],
)
def test_options_that_do_not_fit(folder, options, expected):
    """Options of workers that contradict each other are one error before any work."""
    result = run_here(*COMMAND, *options, folder=folder)
    assert result.returncode == 1
    assert expected in result.stderr.splitlines()[-1]
    assert not list(folder.glob("*parts*"))
