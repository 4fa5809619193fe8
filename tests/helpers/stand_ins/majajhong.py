"""HvM pictures, and recordings in V4 and IT of Majaj, Hong et al. (2015)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import random_of, recordings, stimuli

READ_IN = {
    "majajhong2015": (
        "data/majajhong2015/__init__.py",
        "data/majajhong2015/data_packaging/data_packaging.py",
        "data/majajhong2015/test.py",
        "benchmarks/majajhong2015/benchmark.py",
    ),
}
REPRESENTATIVES = {
    "majajhong2015": (
        "MajajHong2015.V4-pls",
        "MajajHong2015.IT-pls",
        "MajajHong2015public.V4-pls",
        "MajajHong2015public.IT-pls",
    ),
}

CATEGORIES = ("Animals", "Boats", "Cars", "Chairs", "Faces", "Fruits", "Planes", "Tables")
OBJECTS = ("bear", "ELEPHANT_M", "_18", "_001", "f16", "Apple_Fruit_obj", "alfa155", "antique_furniture_item_18")
PER_OBJECT = 10  # splits are stratified by object, and the smaller part is a tenth
VARIATIONS = {"hvm": (0, 3, 6), "hvm-public": (0, 3), "hvm-private": (6,)}


@stimulus_set(*VARIATIONS)
def hvm(identifier: str) -> Stimuli:
    """The eight categories with one object each, in the middle of the picture or moved, grown and turned."""
    count = len(OBJECTS) * PER_OBJECT
    random = random_of(identifier)
    identifiers = [f"{random.bytes(20).hex()}" for _ in range(count)]
    return stimuli(
        {
            "id": np.arange(count),
            "background_id": [f"{random.bytes(16).hex()}" for _ in range(count)],
            "s": random.uniform(0.6, 1.6, count),
            "image_id": identifiers,
            "image_file_name": [f"{each}.png" for each in identifiers],
            "filename": [f"{each}.png" for each in identifiers],
            "rxy": random.uniform(-90, 90, count),
            "tz": random.uniform(-1, 1, count),
            "category_name": np.repeat(CATEGORIES, PER_OBJECT),
            "rxz_semantic": random.uniform(-90, 90, count),
            "ty": random.uniform(-1, 1, count),
            "ryz": random.uniform(-90, 90, count),
            "object_name": np.repeat(OBJECTS, PER_OBJECT),
            "variation": np.resize(VARIATIONS[identifier], count),
            "size": [256.0] * count,
            "rxy_semantic": random.uniform(-90, 90, count),
            "ryz_semantic": random.uniform(-90, 90, count),
            "rxz": random.uniform(-90, 90, count),
        },
        label="object_name",
    )


@assembly("dicarlo.MajajHong2015.public", "dicarlo.MajajHong2015.private")
def rates(identifier: str) -> xr.DataArray:
    """Mean rates at 70-170 ms of sites in two monkeys, (neuroid, presentation, time_bin)."""
    return _recorded(identifier, identifier.replace("dicarlo.MajajHong2015.", "hvm-"), [(70, 170)], sites=12)


@assembly("dicarlo.MajajHong2015.temporal.public", "dicarlo.MajajHong2015.temporal.private")
def rates_in_time(identifier: str) -> xr.DataArray:
    """Rates in bins of 20 ms every 10 ms."""
    stimulus_set_identifier = identifier.replace("dicarlo.MajajHong2015.temporal.", "hvm-")
    return _recorded(identifier, stimulus_set_identifier, [(start, start + 20) for start in range(0, 60, 10)], sites=4)


def _recorded(identifier: str, stimulus_set_identifier: str, time_bins, sites: int) -> xr.DataArray:
    numbers = np.arange(sites)
    regions = np.where(numbers % 3 == 0, "V4", "IT")  # 88 of V4, 168 of IT
    animals = np.where(numbers % 2 == 0, "Chabo", "Tito")
    array = recordings(
        stimuli_of(stimulus_set_identifier),
        {
            "neuroid_id": [
                f"{animal}_L_M_{number // 10}_{number % 10}" for animal, number in zip(animals, numbers, strict=True)
            ],
            "arr": ["M"] * sites,
            "col": numbers % 10,
            "hemisphere": ["L"] * sites,
            "subregion": np.where(regions == "V4", "V4", "aIT"),
            "animal": animals,
            "y": numbers * 0.4,
            "x": numbers * -0.4,
            "region": regions,
        },
        identifier,
        time_bins=time_bins,
        repetitions=4,
        id_name="image_id",
    )
    return array.transpose("neuroid", "presentation", "time_bin").assign_attrs(
        stimulus_set_identifier=stimulus_set_identifier
    )
