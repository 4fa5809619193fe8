"""Textured and dotted shapes of BMD2024, named by people."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import random_of, stimuli

READ_IN = {
    "bmd2024": (
        "data/bmd2024/__init__.py",
        "data/bmd2024/test.py",
        "data/bmd2024/data_packaging/BMD_2024_data_assembly.py",
        "data/bmd2024/data_packaging/BMD_2024_simulus_set.py",
        "data/bmd2024/data_packaging/stim_meta.csv",
        "benchmarks/bmd2024/benchmark.py",
        "metrics/accuracy_distance/metric.py",
    ),
}
REPRESENTATIVES = {
    "bmd2024": tuple(
        f"BMD2024.{condition}Behavioral-accuracy_distance"
        for condition in ("texture_1", "texture_2", "dotted_1", "dotted_2")
    ),
}

CONDITIONS = {"texture_1": "t1", "texture_2": "t2", "dotted_1": "d1", "dotted_2": "d2"}
LABELS = ("airplane", "bear", "bicycle", "bird", "bottle", "car", "cat", "chair", "elephant", "knife")
PER_LABEL = 3
SUBJECTS = 5


@stimulus_set(*(f"BMD_2024_{condition}" for condition in CONDITIONS))
def shapes(identifier: str) -> Stimuli:
    """The ten labels, in one condition."""
    condition = identifier.removeprefix("BMD_2024_")
    pairs = [(label, number) for label in LABELS for number in range(11, 11 + PER_LABEL)]
    return stimuli(
        {
            "stimulus_id": [f"{label.capitalize()}_{number}_{CONDITIONS[condition]}" for label, number in pairs],
            "condition": [condition] * len(pairs),
            "truth": [label for label, _ in pairs],
        },
        label="truth",
    )


@assembly(*(f"BMD_2024_{condition}" for condition in CONDITIONS))
def answers(identifier: str) -> xr.DataArray:
    """Every subject's answer to every picture, right in three of four."""
    shown = stimuli_of(identifier).table
    random = random_of("answers", identifier)
    truth = np.tile(shown["truth"].values, SUBJECTS)
    given = np.where(random.uniform(size=len(truth)) < 0.75, truth, random.choice(LABELS, len(truth)))
    return xr.DataArray(
        given.astype(object),
        dims=["presentation"],
        coords={
            "subject": ("presentation", np.repeat(np.arange(1, SUBJECTS + 1), len(shown))),
            "subject_answer": ("presentation", given.astype(object)),
            "stimulus_id": ("presentation", np.tile(shown["stimulus_id"].values, SUBJECTS)),
            "truth": ("presentation", truth),
            "condition": ("presentation", np.tile(shown["condition"].values, SUBJECTS)),
        },
        attrs={"stimulus_set_identifier": identifier},
    )
