"""What has to be computed for what is asked, and computing it: batches in, arrays out."""

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


class Site(NamedTuple):
    """Where and when activity is recorded: a layer, such as `V4.output` or `IT.conv2`, at a time step."""

    layer: str
    time_step: int


def as_layers(layers: Iterable[str]) -> list[str]:
    """The layers in any container, each once; `UserError` where there are none."""
    layers = plain(layers)
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise UserError(f"Expected a list of layers such as ['IT.output'], received {layers!r}.")
    found = list(dict.fromkeys(map(str, plain_list(layers))))
    if not found:
        raise UserError("No layers to record from.")
    return found


def last_site(network: CORnet, layer: str) -> Site:
    """The layer at the last time step at which it works; the decoder and the logits have just one."""
    return Site(layer, 0 if is_decoded(layer) else network.last_step(layer))


class Portion(NamedTuple):
    """Activations of some of the images, in the order in which they were given."""

    rows: slice
    """Which of the images these are."""
    activities: dict[Site, Tensor]
    """Site -> activity (image, …); (1, …) where it is the same for every image."""

    def shapes(self) -> dict[Site, tuple[int, ...]]:
        """Site -> shape of one image's activity."""
        return {site: tuple(activity.shape[1:]) for site, activity in self.activities.items()}

    def write(self, arrays: Mapping[Site, np.ndarray], rows: np.ndarray | None = None) -> None:
        """Write each site's activity into its array (row, unit).

        Parameters
        ----------
        rows
            Where in the arrays each image belongs; by default in order.
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
    """Activations at some sites, portion by portion; nothing is computed that they do not depend on.

    Parameters
    ----------
    batches
        Preprocessed images, (image, 3, height, width), float32.
    hooks
        Called for each batch with layer -> activations, (image, …), and for each time step where a layer is
        recorded at several; return the same.
    batch_size
        The most that are computed at a time. A batch that does not fit a GPU's memory is halved and tried again.
    pool
        Average over space where there is space, on the device.
    weights
        `network_hash` of the network, where that is known already.
    """
    start, most = 0, batch_size
    whole_regions = all(is_output(site.layer) or is_decoded(site.layer) for site in sites)
    is_cuda = prepared.device.type == "cuda"
    copied: _Copied | None = None  # on CUDA a portion is handed on while the next one is computed
    with Probe(prepared.get(whole_regions, weights), sites) as probe:
        for batch in batches:
            done = 0
            while done < len(batch):
                images = batch[done : done + (most or len(batch))]
                try:
                    # not around the loop: in a generator the modes would hold for its consumer, too
                    with torch.inference_mode(), prepared.autocast():
                        activities = probe(prepared.as_input(images))
                        activities = {site: _pooled(activity, pool) for site, activity in activities}
                        latest = _Copied.started(activities) if is_cuda else _Copied(activities)
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
    _give_back_memory()


@dataclass
class _Copied:
    """Activity of a portion in the host's memory, or on its way there."""

    activities: dict[Site, Tensor]
    event: torch.cuda.Event | None = None
    rows: slice = field(default_factory=lambda: slice(0, 0))

    @classmethod
    def started(cls, activities: Mapping[Site, Tensor]) -> _Copied:
        """Start to copy from a CUDA device; all is there when the event has happened."""
        copies = {}
        for site, activity in activities.items():
            # into memory that the system cannot move, so that copying continues beside the computation
            host = torch.empty(activity.shape, dtype=torch.float32, pin_memory=True)
            copies[site] = host.copy_(activity, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return cls(copies, event)

    def portion(self, sites: Sequence[Site], hooks: Sequence[BatchHook]) -> Portion:
        if self.event is not None:
            self.event.synchronize()
        found = {site: activity.float().cpu() for site, activity in self.activities.items()}
        found = _hooked(found, hooks, self.rows.stop - self.rows.start)
        return Portion(self.rows, {site: found[site] for site in dict.fromkeys((*sites, *found)) if site in found})


def _pooled(activity: Tensor, pool: bool) -> Tensor:
    return activity.float().mean(dim=(2, 3)) if pool and activity.ndim == 4 else activity


class Probe:
    """Runs a network for what some sites depend on, and takes the activity there. Use as a context."""

    def __init__(self, network: CORnet, sites: Sequence[Site]) -> None:
        self._network = network
        self._sites: dict[Point, list[Site]] = {}
        self._modules = {site.layer: find_module(network, site.layer) for site in sites if not is_output(site.layer)}
        for site in dict.fromkeys(sites):
            if is_decoded(site.layer) and site.time_step != 0:
                raise UserError(f"{site.layer} is computed once, at the end: it has no time step {site.time_step}.")
            point = network.last_point if is_decoded(site.layer) else network.point_of(*site)
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

    def __call__(self, images: Tensor) -> Iterator[tuple[Site, Tensor]]:
        """Yield (site, activity) in causal order, activity as (batch or 1, …); 1 where all images give the same."""
        self._latest.clear()
        # all points that are needed, not only those with sites: what a layer did at an earlier one is to be forgotten
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
                    raise UserError(f"{site.layer} does nothing at time step {site.time_step}.")
            self._latest.clear()


def _give_back_memory() -> None:
    """Return the memory of dropped activity to the system, since the answer may still have to be written out.

    The C library of Linux keeps it otherwise; others have no such call, or need none.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def is_output(layer: str) -> bool:
    """Whether this is what a region gives to the next, rather than something inside it."""
    region, _, name = layer.partition(".")
    return region in REGIONS and name == "output"


def is_decoded(layer: str) -> bool:
    """Whether this comes after the regions: the logits, and what leads to them."""
    return layer.split(".")[0] not in REGIONS


def find_module(network: CORnet, layer: str) -> nn.Module:
    """The module that a layer's name stands for; `UserError` with the layers that there are."""
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
    if isinstance(rows, slice):  # straight into the array, without a copy in between
        view = torch.from_numpy(destination[rows])
        view.view(len(view), *activity.shape[1:]).copy_(activity)
    else:
        destination[rows] = activity.numpy().reshape(len(activity), -1)


def _hooked(recorded: dict[Site, Tensor], hooks: Sequence[BatchHook], count: int) -> dict[Site, Tensor]:
    """What hooks make of a batch: called once, with layers as keys; by time step where a layer has several."""
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
        for layer, array in activations.items():  # of a layer that the hook made, the last time step is as good as any
            changed[sites.get(layer, Site(layer, together[-1]))] = torch.as_tensor(array)
    return changed
