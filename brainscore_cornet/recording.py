"""What has to be computed for what is asked, and computing it: batches in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .architectures import CORnet, Point
from .errors import UserError

LOGITS = "logits"


class Site(NamedTuple):
    """Where and when activity is recorded: a layer, such as `V4.output` or `IT.conv2`, at a time step."""

    layer: str
    time_step: int


def last_site(network: CORnet, layer: str) -> Site:
    """The layer at the last time step at which it works; the decoder and the logits have just one."""
    return Site(layer, network.last_step(layer) if layer.split(".")[0] in network.times else 0)


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for; by default CUDA where there is one, else Apple's MPS, else the CPU."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"No device {device!r} on this machine: {str(error).splitlines()[0]}") from error
    return chosen


BatchHook = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def record(
    network: CORnet,
    batches: Iterable[np.ndarray],
    sites: Sequence[Site],
    presentations: int,
    device: torch.device,
    hooks: Sequence[BatchHook] = (),
) -> dict[Site, np.ndarray]:
    """Activations at some sites, computing nothing that they do not depend on.

    Parameters
    ----------
    network
        In evaluation mode, on `device`.
    batches
        Preprocessed images, (presentation, 3, height, width), float32.
    presentations
        Their number over all batches.
    hooks
        Called for each batch and time step with layer -> activations, (presentation, …); return the same.

    Returns
    -------
    dict
        Site -> activations, (presentation, channel, height, width), or (presentation, unit) in the decoder.
    """
    results: dict[Site, np.ndarray] = {}
    start = 0
    with Probe(network, sites) as probe, torch.inference_mode():
        for batch in batches:
            images = torch.from_numpy(batch).to(device)
            end = start + len(batch)
            recorded = {site: _to_numpy(activity, len(batch)) for site, activity in probe(images).items()}
            for site, activity in _hooked(recorded, hooks).items():
                if site not in results:
                    results[site] = np.empty((presentations, *activity.shape[1:]), dtype=activity.dtype)
                results[site][start:end] = activity
            start = end
    return results


class Probe:
    """Runs a network for what some sites depend on, and takes the activity there. Use as a context."""

    def __init__(self, network: CORnet, sites: Sequence[Site]) -> None:
        self._network = network
        self._sites: dict[Point, list[Site]] = {}
        self._modules = {site.layer: _find_module(network, site.layer) for site in sites}
        for site in dict.fromkeys(sites):
            in_decoder = site.layer.split(".")[0] not in network.times
            if in_decoder and site.time_step != 0:
                raise UserError(f"{site.layer} is computed once, at the end: it has no time step {site.time_step}.")
            point = network.last_point if in_decoder else network.point_of(*site)
            self._sites.setdefault(point, []).append(site)
        self._needed = network.required(self._sites)  # an error now rather than in the middle
        self._latest: dict[str, Tensor] = {}
        self._handles: list = []

    def __enter__(self) -> Probe:
        for layer, module in self._modules.items():

            def remember(_module, _inputs, output, layer=layer):
                self._latest[layer] = output

            self._handles.append(module.register_forward_hook(remember))
        return self

    def __exit__(self, *_) -> None:
        for handle in self._handles:
            handle.remove()

    def __call__(self, images: Tensor) -> dict[Site, Tensor]:
        """Site -> activity, (batch or 1, …); 1 where it is the same for every image."""
        recorded = {}
        self._latest.clear()
        # all points that are needed, not only those with sites: what a layer did at an earlier one is to be forgotten
        for point, activity in self._network.unfold(images, wanted=self._needed):
            sites = self._sites.get(point, [])
            if any(site.layer.split(".")[0] not in self._network.times for site in sites):
                self._network.decoder(activity)
            for site in sites:
                if site.layer not in self._latest:
                    raise UserError(f"{site.layer} does nothing at time step {site.time_step}.")
                recorded[site] = self._latest[site.layer]
            self._latest.clear()
        return recorded


def _find_module(network: CORnet, layer: str) -> nn.Module:
    try:
        return network.decoder if layer == LOGITS else network.get_submodule(layer)
    except AttributeError:
        layers = [name for name, module in network.named_modules() if name and not list(module.children())]
        raise UserError(f"No layer {layer!r}. The layers are {LOGITS}, {', '.join(layers)}.") from None


def _to_numpy(activity: Tensor, batch: int) -> np.ndarray:
    array = activity.float().cpu().numpy()
    return np.broadcast_to(array, (batch, *array.shape[1:]))


def _hooked(recorded: dict[Site, np.ndarray], hooks: Sequence[BatchHook]) -> dict[Site, np.ndarray]:
    """One call of the hooks for each time step, with layers as keys: what Brain-Score's hooks expect."""
    if not hooks:
        return recorded
    changed = {}
    for time_step in {site.time_step for site in recorded}:
        activations = {site.layer: array for site, array in recorded.items() if site.time_step == time_step}
        for hook in hooks:
            activations = hook(activations)
        changed.update({Site(layer, time_step): array for layer, array in activations.items()})
    return changed
