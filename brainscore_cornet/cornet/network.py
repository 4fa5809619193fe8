"""Loading of a model's network with its weights, by the model's identifier."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

from .anatomy import check_times
from .architectures import CORnet, build_network
from .commitments import get_commitment
from .errors import MAX_SEED, UserError, whole_number
from .weights.released import fetch, locate, released_file
from .weights.state_dicts import load_checkpoint, trained_with


def load_network(
    identifier: str,
    *,
    weights: str | os.PathLike | None = "released",
    times: int | Mapping[str, int] | None = None,
    seed: int = 0,
) -> CORnet:
    """Return a CORnet as a PyTorch module in evaluation mode, on the CPU.

    Parameters
    ----------
    identifier
        `cornet_z`, `cornet_r`, `cornet_rt` or `cornet_s`; with `_untrained`, the weights are its initialization.
    weights
        `released` (downloaded when needed), None for the network's own initialization, a path or a URL. If a file
        has another number of classes than ImageNet's 1000, so has the network.
    times
        Time steps: a number for R and RT, a number for each of V2, V4, IT for S, such as `{"V4": 6}`; by default those
        that a weight file of `train` states, else the released ones.
    seed
        Seed of the initialization.

    Raises
    ------
    UserError
        If the identifier is unknown, the time steps are invalid, or the weights are unavailable or do not fit.
    """
    commitment = get_commitment(identifier)
    seed = whole_number(seed, "a seed", 0, MAX_SEED)
    check_times(commitment.architecture, times)  # an invalid option is an error before anything is downloaded
    path = find_weights(identifier, weights)
    if path is not None and times is None and weights != "released":
        times = trained_with(path, commitment.architecture).times
    network = build_network(commitment.architecture, times=plain_integers(times), seed=seed)
    if path is not None:
        load_checkpoint(network, path, commitment.architecture, any_classes=True)
    return network.eval()


def plain_integers(times: int | Mapping[str, int] | None) -> int | dict[str, int] | None:
    """Return time steps with numpy's integers converted to Python's, for torch and JSON; other values unchanged."""
    if isinstance(times, Mapping):
        return {region: _plain_integer(number) for region, number in times.items()}
    return _plain_integer(times)


def _plain_integer(number):
    return int(number) if isinstance(number, Integral) and not isinstance(number, bool) else number


def find_weights(identifier: str, weights: str | os.PathLike | None, sha256: str | None = None) -> Path | None:
    """Return the weight file that `load_network` would load, None for a network with its own initialization.

    `sha256`, if given, is the one that a user's own file must have.
    """
    if weights is not None and not (isinstance(weights, str) and weights == "released"):
        return locate(weights, sha256)
    if sha256 is not None:
        raise UserError(f"A SHA-256 can be given for your own weights, a file or a URL, not for {weights!r}.")
    if weights is None or not get_commitment(identifier).trained:
        return None
    return fetch(released_file(identifier))
