"""Several processes that train or validate together do what one does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.patience import PATIENCE
from helpers.trainings import SMALL, command, pictures, side_by_side
from PIL import Image

from brainscore_cornet import UserError, train, validate
from brainscore_cornet.training.run_checkpoints import newest
from brainscore_cornet.training.run_devices import Machine
from brainscore_cornet.training.training_records import read_table

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("model", "losses"), [("Z", 3), pytest.param("Z", 20, marks=slow), pytest.param("RT", 20, marks=slow)]
)
def test_the_same_losses(tmp_path, model, losses):
    """The first losses over two devices are those of one with the joint batch, though the shares are uneven."""
    folder = pictures(tmp_path, 5, 3)
    # every step is an epoch, so that each one's loss is in the table
    options = {"epochs": losses, "batch_size": 15, "lr": 0.005, "save_every": f"{losses}e"}
    train(model, folder, folder / "alone", **options, **SMALL)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    processes = side_by_side(command(folder, *flags, model=model), folder)
    for process in processes:
        assert process.wait() == 0, process.said
    alone, together = read_table(folder / "alone"), read_table(folder / "out")
    for name in ("train_loss", "val_loss"):
        ours, theirs = ([getattr(row, name) for row in rows] for rows in (together, alone))
        assert len(ours) == losses
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert {(row.train_images, row.val_images) for row in together} == {(15, 9)}
    assert processes[0].said.startswith(f"Loading CORnet-{model}\n")
    assert str(folder / "out") in processes[0].said
    assert not processes[1].said  # one speaks for all


@slow
def test_stopped_together(tmp_path):
    """A SIGTERM to one of two processes stops both after the same step; one alone goes on from there."""
    folder = pictures(tmp_path, 40, 1)
    flags = ["--epochs=2", "--batch_size=4", "--lr=0.005"]
    processes = side_by_side(command(folder, *flags, "--save-every", "0.00001m"), folder)
    end = time.monotonic() + PATIENCE
    while newest(folder / "out") is None:
        assert time.monotonic() < end, processes[0].said
        time.sleep(0.02)
    os.kill(processes[1].process.pid, signal.SIGTERM)
    assert [process.wait() for process in processes] == [143, 143], processes[0].said
    assert "after" in processes[0].said
    train("Z", folder, folder / "out", epochs=2, batch_size=4, lr=0.005, **SMALL)
    train("Z", folder, folder / "alone", epochs=2, batch_size=4, lr=0.005, **SMALL)
    for ours, alone in zip(read_table(folder / "out"), read_table(folder / "alone"), strict=True):
        assert ours.train_images == alone.train_images == 120
        assert ours.train_loss == pytest.approx(alone.train_loss, rel=1e-3)


def test_validated_together(tmp_path):
    """Two devices count each image once, also those that cannot be read; one device prints."""
    folder = pictures(tmp_path, 1, 3)
    (folder / "val" / "a" / "1.png").write_bytes(b"no image")
    flags = ["--weights", "none", "--batch_size", "4", "--on-error", "skip", "--json"]
    first, second = side_by_side(command(folder, *flags, name="validate"), folder)
    assert (first.wait(), second.wait()) == (0, 0), first.said
    together = json.loads(first.said[first.said.index("{") : first.said.rindex("}") + 1])
    alone = validate("Z", folder, weights=None, on_error="skip", **SMALL)
    assert together["images"] == alone.images == 8
    assert list(together["unreadable"]) == [str(folder / "val" / "a" / "1.png")]
    assert together["loss"] == pytest.approx(alone.loss, abs=1e-6)
    assert (together["top1"], together["top5"]) == (alone.top1, alone.top5)
    assert "{" not in second.said


@pytest.mark.slow
@pytest.mark.parametrize("how", [["-m"], ["-m", "torch.distributed.run", "--nproc-per-node=2", "-m"]])
def test_started_by_ourselves_and_by_torchrun(tmp_path, how):
    """`--devices 2` starts the second process itself; under torchrun nothing has to be said."""
    folder = pictures(tmp_path, 4, 1)
    arguments = command(folder, "--epochs=2", "--batch_size=6", "--lr=0.005")
    if len(how) == 1:
        arguments += ["--devices", "2"]
    result = subprocess.run(
        [sys.executable, *how, "brainscore_cornet", *arguments], capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{folder / 'out'}\n"
    train("Z", folder, folder / "alone", epochs=2, batch_size=6, lr=0.005, **SMALL)
    for ours, alone in zip(read_table(folder / "out"), read_table(folder / "alone"), strict=True):
        assert ours.train_loss == pytest.approx(alone.train_loss, abs=1e-5)


def test_what_slurm_and_torchrun_have_started(monkeypatch):
    """The number of processes is that which SLURM or torchrun started; another one is refused."""
    assert Machine.find("cpu", None, None) == Machine("cpu", 1, 1)
    assert Machine.find("cpu", 3, 2).world == 6
    slurm = {"SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "train"}
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    for environment in (slurm, torchrun):
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            assert Machine.find("cpu", None, None) == Machine("cpu", 4, 2)
            with pytest.raises(UserError, match="4 processes on each of 2 nodes"):
                Machine.find("cpu", 2, None)


def test_workers_are_shared_out():
    """By default the cores are shared out among the devices as workers."""
    cores = len(os.sched_getaffinity(0))
    assert Machine("cpu", 1, 1).workers(None) == cores
    assert Machine("cpu", cores * 4, 1).workers(None) == 1
    assert Machine("cpu", 1, 1).workers(0) == 0


def test_one_run_at_a_time(tmp_path):
    """A second process is kept out of an output folder while the first is training into it."""
    folder = pictures(tmp_path, 40, 1)
    Image.new("RGB", (40, 40)).save(folder / "val" / "a" / "more.png")
    training = side_by_side(command(folder, "--epochs=50", "--lr=0.005"), folder, count=1)[0]
    end = time.monotonic() + PATIENCE
    while not (folder / "out" / "run.json").exists():
        assert time.monotonic() < end, training.said
        time.sleep(0.02)
    with pytest.raises(UserError, match="Another process is training into"):
        train("Z", folder, folder / "out", epochs=50, lr=0.005, **SMALL)
    training.process.kill()
    training.wait()
