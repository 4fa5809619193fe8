"""Two dots on crossing curves, on the same one or not, of Lonnqvist et al. (2024)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import stimuli

READ_IN = {
    "lonnqvist2024": (
        "data/lonnqvist2024/__init__.py",
        "data/lonnqvist2024/data_packaging/lonnqvist_data_assembly.py",
        "data/lonnqvist2024/data_packaging/lonnqvist_stimulus_set.py",
        "data/lonnqvist2024/test.py",
        "benchmarks/lonnqvist2024/benchmark.py",
        "metrics/accuracy_distance/metric.py",
    ),
}
REPRESENTATIVES = {
    "lonnqvist2024": (
        "Lonnqvist2024_InlabInstructionsBehavioralAccuracyDistance",
        "Lonnqvist2024_InlabNoInstructionsBehavioralAccuracyDistance",
        "Lonnqvist2024_OnlineNoInstructionsBehavioralAccuracyDistance",
        "Lonnqvist2024_EngineeringAccuracy",
    ),
}

COUNTS = {"Lonnqvist2024_train": 20, "Lonnqvist2024_test": 24}
ACCURACY = {
    "Lonnqvist2024_inlab-instructions": 0.9,
    "Lonnqvist2024_inlab-no-instructions": 0.8,
    "Lonnqvist2024_online-no-instructions": 0.7,
}


@stimulus_set(*COUNTS)
def curves(identifier: str) -> Stimuli:
    """Curves of all lengths with up to seven crossings; people saw them at 17.7 degrees."""
    numbers = np.arange(COUNTS[identifier])
    labels = np.where(numbers % 2 == 0, "same", "diff")
    return stimuli(
        {
            "curve_length": 20 + 10 * (numbers % 19),
            "n_cross": 1 + numbers % 7,
            "image_path": [f"stimuli/images/{number}.png" for number in numbers],
            "stimulus_id": numbers,  # written as text, read as numbers
            "truth": labels,
            "image_label": labels,
        },
        label="truth",
        size=96,
    )


@assembly(*ACCURACY)
def answers(identifier: str) -> xr.DataArray:
    """The answer of each subject."""
    shown = stimuli_of("Lonnqvist2024_test").table
    table = trials(shown, (101, 102, 103), identifier, accuracy=ACCURACY[identifier])
    return as_assembly(
        table["answer"],
        {
            "subject": table["subject"],
            "visual_degrees": [17.70753] * len(table),
            "image_duration": [300] * len(table),
            "is_correct": table["correct"].astype(int),
            "subject_answer": table["answer"],
            **{name: table[name] for name in ("curve_length", "n_cross", "image_path", "stimulus_id", "truth")},
            "image_label": table["truth"],
        },
    )
