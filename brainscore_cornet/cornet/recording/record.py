"""Recording of activations from batches of images; only what the requested layers depend on is computed."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..anatomy import REGIONS
from ..architectures import CORnet, Point
from ..errors import UserError
from ..inference.prepared import Prepared
from ..plain import plain, plain_list
from .hooks import BatchHook

_logger = logging.getLogger(__name__)

LOGITS = "logits"
_LARGE = 2**27  # recorded bytes; after smaller recordings, the next one sooner uses what this one has freed


class Site(NamedTuple):
    """A layer, such as `V4.output` or `IT.conv2`, at a time step, from which activity is recorded."""

    layer: str
    time_step: int


def as_layers(layers: Iterable[str]) -> list[str]:
    """Return the layers in any container as a list, each once; raises `UserError` if there are none."""
    layers = plain(layers)
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise UserError(f"Expected a list of layers such as ['IT.output'], received {layers!r}.")
    found = list(dict.fromkeys(map(str, plain_list(layers))))
    if not found:
        raise UserError("No layers to record from.")
    return found


def last_site(network: CORnet, layer: str) -> Site:
    """Return the layer at its last time step; the decoder and the logits have one time step."""
    return Site(layer, 0 if is_decoded(layer) else network.last_step(layer))


class Portion(NamedTuple):
    """Activations of consecutive images."""

    rows: slice
    """Rows of these images among all images."""
    activities: dict[Site, Tensor]
    """Site -> activity (image, …), or (1, …) if it is the same for every image."""

    def shapes(self) -> dict[Site, tuple[int, ...]]:
        """Return site -> shape of one image's activity."""
        return {site: tuple(activity.shape[1:]) for site, activity in self.activities.items()}

    def write(self, arrays: Mapping[Site, np.ndarray], rows: np.ndarray | None = None) -> None:
        """Write each site's activity into its array (row, unit).

        Parameters
        ----------
        rows
            Row of the arrays for each image; by default in order.
        """
        for site, activity in self.activities.items():
            _write(activity, arrays[site], self.rows if rows is None else rows[self.rows])


