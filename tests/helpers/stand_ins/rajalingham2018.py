"""Objects on backgrounds, told from each other by people, of Rajalingham, Issa et al. (2018)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .choosing import as_assembly
from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import features, random_of, stimuli

READ_IN = {
    "rajalingham2018": (
        "data/rajalingham2018/__init__.py",
        "data/rajalingham2018/rajalingham2018objectome.py",
        "benchmarks/rajalingham2018/benchmarks/benchmark.py",
        "benchmarks/rajalingham2018/benchmarks/public_benchmark.py",
        "benchmarks/rajalingham2018/test_resources/alexnet-probabilities.nc",
        "metrics/i1i2/metric.py",
    ),
}
REPRESENTATIVES = {"rajalingham2018": ("Rajalingham2018-i2n", "Rajalingham2018public-i2n")}

OBJECTS = (
    "22_acoustic_guitar",
    "Hanger_02",
    "MB27346",
    "MB28699",
    "MB29874",
    "MB30203",
    "MB30758",
    "antique_furniture_item_18",
    "build51",
    "calc01",
    "dromedary",
    "flarenut_spanner",
    "interior_details_103_4",
    "interior_details_130_2",
    "kitchen_equipment_knife2",
    "lo_poly_animal_BEAR_BLK",
    "lo_poly_animal_CHICKDEE",
    "lo_poly_animal_ELE_AS1",
    "lo_poly_animal_RHINO_2",
    "lo_poly_animal_TRANTULA",
    "weimaraner",
    "womens_shorts_01M",
    "womens_stockings_01M",
    "zebra",
)
PER_OBJECT = {"objectome.public": 4, "objectome.private": 2}
# Each half of the private trials has all pairs of picture and distractor; the public ones are too few for that.
TRIALS = {"dicarlo.Rajalingham2018.public": 4, "dicarlo.Rajalingham2018.private": 20}


@stimulus_set(*PER_OBJECT)
def objectome(identifier: str) -> Stimuli:
    """A few pictures of each of the 24 objects."""
    labels = np.tile(OBJECTS, PER_OBJECT[identifier])
    random = random_of(identifier)
    return stimuli(
        {
            "image_id": [random.bytes(20).hex() for _ in labels],
            "image_sample_obj": labels,
            "image_label": labels,
        },
        label="image_label",
    )


@assembly(*TRIALS)
def choices(identifier: str) -> xr.DataArray:
    """Which of two objects people saw, in trials with each picture and each other object."""
    shown_identifier = identifier.replace("dicarlo.Rajalingham2018", "objectome")
    shown = stimuli_of(shown_identifier).table
    own = [OBJECTS.index(sample) for sample in shown["image_sample_obj"]]
    pixels = features(stimuli_of(shown_identifier).pictures)
    objects = np.stack([pixels[np.equal(own, number)].mean(0) for number in range(len(OBJECTS))])
    likeness = pixels @ objects.T
    likeness[np.arange(len(own)), own] = np.nan
    # picture and distractor, from the easiest pair to the hardest
    pairs = np.argwhere(~np.isnan(likeness))[np.argsort(likeness[~np.isnan(likeness)])]
    rows = pd.DataFrame(np.repeat(pairs, TRIALS[identifier], axis=0), columns=["picture", "distractor"])
    rows["image_id"] = shown["image_id"].values[rows["picture"]]
    rows["sample_obj"] = shown["image_sample_obj"].values[rows["picture"]]
    rows["dist_obj"] = np.array(OBJECTS)[rows["distractor"]]
    rows["correct"] = random_of(identifier).uniform(size=len(rows)) > np.linspace(0, 0.8, len(rows))
    chosen = np.where(rows["correct"], rows["sample_obj"], rows["dist_obj"])
    return as_assembly(
        chosen,
        {
            "image_id": rows["image_id"],
            "choice": chosen,
            "sample_obj": rows["sample_obj"],
            "dist_obj": rows["dist_obj"],
            "truth": rows["sample_obj"],
            "enough_human_data": np.full(len(rows), int(identifier.endswith("private"))),
        },
    )
