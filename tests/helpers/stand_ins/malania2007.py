"""Vernier offsets between flankers, of Malania, Herzog & Westheimer (2007).

The form of `image_label` is not said where the others are. The benchmarks fit a psychometric function of it, which
takes numbers alone: here it is the vernier's offset.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .files import Reason, Stimuli, assembly, stimulus_set
from .making import random_of, stimuli

READ_IN = {
    "malania2007": (
        "data/malania2007/__init__.py",
        "data/malania2007/data_packaging/malania_data_assembly.py",
        "data/malania2007/data_packaging/malania_stimulus_set.py",
        "data/malania2007/test.py",
        "benchmarks/malania2007/benchmark.py",
        "metrics/threshold/metric.py",
    ),
}
REPRESENTATIVES = {"malania2007": ("Malania2007.short2-threshold_elevation",)}  # all are alike, and fitting takes long
IMAGE_SIZE = {"malania2007": 64}  # the pictures, shown on a screen of 8 degrees, are small in it
CANNOT = {
    "Malania2007.vernieracuity-threshold": Reason(
        "Its code passes the metric a dictionary of two assemblies where it expects one: only a model at chance, whose "
        "thresholds are not compared with people's, gets a score.",
        "ufunc 'subtract' did not contain a loop with signature matching types",
    )
}

CONDITIONS = {
    "short-2": 6,
    "short-4": 5,
    "short-6": 5,
    "short-8": 5,
    "short-16": 6,
    "equal-2": 5,
    "long-2": 5,
    "equal-16": 5,
    "long-16": 5,
    "vernier-only": 6,
}
"""Condition -> subjects whose threshold was measured, of seven."""

HEIGHTS = {"short": 42.0, "equal": 84.0, "long": 168.0, "vernier": 0.0}  # of flankers, in seconds of arc
OFFSETS = (20.0, 60.0, 100.0)  # in seconds of arc
PREFIX = "Malania2007_"
FITTED, TESTED = 6, 4  # for each offset
# A picture that looks like one of the next offset: small offsets are hard to tell, and more so between flankers.
MISLEADING = {"vernier": (2, 1, 0), "short": (2, 2, 0), "equal": (2, 1, 0), "long": (2, 1, 0)}


@stimulus_set(
    *(PREFIX + name for name in CONDITIONS), *(f"{PREFIX}{name}_fit" for name in CONDITIONS if name != "vernier-only")
)
def verniers(identifier: str) -> Stimuli:
    """Verniers of each offset between flankers; people saw them at 2.99 degrees."""
    kind, flankers = identifier.removeprefix(PREFIX).removesuffix("_fit").split("-")
    fitted = identifier.endswith("_fit")
    each = np.repeat(np.arange(len(OFFSETS)), FITTED if fitted else TESTED)
    offsets = np.array(OFFSETS)[each]
    count = len(offsets)
    misleads = np.arange(count) % TESTED < (0 if fitted else np.array(MISLEADING[kind])[each])
    table = pd.DataFrame(
        {
            "image_size_x_pix": [226] * count,
            "image_size_y_pix": [226] * count,
            "image_size_c": [3] * count,
            "image_size_degrees": [2.986667] * count,
            "vernier_height_arcsec": [84.0] * count,
            "vernier_offset_arcsec": offsets,
            "image_label": offsets,
            "flanker_height_arcsec": [HEIGHTS[kind]] * count,
            "flanker_spacing_arcsec": [40.0] * count,
            "line_width_arcsec": [10.0] * count,
            "flanker_distance_arcsec": [40.0] * count,
            "num_flankers": [0 if flankers == "only" else int(flankers)] * count,
            "vernier_position_x_pix": [113] * count,
            "vernier_position_y_pix": [113] * count,
            "stimulus_id": [f"{identifier}_{number}" for number in range(count)],
            "shown": each + misleads,
        }
    )
    drawn = stimuli(table, label="shown")
    return Stimuli(drawn.table.drop(columns="shown"), drawn.pictures)


@assembly(*(PREFIX + name for name in CONDITIONS))
def thresholds(identifier: str) -> xr.DataArray:
    """Offset in seconds of arc at which each subject was right in 75% of trials; not a number where not measured."""
    subjects = np.arange(1, 8)
    random = random_of(identifier)
    values = random.uniform(30, 50, len(subjects)) * (1 if identifier.endswith("vernier-only") else 2)
    values[CONDITIONS[identifier.removeprefix(PREFIX)] :] = np.nan
    return xr.DataArray(values, coords={"subject": subjects}, dims=["subject"])
