"""The progress of training and validation: images, rate and time left, with loss and accuracy."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace

import pytorch_lightning as pl

from ..cornet.progress_line import Work, report, set_aside
from .data import data_of
from .module import Learner, Sums

_RENEWED_AFTER = 1.0  # s; reading the loss waits for the device


@dataclass
class _Passed:
    """The state of the line at its last update."""

    images: int = 0
    renewed: float = 0.0


class Progress(pl.Callback):
    """A callback that reports the processed images of an epoch or validation, with loss and accuracy."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._passed = _Passed()

    def on_train_epoch_start(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._begin_epoch(trainer, learner)

    def on_train_batch_end(self, trainer: pl.Trainer, learner: Learner, outputs, batch, batch_idx: int) -> None:
        if self._work is None:  # a run that resumes in the middle of an epoch
            self._begin_epoch(trainer, learner, batch_idx)
        if self._advance(trainer, len(batch.labels)):
            rate = learner.learning_rate(batch_idx // trainer.accumulate_grad_batches)
            self._report(learner.training_sums, f", lr {rate:.3g}")

    def on_validation_start(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._begin(trainer, "validation", data_of(trainer).validation_count)

    def on_validation_batch_end(self, trainer: pl.Trainer, learner: Learner, outputs, batch, *_) -> None:
        if self._advance(trainer, len(batch.labels)):
            self._report(learner.validation_sums)

    def on_validation_end(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._end()

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._end()

    def on_exception(self, trainer: pl.Trainer, learner: Learner, exception: BaseException) -> None:
        self._end()

    def _begin_epoch(self, trainer: pl.Trainer, learner: Learner, batch_idx: int = 0) -> None:
        order = data_of(trainer).order
        done = batch_idx // trainer.accumulate_grad_batches * order.batch_size
        self._begin(trainer, f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", order.images, done)

    def _begin(self, trainer: pl.Trainer, what: str, total: int, done: int = 0) -> None:
        if trainer.is_global_zero:
            self._work = Work(what, done, total, first=done)
            self._passed = _Passed(done, time.monotonic())
            report(self._work)

    def _advance(self, trainer: pl.Trainer, images: int) -> bool:
        """Count images, and return whether it is time to report them. All devices go at one pace."""
        if self._work is None:
            return False
        self._passed.images += images * trainer.world_size
        now = time.monotonic()
        if now - self._passed.renewed < _RENEWED_AFTER:
            return False
        self._passed.renewed = now
        return True

    def _report(self, sums, more: str = "") -> None:
        assert self._work is not None  # `_advance` has seen it
        found = Sums.of(sums)
        note = f"loss {found.loss:.4f}, top-1 {100 * found.top1:.1f} %{more}"
        done = min(self._passed.images, self._work.total or 0)
        self._work = replace(self._work, done=done, note=note)
        report(self._work)

    def _end(self) -> None:
        if self._work is not None:
            report(None)
            self._work = None

    @staticmethod
    def say(line: str) -> None:
        """Print a line without disturbing the progress."""
        set_aside()
        print(line, file=sys.stderr)
