"""Animals, objects, and objects that look like animals, of Bracci et al. (2019)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import recordings, stimuli

READ_IN = {
    "bracci2019": (
        "data/bracci2019/__init__.py",
        "data/bracci2019/data_packaging.py",
        "benchmarks/bracci2019/benchmark.py",
    ),
}
REPRESENTATIVES = {"bracci2019": ("Bracci2019.anteriorVTC-rdm",)}

KINDS = ("lookalike", "animal", "object")
GROUPS = 9
ROIS, SUBJECTS, VOXELS = 3, 4, 5


@stimulus_set("Bracci2019")
def lookalikes(_: str) -> Stimuli:
    """Nine of each kind, numbered from 1."""
    numbers = np.arange(1, len(KINDS) * GROUPS + 1)
    kinds, groups = np.repeat(KINDS, GROUPS), (numbers - 1) % GROUPS + 1
    return stimuli(
        {
            "stimulus_id": [f"stim_{number}" for number in numbers],
            "stimulus_name": [
                f"{n:02d}_{group:02d}_{kind}" for n, group, kind in zip(numbers, groups, kinds, strict=True)
            ],
            "exemplar_number": numbers,
            "image_label": kinds,
            "image_group": groups,
        },
        label="image_label",
        ending="jpg",
    )


@assembly("Bracci2019")
def patterns(identifier: str) -> xr.DataArray:
    """Voxels of three regions of interest, counted from 0 in each subject; there are no repetitions and no region."""
    shown = stimuli_of(identifier)
    columns = ("stimulus_name", "exemplar_number", "image_label", "image_group")
    array = recordings(
        shown,
        {
            "roi": np.tile(np.repeat(np.arange(ROIS), VOXELS), SUBJECTS),
            "subject": np.repeat(np.arange(SUBJECTS), ROIS * VOXELS),
            "voxels": np.tile(np.arange(ROIS * VOXELS), SUBJECTS),
        },
        identifier,
        presentation={column: shown.table[column].values for column in columns},
        dtype=np.float64,
        rank=3,
    )
    return array.drop_vars("repetition").assign_attrs(stimulus_set_identifier=identifier)
