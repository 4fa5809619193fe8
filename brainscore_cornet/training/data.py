"""The Lightning data module of training and validation images."""

from __future__ import annotations

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from .image_dataset import TrainingSampler, ValidationSampler, Views, loader


class Data(pl.LightningDataModule):
    """Training and validation images, of which each device loads its share.

    Parameters
    ----------
    train
        Training images, None if there is only validation.
    least
        Least number of images in each part of a batch.
    workers
        Processes that load images, for each device.
    """

    def __init__(
        self, train: Views | None, validation: Views, batch_size: int, workers: int, seed: int = 0, least: int = 0
    ) -> None:
        super().__init__()
        self._train, self._validation = train, validation
        self._batch_size, self._workers, self._seed, self._least = batch_size, workers, seed, least
        self._order: TrainingSampler | None = None

    @property
    def order(self) -> TrainingSampler:
        """The sampler of this device's training batches, available after `setup`."""
        assert self._order is not None  # used in training only, which Lightning sets up first
        return self._order

    @property
    def validation_count(self) -> int:
        return len(self._validation.images)

    def is_too_small(self, parts: int) -> bool:
        """Return whether an epoch would have no step."""
        count = len(self._training.images)
        return not TrainingSampler(count, self._batch_size, 0, world=parts, least=self._least).steps

    def setup(self, stage: str) -> None:
        # the device's rank is not known earlier
        trainer = self._attached
        if self._train is not None:
            self._order = TrainingSampler(
                len(self._train.images),
                self._batch_size,
                self._seed,
                trainer.global_rank,
                trainer.world_size,
                trainer.accumulate_grad_batches,
                self._least,
            )

    def train_dataloader(self) -> DataLoader:
        return loader(self._training, self.order, self._workers, self._on_cuda)

    def val_dataloader(self) -> DataLoader:
        trainer = self._attached
        share = -(-self._batch_size // (trainer.world_size * trainer.accumulate_grad_batches))
        order = ValidationSampler(len(self._validation.images), share, trainer.global_rank, trainer.world_size)
        return loader(self._validation, order, self._workers, self._on_cuda)

    @property
    def _training(self) -> Views:
        assert self._train is not None  # used in training only
        return self._train

    @property
    def _attached(self) -> pl.Trainer:
        assert self.trainer is not None  # Lightning attaches its Trainer before it calls anything here
        return self.trainer

    @property
    def _on_cuda(self) -> bool:
        return self._attached.strategy.root_device.type == "cuda"


def data_of(trainer: pl.Trainer) -> Data:
    """Return the data module of a Trainer."""
    return trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue] -- Lightning sets it without declaring it