def record(
    prepared: Prepared,
    batches: Iterable[Tensor],
    sites: Sequence[Site],
    *,
    hooks: Sequence[BatchHook] = (),
    batch_size: int | None = None,
    pool: bool = False,
    weights: str | None = None,
) -> Iterator[Portion]:
    """Yield activations at sites, portion by portion, and compute only what they depend on.

    Parameters
    ----------
    batches
        Preprocessed images, (image, 3, height, width), float32.
    hooks
        Called for each batch with layer -> activations, (image, …), and for each time step where a layer is
        recorded at several; return the same.
    batch_size
        Images in a forward pass, at most. A batch that does not fit into a GPU's memory is halved and computed again.
    pool
        Whether to average over space, on the device, in layers that have spatial axes.
    weights
        `network_hash` of the network, if it is known already.
    """
    start, most, recorded = 0, batch_size, 0
    whole_regions = all(is_output(site.layer) or is_decoded(site.layer) for site in sites)
    is_cuda = prepared.device.type == "cuda"
    copied: _Copied | None = None  # on CUDA a portion is yielded while the next one is computed
    with Probe(prepared.get(whole_regions, weights), sites) as probe:
        for batch in batches:
            done = 0
            while done < len(batch):
                images = batch[done : done + (most or len(batch))]
                try:
                    # not around the loop: in a generator the modes would also apply to its consumer
                    with torch.inference_mode(), prepared.arithmetic():
                        activities = probe(prepared.as_input(images))
                        activities = {site: _pooled(activity, pool) for site, activity in activities}
                        latest = _Copied.started(activities) if is_cuda else _Copied(activities)
                    recorded += sum(activity.nbytes for activity in activities.values())
                except torch.OutOfMemoryError as error:
                    if len(images) == 1:
                        raise UserError(f"Not even one image fits the memory of {prepared.device}: {error}") from error
                    most = -(-len(images) // 2)
                    _logger.warning("Out of memory on %s: continuing with batches of %d.", prepared.device, most)
                    torch.cuda.empty_cache()
                    continue
                latest.rows = slice(start, start + len(images))
                if is_cuda:
                    copied, latest = latest, copied
                if latest is not None:
                    yield latest.portion(sites, hooks)
                done += len(images)
                start += len(images)
        if copied is not None:
            yield copied.portion(sites, hooks)
    if recorded > _LARGE:
        _release_memory()


@dataclass
class _Copied:
    """Activity of a portion that is being copied to the host's memory."""

    activities: dict[Site, Tensor]
    event: torch.cuda.Event | None = None
    rows: slice = field(default_factory=lambda: slice(0, 0))

    @classmethod
    def started(cls, activities: Mapping[Site, Tensor]) -> _Copied:
        """Start an asynchronous copy from a CUDA device, which is complete once the event has occurred."""
        copies = {}
        for site, activity in activities.items():
            # into pinned memory, so that the copy overlaps the computation
            host = torch.empty(activity.shape, dtype=torch.float32, pin_memory=True)
            copies[site] = host.copy_(activity, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return cls(copies, event)

    def portion(self, sites: Sequence[Site], hooks: Sequence[BatchHook]) -> Portion:
        if self.event is not None:
            self.event.synchronize()
        found = {site: activity.float().cpu() for site, activity in self.activities.items()}
        found = _apply_hooks(found, hooks, self.rows.stop - self.rows.start)
        return Portion(self.rows, {site: found[site] for site in dict.fromkeys((*sites, *found)) if site in found})


def _pooled(activity: Tensor, pool: bool) -> Tensor:
    return activity.float().mean(dim=(2, 3)) if pool and activity.ndim == 4 else activity


class Probe:
    """A context manager that runs a network as far as some sites depend on it, and yields their activity."""

    def __init__(self, network: CORnet, sites: Sequence[Site]) -> None:
        self._network = network
        self._sites: dict[Point, list[Site]] = {}
        self._modules = {site.layer: find_module(network, site.layer) for site in sites if not is_output(site.layer)}
        for site in dict.fromkeys(sites):
            if is_decoded(site.layer) and site.time_step != 0:
                raise UserError(f"{site.layer} is computed once, at the end: it has no time step {site.time_step}.")
            point = network.last_point if is_decoded(site.layer) else network.point_of(*site)
            self._sites.setdefault(point, []).append(site)
        self._needed = network.required(self._sites)  # raises now rather than during the recording
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

    def __call__(self, images: Tensor) -> Iterator[tuple[Site, Tensor]]:
        """Yield (site, activity) in causal order, activity as (batch, …), or (1, …) if all images give the same."""
        self._latest.clear()
        # all needed points, not only those with sites, so that a layer's activity at an earlier point is cleared
        for point, activity in self._network.unfold(images, wanted=self._needed):
            sites = self._sites.get(point, [])
            if any(is_decoded(site.layer) for site in sites):
                self._network.decoder(activity)
            for site in sites:
                if is_output(site.layer):
                    yield site, activity
                elif site.layer in self._latest:
                    yield site, self._latest[site.layer]
                else:
                    raise UserError(f"{site.layer} is not computed at time step {site.time_step}.")
            self._latest.clear()


def _release_memory() -> None:
    """Return freed memory to the system, since a large assembly may still have to be written.

    The C library of Linux would keep it; other systems have no such call, or need none.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def is_output(layer: str) -> bool:
    """Return whether a layer is a region's output, rather than a layer inside a region."""
    region, _, name = layer.partition(".")
    return region in REGIONS and name == "output"


def is_decoded(layer: str) -> bool:
    """Return whether a layer belongs to the decoder, after the regions."""
    return layer.split(".")[0] not in REGIONS


def find_module(network: CORnet, layer: str) -> nn.Module:
    """Return the module of a layer's name; raises `UserError` with the existing layers for an unknown name."""
    try:
        if layer:
            return network.decoder if layer == LOGITS else network.get_submodule(layer)
        raise AttributeError(layer)
    except AttributeError:
        layers = [name for name, module in network.named_modules() if name and not list(module.children())]
        raise UserError(f"No layer {layer!r}. The layers are {LOGITS}, {', '.join(layers)}.") from None


def _write(activity: Tensor, destination: np.ndarray, rows: slice | np.ndarray) -> None:
    if not isinstance(rows, slice) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        rows = slice(int(rows[0]), int(rows[0]) + len(rows))
    if isinstance(rows, slice):  # directly into the array, without an intermediate copy
        view = torch.from_numpy(destination[rows])
        view.view(len(view), *activity.shape[1:]).copy_(activity)
    else:
        destination[rows] = activity.numpy().reshape(len(activity), -1)


def _apply_hooks(recorded: dict[Site, Tensor], hooks: Sequence[BatchHook], count: int) -> dict[Site, Tensor]:
    """Return a batch as changed by hooks, which are called once, or for each time step if a layer has several."""
    if not hooks:
        return recorded
    steps = sorted({site.time_step for site in recorded})
    once = len({site.layer for site in recorded}) == len(recorded)
    changed = {}
    for together in [steps] if once else [[step] for step in steps]:
        sites = {site.layer: site for site in recorded if site.time_step in together}
        activations = {
            layer: np.ascontiguousarray(recorded[site].expand(count, *recorded[site].shape[1:]).numpy())
            for layer, site in sites.items()
        }
        for hook in hooks:
            activations = hook(activations)
        for (
            layer,
            array,
        ) in activations.items():  # a layer that the hook added has no time step of its own: it gets the last
            changed[sites.get(layer, Site(layer, together[-1]))] = torch.as_tensor(array)
    return changed
