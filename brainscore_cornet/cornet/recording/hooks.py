"""Hooks by which Brain-Score's tools change activations, as in its own extractor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.activations.core import HookHandle

BatchHook = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Layer -> activations (presentation, …) of one batch -> the same, changed."""
StimulusSetHook = Callable[[StimulusSet], StimulusSet]


class Hookable:
    """A registry of batch hooks and of stimulus set hooks, in the order of their registration."""

    def __init__(self) -> None:
        self._batch_activations_hooks: dict[int, BatchHook] = {}
        self._stimulus_set_hooks: dict[int, StimulusSetHook] = {}

    def register_batch_activations_hook(self, hook: BatchHook) -> HookHandle:
        """Call `hook` for each batch with all layers, once for each time step if layers are recorded at several."""
        return _register(self._batch_activations_hooks, hook)

    def register_stimulus_set_hook(self, hook: StimulusSetHook) -> HookHandle:
        """Call `hook` with each stimulus set, and present the stimulus set that it returns.

        As in Brain-Score, hooks are not called for lists of image files, such as those that `LayerPCA` is fitted on.
        """
        return _register(self._stimulus_set_hooks, hook)


def _register(hooks: dict, hook: Callable) -> HookHandle:
    handle = HookHandle(hooks)
    hooks[handle.id] = hook
    return handle
