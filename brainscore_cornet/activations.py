"""The activations model that Brain-Score's behavioural readouts and hooks talk to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.activations.core import HookHandle
from tqdm.auto import tqdm

from . import assembly
from .architectures import CORnet
from .commitments import TimeBin
from .errors import UserError
from .recording import LOGITS, Site, last_site, record
from .stimuli import Microsaccades, as_stimulus_set, batches, stimulus_paths

NO_SHIFT = {"pixels": np.zeros((1, 2)), "degrees": np.zeros((1, 2))}


class ActivationsModel:
    """A network together with what turns stimuli into labelled activations.

    It has the interface of Brain-Score's `PytorchWrapper` and `ActivationsExtractorHelper`, and keeps nothing from one
    call to the next, in memory or on disk.

    Parameters
    ----------
    identifier
        Labels the neuroids; Brain-Score caches by it.
    network
        In evaluation mode, on `device`.
    image_size
        Height and width in px that images are resized to.
    visual_degrees
        Width of the images; the size of microsaccades depends on it.
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
    ) -> None:
        self.identifier = identifier
        self.network = network
        self.image_size = image_size
        self._visual_degrees = visual_degrees
        self._device = device
        self._batch_size = batch_size
        self._batch_activations_hooks: dict = {}
        self._stimulus_set_hooks: dict = {}
        self._extractor = self  # Brain-Score's tools look for hooks and paths there

    def __call__(
        self,
        stimuli: StimulusSet | Sequence[str | Path],
        layers: Sequence[str] | None = None,
        stimuli_identifier: str | None = None,
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> NeuroidAssembly:
        """Activations (presentation, neuroid) of layers at their last time step; of the logits by default."""
        layers = [LOGITS] if layers is None else list(dict.fromkeys(layers))
        if not layers:
            raise UserError("No layers to record from.")
        sites = [last_site(self.network, layer) for layer in layers]
        arrays, presentations = self._record(stimuli, sites, number_of_trials, require_variance)
        neuroids = assembly.neuroid_index(
            self.identifier,
            [(site.layer.split(".")[0], site.layer, arrays[site].shape[1:]) for site in sites],
            named_by="layer",
        )
        return assembly.layer_activations([arrays[site] for site in sites], presentations, neuroids)

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
        """Recordings (time_bin, presentation, neuroid): for each time bin the layer at one time step."""
        sites = [Site(layer, time_step) for time_step in time_steps]
        arrays, presentations = self._record(stimuli, sites, number_of_trials, require_variance)
        shape = arrays[sites[0]].shape[1:]
        neuroids = assembly.neuroid_index(self.identifier, [(region, layer, shape)], named_by="region")
        return assembly.recordings([arrays[site] for site in sites], time_bins, presentations, neuroids)

    def _record(
        self, stimuli, sites: Sequence[Site], number_of_trials: int, require_variance: bool
    ) -> tuple[dict[Site, np.ndarray], dict]:
        stimulus_set = as_stimulus_set(stimuli)
        for hook in list(self._stimulus_set_hooks.values()):
            stimulus_set = hook(stimulus_set)
        paths = stimulus_paths(stimulus_set)
        if number_of_trials < 1:
            raise UserError(f"Expected at least one trial, received number_of_trials={number_of_trials}.")
        if require_variance:
            microsaccades = Microsaccades(number_of_trials, self._visual_degrees)
            shifts, shown = microsaccades.shifts(self.image_size), paths
        else:  # every trial would give the same: each image is shown once, also where it is listed repeatedly
            microsaccades, shifts, shown = None, NO_SHIFT, list(dict.fromkeys(paths))
        presentations = len(shown) * len(shifts["pixels"])
        arrays = record(
            self.network,
            self._batches(shown, presentations, microsaccades),
            sites,
            presentations,
            self._device,
            hooks=list(self._batch_activations_hooks.values()),
        )
        if len(shown) < len(paths):
            position = {path: index for index, path in enumerate(shown)}
            index = [position[path] for path in paths]
            arrays = {site: array[index] for site, array in arrays.items()}
        return arrays, assembly.presentation_coords(stimulus_set, shifts)

    def _batches(self, paths: Sequence[str], presentations: int, microsaccades: Microsaccades | None):
        with tqdm(total=presentations, desc=self.identifier, unit="image", leave=False, disable=None) as progress:
            for batch in batches(paths, self.image_size, self._batch_size, microsaccades):
                yield batch
                progress.update(len(batch))

    def from_paths(self, stimuli_paths: Sequence[str], layers: Sequence[str] | None, **options) -> NeuroidAssembly:
        return self(stimuli_paths, layers, **options)

    _from_paths = from_paths  # what Brain-Score's memory estimate and label readout call for a first look

    def from_stimulus_set(self, stimulus_set: StimulusSet, layers: Sequence[str] | None, **options) -> NeuroidAssembly:
        return self(stimulus_set, layers, **options)

    def set_visual_degrees(self, visual_degrees: float) -> None:
        self._visual_degrees = visual_degrees

    def register_batch_activations_hook(self, hook) -> HookHandle:
        """`hook` is called for each batch and time step with layer -> activations and returns the same."""
        return _register(self._batch_activations_hooks, hook)

    def register_stimulus_set_hook(self, hook) -> HookHandle:
        """`hook` is called with each stimulus set before it is shown and returns another one."""
        return _register(self._stimulus_set_hooks, hook)


def _register(hooks: dict, hook) -> HookHandle:
    handle = HookHandle(hooks)
    hooks[handle.id] = hook
    return handle
