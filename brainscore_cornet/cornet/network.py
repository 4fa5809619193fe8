"""From a model's identifier to its network with weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

from .architectures import CORnet, build_network
from .commitments import get_commitment
from .errors import UserError, whole_number
from .weights.released import fetch, locate, released_file
from .weights.state_dicts import load_checkpoint


def load_network(
    identifier: str,
    *,
    weights: str | os.PathLike | None = "released",
    times: int | Mapping[str, int] | None = None,
    seed: int = 0,
) -> CORnet:
    """A CORnet as a PyTorch module in evaluation mode, on the CPU.

    Parameters
    ----------
    identifier
        `cornet_z`, `cornet_r`, `cornet_rt` or `cornet_s`; with `_untrained`, the weights are its initialization.
    weights
        `released` (downloaded when needed), None for the network's own initialization, a path or a URL. Of a file
        that was trained on other classes than ImageNet's 1000, the network has those.
    times
        Time steps: a number for R and RT, a number for each of V2, V4, IT for S, such as `{"V4": 6}`.
    seed
        Of the initialization.

    Raises
    ------
    UserError
        For an unknown identifier, time steps that the network cannot have, and weights that cannot be had or loaded.
    """
    commitment = get_commitment(identifier)
    seed = whole_number(seed, "a seed", 0)
    network = build_network(commitment.architecture, times=plain_integers(times), seed=seed)
    path = find_weights(identifier, weights)
    if path is not None:
        load_checkpoint(network, path, commitment.architecture, any_classes=True)
    return network.eval()


def plain_integers(times: int | Mapping[str, int] | None) -> int | dict[str, int] | None:
    """Time steps with numpy's integers as Python's own, which torch and JSON know; what is no integer is kept."""
    if isinstance(times, Mapping):
        return {region: _plain_integer(number) for region, number in times.items()}
    return _plain_integer(times)


def _plain_integer(number):
    return int(number) if isinstance(number, Integral) and not isinstance(number, bool) else number


def find_weights(identifier: str, weights: str | os.PathLike | None, sha256: str | None = None) -> Path | None:
    """The weight file that `load_network` would load, None for a network with its own initialization.

    `sha256`, where it is given, is that of a user's own file.
    """
    if weights is not None and not (isinstance(weights, str) and weights == "released"):
        return locate(weights, sha256)
    if sha256 is not None:
        raise UserError(f"A SHA-256 belongs to weights of one's own, a file or a URL, not to {weights!r}.")
    if weights is None or not get_commitment(identifier).trained:
        return None
    return fetch(released_file(identifier))
