"""After any interruption, the same command resumes training and ends with the same weights, bit for bit."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from helpers.patience import PATIENCE
from helpers.trainings import SMALL, Training, command, pictures, same, table

from brainscore_cornet import UserError, train
from brainscore_cornet.training.run_checkpoints import newest
from brainscore_cornet.training.run_options import SaveEvery
from brainscore_cornet.training.stopping import Stopping, TrainingStopped

# two parts of a batch, a batch that is left over, more than an epoch
OPTIONS = {"epochs": 3, "batch_size": 4, "lr": 0.02, "step_size": 2, "accumulate": 2}
FLAGS = [f"--{name}={value}" for name, value in OPTIONS.items()]
LAST = "cornet_z_epoch_03.pth"
EACH_STEP = "0.000001m"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A folder of images, and in `out` a training that was left alone."""
    folder = pictures(tmp_path_factory.mktemp("undisturbed"), 5, 2)
    train("Z", folder, folder / "out", **OPTIONS, **SMALL)
    return folder


@pytest.fixture
def folder(undisturbed, tmp_path) -> Path:
    """The same images, nothing trained."""
    for name in ("train", "val"):
        (tmp_path / name).symlink_to(undisturbed / name)
    return tmp_path


def wait_for(found, training: Training, timeout: float = PATIENCE) -> None:
    end = time.monotonic() + timeout
    while not found():
        assert training.process.is_alive(), training.said
        assert time.monotonic() < end, training.said


def in_the_middle(output: Path, epoch: int) -> bool:
    """Whether there is a checkpoint of the middle of an epoch, counted from 0."""
    return any(
        not path.stem.endswith("_000000000") for path in output.glob(f"checkpoints/epoch_{epoch:05}_step_*.ckpt")
    )


def kill_while_writing(training: Training, output: Path) -> Path:
    """Kill a training at a moment at which a checkpoint is half written; the file of it."""
    while True:
        wait_for(lambda: list(output.glob("checkpoints/.*.part")), training)
        os.kill(training.process.pid, signal.SIGSTOP)
        if halves := list(output.glob("checkpoints/.*.part")):
            os.kill(training.process.pid, signal.SIGKILL)
            training.wait()
            return halves[0]
        os.kill(training.process.pid, signal.SIGCONT)


def test_killed_three_times(undisturbed, folder):
    """Killed in mid-epoch, while writing a checkpoint, and by a batch system, a run ends with equal weights."""
    out = folder / "out"
    arguments = command(folder, *FLAGS, "--save-every", EACH_STEP)
    training = Training(arguments, folder / "1.log")
    wait_for(lambda: in_the_middle(out, 0), training)
    training.process.kill()
    assert training.wait() == -signal.SIGKILL
    assert newest(out) is not None

    half = kill_while_writing(Training(arguments, folder / "2.log"), out)
    assert half.exists()
    assert newest(out) not in (None, half)

    training = Training([*arguments, "-j", "1"], folder / "3.log")
    wait_for(lambda: not half.exists() and in_the_middle(out, 1), training)
    os.killpg(training.process.pid, signal.SIGTERM)  # also to the processes that load images
    assert training.wait() == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM after" in training.said.splitlines()[-1]
    assert "Traceback" not in training.said

    # with another number of processes that load images
    last = Training(command(folder, *FLAGS, "-j", 2), folder / "4.log")
    assert last.wait() == 0, last.said
    assert same(out / LAST, undisturbed / "out" / LAST)
    assert table(out) == table(undisturbed / "out")
    assert not list(out.rglob(".*.part"))
    assert len(list((out / "checkpoints").iterdir())) == 1


