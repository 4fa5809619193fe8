"""Training of a CORnet, in runs that can be interrupted and resumed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import nn

from ..cornet.anatomy import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from ..cornet.commitments import architecture_of
from ..cornet.errors import MAX_SEED, UserError, whole_number
from ..cornet.network import plain_integers
from ..cornet.preparation import checked_background
from ..cornet.progress_line import showing
from ..cornet.recording.images import warn_of_transparency
from ..cornet.writing import output_path as output_path_of
from ..ranks import is_first
from .data import Data
from .folders import find_training
from .image_dataset import Views
from .initial_network import Start, build, restored
from .module import Learner
from .progress import Progress
from .recipes import recipe_for
from .run_checkpoints import Saving, newest, saved_settings, tidy
from .run_devices import Machine, quiet
from .run_directory import epochs_in, run_directory, too_few_epochs
from .run_options import DEFAULT_SAVE_EVERY, SaveEvery, check_on_error
from .settings import changeable, settings_without_images
from .stopping import Stopping
from .training_records import Records, check_table, epochs_table, last_epoch

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)


def train(
    model: str,
    data_path: str | os.PathLike,
    output_path: str | os.PathLike,
    *,
    val_labels: str | os.PathLike | None = None,
    weights: str | os.PathLike | None = None,
    restore_path: str | os.PathLike | None = None,
    times: int | Mapping[str, int] | None = None,
    image_size: int = 224,
    epochs: int | None = None,
    lr: float | None = None,
    step_size: int | None = None,
    batch_size: int | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    optimizer: str | None = None,
    schedule: str | None = None,
    label_smoothing: float | None = None,
    seed: int = 0,
    device: str | None = None,
    devices: int | None = None,
    nodes: int | None = None,
    workers: int | None = None,
    precision: str = "fp32",
    accumulate: int = 1,
    sync_batchnorm: bool = False,
    save_every: str = DEFAULT_SAVE_EVERY,
    on_error: str = "fail",
    background: str | Iterable[int] | None = None,
) -> pd.DataFrame:
    """Train a CORnet; a call with the same arguments resumes an interrupted run.

    The run directory gets the table `metrics.csv`, TensorBoard's log, the figure `training.png`, a checkpoint to resume
    from, and for each saved epoch the weights in the form of CORnet's released files, such as `cornet_s_epoch_43.pth`.

    Parameters
    ----------
    model
        `Z`, `R`, `RT`, `S`, or an identifier such as `cornet_s`.
    data_path
        A folder with `train/` and `val/` (or `val_in_folders/`), in both of them a folder with images for each class.
    output_path
        The run directory.
    val_labels
        A table of the validation images' classes, for images that are not in a folder for each class: see
        `read_labels`.
    weights
        Initial weights: None for the network's own initialization, `released`, a path or a URL. From a network with
        another number of classes, everything but the decoder's linear layer is loaded.
    restore_path
        A checkpoint or another run directory to resume from, at its epoch. From a file in the released form, weights
        and epoch are loaded, and the optimizer starts anew; from this package's own checkpoints everything is loaded.
        Ignored once the run directory has a checkpoint.
    times
        Time steps: a number for R and RT, a number for each of V2, V4, IT for S.
    image_size
        Height and width in px; in validation the shorter side becomes 256/224 of it, and the centre is shown.
    epochs, lr, step_size, batch_size, momentum, weight_decay, optimizer, schedule, label_smoothing
        As in `Recipe`; by default the architecture's own.
    seed
        Seed of the initialization, the order, the crops and the flips.
    device, devices, nodes
        `cuda`, `mps` or `cpu`, how many of them on each node, and how many nodes. By default the best single device,
        or what torchrun or SLURM has started.
    workers
        Processes that load images, for each device; by default as many as there are cores.
    precision
        `fp32`, `bf16-mixed` or `fp16-mixed`.
    accumulate
        Gradient accumulation: number of parts in which a device computes its share of a batch, to save memory.
    sync_batchnorm
        Whether CORnet-S' batch normalization uses the global batch of all devices. By default, as in CORnet's own
        training, each device normalizes its own share, and rank 0's running averages are saved.
    save_every
        Such as `2e,30m`: weights and a checkpoint after every second epoch, a checkpoint after 30 minutes.
    on_error
        `fail` at an image that cannot be read, or `skip` it and list it in `unreadable.csv`.
    background
        Colour behind transparent pixels, as in `load_model`.

    Returns
    -------
    pandas.DataFrame
        `metrics.csv`: a row for each epoch.

    Raises
    ------
    UserError
        If an argument is invalid, before training if possible; its subclass `TrainingStopped` after SIGTERM.
    """
    architecture = architecture_of(model)
    changes = {"epochs": epochs, "lr": lr, "step_size": step_size, "batch_size": batch_size, "momentum": momentum}
    changes |= {"weight_decay": weight_decay, "optimizer": optimizer, "schedule": schedule}
    recipe = recipe_for(architecture, **changes, label_smoothing=label_smoothing)
    image_size = whole_number(image_size, "an image size in px", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)
    seed = whole_number(seed, "a seed", 0, MAX_SEED)
    accumulate = whole_number(accumulate, "a number of parts to accumulate", 1)
    every = SaveEvery.parse(save_every)
    check_on_error(on_error)
    colour = checked_background(background)
    machine = Machine.find(device, devices, nodes, precision)
    if sync_batchnorm and machine.world > 1 and machine.kind != "cuda":
        raise UserError("Batch normalization over several devices needs GPUs: leave --sync-batchnorm out.")
    loading = machine.workers(workers)
    train_images, val_images = find_training(data_path, val_labels)
    times = plain_integers(times)
    settings = settings_without_images(
        architecture,
        recipe,
        times=times,
        image_size=image_size,
        seed=seed,
        precision=precision,
        on_error=on_error,
        weights=weights,
        background=colour,
    )
    settings |= {
        "classes": len(train_images.classes),
        "training_images": train_images.fingerprint(),
        "validation_images": val_images.fingerprint(),
    }
    if colour is None and is_first():
        warn_of_transparency([str(val_images.path(index)) for index in range(len(val_images))])
    output = output_path_of(output_path, "a run directory")
    images = (train_images.folder, val_images.folder)
    if any(output.resolve() in (folder.resolve(), *folder.resolve().parents[:1]) for folder in images):
        raise UserError(f"{output} is where the images are: name another folder for the output.")
    if weights is not None and restore_path is not None:
        raise UserError("Weights to begin with and a run to go on from do not go together: leave one of them out.")
    lock = run_directory(output, settings, changeable(recipe), lambda: saved_settings(output))
    with lock if is_first() else nullcontext():
        if is_first():
            tidy(output)
        own = newest(output)
        if own is not None and is_first():
            check_table(output, epochs_in(own))
        network = build(architecture, len(train_images.classes), times, seed, None if own else weights)
        start = Start(network, epoch=epochs_in(own) if own else 0, checkpoint=own)
        if own is None and restore_path is not None:
            start = restored(network, restore_path, architecture, settings)
        if start.epoch > recipe.epochs or (start.epoch == recipe.epochs and own is None):
            raise too_few_epochs(own or restore_path, start.epoch, recipe.epochs)
        if own is not None and start.epoch == recipe.epochs and is_first():
            _logger.warning("%s is complete: %s.", output, last_epoch(output))
        data = Data(
            Views(train_images, image_size, seed, background=colour),
            Views(val_images, image_size, background=colour),
            recipe.batch_size,
            loading,
            seed,
            # a batch normalization cannot learn from a single number, which IT has of a small image
            least=2 * any(isinstance(module, nn.BatchNorm2d) for module in network.modules()),
        )
        if data.is_too_small(machine.world * accumulate):
            raise UserError(f"{len(train_images)} training images are too few for {machine.world * accumulate} parts.")
        what = {
            "architecture": architecture,
            "times": dict(network.times),
            "image_size": image_size,
            "classes": list(train_images.classes),
            "flags": settings,
        }
        learner = Learner(
            network.to(memory_format=torch.channels_last),
            recipe,
            what=what,
            first_epoch=0 if start.checkpoint else start.epoch,
            skip_unreadable=on_error == "skip",
        )
        _fit(machine, learner, data, start, output, every, accumulate=accumulate, sync_batchnorm=sync_batchnorm)
    return epochs_table(output)


def _fit(
    machine: Machine,
    learner: Learner,
    data: Data,
    start: Start,
    output: Path,
    every: SaveEvery,
    *,
    accumulate: int,
    sync_batchnorm: bool,
) -> None:
    progress = Progress()
    title = f"CORnet-{learner.what['architecture']}"
    stopping = Stopping(progress.say)
    with quiet(), stopping.restored(), showing() if is_first() else nullcontext():
        # this order at the end of an epoch: repeated records after an interruption are harmless
        trainer = machine.trainer(
            output,
            [progress, Records(output, title, progress.say), Saving(output, every, stopping)],
            max_epochs=learner.recipe.epochs,
            accumulate_grad_batches=accumulate,
            sync_batchnorm=sync_batchnorm and machine.world > 1,
        )
        try:
            trainer.fit(learner, datamodule=data, ckpt_path=start.checkpoint, weights_only=True)
        except SIGTERMException:  # before the first step, when Lightning still listens
            raise stopping.stopped("before the first step", output) from None
        except SystemExit:  # Lightning's end after a second Ctrl-C
            raise KeyboardInterrupt from None
