"""Networks with other numbers of time steps around the tensors of a network that is there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch

from brainscore_cornet.cornet.architectures import CORnet, build_network

_AT_A_STEP = re.compile(r"(.*\.norm\d_)(\d+)(\..*)")


def with_times(stand_in: Callable[[str], CORnet], architecture: str, times: int | Mapping[str, int] | None) -> CORnet:
    """A network in evaluation mode that shares the stand-in's tensors: do not change it.

    Normalizations of further time steps, of CORnet-S alone, are those of the first step in another order.
    """
    with torch.device("meta"):
        network = build_network(architecture, times=times)
    known = stand_in(architecture).state_dict()

    def tensor(name: str) -> torch.Tensor:
        if name in known:
            return known[name]
        stem, step, part = _AT_A_STEP.fullmatch(name).groups()
        first = known[f"{stem}0{part}"]
        return first.roll(int(step), 0) if first.ndim else first

    network.load_state_dict({name: tensor(name) for name in network.state_dict()}, assign=True)
    return network.eval()
