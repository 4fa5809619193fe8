"""Distorted and stylized pictures of 16 categories of Geirhos et al. (2021), and Hermann et al. (2020)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import stimuli

_PACKAGING = "data/geirhos2021/data_packaging"
READ_IN = {
    "geirhos2021": (
        "data/geirhos2021/__init__.py",
        "data/geirhos2021/test.py",
        *(f"{_PACKAGING}/{name}/{name}_stimulus_set.py" for name in ("colour", "false-colour", "edge", "sketch")),
        *(f"{_PACKAGING}/{name}/{name}_data_assembly.py" for name in ("colour", "false-colour", "edge", "sketch")),
        f"{_PACKAGING}/cue-conflict/cue-conflict_stimulus_set.py",
        f"{_PACKAGING}/cue-conflict/cue-conflict_data_assembly.py",
        "benchmarks/geirhos2021/benchmark.py",
        "metrics/error_consistency/metric.py",
    ),
    "hermann2020": (f"{_PACKAGING}/cue-conflict/cue-conflict_stimulus_set.py", "benchmarks/hermann2020/benchmark.py"),
}
REPRESENTATIVES = {
    "geirhos2021": (
        "Geirhos2021colour-top1",
        "Geirhos2021highpass-error_consistency",
        "Geirhos2021falsecolour-error_consistency",
        "Geirhos2021cueconflict-error_consistency",
    ),
    "hermann2020": ("Hermann2020cueconflict-shape_match", "Hermann2020cueconflict-shape_bias"),
}

CATEGORIES = [
    "airplane",
    "bear",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "car",
    "cat",
    "chair",
    "clock",
    "dog",
    "elephant",
    "keyboard",
    "knife",
    "oven",
    "truck",
]

CONDITIONS: dict[str, tuple[list, list]] = {
    "colour": (["bw"], ["cr"]),
    "contrast": (["c15", "c05"], ["c100", "c03", "c01"]),
    "eidolonI": (["4-10-10", "16-10-10"], ["1-10-10", "64-10-10", "128-10-10"]),
    "eidolonII": (["2-3-10", "8-3-10"], ["1-3-10", "32-3-10", "64-3-10", "128-3-10"]),
    "eidolonIII": (["2-0-10", "8-0-10"], ["1-0-10", "16-0-10", "32-0-10", "64-0-10", "128-0-10"]),
    "false-colour": (["Normal-Image"], ["False-Colour"]),
    "high-pass": ([3.0, 0.7], [np.inf, 0.55, 0.45, 0.4]),
    "low-pass": ([3, 7], [0, 15, 40]),
    "phase-scrambling": ([30, 90], [0, 150, 180]),
    "power-equalisation": (["pow"], ["0"]),
    "rotation": ([90, 180], [0]),
    "sketch": ([0], []),
    "stylized": ([0], []),
    "uniform-noise": ([0.03, 0.35], [0.0, 0.6, 0.9]),
}
"""Set -> conditions of which a benchmark scores some and leaves out the others, as the files hold them."""

CODES = {"eidolonI": "eid", "eidolonII": "eid", "eidolonIII": "eid", "false-colour": "fcl", "high-pass": "hp"}
NAMELESS = ("edge", "silhouette")
SUBJECTS = ("subject-01", "subject-02", "subject-03")
PREFIX = "Geirhos2021_"


@stimulus_set(*(PREFIX + name for name in CONDITIONS))
def distorted(identifier: str) -> Stimuli:
    """A picture of each category in each condition that counts, and two of each other condition."""
    name = identifier.removeprefix(PREFIX)
    counted, left_out = CONDITIONS[name]
    conditions = [*np.repeat(np.array(counted, dtype=object), len(CATEGORIES)), *left_out * 2]
    categories = [*CATEGORIES * len(counted), *np.repeat(CATEGORIES[:2], len(left_out))]
    rows = []
    for number, (condition, category) in enumerate(zip(conditions, categories, strict=True), start=1):
        image_id = f"{condition}_{category}_10_n0{2000000 + number}_{number}"
        rows.append(
            {
                "image_id": image_id,
                "image_id_long": f"{number:04}_{CODES.get(name, name[:3])}_dnn_{image_id}",
                "image_number": f"{number:04}",
                "experiment_code": CODES.get(name, name[:3]),
                "condition": condition,
                "truth": category,
                "category_ground_truth": category,
                "random_number": 10,
                "wordnet_a": f"n0{2000000 + number}",
                "wordnet_b": number,
            }
        )
    return stimuli(pd.DataFrame(rows), label="truth")


@stimulus_set(*(PREFIX + name for name in NAMELESS))
def outlines(identifier: str) -> Stimuli:
    """A picture of each category, without conditions."""
    return stimuli(
        {
            "image_id": [f"{category}1" for category in CATEGORIES],
            "image_category": CATEGORIES,
            "truth": CATEGORIES,
            "image_variation": [1] * len(CATEGORIES),
            "condition": [0] * len(CATEGORIES),
        },
        label="truth",
        mode="L",
    )


@stimulus_set(f"{PREFIX}cue-conflict")
def conflicts(identifier: str) -> Stimuli:
    """Each category's shape with its own texture and with that of the next."""
    shapes = np.repeat(CATEGORIES, 2)
    textures = [CATEGORIES[(number + 1) // 2 % len(CATEGORIES)] for number in range(len(shapes))]
    return stimuli(
        {
            "image_id": [f"{shape}1-{texture}2" for shape, texture in zip(shapes, textures, strict=True)],
            "original_image": [f"{shape}1" for shape in shapes],
            "conflict_image": [f"{texture}2" for texture in textures],
            "truth": shapes,
            "category": shapes,
            "original_image_category": shapes,
            "original_image_variation": [1] * len(shapes),
            "conflict_image_category": textures,
            "conflict_image_variation": [2] * len(shapes),
            "condition": [0] * len(shapes),
        },
        label="truth",
    )


@assembly(*(f"brendel.{PREFIX}{name}" for name in (*CONDITIONS, *NAMELESS, "cue-conflict")))
def answers(identifier: str) -> xr.DataArray:
    """The category that each subject chose, or `na` where there was no answer in time."""
    name = identifier.removeprefix(f"brendel.{PREFIX}")
    shown = stimuli_of(PREFIX + name).table
    table = pd.concat(
        trials(part, SUBJECTS, identifier, condition) for condition, part in shown.groupby("condition", sort=False)
    )
    late = np.arange(len(table)) % 41 == 40
    chosen = np.where(late, "na", table["answer"])
    coords = {
        "image_id": table["image_id"],
        "image_id_long": [f"0001_{name[:3]}_s01_{image_id}.png" for image_id in table["image_id"]],
        "truth": table["truth"],
        "choice": chosen,
        "category": table["truth"],
        "condition": np.array(table["condition"].tolist()),
        "response_time": np.where(late, np.nan, 0.6),
        "trial": np.arange(len(table)) % len(shown) + 1,
        "subject": table["subject"],
        "session": np.ones(len(table), dtype=int),
    }
    if name == "false-colour":
        del coords["condition"]  # is merged from the stimulus set
    return as_assembly(chosen, coords)
