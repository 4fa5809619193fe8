"""Visual search for the odd one among many, of Ferguson et al. (2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .choosing import as_assembly, trials
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import stimuli

READ_IN = {
    "ferguson2024": (
        "data/ferguson2024/__init__.py",
        "data/ferguson2024/data_packaging/data_packaging.py",
        "data/ferguson2024/data_packaging/fitting_stimuli.py",
        "data/ferguson2024/test.py",
        "benchmarks/ferguson2024/benchmark.py",
        "benchmarks/ferguson2024/helpers/helpers.py",
    ),
}
REPRESENTATIVES = {
    "ferguson2024": (
        "Ferguson2024color-value_delta",
        "Ferguson2024gray_hard-value_delta",
        "Ferguson2024juncture-value_delta",
        "Ferguson2024tilted_line-value_delta",
    ),
}

EXPERIMENTS = [
    "circle_line",
    "color",
    "convergence",
    "eighth",
    "gray_easy",
    "gray_hard",
    "half",
    "juncture",
    "lle",
    "llh",
    "quarter",
    "round_f",
    "round_v",
    "tilted_line",
]
NAMES = [f"Ferguson2024_{experiment}" for experiment in EXPERIMENTS]
TESTED = 24  # in each of two blocks: the benchmark takes no other number
FITTED = 8  # in each block, of 960
DISTRACTORS = ("1.0", "5.0", "11.0")
PARTICIPANTS = ("5f2d3a", "60a1c7", "61b9e0")


@stimulus_set(*NAMES, *(f"{name}_training_stimuli" for name in NAMES))
def displays(identifier: str) -> Stimuli:
    """Displays of which those with even numbers hold an odd one; the two blocks swap what is odd and what is common."""
    count = FITTED if identifier.endswith("_training_stimuli") else TESTED
    numbers = np.tile(np.arange(count), 2)
    blocks = np.repeat(["first", "second"], count)
    table = pd.DataFrame(
        {
            "stimulus_id": [f"{block}_block_{number}" for block, number in zip(blocks, numbers, strict=True)],
            "image_number": numbers,
            "block": blocks,
            "odd": [(identifier.removesuffix("_training_stimuli"), number % 2) for number in numbers],
        }
    )
    drawn = stimuli(table, label="odd")
    return Stimuli(drawn.table.drop(columns="odd"), drawn.pictures)


@assembly(*NAMES)
def searches(identifier: str) -> xr.DataArray:
    """1 where a participant answered correctly whether there is an odd one; that is less often in the first block."""
    shown = stimuli_of(identifier).table
    numbers = shown["image_number"]
    shown = shown.assign(distractors=[DISTRACTORS[number // 2 % 3] for number in numbers], odd=numbers % 2 == 0)
    table = pd.concat(
        [
            trials(part, PARTICIPANTS, identifier, block, truth="odd", accuracy=accuracy)
            for (block, part), accuracy in zip(shown.groupby("block"), (0.6, 0.9), strict=True)
        ]
    )
    correct = table["correct"].astype(int)
    return as_assembly(
        correct,
        {
            "stimulus_id": table["stimulus_id"],
            "stimulus_id_long": [
                f"https://experiments/{block}_block/images/{number}.png"
                for block, number in zip(table["block"], table["image_number"], strict=True)
            ],
            "participant_id": table["subject"],
            "response_time_ms": 400.0 + 200 * correct,
            "correct": correct,
            "target_present": table["odd"].astype(int),
            "distractor_nums": table["distractors"],
            "block": table["block"],
            "keypress_response": np.where(table["answer"] == "True", "f", "j"),
            "trial_type": ["normal"] * len(table),
        },
    )
