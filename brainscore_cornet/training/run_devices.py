"""The devices of a run, as requested or as started by torchrun or SLURM, and Lightning's Trainer on them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.strategies import DDPStrategy

from ..cornet.errors import MAX_PROCESSES, UserError, whole_number
from .run_checkpoints import WrittenAside
from .run_options import PRECISIONS, check_machine

_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric")
# Warnings of Lightning and DDP about what is intended: loaders that start in the middle of an epoch, few workers
# where there are few cores, layers in another memory layout than their gradients, checkpoints in a folder with others.
_EXPECTED = (
    r".*does not have many workers.*",
    r".*checkpoint that ended before the epoch ended.*",
    r".*Grad strides do not match bucket view strides.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*(GPU|MPS) available but not used.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
)


@dataclass(frozen=True)
class Machine:
    """The devices of a run."""

    kind: str
    devices: int
    """Number of devices on each node."""
    nodes: int
    precision: str = "fp32"

    @classmethod
    def find(cls, device: str | None, devices: int | None, nodes: int | None, precision: str = "fp32") -> Machine:
        """Return the requested devices; by default those of torchrun or SLURM, else one device, CUDA, MPS or CPU.

        Raises
        ------
        UserError
            If a device is not available or the precision is invalid.
        """
        check_machine(device, precision)
        given_devices, given_nodes = _given()
        devices = whole_number(given_devices if devices is None else devices, "a number of devices", 1, MAX_PROCESSES)
        nodes = whole_number(given_nodes if nodes is None else nodes, "a number of nodes", 1, MAX_PROCESSES)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
        if device in there and there[device] < devices:
            what = "GPU" if device == "cuda" else "device 'mps'"
            raise UserError(
                f"Requested {devices} {what}{'s' * (devices > 1)}, available are {there[device]}: request fewer, or "
                "the CPU with --device cpu."
            )
        if (given_devices, given_nodes) != (1, 1) and (devices, nodes) != (given_devices, given_nodes):
            raise UserError(
                f"torchrun or SLURM has started {given_devices} processes on each of {given_nodes} nodes, not "
                f"{devices} on {nodes}: leave --ngpus, --devices and --nodes out, or give the same."
            )
        return cls(device, devices, nodes, precision)

    @property
    def world(self) -> int:
        return self.devices * self.nodes

    def workers(self, requested: int | None) -> int:
        """Return the number of processes that load images for each device; by default its share of the cores."""
        if requested is not None:
            return whole_number(requested, "a number of workers", 0, MAX_PROCESSES)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // self.devices)

    def trainer(self, folder: Path, callbacks: Sequence[pl.Callback], **options) -> pl.Trainer:
        """Return Lightning's Trainer, in which only the callbacks write and print."""
        several = self.world > 1
        plugins: list = [WrittenAside()]
        if SLURMEnvironment.detect():
            # Lightning's way to be requeued saves at once, in the middle of a step: ours saves at a SIGTERM. A job of
            # one task starts further processes itself.
            started = _given() != (1, 1)
            plugins.append(SLURMEnvironment(auto_requeue=False) if started else LightningEnvironment())
        return pl.Trainer(
            accelerator="gpu" if self.kind == "cuda" else self.kind,
            devices=self.devices,
            num_nodes=self.nodes,
            strategy=DDPStrategy() if several else "auto",
            precision=PRECISIONS[self.precision],
            benchmark=self.kind == "cuda",
            callbacks=list(callbacks),
            plugins=plugins,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
            **options,
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Lightning's messages that this package prints itself, inside this context."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for pattern in _EXPECTED:
            warnings.filterwarnings("ignore", pattern)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _given() -> tuple[int, int]:
    """Return (devices on each node, nodes) from torchrun or SLURM, (1, 1) if neither started this process."""
    environment = os.environ
    if "TORCHELASTIC_RUN_ID" in environment:
        local = int(environment["LOCAL_WORLD_SIZE"])
        return local, int(environment["WORLD_SIZE"]) // local
    if SLURMEnvironment.detect():
        nodes = int(environment.get("SLURM_NNODES", 1))
        return int(environment["SLURM_NTASKS"]) // nodes, nodes
    return 1, 1
