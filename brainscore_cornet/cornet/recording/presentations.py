"""Presentations of stimuli: which of them are computed, and which repeat an earlier one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..preparation import PATH
from . import assembly
from .stimuli import NO_SHIFT, Microsaccades, as_stimulus_set, stimulus_paths


@dataclass(frozen=True)
class Presentations:
    """The images that the network computes, and the presentations that their activations are for."""

    paths: list[str]
    """Image files to compute: each image once, unless its presentations differ by microsaccades."""
    microsaccades: Microsaccades | None
    rows: np.ndarray
    """For each presentation, the computed presentation of the same image: itself, or an earlier one."""
    coords: dict
    identifier: str | bool | None
    """Cache key of the stimuli; without one, activations are not cached."""

    @classmethod
    def of(
        cls,
        stimuli: StimulusSet | Sequence[str | bytes | os.PathLike],
        image_size: int,
        microsaccades: Microsaccades | None,
        identifier: str | bool | None,
    ) -> Presentations:
        """Return the presentations of a stimulus set, with its columns as coordinates, or of a list of image files.

        As in Brain-Score's extractor, a list has one coordinate, `stimulus_path`, with the paths as given.
        """
        paths = stimulus_paths(as_stimulus_set(stimuli))
        if isinstance(stimuli, StimulusSet):
            columns: dict[str, Sequence | np.ndarray] = {name: np.asarray(stimuli[name]) for name in stimuli.columns}
        else:
            columns = {PATH: stimuli}
        if microsaccades is not None:
            rows = np.arange(len(paths) * microsaccades.trials)
            coords = assembly.presentation_coords(columns, microsaccades.shifts(image_size))
            return cls(paths, microsaccades, rows, coords, identifier)
        # all trials of an image are equal: it is computed once, also when it is listed repeatedly
        first: dict[str, int] = {}
        rows = np.array([first.setdefault(path, row) for row, path in enumerate(paths)])
        return cls(list(first), None, rows, assembly.presentation_coords(columns, NO_SHIFT), identifier)

    @property
    def first_rows(self) -> np.ndarray:
        """Return the rows of the presentations that are computed, in order."""
        return np.flatnonzero(self.rows == np.arange(len(self.rows)))

    def repeat(self, values: np.ndarray) -> None:
        """Copy activations into the rows (presentation, …) that repeat an earlier presentation."""
        for row in np.flatnonzero(self.rows != np.arange(len(self.rows))):
            values[row] = values[self.rows[row]]
