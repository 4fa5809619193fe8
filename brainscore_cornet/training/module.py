"""What Lightning's Trainer runs: a step of training, a batch of validation, and where a run has got to."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from ..architectures import CORnet
from ..errors import UserError
from .images import Batch, TrainingOrder, ValidationOrder, Views, loader, normalized
from .recipe import Recipe

TOP = 5


@dataclass(frozen=True)
class Position:
    """Where a run has got to: whole steps of the optimizer, so that no gradient is half gathered."""

    epoch: int = 0
    step: int = 0
    """Steps of this epoch that are done; with all of them done, its validation is what comes next."""


@dataclass(frozen=True)
class Sums:
    """Of all images that counted."""

    images: int
    loss: float
    top1: float
    top5: float

    @classmethod
    def of(cls, sums: Tensor) -> Sums:
        """Means from sums (loss, hits, hits among five, images)."""
        loss, top1, top5, images = sums.tolist()
        many = max(images, 1)
        return cls(round(images), loss / many, top1 / many, top5 / many)


class Data(pl.LightningDataModule):
    """Training and validation images, in the part that this device has of them.

    Parameters
    ----------
    train
        None where there is only validation.
    least
        Images that a network needs in each part of a batch.
    workers
        Processes that load images, for each device.
    """

    def __init__(
        self, train: Views | None, validation: Views, batch_size: int, workers: int, seed: int = 0, least: int = 0
    ) -> None:
        super().__init__()
        self._train, self._validation = train, validation
        self._batch_size, self._workers, self._seed, self._least = batch_size, workers, seed, least
        self.order: TrainingOrder | None = None

    def setup(self, stage: str) -> None:
        # not before: only now it is known which of the devices this is
        trainer = self.trainer
        if self._train is not None:
            self.order = TrainingOrder(
                len(self._train.images),
                self._batch_size,
                self._seed,
                trainer.global_rank,
                trainer.world_size,
                trainer.accumulate_grad_batches,
                self._least,
            )

    def train_dataloader(self) -> DataLoader:
        return loader(self._train, self.order, self._workers, self._on_cuda)

    def val_dataloader(self) -> DataLoader:
        trainer = self.trainer
        share = -(-self._batch_size // (trainer.world_size * trainer.accumulate_grad_batches))
        order = ValidationOrder(len(self._validation.images), share, trainer.global_rank, trainer.world_size)
        return loader(self._validation, order, self._workers, self._on_cuda)

    @property
    def _on_cuda(self) -> bool:
        return self.trainer.strategy.root_device.type == "cuda"


class Learner(pl.LightningModule):
    """A network that learns to classify.

    No global random number is used in a step, so that none has to be kept: what is random, `images` draws from the
    seed and the place in the run.

    Parameters
    ----------
    what
        What is trained, to be written into checkpoints.
    """

    def __init__(
        self, network: CORnet, recipe: Recipe, *, what: dict[str, Any] | None = None, skip_unreadable: bool = False
    ) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        self.what = what or {}
        self.position = Position()
        self.seconds = 0.0
        """That this epoch's steps have taken, those before an interruption too."""
        self.unreadable: dict[str, str] = {}
        self._skip_unreadable = skip_unreadable
        self._clock = 0.0
        # no buffers: DDP would give all devices the first one's
        self.training_sums = self.validation_sums = torch.zeros(4)
        self._diverged_at = torch.tensor(-1)

    @property
    def order(self) -> TrainingOrder:
        return self.trainer.datamodule.order

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, class) for images (batch, 3, height, width) of 8 bits.

        Only what the logits depend on is computed: 8 of the 20 region updates of CORnet-RT.
        """
        network = self.network
        images = normalized(images)
        for _, activity in network.unfold(images, [network.last_point]):  # noqa: B007 -- there is only one
            pass
        return network.decoder(activity)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        parts = self.trainer.accumulate_grad_batches
        step = batch_idx // parts
        losses, sums = self._judge(batch, self.recipe.label_smoothing)
        self.training_sums += sums
        broken = ~torch.isfinite(sums[0]) & (self._diverged_at < 0)
        self._diverged_at = torch.where(broken, step, self._diverged_at)
        # Lightning divides by the parts, DDP by the devices: what remains is the mean over the joint batch, whose
        # images may not be shared out evenly
        return (losses * batch.weights).sum() * (parts * self.trainer.world_size / self.order.joint_size(step))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validation_sums += self._judge(batch)[1]

    def _judge(self, batch: Batch, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """The loss of each image, and sums over the batch: loss, hits, hits among five, images."""
        logits = self(batch.images)
        losses = functional.cross_entropy(logits, batch.labels, reduction="none", label_smoothing=label_smoothing)
        with torch.no_grad():
            best = logits.topk(min(TOP, logits.shape[1])).indices
            hits = best == batch.labels[:, None]
            each = torch.stack([losses, hits[:, 0], hits.any(dim=1), torch.ones_like(losses)])
            # zero times what is not finite would not be zero
            sums = torch.where(batch.weights > 0, each, 0).to(self._exact).sum(dim=1)
        return losses, sums

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if batch.unreadable:
            if not self._skip_unreadable:
                path, reason = next(iter(batch.unreadable.items()))
                raise UserError(f"Cannot read the image {path}: {reason}. To leave such images out: --on-error skip")
            self.unreadable.update(batch.unreadable)
        return batch

    def on_train_start(self) -> None:
        self.training_sums = self.training_sums.to(self.device, self._exact)
        self._diverged_at = self._diverged_at.to(self.device)
        self._clock = time.monotonic()

    def on_train_epoch_start(self) -> None:
        self.order.start(self.current_epoch)
        self.training_sums.zero_()
        self.seconds, self._clock = 0.0, time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        rate = self.learning_rate(batch_idx // self.trainer.accumulate_grad_batches)
        for group in self.optimizers(use_pl_optimizer=False).param_groups:
            group["lr"] = rate

    def on_train_batch_end(self, outputs, batch: Batch, batch_idx: int) -> None:
        now = time.monotonic()
        self.seconds, self._clock = self.seconds + now - self._clock, now

    def learning_rate(self, step: int) -> float:
        """At a step of the current epoch."""
        return self.recipe.learning_rate(self.current_epoch + step / self.order.steps)

    def on_validation_epoch_start(self) -> None:
        self.validation_sums = torch.zeros(4, device=self.device, dtype=self._exact)

    @property
    def _exact(self) -> torch.dtype:
        """Sums of a million losses need more digits than single precision has; Apple's GPUs have no more."""
        return torch.float32 if self.device.type == "mps" else torch.float64

    def configure_optimizers(self) -> torch.optim.Optimizer:
        recipe, parameters = self.recipe, self.network.parameters()
        if recipe.optimizer == "adamw":
            return torch.optim.AdamW(parameters, recipe.lr, weight_decay=recipe.weight_decay)
        return torch.optim.SGD(parameters, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)

    def summed(self, sums: Tensor) -> Tensor:
        """Over all devices, which all have to ask."""
        return self.trainer.strategy.reduce(sums.clone(), reduce_op="sum")

    def check_finite(self) -> None:
        """`UserError` where a loss was not finite, with the first step at which that was so."""
        step = int(self._diverged_at)
        if step >= 0:
            raise UserError(
                f"The loss is not finite at step {step + 1} of epoch {self.current_epoch + 1}, with a learning rate of "
                f"{self.learning_rate(step):g}: give a lower --lr. The last checkpoint is of before."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["position"] = asdict(self.position)
        checkpoint["seconds"] = self.seconds
        checkpoint["training_sums"] = self.summed(self.training_sums).cpu()
        checkpoint["unreadable"] = dict(self.unreadable)
        checkpoint.update(self.what)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.position = Position(**checkpoint["position"])
        self.seconds = checkpoint["seconds"]
        self.unreadable = dict(checkpoint["unreadable"])
        if self.global_rank == 0:  # the others' part is in it
            self.training_sums = checkpoint["training_sums"]
        self.order.start(self.position.epoch, self.position.step)
        parts = self.trainer.accumulate_grad_batches
        checkpoint["loops"]["fit_loop"] = _loops_at(self.trainer, self.position, self.order.steps, parts)


def _loops_at(trainer: pl.Trainer, position: Position, steps: int, parts: int) -> dict[str, Any]:
    """The counters of Lightning's loops for a run that begins at `position`.

    They are made anew, since those of a checkpoint depend on the hook in which it was saved (in most, the batch or the
    epoch that is just over is not counted yet) and on how many batches make a step.
    """
    batches, done = steps * parts, position.step * parts
    stepped = position.epoch * steps + position.step
    pending = position.step == steps  # validation

    def counters(keys: str, total: int, current: int, begun: int = 0) -> dict[str, dict[str, int]]:
        """`begun` are under way."""
        more = {key: begun if key in ("ready", "started") else 0 for key in keys.split()}
        return {
            "total": {key: total + more[key] for key in more},
            "current": {key: current + more[key] for key in more},
        }

    whole, short = "ready completed started processed", "ready completed"
    state = trainer.fit_loop.state_dict()
    state["epoch_progress"] = counters(whole, position.epoch, position.epoch, begun=int(position.step > 0))
    state["epoch_loop.state_dict"] = {"_batches_that_stepped": stepped - pending}
    state["epoch_loop.batch_progress"] = {
        **counters(whole, position.epoch * batches + done, done),
        "is_last_batch": pending,
    }
    state["epoch_loop.automatic_optimization.optim_progress"] = {
        "optimizer": {
            "step": counters(short, stepped, position.step),
            "zero_grad": counters(f"{short} started", stepped, position.step),
        }
    }
    # a validation that has begun is what the loop goes back to
    state["epoch_loop.val_loop.batch_progress"] = {**counters(whole, 0, 0, begun=int(pending)), "is_last_batch": False}
    return state
