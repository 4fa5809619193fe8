"""Networks prepared for faster inference with the same numbers; the original network is not changed."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from ..architectures import CORnet
from .folded import FoldedS, can_fold


class Prepared:
    """A network on its device, prepared once, and again whenever its weights have changed.

    Parameters
    ----------
    network
        Network in evaluation mode. It may be changed between recordings, as in a lesion experiment.
    precision
        `fp32`, or `bf16` for mixed precision, which changes the numbers in their third digit.
    compiled
        Whether torch.compile compiles the regions, which takes minutes at first and is faster on a GPU afterwards.
    """

    def __init__(self, network: CORnet, device: torch.device, precision: str = "fp32", compiled: bool = False) -> None:
        self.network = network
        self.device = device
        self.precision = precision
        self._compiled = compiled
        self._state: tuple | None = None
        self._copies: dict[bool, CORnet] = {}
        self._is_unchanged = False
        self._weights: str | None = None

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Inside this context nobody changes the network, so that one recording alone hashes its weights."""
        outer, self._is_unchanged = self._is_unchanged, True
        try:
            yield
        finally:
            self._is_unchanged = outer
            if not outer:
                self._weights = None

    def weights(self) -> str:
        """Return `network_hash` of the network."""
        found = self._weights or network_hash(self.network)
        if self._is_unchanged:
            self._weights = found
        return found

    def get(self, whole_regions: bool, weights: str | None = None) -> CORnet:
        """Return the network to run.

        Parameters
        ----------
        whole_regions
            Whether only the outputs of regions are recorded, so that the regions may compute them in a faster way.
        weights
            `network_hash` of the network, if it is known already.
        """
        state = (_modules(self.network), weights or self.weights())
        if state != self._state:
            self._copies.clear()
            self._state = state
        if whole_regions not in self._copies:
            if whole_regions and can_fold(self.network):
                made: CORnet = FoldedS(self.network, self.device.type == "cpu" and self.precision == "fp32")
            else:
                made = copy.deepcopy(self.network)
            made = made.requires_grad_(False).eval().to(self.device).to(memory_format=torch.channels_last)
            if whole_regions and self._compiled:
                for region in made.children():
                    for part in region if isinstance(region, nn.ModuleList) else [region]:
                        part.compile()
            self._copies[whole_regions] = made
        return self._copies[whole_regions]

    def arithmetic(self) -> AbstractContextManager:
        """Return the context to compute in: single precision on each device, or mixed precision."""
        if self.precision == "fp32":
            return single_precision()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def as_input(self, images: Tensor) -> Tensor:
        """Return images (batch, 3, height, width) on the device, in the memory layout of the fastest computation."""
        return images.to(self.device, non_blocking=True, memory_format=torch.channels_last)


@contextmanager
def single_precision() -> Iterator[None]:
    """Compute without TensorFloat-32, so that a CUDA device gives the numbers of a CPU.

    By default PyTorch's convolutions round their inputs to that format's 10 bits on GPUs since Ampere.
    """
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    # PyTorch 2.9 gave each kind of operation a setting, and complains where the two ways are mixed
    if hasattr(cudnn, "conv"):
        places, name, full = (cuda, cudnn.conv), "fp32_precision", "ieee"
    else:
        places, name, full = (cuda, cudnn), "allow_tf32", False
    before = [getattr(place, name) for place in places]
    for place in places:
        setattr(place, name, full)
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            setattr(place, name, value)


def network_hash(network: nn.Module) -> str:
    """Return the SHA-256 of the weights and buffers, independent of the file they came from."""
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.ndim == 4:  # channels last, as inference has them in memory: those need no copy
            tensor = tensor.permute(0, 2, 3, 1)
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def _modules(network: nn.Module) -> tuple:
    return tuple(
        (id(module), module.extra_repr(), *module._forward_hooks, *module._forward_pre_hooks)
        for module in network.modules()
    )
