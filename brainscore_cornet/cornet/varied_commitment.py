"""The commitment of a model with options, such as other time steps or weights of one's own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from .architectures import build_network
from .commitments import Commitment, get_commitment, vary
from .early_options import check_options
from .network import plain_integers
from .recording.layer_choice import check_steps_of_layers, checked_layers
from .time_bins import TimeMapping
from .weights.released import RELEASED, file_hash, mismatch
from .weights.state_dicts import trained_with

_logger = logging.getLogger(__name__)


def commitment_for(
    identifier: str,
    *,
    weights_file: Path | None = None,
    times: int | Mapping[str, int] | None = None,
    time_mapping: TimeMapping | None = None,
    layers: Mapping[str, str] | None = None,
    image_size: int | None = None,
    precision: str = "fp32",
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
) -> Commitment:
    """Return the commitment of a model with these options, without loading or downloading anything.

    Parameters
    ----------
    weights_file
        The file that `network.find_weights` returns, None for a network with its own initialization. What it states
        about its training stands in for `times` and `image_size` that are not given.

    Raises
    ------
    UserError
        If an option is invalid for the model.
    """
    base = get_commitment(identifier)
    image_size = check_options(
        identifier, image_size=image_size, precision=precision, resize=resize, background=background
    )
    times = plain_integers(times)
    trained = f"cornet_{base.architecture.lower()}"
    weights_hash = None if weights_file is None else _hash_unless_released(weights_file, trained)
    if weights_file is not None and weights_hash is not None:
        stated = trained_with(weights_file, base.architecture)
        times = stated.times if times is None else times
        if image_size is None and stated.image_size is None:
            _logger.warning(
                "%s does not state the image size that it was trained with: images are shown at %d px. Another size: "
                "--image-size",
                *(weights_file, base.image_size),
            )
        image_size = stated.image_size if image_size is None else image_size
    with torch.device("meta"):  # costs no time or memory, and raises for a network that cannot be built
        network = build_network(base.architecture, times).eval()
    commitment = vary(
        get_commitment(trained if weights_file is not None else f"{trained}_untrained"),
        times=times,
        time_mapping=time_mapping,
        layers=checked_layers(layers),
        image_size=image_size,
        weights_hash=weights_hash,
        precision=precision,
        resize=resize,
        background=background,
    )
    if layers:
        check_steps_of_layers(network, commitment)
    return commitment


def _hash_unless_released(path: Path, model: str) -> str | None:
    """Return the SHA-256 of a weight file, or None if it is the released file, whose hash is not in the identifier."""
    is_released = model in RELEASED and mismatch(RELEASED[model], path) is None
    return None if is_released else file_hash(path)
