"""The activations model that Brain-Score's behavioural readouts and hooks use."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from torch import Tensor

from ..architectures import CORnet, is_hooked
from ..commitments import TimeBin
from ..errors import UserError
from ..inference.prepared import Prepared
from ..plain import plain
from ..preparation import Colour
from ..progress_line import counting
from . import assembly, cache
from .hooks import Hookable
from .images import Source, warn_of_transparency
from .presentations import Presentations
from .record import LOGITS, Portion, Site, as_layers, find_module, last_site, record
from .shapes import survey
from .stimuli import Microsaccades, as_stimulus_set, as_trials, batches, image_files, warn_of_screen

MOST_WORKERS = 8  # by default, at most: a few threads decode faster than a network computes


class ActivationsModel(Hookable):
    """A network with the extraction of its activations as labelled assemblies.

    It has the interface of Brain-Score's `PytorchWrapper` and `ActivationsExtractorHelper`. It keeps nothing in memory
    between calls. On disk, activations are cached by everything that they depend on (`cache`). The network may be
    changed between two calls.

    Parameters
    ----------
    identifier
        Labels the neuroids; Brain-Score uses it as a cache key.
    network
        Network in evaluation mode; it is neither changed nor moved to another device.
    image_size
        Height and width in px that images are resized to.
    visual_degrees
        Width of the images in degrees; the size of microsaccades depends on it.
    workers
        Threads that prepare images ahead; by default as many as torch uses, eight at most.
    precision, compiled
        As in `inference.prepared.Prepared`.
    resize, background
        As in `images.load_image`.
    """

    def __init__(
        self,
        identifier: str,
        network: CORnet,
        *,
        image_size: int,
        visual_degrees: float,
        device: torch.device,
        batch_size: int,
        workers: int | None = None,
        precision: str = "fp32",
        compiled: bool = False,
        resize: str = "squeeze",
        background: Colour | None = None,
    ) -> None:
        super().__init__()
        self.identifier = identifier
        self.network = network
        self.image_size, self.resize, self.background = image_size, resize, background
        self._visual_degrees = visual_degrees
        self._prepared = Prepared(network, device, precision, compiled)
        self.unchanged = self._prepared.unchanged
        self._batch_size = batch_size
        self._workers = workers or min(MOST_WORKERS, torch.get_num_threads())
        self._extractor = self  # Brain-Score's tools find hooks and paths through this attribute

    def __call__(
        self,
        stimuli: StimulusSet | Sequence[str | Path],
        layers: Sequence[str] | None = None,
        stimuli_identifier: str | bool | None = None,
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> NeuroidAssembly:
        """Return activations (presentation, neuroid) of layers at their last time step, by default of the logits.

        The coordinates are those of Brain-Score's `PytorchWrapper`, with the layers in the requested order.

        Parameters
        ----------
        stimuli_identifier
            Cache key of the stimuli, in place of the stimulus set's identifier; False disables the cache.
        number_of_trials, require_variance
            As in `CORnetModel.look_at`.
        """
        layers = [LOGITS] if layers is None else as_layers(layers)
        shown = self._presentations_of(stimuli, number_of_trials, require_variance, stimuli_identifier)
        first, portions = _peeked(self._record(shown, [last_site(self.network, layer) for layer in layers]))
        shapes = first.shapes()
        neuroids = assembly.neuroid_index(self.identifier, {site.layer: shape for site, shape in shapes.items()})
        values = np.empty((len(shown.rows), len(neuroids)), dtype=np.float32)
        ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
        columns = dict(zip(shapes, np.split(values, ends[:-1], axis=1), strict=True))
        for portion in portions:
            portion.write(columns, shown.first_rows)
        shown.repeat(values)
        return assembly.layer_activations(values, shown.coords, neuroids)

    def record(
        self,
        stimuli: StimulusSet | Sequence[str | Path],
        region: str,
        layer: str,
        time_bins: Sequence[TimeBin],
        time_steps: Sequence[int],
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> NeuroidAssembly:
        """Return recordings (time_bin, presentation, neuroid): for each time bin the layer at one time step."""
        shown = self._presentations_of(stimuli, number_of_trials, require_variance)
        # time bins that share a step are recorded once
        bins = {step: time_steps.index(step) for step in time_steps}
        first, portions = _peeked(self._record(shown, [Site(layer, step) for step in bins]))
        shape = next(iter(first.shapes().values()))
        values = np.empty((len(time_bins), len(shown.rows), math.prod(shape)), dtype=np.float32)
        arrays = {site: values[bins[site.time_step]] for site in first.activities}
        for portion in portions:
            portion.write(arrays, shown.first_rows)
        for index, step in enumerate(time_steps):
            if index == bins[step]:
                shown.repeat(values[index])
            else:
                values[index] = values[bins[step]]
        neuroids = assembly.neuroid_index(self.identifier, {layer: shape}, region)
        return assembly.recordings(values, time_bins, shown.coords, neuroids)

    def stream(
        self,
        sources: Sequence[Source],
        sites: Sequence[Site],
        *,
        first: int = 0,
        pool: bool = False,
        on_error: Callable[[int, UserError], None] | None = None,
    ) -> Iterator[Portion]:
        """Yield activations of images from row `first` on, portion by portion, without caching them.

        Parameters
        ----------
        sources
            All images; those before `first` are skipped.
        pool
            Whether to average over space.
        on_error
            As in `stimuli.batches`.
        """
        if first == len(sources):
            return
        loaded = self._load(
            sources[first:],
            on_error=None if on_error is None else lambda row, error: on_error(first + row, error),
        )
        with closing(self._progress(loaded, len(sources), first)) as counted:
            for portion in record(self._prepared, counted, sites, batch_size=self._batch_size, pool=pool):
                rows = slice(first + portion.rows.start, first + portion.rows.stop)
                yield portion._replace(rows=rows)

    def _presentations_of(
        self, stimuli, number_of_trials: int, require_variance: bool, identifier=None
    ) -> Presentations:
        identifier = getattr(stimuli, "identifier", None) if identifier is None else identifier
        if isinstance(stimuli, StimulusSet):
            for hook in list(self._stimulus_set_hooks.values()):
                stimuli = hook(stimuli)
            warn_of_screen(stimuli, self.background)
        else:
            stimuli = as_stimulus_set(stimuli) if isinstance(stimuli, pd.DataFrame) else image_files(stimuli)
        number_of_trials = as_trials(number_of_trials)
        microsaccades = Microsaccades(number_of_trials, self._visual_degrees) if require_variance else None
        return Presentations.of(stimuli, self.image_size, microsaccades, identifier)

    def _record(self, shown: Presentations, sites: Sequence[Site]) -> Iterator[Portion]:
        """Yield cached activations, or compute and cache them."""
        for site in sites:
            find_module(self.network, site.layer)  # checked here because the prepared copy may have other names
        weights = self._prepared.weights()
        entries = self._entries(shown, sites, weights)
        count = len(shown.first_rows)
        shapes = survey(self.network, self.image_size, containers=True) if entries else {}
        wanted = {site: shapes.get(site.layer, {}).get(site.time_step) for site in entries}
        loaded = {site: entry.load((count, *(wanted[site] or ()))) for site, entry in entries.items()}
        stored = {site: array for site, array in loaded.items() if array is not None}
        if entries and len(stored) == len(sites):
            yield Portion(slice(0, count), {site: torch.from_numpy(array) for site, array in stored.items()})
            return
        if self.background is None:
            warn_of_transparency(shown.paths)
        writers = {site: entry.writer(count) for site, entry in entries.items()}
        try:
            with closing(self._progress(self._load(shown.paths, shown.microsaccades), count)) as counted:
                for portion in record(
                    self._prepared,
                    counted,
                    sites,
                    hooks=list(self._batch_activations_hooks.values()),
                    batch_size=self._batch_size,
                    weights=weights,
                ):
                    images = portion.rows.stop - portion.rows.start
                    for site, writer in writers.items():
                        activity = portion.activities[site]
                        writer.append(activity.expand(images, *activity.shape[1:]).numpy())
                    yield portion
            for writer in writers.values():
                writer.finish()
        finally:
            for writer in writers.values():
                writer.discard()

    def _load(self, sources: Sequence[Source], microsaccades: Microsaccades | None = None, **options) -> Iterator:
        pinned = self._prepared.device.type == "cuda"
        options = {"workers": self._workers, "pinned": pinned, **options}
        options |= {"resize": self.resize, "background": self.background}
        return batches(sources, self.image_size, self._batch_size, microsaccades, **options)

    def _entries(self, shown: Presentations, sites: Sequence[Site], weights: str) -> dict[Site, cache.Entry]:
        """Return each site's cache entry, none if the activations depend on something without an identifier."""
        named = self.identifier and shown.identifier and cache.is_enabled()
        if not named or self._batch_activations_hooks or is_hooked(self.network):
            return {}
        seen = shown.microsaccades
        key = {
            "images": cache.images_hash(shown.paths),
            "image_size": self.image_size,
            "resize": self.resize,
            "background": self.background,
            "network": weights,
            "modules": repr(self.network),  # such as another nonlinearity, which has no weights
            "precision": self._prepared.precision,
            "microsaccades": None if seen is None else [seen.trials, seen.visual_degrees],
        }
        return {
            site: cache.Entry(self.identifier, str(shown.identifier), layer=site.layer, time_step=site.time_step, **key)
            for site in sites
        }

    def _progress(self, loaded: Iterable[Tensor], presentations: int, first: int = 0) -> Generator[Tensor, None, None]:
        with counting(self.identifier or "recording", presentations, first=first) as add:
            for batch in loaded:
                yield batch
                add(len(batch))

    @property
    def device(self) -> torch.device:
        return self._prepared.device

    @property
    def precision(self) -> str:
        return self._prepared.precision

    @property
    def batch_size(self) -> int:
        return self._batch_size

    def from_paths(
        self,
        stimuli_paths: StimulusSet | Sequence[str | Path],
        layers: Sequence[str] | None,
        stimuli_identifier: str | bool | None = None,
        require_variance: bool = False,
        number_of_trials: int = 1,
    ) -> NeuroidAssembly:
        return self(stimuli_paths, layers, stimuli_identifier, number_of_trials, require_variance)

    _from_paths = from_paths  # Brain-Score's memory estimate and label readout call it by this name

    def from_stimulus_set(self, stimulus_set: StimulusSet, *args, **options) -> NeuroidAssembly:
        return self.from_paths(stimulus_set, *args, **options)

    def set_visual_degrees(self, visual_degrees: float) -> None:
        self._visual_degrees = plain(visual_degrees)  # numpy's numbers cannot be part of the cache key


def _peeked(portions: Iterator[Portion]) -> tuple[Portion, Iterator[Portion]]:
    """Return the first portion, whose shapes give the sizes of the arrays, and an iterator over all portions."""
    first = next(portions)
    return first, chain([first], portions)
