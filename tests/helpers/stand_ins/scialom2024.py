"""Objects in colour, as contours, and as few dots (phosphenes) or short lines (segments) of Scialom et al. (2024)."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import draw

READ_IN = {
    "scialom2024": (
        "data/scialom2024/__init__.py",
        "data/scialom2024/data_packaging/scialom_data_assembly.py",
        "data/scialom2024/data_packaging/scialom_stimulus_set.py",
        "data/scialom2024/test.py",
        "benchmarks/scialom2024/benchmark.py",
        "metrics/accuracy_distance/metric.py",
        "metrics/error_consistency/metric.py",
    ),
}
REPRESENTATIVES = {
    "scialom2024": (
        "Scialom2024_rgbBehavioralAccuracyDistance",
        "Scialom2024_phosphenes-allBehavioralErrorConsistency",
        "Scialom2024_contoursBehavioralAccuracyDistance",
        "Scialom2024_segments-46EngineeringAccuracy",
    ),
}

OBJECTS = (
    "Banana",
    "Beanie",
    "Binoculars",
    "Boot",
    "Bowl",
    "Cup",
    "Glasses",
    "Lamp",
    "Pan",
    "Sewing machine",
    "Shovel",
    "Truck",
)
PERCENTAGES = (12, 16, 21, 27, 35, 46, 59, 77, 100)
WHOLE = ["RGB", "contours"]
PREFIX = "Scialom2024_"
SETS: dict[str, list[tuple[str, str]]] = {
    **{PREFIX + mode.lower(): [(mode, mode)] for mode in WHOLE},
    **{f"{PREFIX}{kind}-{part}": [(kind, str(part))] for kind in ("phosphenes", "segments") for part in PERCENTAGES},
    **{
        f"{PREFIX}{kind}-all": [(mode, mode) for mode in WHOLE] + [(kind, str(part)) for part in PERCENTAGES]
        for kind in ("phosphenes", "segments")
    },
}
"""Set -> its pictures' kinds and percentages of elements; composites hold all of a kind."""


@stimulus_set(*SETS)
def objects(identifier: str) -> Stimuli:
    """A picture of each object, of each kind and percentage in the set."""
    rows, pictures = [], []
    for place, (kind, part) in enumerate(SETS[identifier]):
        for number, name in enumerate(OBJECTS):
            rows.append(
                {
                    "image_height": 512,
                    "image_width": 512,
                    "num_channels": 3 if kind in WHOLE else 1,
                    "dataset": kind,
                    "object_id": number,
                    "stimulus_id": 100 * place + number,  # written as text, read as numbers
                    "truth": name,
                    "percentage_elements": part,
                    "condition": kind if identifier.endswith("-all") else part,
                    "filename": f"{kind}_{part}_{number}.png",
                }
            )
            pictures.append(draw(kind, part, name, label=name, mode="RGB" if kind in WHOLE else "L"))
    table = pd.DataFrame(rows)
    if identifier.endswith("-all"):
        table["condition"] = SETS[identifier][-1][0]
    return Stimuli(table, pictures)


@assembly(*SETS)
def answers(identifier: str) -> xr.DataArray:
    """The object that each subject named."""
    group = identifier.removeprefix(PREFIX).split("-")[0]
    table = trials(stimuli_of(identifier).table, (1, 2, 3), identifier, accuracy=0.7)
    return as_assembly(
        table["answer"],
        {
            "subject": table["subject"],
            "subject_group": [group] * len(table),
            "visual_degrees": [8] * len(table),
            "image_duration": [100] * len(table),
            "is_correct": table["correct"].astype(int),
            "subject_answer": table["answer"],
            **{name: table[name] for name in ("condition", "percentage_elements", "stimulus_id", "truth")},
        },
    )