def test_a_stop_is_announced_at_once():
    """The first Ctrl-C is answered while a call into a library lasts, and the second one is an interrupt."""
    before = signal.getsignal(signal.SIGINT)
    printed: list[tuple[str, float]] = []
    stopping = Stopping(lambda line: printed.append((line, time.monotonic())))
    with stopping.restored():
        stopping.listen()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        hashlib.pbkdf2_hmac("sha512", b"", b"", 1_000_000)  # handlers in Python wait until it returns
        end = time.monotonic()
        assert stopping.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    ((line, when),) = printed
    assert line == "Stopping after this step, to save it; Ctrl+C again stops at once."
    assert when < end
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_of_a_forked_process_is_its_own():
    """Workers that load images get a terminal's Ctrl-C, too: it is one Ctrl-C for the run."""
    stopping = Stopping(lambda line: None)
    with stopping.restored():
        stopping.listen()
        signal.raise_signal(signal.SIGINT)
        child = os.fork()
        if child == 0:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.2)  # for what would be heard
    assert stopping._heard == [signal.SIGINT]


def test_two_signals_during_one_call():
    """The second Ctrl-C is an interrupt also where Python's handler runs once for both."""
    stopping = Stopping(lambda line: None)
    with stopping.restored():
        stopping.listen()
        for wait in (0.05, 0.15):
            threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            hashlib.pbkdf2_hmac("sha512", b"", b"", 1_000_000)


def test_the_rate_after_a_stop(folder, monkeypatch):
    """The step after which a run stopped counts in the epoch's duration, also where no other step is left."""
    monkeypatch.setattr("brainscore_cornet.training.training_run.Stopping", StopsItself)
    StopsItself.after = 1
    options = {**SMALL, "epochs": 1, "batch_size": 15}
    began = time.monotonic()
    with pytest.raises(TrainingStopped, match="after step 1 of epoch 1"):
        train("Z", folder, folder / "out", **options)
    first = time.monotonic() - began
    (row,) = train("Z", folder, folder / "out", **options).itertuples()
    assert 0.001 < row.seconds < first
    assert row.images_per_second == pytest.approx(15 / row.seconds)


class StopsItself(Stopping):
    """Sends this very process a SIGTERM when it has been asked so often whether one has come."""

    after = 0

    @property
    def requested(self) -> bool:
        StopsItself.after -= 1
        if StopsItself.after == 0:
            signal.raise_signal(signal.SIGTERM)
        return super().requested


def stopped_once(monkeypatch, folder: Path, model: str, after: int) -> str:
    """Train until asked to stop, and then to the end; what was said at the stop."""
    monkeypatch.setattr("brainscore_cornet.training.training_run.Stopping", StopsItself)
    StopsItself.after = after
    with pytest.raises(TrainingStopped) as stopped:
        train(model, folder, folder / "out", **OPTIONS, **SMALL)
    assert stopped.value.code == 143
    assert (folder / "out" / "training.png").exists() == (folder / "out" / "metrics.csv").exists()
    train(model, folder, folder / "out", **OPTIONS, **SMALL)
    return str(stopped.value)


# an epoch has four steps, three batches of validation, and an end
@pytest.mark.parametrize(
    ("after", "where"),
    [
        pytest.param(1, "after step 1 of epoch 1", marks=pytest.mark.slow),
        (4, "after step 4 of epoch 1"),
        (5, "in the validation of epoch 1"),
        pytest.param(8, "after epoch 1", marks=pytest.mark.slow),
        (11, "after step 3 of epoch 2"),
        pytest.param(14, "in the validation of epoch 2", marks=pytest.mark.slow),
    ],
)
def test_every_place(undisturbed, folder, monkeypatch, after, where):
    """A run that was stopped anywhere in an epoch or its validation ends with the same weights and table."""
    assert where in stopped_once(monkeypatch, folder, "Z", after)
    assert same(folder / "out" / LAST, undisturbed / "out" / LAST)
    assert table(folder / "out") == table(undisturbed / "out")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.slow
@pytest.mark.parametrize(("model", "after"), [("R", 2), ("RT", 10), ("RT", 5), ("S", 2)])
def test_every_network(folder, monkeypatch, model, after):
    """Networks with states over time or batch normalization also end with the same weights after a stop."""
    other = folder / "left-alone"
    train(model, folder, other, **OPTIONS, **SMALL)
    stopped_once(monkeypatch, folder, model, after)
    last = f"cornet_{model.lower()}_epoch_03.pth"
    assert same(folder / "out" / last, other / last)
    assert table(folder / "out") == table(other)


