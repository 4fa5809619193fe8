"""Recordings of several sites of a model from one pass through the network, on disk while they are needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.brain_model import CORnetModel
from ..cornet.recording.images import warn_of_transparency
from ..cornet.recording.record import Site
from ..cornet.recording.shapes import survey
from ..cornet.recording.stimuli import stimulus_paths, warn_of_screen
from ..cornet.writing import scratch_array
from .screen import on_screen


@contextmanager
def recorded_sites(
    model: CORnetModel, stimuli: StimulusSet, degrees: float | None, sites: Sequence[Site]
) -> Iterator[dict[Site, np.memmap]]:
    """Yield the activity of each site (stimulus, unit), in single precision; the files are removed afterwards.

    Parameters
    ----------
    degrees
        Size of the stimuli in degrees of visual angle, None if they have a column `degrees`.
    """
    activations = model.activations_model
    shapes = survey(activations.network, activations.image_size)
    shown = on_screen(stimuli, model.visual_degrees(), degrees)
    paths = stimulus_paths(shown)
    warn_of_screen(shown, activations.background)
    if activations.background is None:
        warn_of_transparency(paths)
    with tempfile.TemporaryDirectory(prefix="brainscore_cornet-sites-") as folder:
        arrays = {}
        for number, site in enumerate(sites):
            units = int(np.prod(shapes[site.layer][site.time_step]))
            file = Path(folder) / f"{number}.float32"
            arrays[site] = scratch_array(file, (len(paths), units))
        for portion in activations.stream(paths, list(sites)):
            portion.write(arrays)
        yield arrays
