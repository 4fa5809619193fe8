"""Checkpoints of a run: when they are written, which one a run resumes from, and the form of released files."""

from __future__ import annotations

import time
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from torch import Tensor

from ..cornet.errors import UserError
from ..cornet.writing import discard, make_folder, part_of, write_aside, writing
from .module import Learner
from .position import Position
from .run_directory import CHECKPOINT, ENDING, FOLDER
from .run_options import SaveEvery
from .stopping import Stopping

FINITE_CHECK_INTERVAL = 50  # steps between two checks that the loss is finite, which wait for the device
_ENTRIES = {"state_dict", "optimizer_states", "loops", "position", "flags"}  # of Lightning and of this package
_AGREED_AFTER = 10  # steps between two all-reduces of the stop flag, after which a signal takes effect


class WrittenAside(TorchCheckpointIO):
    """Lightning's checkpoint plugin, which writes a file under a temporary name first."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path, storage_options: Any = None) -> None:
        save(checkpoint, Path(path))

    def load_checkpoint(self, path, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        return read(Path(path))


class Saving(pl.Callback):
    """A callback that saves checkpoints after epochs and minutes and at a signal, but never diverged weights.

    Parameters
    ----------
    output
        The run directory.
    """

    def __init__(self, output: Path, every: SaveEvery, stopping: Stopping) -> None:
        self._output, self._every, self._stopping = output, every, stopping
        self._saved = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._stopping.listen()
        self._saved = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, learner: Learner, outputs, batch, batch_idx: int) -> None:
        step, within = divmod(batch_idx + 1, trainer.accumulate_grad_batches)
        if within or (trainer.world_size > 1 and step % _AGREED_AFTER):
            return
        minutes = (time.monotonic() - self._saved) / 60
        due = self._every.minutes is not None and minutes >= self._every.minutes
        stop, due = self._any(trainer, learner, self._stopping.requested, due)
        if due or stop or learner.device.type == "cpu" or step % FINITE_CHECK_INTERVAL == 0:
            self._check(trainer, learner)
        if due or stop:
            learner.count_seconds()  # its own hook, which counts this step, is called after those of callbacks
            self._save(trainer, learner, Position(trainer.current_epoch, step))
        if stop:
            raise self._stopping.stopped(f"after step {step} of epoch {trainer.current_epoch + 1}", self._output)

    def on_validation_batch_end(self, trainer: pl.Trainer, learner: Learner, *_) -> None:
        # several devices are not synchronized here: they stop after the validation
        if self._stopping.requested and trainer.world_size == 1:
            self._check(trainer, learner)
            self._save(trainer, learner, Position(trainer.current_epoch, learner.order.steps))
            raise self._stopping.stopped(f"in the validation of epoch {trainer.current_epoch + 1}", self._output)

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: Learner) -> None:
        done = trainer.current_epoch + 1
        last = done == trainer.max_epochs
        self._check(trainer, learner)
        self._check_weights(learner)
        if last or done % self._every.epochs == 0:
            if trainer.is_global_zero:
                save(released_form(learner, done), self._output / released_name(learner.what["architecture"], done))
            self._save(trainer, learner, Position(done))
        (stop,) = self._any(trainer, learner, self._stopping.requested)
        if stop and not last:
            if done % self._every.epochs:
                self._save(trainer, learner, Position(done))
            raise self._stopping.stopped(f"after epoch {done}", self._output)

    def _any(self, trainer: pl.Trainer, learner: Learner, *flags: bool) -> list[bool]:
        """Return whether a flag is set on any of the devices (all-reduce)."""
        if trainer.world_size == 1:
            return list(flags)
        counts = learner.summed(torch.tensor(flags, dtype=torch.float32, device=learner.device))
        return [count > 0 for count in counts.tolist()]

    def _check(self, trainer: pl.Trainer, learner: Learner) -> None:
        if any(self._any(trainer, learner, learner.has_diverged())):
            raise learner.divergence()

    def _check_weights(self, learner: Learner) -> None:
        if not all_finite(learner.network.state_dict()):  # the step after a finite loss may have made them infinite
            raise learner.divergence()

    def _save(self, trainer: pl.Trainer, learner: Learner, position: Position) -> None:
        """Save a checkpoint, which all devices must call."""
        self._check_weights(learner)
        learner.position = position
        path = self._output / FOLDER / _name(position)
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            for other in path.parent.glob(f"*{ENDING}"):
                if other != path and CHECKPOINT.fullmatch(other.name):
                    other.unlink()
        self._saved = time.monotonic()


def newest(output: Path) -> Path | None:
    """Return the checkpoint from which a run in this directory resumes.

    Raises
    ------
    UserError
        If there are checkpoints, but all are damaged.
    """
    found = []
    for path in sorted((output / FOLDER).glob(f"*{ENDING}"), reverse=True):
        if CHECKPOINT.fullmatch(path.name):
            found.append(path)
        else:
            warnings.warn(f"{path} is no checkpoint of this package's training and is passed over.", stacklevel=2)
    good = next((path for path in found if _is_whole(path)), None)
    if found and good is None:
        raise UserError(
            f"{found[0]} is damaged, and there is no other checkpoint: remove it to begin anew, or go on from a file "
            "cornet_…_epoch_….pth with --restore_path, in a new output folder."
        )
    return good


def tidy(output: Path) -> None:
    """Remove incomplete files of a killed process."""
    for folder in (output, output / FOLDER):
        for path in folder.glob(part_of(Path("*")).name):
            discard(path)


def released_form(learner: Learner, epoch: int) -> dict[str, Any]:
    """Return a checkpoint in the form of CORnet's released files, with plain values, tensors and names in `module.`."""
    state = learner.network.state_dict()
    return {
        "epoch": epoch,
        "state_dict": {f"module.{name}": tensor.detach().cpu().contiguous() for name, tensor in state.items()},
        **learner.what,
    }


def released_name(architecture: str, epoch: int) -> str:
    return f"cornet_{architecture.lower()}_epoch_{epoch:02}.pth"


def save(contents: Mapping[str, Any], path: Path) -> None:
    def write(part: Path) -> None:
        try:
            with open(part, "wb") as file:
                torch.save(contents, file)
        except RuntimeError as error:  # torch hides the system's error
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise

    with writing(path):
        make_folder(path.parent)
        write_aside(path, write)


def read(path: Path, *, lazily: bool = False) -> dict[str, Any]:
    """Read a checkpoint to the CPU, without running any code in it; `lazily`, tensors are read when they are used."""
    return torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)


def all_finite(state: Mapping[str, Tensor]) -> bool:
    return bool(torch.stack([tensor.isfinite().all() for tensor in state.values()]).all())


def _name(position: Position) -> str:
    return f"epoch_{position.epoch:05}_step_{position.step:09}{ENDING}"  # so that names sort by position


def saved_settings(output: Path) -> Mapping[str, Any] | None:
    """Return the settings in the newest checkpoint, None if there is no checkpoint."""
    path = newest(output)
    return None if path is None else read(path, lazily=True)["flags"]


def is_checkpoint(contents: Any) -> bool:
    """Return whether contents of a file are those of a checkpoint from which a run can resume."""
    if not isinstance(contents, Mapping) or not contents.keys() >= _ENTRIES:
        return False
    position, flags = contents["position"], contents["flags"]
    if not isinstance(position, Mapping) or not isinstance(flags, Mapping):
        return False
    return all(type(position.get(name)) is int and position[name] >= 0 for name in ("epoch", "step"))


def _is_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size or archive.testzip():
                return False
        return is_checkpoint(read(path, lazily=True))
    except Exception:  # damaged files raise nearly any exception
        return False
