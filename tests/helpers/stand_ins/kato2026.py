"""Photographs and what is left of them without texture, filling or lines, of Kato & He (2026)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Reason, Stimuli, assembly, stimuli_of, stimulus_set
from .making import stimuli

READ_IN = {
    "kato2026": (
        "data/kato2026/__init__.py",
        "data/kato2026/data_packaging/data_assembly.py",
        "data/kato2026/data_packaging/stimulus_set.py",
        "data/kato2026/test.py",
        "benchmarks/kato2026/benchmark.py",
        "metrics/kato_error_consistency/metric.py",
        "metrics/kato_accuracy_distance/metric.py",
    ),
}
REPRESENTATIVES = {"kato2026": ("Kato2026Ori-error_consistency", "Kato2026Ori-accuracy_distance")}
IMAGE_SIZE = {"kato2026": 64}  # the untrained CORnet-Z recognizes a few photographs

ENDINGS = {
    "Kato2026.Ori": "o",
    "Kato2026.Fil": "f",
    "Kato2026.Lin": "l",
    "Kato2026.SilTex": "st",
    "Kato2026.Sil": "s",
    "Kato2026.Tex": "t",
    "Kato2026.LinFil": "lf",
    "Kato2026.Sparse": "cs",
    "Kato2026.Dense": "cd",
}
CATEGORIES = ("acorn", "bird", "car", "dog", "elephant", "mushroom", "snake", "tiger")
PER_CATEGORY = 8  # that some photographs are recognized by networks that know nothing
SUBJECTS = ("1", "2", "3")

CANNOT = {
    f"{name.replace('.', '')}-{metric}": Reason(
        "It scores photographs that a model recognizes, and the untrained CORnet-S, which names one class, knows none.",
        "Model classified no base-condition images correctly",
        networks=("s",),
    )
    for name in ENDINGS
    for metric in ("error_consistency", "accuracy_distance")
    if name != "Kato2026.Ori"
}


@stimulus_set(*ENDINGS)
def photographs(identifier: str) -> Stimuli:
    """Eight photographs of each category, in one condition; seven of ten of them as sparse and dense lines."""
    condition = identifier.removeprefix("Kato2026.")
    rows = [
        {
            "stimulus_id": f"{category}_ILSVRC2012_val_{1000 * number + PER_CATEGORY:08}_{ENDINGS[identifier]}",
            "truth": f"kato2026_{category}",
            "condition": condition,
        }
        for category in CATEGORIES
        for number in range(PER_CATEGORY)
        if condition not in ("Sparse", "Dense") or number % 10 < 7
    ]
    return stimuli(pd.DataFrame(rows), label="truth", ending="jpg")


@assembly(*ENDINGS)
def answers(identifier: str) -> xr.DataArray:
    """The category that each subject named; empty where nothing was named."""
    table = trials(stimuli_of(identifier).table, SUBJECTS, identifier, accuracy=0.75)
    named = np.where(np.arange(len(table)) % 37 == 36, "", table["answer"])
    return as_assembly(
        named,
        {
            "stimulus_id": table["stimulus_id"],
            "subject": table["subject"].astype(str),
            "correct": table["correct"].astype(int),
            "condition": table["condition"],
            "response": named,
            "truth": table["truth"],
        },
    )