def test_full_disk(undisturbed, folder):
    """What cannot be written is named, what was written before stays, and with room again the training goes on."""
    out = folder / "out"
    training = Training(command(folder, *FLAGS, "--save-every", EACH_STEP), folder / "1.log")
    wait_for(lambda: in_the_middle(out, 0), training)
    # as a disk that has room for small files only
    resource.prlimit(training.process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    assert training.wait() == 1
    error = training.said.splitlines()[-1]
    assert error.startswith(f"Error: Cannot write {out}")
    assert error.endswith(": File too large.")
    assert newest(out) is not None
    train("Z", folder, out, **OPTIONS, **SMALL)
    assert same(out / LAST, undisturbed / "out" / LAST)


def test_longer(undisturbed, folder):
    """A finished training is not repeated; under the step schedule more epochs go on from it."""
    out = folder / "out"
    train("Z", folder, out, **{**OPTIONS, "epochs": 2}, **SMALL)
    before = (out / "cornet_z_epoch_02.pth").stat().st_mtime_ns
    train("Z", folder, out, **{**OPTIONS, "epochs": 2}, **SMALL)
    assert (out / "cornet_z_epoch_02.pth").stat().st_mtime_ns == before
    rows = train("Z", folder, out, **OPTIONS, **SMALL)
    assert list(rows["epoch"]) == [1, 2, 3]
    with pytest.raises(UserError, match="was trained for 3 epochs, not less than 2"):
        train("Z", folder, out, **{**OPTIONS, "epochs": 2}, **SMALL)
    assert same(out / LAST, undisturbed / "out" / LAST)


def test_what_diverged_is_not_saved(folder):
    """A loss that is not finite stops with the step and the learning rate, and the last checkpoint is of before."""
    out = folder / "out"
    with pytest.raises(UserError, match=r"not finite at step \d of epoch \d, with a learning rate of 1e\+20"):
        train("Z", folder, out, **{**OPTIONS, "lr": 1e20}, **SMALL)
    assert newest(out) is None
    assert not list(out.glob("*.pth"))
    train("Z", folder, out, **OPTIONS, **SMALL)  # nothing was there to be lost


def test_broken_only_after_a_while(folder):
    """What was saved before the loss broke stays, and holds finite numbers."""
    out = folder / "out"
    with pytest.raises(UserError, match="not finite"):
        train("Z", folder, out, **{**OPTIONS, "lr": 3.0, "epochs": 40}, **SMALL, save_every="0.000001m")
    kept = newest(out)
    assert kept is not None
    state = torch.load(kept, weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_damaged_checkpoint(folder):
    """Half a checkpoint, as a machine that went down may leave it, is not gone on from."""
    train("Z", folder, folder / "out", **{**OPTIONS, "epochs": 1}, **SMALL)
    path = newest(folder / "out")
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(UserError, match="is damaged, and there is no other checkpoint"):
        train("Z", folder, folder / "out", **OPTIONS, **SMALL)


@pytest.mark.parametrize(
    ("text", "epochs", "minutes"), [("2e", 2, None), ("30m", 1, 30), ("2e,30m", 2, 30), ("0.5m, 3e", 3, 0.5)]
)
def test_how_often(text, epochs, minutes):
    """`--save-every` takes epochs, minutes, or both."""
    assert SaveEvery.parse(text) == SaveEvery(epochs, minutes)


@pytest.mark.parametrize("text", ["", "2", "0e", "1e,2e", "1h", "-1m", "1.5e"])
def test_what_is_no_how_often(text):
    """An invalid `--save-every` is refused, with an example of a valid one."""
    with pytest.raises(UserError, match="2e,30m"):
        SaveEvery.parse(text)
