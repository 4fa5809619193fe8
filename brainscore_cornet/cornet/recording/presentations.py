"""Which presentations of stimuli are computed, and which repeat an earlier one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from . import assembly
from .stimuli import NO_SHIFT, Microsaccades, as_stimulus_set, stimulus_paths


@dataclass(frozen=True)
class Presentations:
    """What is shown to the network, and which presentations it answers."""

    paths: list[str]
    """Each image once, unless every presentation of it is another."""
    microsaccades: Microsaccades | None
    rows: np.ndarray
    """For each presentation the one that is computed for it: itself, or an earlier one of the same image."""
    coords: dict
    identifier: str | bool | None
    """By which activations are kept on disk; none are without one."""

    @classmethod
    def of(
        cls,
        stimuli: StimulusSet | Sequence[str | bytes | os.PathLike],
        image_size: int,
        microsaccades: Microsaccades | None,
        identifier: str | bool | None,
    ) -> Presentations:
        """What is shown of a stimulus set, or of a list of image files; presentations have the columns of the former.

        As in Brain-Score's extractor, those of a list have one coordinate, `stimulus_path`, with the paths as given.
        """
        paths = stimulus_paths(as_stimulus_set(stimuli))
        if isinstance(stimuli, StimulusSet):
            columns: dict[str, Sequence | np.ndarray] = {name: np.asarray(stimuli[name]) for name in stimuli.columns}
        else:
            columns = {"stimulus_path": stimuli}
        if microsaccades is not None:
            rows = np.arange(len(paths) * microsaccades.trials)
            coords = assembly.presentation_coords(columns, microsaccades.shifts(image_size))
            return cls(paths, microsaccades, rows, coords, identifier)
        # every trial would give the same: each image is shown once, also where it is listed repeatedly
        first: dict[str, int] = {}
        rows = np.array([first.setdefault(path, row) for row, path in enumerate(paths)])
        return cls(list(first), None, rows, assembly.presentation_coords(columns, NO_SHIFT), identifier)

    @property
    def first_rows(self) -> np.ndarray:
        """The presentations that are computed, in their order."""
        return np.flatnonzero(self.rows == np.arange(len(self.rows)))

    def repeat(self, values: np.ndarray) -> None:
        """Fill in the presentations (presentation, …) that repeat an earlier one."""
        for row in np.flatnonzero(self.rows != np.arange(len(self.rows))):
            values[row] = values[self.rows[row]]
