"""The initial network of a run: its own initialization, weights from a file, or another run's checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cornet.architectures import CLASSES, CORnet, build_network
from ..cornet.errors import UserError
from ..cornet.network import find_weights
from ..cornet.weights.released import WeightsError, locate
from ..cornet.weights.state_dicts import load_checkpoint, read_checkpoint, state_dict_of
from ..cornet.weights.stated import stated_architecture
from .run_checkpoints import is_checkpoint, newest
from .run_directory import ENDING

_LINEAR = "decoder.linear."
MAX_EPOCH = 10**9


@dataclass(frozen=True)
class Start:
    """The initial network and epoch of a run."""

    network: CORnet
    epoch: int = 0
    """First epoch, counted from 0."""
    checkpoint: Path | None = None
    """Lightning checkpoint from which the whole state is restored."""


def build(
    architecture: str,
    classes: int,
    times: int | Mapping[str, int] | None = None,
    seed: int = 0,
    weights: str | os.PathLike | None = None,
) -> CORnet:
    """Return a network to train.

    Parameters
    ----------
    weights
        None for its own initialization, `released`, a path or a URL. From a file with another number of classes,
        everything but the decoder's linear layer is loaded.

    Raises
    ------
    UserError
        If weights are unavailable or do not fit, or the image does not reach IT in the time steps.
    """
    network = build_network(architecture, times, seed, classes)
    if not network.sees_image(network.last_point):
        raise UserError(
            f"In {network.times['IT']} time steps of CORnet-{architecture} the image does not reach the decoder: "
            "nothing could be learnt. Give more --times."
        )
    path = find_weights(f"cornet_{architecture.lower()}", weights)
    if path is not None:
        other = load_checkpoint(build_network(architecture, times, seed), path, architecture, any_classes=True)
        if other.decoder.linear.out_features == classes:
            return other
        kept = {name: value for name, value in other.state_dict().items() if not name.startswith(_LINEAR)}
        network.load_state_dict(kept, strict=False)
    return network


def held_classes(path: Path) -> int:
    """Return the number of classes of a file's decoder, ImageNet's number if the file has none."""
    weight = state_dict_of(read_checkpoint(path), path).get(f"{_LINEAR}weight")
    return len(weight) if weight is not None and weight.ndim == 2 else CLASSES


def restored(network: CORnet, restore_path: str | os.PathLike, architecture: str, settings: Mapping[str, Any]) -> Start:
    """Return the start of a run that resumes from another run's checkpoint.

    Parameters
    ----------
    restore_path
        A file in the released form, from which weights and epoch are loaded; a checkpoint of Lightning, from which
        everything is; or a run directory, whose newest checkpoint is loaded.
    """
    path = Path(restore_path).expanduser()
    if path.is_dir():
        found = newest(path)
        if found is None:
            raise UserError(f"{path} has no checkpoint of a run in it: expected one that `train` wrote to.")
        path = found
    path = locate(path)
    checkpoint = read_checkpoint(path)
    if path.suffix != ENDING or "position" not in checkpoint:
        load_checkpoint(network, path, architecture)
        return Start(network, epoch=_epoch(checkpoint, path))
    if not is_checkpoint(checkpoint):
        raise WeightsError(f"{path} is no checkpoint of this package's training: expected one that `train` wrote.")
    stated = stated_architecture(checkpoint, path)
    if stated != architecture:
        raise WeightsError(f"{path} was trained as CORnet-{stated}: it cannot be resumed as CORnet-{architecture}.")
    load_checkpoint(network, path, architecture)  # reports misfits more clearly than Lightning
    before = checkpoint["flags"]
    needed = ["optimizer"]
    if checkpoint["position"]["step"]:  # the epoch is resumed with the settings that it began with
        needed += ["batch_size", "seed", "training_images"]
    for name in needed:
        if before.get(name) != settings[name]:
            raise UserError(
                f"{path} cannot be resumed: its {name.replace('_', ' ')} was {before.get(name)}, not {settings[name]}."
                " Give the same, or restore a file of the form cornet_…_epoch_….pth."
            )
    return Start(network, epoch=checkpoint["position"]["epoch"], checkpoint=path)


def _epoch(checkpoint: Mapping[str, Any], path: Path) -> int:
    epoch = checkpoint.get("epoch")
    if isinstance(epoch, bool) or not isinstance(epoch, int | float) or not 0 <= epoch < MAX_EPOCH:
        raise UserError(
            f"{path} does not state after which epoch it was written: to begin at the first epoch with its weights, "
            "give it as --weights."
        )
    return int(epoch)
