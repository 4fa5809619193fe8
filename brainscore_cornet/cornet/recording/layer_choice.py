"""Layers that stand for regions in place of the regions' outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ..anatomy import REGIONS
from ..architectures import CORnet
from ..commitments import Commitment
from ..errors import UserError, unknown_name
from .record import LOGITS, find_module, is_output
from .shapes import survey


def checked_layers(layers: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return region -> layer, with a region's name as a layer for its output; raises `UserError` for anything else."""
    if layers is None:
        return None
    if not isinstance(layers, Mapping) or not all(isinstance(layer, str) for layer in layers.values()):
        raise UserError(f"Expected layers such as {{'V4': 'V4.nonlin3'}}, received {layers!r}.")
    for region in layers:
        if region not in REGIONS:
            raise unknown_name(region, REGIONS, "region in the layers")
    return {region: f"{layer}.output" if layer in REGIONS else layer for region, layer in layers.items()}


def check_steps_of_layers(network: CORnet, commitment: Commitment) -> None:
    """Raise `UserError` if a region's layer does not exist, or is not computed at the region's committed steps.

    Parameters
    ----------
    network
        May be on the device `meta`, on which it costs nothing to run.
    """
    for region, layer in commitment.layers.items():
        if layer == f"{region}.output":
            continue
        computed = _steps(network, layer, commitment.image_size)
        missing = [step for step in commitment.time_bins[region] if step not in computed]
        if missing:
            raise UserError(
                f"{layer} is computed at the time steps {', '.join(map(str, computed))}, and {region} has a time bin "
                f"at {missing[0]}: give it others with time_mapping={{'{region}': {{{computed[0]}: (start, end)}}}}."
            )


def check_one_size(network: CORnet, layer: str, time_steps: Sequence[int], image_size: int) -> None:
    """Raise `UserError` if a layer's activity has several sizes at these steps, as before a strided convolution."""
    if len(set(time_steps)) == 1 or is_output(layer):
        return
    shapes = survey(network, image_size, containers=True)[layer]
    sizes = {step: "x".join(map(str, shapes[step][1:])) for step in sorted(set(time_steps))}
    if len(set(sizes.values())) > 1:
        raise UserError(
            f"{layer} has {', '.join(f'{size} positions at time step {step}' for step, size in sizes.items())}, and a "
            "recording has the same neuroids in all time bins: record time bins that share a size, one by one."
        )


def _steps(network: CORnet, layer: str, image_size: int) -> list[int]:
    """Return the time steps at which a layer is computed."""
    found: list[int] = []
    called = [False]
    module = find_module(network, layer)
    if layer == LOGITS or layer.startswith("decoder."):
        return [0]
    handle = module.register_forward_hook(lambda *_: called.__setitem__(0, True))
    try:
        device = next(network.parameters()).device
        with torch.inference_mode():
            for point, _ in network.unfold(torch.zeros(1, 3, image_size, image_size, device=device)):
                if called[0]:
                    found.append(point.time_step)
                called[0] = False
    finally:
        handle.remove()
    return list(dict.fromkeys(found))
