"""The shapes of all activities of a network, without computing them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..architectures import CORnet
from .record import LOGITS

Shapes = Mapping[str, Mapping[int, tuple[int, ...]]]
"""Layer -> time step at which it is computed -> shape of its activity for one image."""


def survey(network: CORnet, image_size: int, *, containers: bool = False) -> Shapes:
    """Return the activity's shape of every layer at each time step, from a copy of the network without values.

    Parameters
    ----------
    containers
        Whether modules that consist of other modules are included.
    """
    network = _without_values(network)
    shapes: dict[str, dict[int, tuple[int, ...]]] = {}
    called: dict[str, tuple[int, ...]] = {}
    for name, module in network.named_modules():
        if containers or not list(module.children()):
            module.register_forward_hook(lambda _m, _i, output, name=name: called.__setitem__(name, output.shape[1:]))
    with torch.inference_mode(), _KnownShapes():
        for point, activity in network.unfold(torch.zeros(1, 3, image_size, image_size, device="meta")):
            last = activity
            for name, shape in called.items():
                shapes.setdefault(name, {})[point.time_step] = tuple(shape)
            called.clear()
        shapes[LOGITS] = {0: tuple(network.decoder(last).shape[1:])}
        shapes.update({name: {0: tuple(shape)} for name, shape in called.items()})
    return shapes


def _of_first(tensor: torch.Tensor, *_, **__) -> tuple[int, ...]:
    return tensor.shape


def _of_sum(tensor: torch.Tensor, other, **_) -> tuple[int, ...]:
    return torch.broadcast_shapes(tensor.shape, other.shape) if isinstance(other, torch.Tensor) else tensor.shape


def _of_linear(tensor: torch.Tensor, weight: torch.Tensor, *_, **__) -> tuple[int, ...]:
    return *tensor.shape[:-1], weight.shape[0]


def _of_average(tensor: torch.Tensor, output_size) -> tuple[int, ...] | None:
    return (*tensor.shape[:-2], output_size, output_size) if isinstance(output_size, int) else None


_SHAPES: Mapping[Callable, Callable[..., tuple[int, ...] | None]] = {
    functional.relu: _of_first,
    functional.batch_norm: _of_first,
    functional.group_norm: _of_first,
    torch.Tensor.add: _of_sum,
    functional.linear: _of_linear,
    functional.adaptive_avg_pool2d: _of_average,
}


class _KnownShapes(TorchFunctionMode):
    """Shapes of the networks' operations for which torch would import its compiler: a second and 150 MB.

    Those of all other operations, such as those of a user's own layers, are torch's.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        shape = _SHAPES[func](*args, **kwargs) if func in _SHAPES and args else None
        return func(*args, **kwargs) if shape is None else args[0].new_empty(shape)


def _without_values(network: CORnet) -> CORnet:
    """Return a copy on the device `meta`, which has shapes alone and takes neither time nor memory."""
    copies: dict[int, object] = {}
    for tensor in network.buffers():
        copies[id(tensor)] = tensor.to("meta")
    for parameter in network.parameters():
        copies[id(parameter)] = nn.Parameter(parameter.to("meta"), requires_grad=False)
    return copy.deepcopy(network, copies)
