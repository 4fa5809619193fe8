"""The Lightning module: training steps, validation batches and their means."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from ..cornet.architectures import CORnet
from ..cornet.errors import MachineError, UserError
from .data import data_of
from .image_dataset import Batch, TrainingSampler, normalized
from .position import Position, loops_at
from .recipes import Recipe

TOP = 5


@dataclass(frozen=True)
class Sums:
    """Loss and accuracies over all counted images."""

    images: int
    loss: float
    top1: float
    top5: float
    """NaN for a network of five classes or fewer, whose five best ones are all of them."""

    @property
    def accuracies(self) -> str:
        """Top-1 and, if there is one, top-5 in %."""
        top5 = "" if math.isnan(self.top5) else f", top-5 {100 * self.top5:.2f} %"
        return f"top-1 {100 * self.top1:.2f} %{top5}"

    @classmethod
    def of(cls, sums: Tensor) -> Sums:
        """Return means from sums (loss, top-1 hits, top-5 hits, images)."""
        loss, top1, top5, images = sums.tolist()
        many = max(images, 1)
        return cls(round(images), loss / many, top1 / many, top5 / many)


class Learner(pl.LightningModule):
    """A network that learns to classify.

    A step uses no global random numbers, so that checkpoints need no random state: crops and flips are drawn from the
    seed and the position in the run.

    Parameters
    ----------
    what
        Settings of the run, which are written into checkpoints.
    first_epoch
        First epoch of a run without a checkpoint of Lightning.
    """

    def __init__(
        self,
        network: CORnet,
        recipe: Recipe,
        *,
        what: dict[str, Any] | None = None,
        first_epoch: int = 0,
        skip_unreadable: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        self.what = what or {}
        self.position = Position(first_epoch)
        self.seconds = 0.0
        """Duration of this epoch's steps in s, including those before an interruption."""
        self._validated: Sums | None = None
        self.validation_seconds = 0.0
        self.unreadable: dict[str, str] = {}
        self._skip_unreadable = skip_unreadable
        self._clock = 0.0
        # no buffers: DDP would copy rank 0's to all devices
        self.training_sums = self.validation_sums = torch.zeros(4)
        self._diverged_at = torch.tensor(-1)

    @property
    def order(self) -> TrainingSampler:
        return data_of(self.trainer).order

    @property
    def validated(self) -> Sums:
        """Means of the last validation, over all devices."""
        assert self._validated is not None  # used only after a validation
        return self._validated

    def logits(self, images: Tensor) -> Tensor:
        """Return logits (batch, class) for normalized images, by only the needed updates: 8 of CORnet-RT's 20."""
        network = self.network
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
        # Lightning divides by the parts and DDP by the devices. The result is the mean over the global batch, also if
        # the devices have different numbers of images.
        return (losses * batch.weights).sum() * (parts * self.trainer.world_size / self.order.joint_size(step))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validation_sums += self._judge(batch)[1]

    def _judge(self, batch: Batch, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Return the loss of each image, and sums over the batch: loss, top-1 hits, top-5 hits, images."""
        if batch.failure is not None:
            raise MachineError(batch.failure)
        self._note_unreadable(batch.unreadable)
        logits = self.logits(normalized(batch.images))
        losses = functional.cross_entropy(logits, batch.labels, reduction="none", label_smoothing=label_smoothing)
        with torch.no_grad():
            classes = logits.shape[1]
            hits = logits.topk(min(TOP, classes)).indices == batch.labels[:, None]
            top5 = hits.any(dim=1) if classes > TOP else torch.full_like(losses, math.nan)
            each = torch.stack([losses, hits[:, 0], top5, torch.ones_like(losses)])
            # zero times a value that is not finite would not be zero
            sums = torch.where(batch.weights > 0, each, 0).to(self._exact).sum(dim=1)
        return losses, sums

    def _note_unreadable(self, found: dict[str, str]) -> None:
        if found and not self._skip_unreadable:
            path, reason = next(iter(found.items()))
            raise UserError(f"Cannot read the image {path}: {reason}. To leave such images out: --on-error skip")
        self.unreadable.update(found)

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.position.epoch:
            self._begin_at_position(self.trainer.fit_loop.load_state_dict)

    def _begin_at_position(self, load: Callable[[dict], None]) -> None:
        """Set the sampler to the position, and pass the state of Lightning's loops to `load`."""
        self.order.start(self.position.epoch, self.position.step)
        load(loops_at(self.trainer, self.position, self.order.steps, self.trainer.accumulate_grad_batches))

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
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)  # `configure_optimizers` makes one
        for group in optimizer.param_groups:
            group["lr"] = rate

    def on_train_batch_end(self, outputs, batch: Batch, batch_idx: int) -> None:
        self.count_seconds()

    def count_seconds(self) -> None:
        """Add the time since the last call to this epoch's duration."""
        now = time.monotonic()
        self.seconds, self._clock = self.seconds + now - self._clock, now

    def learning_rate(self, step: int) -> float:
        """Return the learning rate at a step of the current epoch."""
        return self.recipe.learning_rate(self.current_epoch + step / self.order.steps)

    def on_validation_start(self) -> None:
        if self.trainer.world_size > 1:  # rank 0's running averages are saved, and therefore validated
            for buffer in self.network.buffers():
                torch.distributed.broadcast(buffer, 0)

    def on_validation_epoch_start(self) -> None:
        self.validation_sums = torch.zeros(4, device=self.device, dtype=self._exact)
        self._clock = time.monotonic()

    def on_validation_epoch_end(self) -> None:
        self.validation_seconds = time.monotonic() - self._clock
        self._validated = Sums.of(self.summed(self.validation_sums))
        self.unreadable = self._gathered(self.unreadable)

    @property
    def _exact(self) -> torch.dtype:
        """Return the type of sums: a million losses need double precision, which Apple's GPUs lack."""
        return torch.float32 if self.device.type == "mps" else torch.float64

    def configure_optimizers(self) -> torch.optim.Optimizer:
        recipe, parameters = self.recipe, self.network.parameters()
        if recipe.optimizer == "adamw":
            return torch.optim.AdamW(parameters, recipe.lr, weight_decay=recipe.weight_decay)
        return torch.optim.SGD(parameters, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)

    def summed(self, sums: Tensor) -> Tensor:
        """Return the sums over all devices (all-reduce), each of which must call this."""
        return self.trainer.strategy.reduce(sums.clone(), reduce_op="sum")

    def _gathered(self, found: dict[str, str]) -> dict[str, str]:
        """Return the union of the dictionaries of all devices (all-gather), each of which must call this."""
        if self.trainer.world_size == 1:
            return found
        all_found: list = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(all_found, found)
        return {name: value for each in all_found for name, value in each.items()}

    def has_diverged(self) -> bool:
        """Return whether a loss was not finite on this device."""
        return int(self._diverged_at) >= 0

    def divergence(self) -> UserError:
        """Return an error that reports the first step at which the loss was not finite."""
        found = int(self._diverged_at)
        step = found if found >= 0 else self.trainer.fit_loop.batch_idx // self.trainer.accumulate_grad_batches
        what = "The loss is" if found >= 0 else "The weights are"
        return UserError(
            f"{what} not finite at step {step + 1} of epoch {self.current_epoch + 1}, with a learning rate of "
            f"{self.learning_rate(step):g}: give a lower --lr. No checkpoint was written of it."
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
        self._begin_at_position(partial(checkpoint["loops"].__setitem__, "fit_loop"))
