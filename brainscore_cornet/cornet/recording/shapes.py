"""The shapes of all activities of a network, without computing them."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from ..architectures import CORnet
from ..inference.prepared import structure_of
from .record import LOGITS

Shapes = Mapping[str, Mapping[int, tuple[int, ...]]]
"""Layer -> time step at which it is computed -> shape of its activity for one image."""


class Surveyed:
    """The shapes of all layers of a network, found once, and again whenever its modules have changed."""

    def __init__(self, network: CORnet, image_size: int) -> None:
        self._network, self._image_size = network, image_size
        self._structure: tuple | None = None
        self._shapes: Shapes = {}

    def shapes(self) -> Shapes:
        structure = structure_of(self._network)
        if structure != self._structure:
            self._shapes = survey(self._network, self._image_size, containers=True)
            self._structure = structure
        return self._shapes


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
    with torch.inference_mode():
        for point, activity in network.unfold(torch.zeros(1, 3, image_size, image_size, device="meta")):
            last = activity
            for name, shape in called.items():
                shapes.setdefault(name, {})[point.time_step] = tuple(shape)
            called.clear()
        shapes[LOGITS] = {0: tuple(network.decoder(last).shape[1:])}
        shapes.update({name: {0: tuple(shape)} for name, shape in called.items()})
    return shapes


def _without_values(network: CORnet) -> CORnet:
    """Return a copy on the device `meta`, which has shapes alone and takes neither time nor memory."""
    copies: dict[int, object] = {}
    for tensor in network.buffers():
        copies[id(tensor)] = tensor.to("meta")
    for parameter in network.parameters():
        copies[id(parameter)] = nn.Parameter(parameter.to("meta"), requires_grad=False)
    return copy.deepcopy(network, copies)
