"""Objects behind clutter, occluders or scrambled phases, named by people, of Maniquet et al. (2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimulus_set
from .making import stimuli

READ_IN = {
    "maniquet2024": (
        "data/maniquet2024/__init__.py",
        "data/maniquet2024/data_packaging.py",
        "benchmarks/maniquet2024/benchmark.py",
        "metrics/maniquet2024_metrics/metric.py",
    ),
}
REPRESENTATIVES = {"maniquet2024": ("Maniquet2024-confusion_similarity", "Maniquet2024-tasks_consistency")}

CATEGORIES = ("banana", "bird", "building", "bus", "cat", "hydrant", "person", "tree")

TASKS = {
    "control": ("control", "control"),
    "clutter_heavy": ("clutter", "heavy"),
    "clutter_light": ("clutter", "light"),
    "scrambling_highpass": ("phasescrambling", "highpass"),
    "scrambling_lowpass": ("phasescrambling", "lowpass"),
    "occlusion_few_large_blobs_high": ("occluder", "fewlarge-high"),
    "occlusion_few_large_deletion_low": ("occluder", "fewlarge-low"),
    "occlusion_many_small_blobs_high": ("occluder", "manysmall-high"),
    "occlusion_many_small_partial_viewing_low": ("occluder", "manysmall-low"),
}
"""People's task -> manipulation of the pictures, and its details."""

EXEMPLARS = {"Maniquet2024": range(1, 3), "Maniquet2024-test": range(1, 3), "Maniquet2024-train": range(3, 6)}


@stimulus_set(*EXEMPLARS)
def objects(identifier: str) -> Stimuli:
    """Exemplars of each category: the ones fitted on as they are, the others in each task."""
    manipulations = [TASKS["control"]] if identifier.endswith("-train") else list(TASKS.values())
    table = pd.DataFrame(
        [
            {
                "stimulus_id": f"{exemplar:03}_{manipulation}_{details}_{category}",
                "manipulation": manipulation,
                "manipulation_details": details,
                "image_label": category,
                "exemplar_number": exemplar,
            }
            for exemplar in EXEMPLARS[identifier]
            for manipulation, details in manipulations
            for category in CATEGORIES
        ]
    )
    return stimuli(table, label="image_label")


@assembly("Maniquet2024")
def answers(identifier: str) -> xr.DataArray:
    """1 where a subject chose the right category, else 0; how often depends on the task."""
    shown = pd.DataFrame(
        [
            {"task": task, "condition": manipulation, "details": details, "category": category, "exemplar": exemplar}
            for task, (manipulation, details) in TASKS.items()
            for exemplar in EXEMPLARS[identifier]
            for category in CATEGORIES
        ]
    )
    accuracies = dict(zip(TASKS, np.linspace(0.95, 0.55, len(TASKS)), strict=True))
    table = pd.concat(
        [
            trials(part, (1, 2), identifier, task, truth="category", accuracy=accuracies[task])
            for task, part in shown.groupby("task", sort=False)
        ]
    )
    return as_assembly(
        table["correct"].astype(int),
        {
            "stimulus_id": [
                f"{each.exemplar:03}_{each.condition}_{each.details}_{each.category}" for each in table.itertuples()
            ],
            "manipulation": table["condition"],
            "manipulation_details": table["details"],
            "mask": np.arange(len(table)) % 2,
            "image_label": table["category"],
            "prediction": table["answer"],
            "response": table["answer"].map(CATEGORIES.index),
            "reaction_time": 0.5 + 0.2 * table["correct"],
            "subject_id": table["subject"],
            "task": table["task"],
        },
    )
