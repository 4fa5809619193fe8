"""Reading of weight files: what a file contains, and whether it fits a network."""

from __future__ import annotations

import logging
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..anatomy import CHOICE_OF_TIMES, MAX_IMAGE_SIZE, MIN_IMAGE_SIZE, TIME_STEPS
from ..architectures import CORnet, build_network
from .released import WeightsError
from .stated import check_stated, incomplete, stated_architecture

_logger = logging.getLogger(__name__)

# Checkpoints often contain an accuracy or a loss as a numpy scalar. The functions that rebuild it run no code from
# the file. Their names differ between files written with numpy < 2 and >= 2.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMPY_SCALARS = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (np.dtype, "numpy.dtype"),
    *{type(np.dtype(kind)) for kind in (np.float16, np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_)},
]
_NAMED = 3  # differing entries that a message names; the rest is counted
_WRAPPED = ("state_dict", "model_state_dict", "model", "network")  # keys of the state dict in a checkpoint
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod)\.")  # of DataParallel and torch.compile, at any depth
_OUTERMOST = re.compile(r"(|.*?\.)(?:V1|V2|V4|IT|decoder)\.")


def load_checkpoint(network: CORnet, path: Path, architecture: str, *, any_classes: bool = False) -> CORnet:
    """Load a weight file into a network, in place.

    Parameters
    ----------
    path
        A state dict, or a checkpoint with one under `state_dict`, `model_state_dict`, `model` or `network`; or a file
        of safetensors. The names may have the prefixes of DataParallel, torch.compile, Lightning and other modules
        around the network, whose own entries are left out with a warning.
    architecture
        `Z`, `R`, `RT` or `S`. R and RT have the same entries: a file that states the other architecture is an error.
    any_classes
        Whether the decoder is replaced by one with as many outputs as in the file, if these are not 1000.

    Raises
    ------
    WeightsError
        If the file is damaged, contains anything but tensors and plain values, states another architecture, or has
        missing or additional entries, or entries of other shapes.
    """
    checkpoint = read_checkpoint(path)
    check_stated(checkpoint, path, architecture)
    state = _without_unused_steps(state_dict_of(checkpoint, path), network)
    linear, weight = network.decoder.linear, state.get("decoder.linear.weight")
    if any_classes and weight is not None and weight.ndim == 2 and 0 < len(weight) != linear.out_features:
        # without an initialization, which would advance torch's global random state
        unset = torch.nn.Linear(linear.in_features, len(weight), device="meta")
        network.decoder.linear = unset.to_empty(device=linear.weight.device)
    _check_entries(state, network.state_dict(), path, architecture)
    network.load_state_dict(state)
    return network


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Return the contents of a file that torch.save or safetensors wrote, without running any code in it."""
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    damaged = incomplete(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
                    raise WeightsError(f"{damaged} It is compressed, which torch.save does not do.")
                if (entry := archive.testzip()) is not None:
                    raise WeightsError(f"{damaged} What is wrong is {entry}.")
        with torch.serialization.safe_globals(_NUMPY_SCALARS):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as error:  # damaged bytes raise nearly any exception
        found = isinstance(error, pickle.UnpicklingError) and re.search(
            r"(?:GLOBAL|Unsupported global|Unsupported class) ([\w.]+)", str(error)
        )
        if not found:
            raise WeightsError(damaged) from error
        raise WeightsError(
            f"{path} holds {found[1]}, which could run code, so it was not loaded. Expected tensors and plain "
            "values: write the weights anew with torch.save(model.state_dict(), …)."
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(f"{path} holds a {type(checkpoint).__name__}, expected a state dict.")
    return checkpoint


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise WeightsError(f"To read {path}, the package safetensors is needed: pip install safetensors") from None
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a complete file of safetensors: {error}.") from error


def held_architecture(path: Path) -> str:
    """Return `Z`, `R`, `RT` or `S`, as a file states it or as its entries imply.

    Raises
    ------
    WeightsError
        If the file holds no CORnet, or does not state whether it holds R or RT, whose entries are the same.
    """
    checkpoint = read_checkpoint(path)
    stated = stated_architecture(checkpoint, path)
    if stated is not None:
        return stated
    state = state_dict_of(checkpoint, path)
    with torch.device("meta"):
        fitting = [name for name in TIME_STEPS if set(state) <= set(build_network(name).state_dict())]
    if not fitting and any(re.match(r"V2\.norm1_\d+\.", name) for name in state):
        fitting = ["S"]  # with other time steps than released
    if len(fitting) == 1:
        return fitting[0]
    spelled = " or ".join(f"cornet_{name.lower()}={path}" for name in fitting or TIME_STEPS)
    raise WeightsError(f"{path} does not say which CORnet it is: write {spelled}.")


class TrainedWith(NamedTuple):
    """What a weight file states about its training; None for what it does not state."""

    image_size: int | None
    times: int | dict[str, int] | None
    """As in `architectures.build_network`; also None for the released time steps."""


def trained_with(path: Path, architecture: str) -> TrainedWith:
    """Return the image size in px and the time steps that a file of this package's training states."""
    status = path.stat()
    return _trained_with(path, architecture, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _trained_with(path: Path, architecture: str, _size: int, _changed: int) -> TrainedWith:
    checkpoint = read_checkpoint(path)
    size, stated = checkpoint.get("image_size"), checkpoint.get("times")
    is_size = type(size) is int and MIN_IMAGE_SIZE <= size <= MAX_IMAGE_SIZE
    usual = TIME_STEPS[architecture]
    times: Mapping[str, int] = stated if isinstance(stated, Mapping) and stated.keys() == usual.keys() else usual
    if any(type(count) is not int for count in times.values()):
        times = usual
    others = {region: count for region, count in times.items() if count != usual[region]}
    if CHOICE_OF_TIMES[architecture] == "one" and others:
        return TrainedWith(size if is_size else None, max(times.values()))
    return TrainedWith(size if is_size else None, others or None)


def state_dict_of(checkpoint: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return a file's state dict under the networks' own names, without the prefixes of wrappers."""
    state = next((checkpoint[name] for name in _WRAPPED if isinstance(checkpoint.get(name), Mapping)), checkpoint)
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items())
    ):
        raise WeightsError(
            f"{path} holds no weights: expected a state dict (names and tensors), bare or under 'state_dict' or "
            f"'model', found {_shortened(list(map(str, checkpoint))) or 'nothing'}."
        )
    state = {_WRAPPERS.sub("", name): tensor for name, tensor in state.items()}
    prefixes = Counter(found[1] for name in state if (found := _OUTERMOST.match(name)))
    # of a network that is held twice, as by an attack on it, the one nearer to the outside
    prefix = min(prefixes, key=lambda prefix: (-prefixes[prefix], len(prefix)), default="")
    kept = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if others := [name for name in state if not name.startswith(prefix)]:
        _logger.warning(
            "%s: the network is taken from the entries that begin with %s; %d others are left out (%s).",
            path,
            prefix,
            len(others),
            _shortened(others),
        )
    return kept


def _without_unused_steps(state: Mapping[str, Tensor], network: CORnet) -> dict[str, Tensor]:
    """Return the state without the normalizations of unused time steps: CORnet-S may run fewer than released."""

    def unused(name: str) -> bool:
        found = re.match(r"(V1|V2|V4|IT)\.norm[123]_(\d+)\.", name)
        return found is not None and int(found[2]) >= network.times[found[1]]

    return {name: tensor for name, tensor in state.items() if not unused(name)}


def _check_entries(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, architecture: str) -> None:
    # used in training only, and not written by old versions of torch
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in expected]
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    unusable = [name for name in expected if name in state and not _is_plain(state[name])]
    problems = [
        f"{len(names)} {what} ({_shortened(names)})"
        for what, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshapen),
            ("not dense and real", unusable),
        )
        if names
    ]
    if problems:
        raise WeightsError(f"{path} does not fit CORnet-{architecture}: of its entries are {', '.join(problems)}.")


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor's values can be copied: it is dense, real and has storage."""
    return tensor.layout == torch.strided and not (tensor.is_meta or tensor.is_quantized or tensor.is_complex())


def _shortened(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f", … {len(names) - _NAMED} more" if len(names) > _NAMED else "")
