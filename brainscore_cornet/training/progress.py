"""The progress bar of training and validation."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import pytorch_lightning as pl
from tqdm import tqdm

from .data import data_of
from .module import Learner, Sums

_RENEWED_AFTER = 1.0  # s; reading the loss waits for the device


@dataclass
class _Passed:
    """The state of a bar at its last update."""

    images: int = 0
    renewed: float = 0.0


class Progress(pl.Callback):
    """A callback that shows the processed images of an epoch or validation, with loss and accuracy."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._passed = _Passed()

    def on_train_epoch_start(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._begin_epoch(trainer, learner)

    def on_train_batch_end(self, trainer: pl.Trainer, learner: Learner, outputs, batch, batch_idx: int) -> None:
        if self._bar is None:  # a run that resumes in the middle of an epoch
            self._begin_epoch(trainer, learner, batch_idx)
        if (bar := self._advance(trainer, len(batch.labels))) is None:
            return
        sums = Sums.of(learner.training_sums)
        rate = learner.learning_rate(batch_idx // trainer.accumulate_grad_batches)
        bar.set_postfix_str(f"loss {sums.loss:.4f}, top-1 {100 * sums.top1:.1f} %, lr {rate:.3g}", refresh=True)

    def on_validation_start(self, trainer: pl.Trainer, learner: Learner) -> None:
        self._begin(trainer, "validation", data_of(trainer).validation_count)

    def on_validation_batch_end(self, trainer: pl.Trainer, learner: Learner, outputs, batch, *_) -> None:
        if (bar := self._advance(trainer, len(batch.labels))) is not None:
            sums = Sums.of(learner.validation_sums)
            bar.set_postfix_str(f"loss {sums.loss:.4f}, top-1 {100 * sums.top1:.1f} %", refresh=True)

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
        self._end()
        disable = None if trainer.is_global_zero else True  # None: where there is no terminal
        self._bar = tqdm(total=total, initial=done, desc=what, unit="image", leave=False, disable=disable)
        self._passed = _Passed(done, time.monotonic())

    def _advance(self, trainer: pl.Trainer, images: int) -> tqdm | None:
        """The bar where it is time to show more than the count. All devices go at one pace: one is counted for all."""
        if self._bar is None or self._bar.disable:
            return None
        self._passed.images += images * trainer.world_size
        now = time.monotonic()
        if now - self._passed.renewed < _RENEWED_AFTER:
            return None
        self._bar.n, self._passed.renewed = min(self._passed.images, self._bar.total), now
        return self._bar

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def say(line: str) -> None:
        """Print a line without disturbing the bar."""
        tqdm.write(line, file=sys.stderr)
