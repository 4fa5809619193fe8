"""Where Brain-Score's tools hook into activations, as into those of its own extractor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.activations.core import HookHandle

BatchHook = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Layer -> activations (presentation, …) of one batch -> the same, changed."""
StimulusSetHook = Callable[[StimulusSet], StimulusSet]


class Hookable:
    """Keeps hooks of two kinds, each in the order in which they were registered."""

    def __init__(self) -> None:
        self._batch_activations_hooks: dict[int, BatchHook] = {}
        self._stimulus_set_hooks: dict[int, StimulusSetHook] = {}

    def register_batch_activations_hook(self, hook: BatchHook) -> HookHandle:
        """Call `hook` for each batch with all layers; with one time step after the other where layers have several."""
        return _register(self._batch_activations_hooks, hook)

    def register_stimulus_set_hook(self, hook: StimulusSetHook) -> HookHandle:
        """Call `hook` with each stimulus set, and show what it returns.

        Lists of image files are no stimulus sets, here as in Brain-Score: what tools look at to prepare themselves,
        such as the images that `LayerPCA` is fitted on, stays as it is.
        """
        return _register(self._stimulus_set_hooks, hook)


def _register(hooks: dict, hook: Callable) -> HookHandle:
    handle = HookHandle(hooks)
    hooks[handle.id] = hook
    return handle
