"""Silhouettes of animals, whole, in fragments or with their lower half turned round, of Baker & Elder (2022)."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import stimuli

READ_IN = {
    "baker2022": (
        "data/baker2022/__init__.py",
        "data/baker2022/data_packaging/normal_distortion_data_assembly.py",
        "data/baker2022/data_packaging/normal_distortion_stimulus_set.py",
        "data/baker2022/data_packaging/inverted_distortion_data_assembly.py",
        "data/baker2022/data_packaging/inverted_distortion_stimulus_set.py",
        "data/baker2022/test.py",
        "benchmarks/baker2022/benchmark.py",
        "metrics/baker_accuracy_delta/metric.py",
    ),
}
REPRESENTATIVES = {"baker2022": ("Baker2022inverted-accuracy_delta",)}  # all are alike, and their splits take long

ANIMALS = ("bear", "bunny", "cat", "elephant", "frog", "lizard", "tiger", "turtle", "wolf")
ORIENTATIONS = {"Baker2022_normal_distortion": ("normal",), "Baker2022_inverted_distortion": ("normal", "inverted")}
TYPES = {"Baker2022_normal_distortion": ("w", "f", "o"), "Baker2022_inverted_distortion": ("w", "f")}
CONDITIONS = {"w": "whole", "f": "Frankenstein", "o": "fragmented"}
ACCURACY = {"w": 0.9, "f": 0.6, "o": 0.5}
SUBJECTS = range(1, 4)  # numbers, from which halves are drawn


@stimulus_set(*TYPES)
def silhouettes(identifier: str) -> Stimuli:
    """Two silhouettes of each animal for each type and orientation; people saw them at 8.8 degrees."""
    rows = []
    for orientation in ORIENTATIONS[identifier]:
        for image_type in TYPES[identifier]:
            for animal in ANIMALS:
                for number in (1, 2):
                    prefix = image_type.replace("w", "") + ("inv" if orientation == "inverted" else "")
                    rows.append(
                        {
                            "stimulus_id": f"{prefix}{animal}{number}",
                            "animal": animal,
                            "image_type": image_type,
                            "image_type_entire": CONDITIONS[image_type].lower(),
                            "image_number": number,
                            "orientation": orientation,
                        }
                    )
    return stimuli(pd.DataFrame(rows), label="animal", ending="jpg", mode="L")


@assembly(*TYPES)
def answers(identifier: str) -> xr.DataArray:
    """1 where a subject named the animal, else 0; fewer with distorted silhouettes."""
    shown = stimuli_of(identifier).table
    table = pd.concat(
        [
            trials(part, SUBJECTS, identifier, image_type, truth="animal", accuracy=ACCURACY[image_type])
            for image_type, part in shown.groupby("image_type", sort=False)
        ]
    )
    correct = table["correct"].astype(int)
    return as_assembly(
        correct,
        {
            "stimulus_id": table["stimulus_id"],
            "subject": table["subject"],
            "orientation": table["orientation"],
            "condition": table["image_type"].map(CONDITIONS),
            "truth": table["animal"],
            "correct": correct,
        },
    )
