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
    "muzellec2026": ("benchmarks/muzellec2026/benchmark.py", "metrics/predictor_consistency/ceiling.py"),
}
REPRESENTATIVES = {
    "majajhong2015": (
        "MajajHong2015.IT-pls",
        "MajajHong2015.V4-pls",
        "MajajHong2015public.IT-pls",
        "MajajHong2015public.V4-temporal-pls",
    ),
    "muzellec2026": ("MajajHong2015public.V4-reverse_pls", "MajajHong2015public.IT-reverse_pls"),
}

CATEGORIES = {"Animals": "bear", "Cars": "_18", "Faces": "_001", "Fruits": "Apple_Fruit_obj"}
"""Category -> object: four of the eight times eight of the original."""
PER_OBJECT = 10  # splits are stratified by object, and the smaller part is a tenth
VARIATIONS = {"hvm": (0, 3, 6), "hvm-public": (0, 3), "hvm-private": (6,)}


@stimulus_set(*VARIATIONS)
def hvm(identifier: str) -> Stimuli:
    """Objects in the middle of the picture, or moved, grown and turned."""
    count = len(CATEGORIES) * PER_OBJECT
    random = random_of(identifier)
    identifiers = [random.bytes(20).hex() for _ in range(count)]
    return stimuli(
        {
            "id": np.arange(count),
            "background_id": [random.bytes(16).hex() for _ in range(count)],
            "s": random.uniform(0.6, 1.6, count),
            "image_id": identifiers,
            "image_file_name": [f"{each}.png" for each in identifiers],
            "filename": [f"{each}.png" for each in identifiers],
            "rxy": random.uniform(-90, 90, count),
            "tz": random.uniform(-1, 1, count),
            "category_name": np.repeat(list(CATEGORIES), PER_OBJECT),
            "rxz_semantic": random.uniform(-90, 90, count),
            "ty": random.uniform(-1, 1, count),
            "ryz": random.uniform(-90, 90, count),
            "object_name": np.repeat(list(CATEGORIES.values()), PER_OBJECT),
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
    """Mean rates at 70-170 ms of sites in two monkeys, enough for what predicts networks from them by PLS."""
    sites = 54 if "public" in identifier else 6
    return _recorded(identifier, identifier.replace("dicarlo.MajajHong2015.", "hvm-"), [(70, 170)], sites)


@assembly("dicarlo.MajajHong2015.temporal.public", "dicarlo.MajajHong2015.temporal.private")
def rates_in_time(identifier: str) -> xr.DataArray:
    """Rates in bins of 20 ms every 10 ms."""
    bins = [(start, start + 20) for start in range(0, 30, 10)]
    return _recorded(identifier, identifier.replace("dicarlo.MajajHong2015.temporal.", "hvm-"), bins, sites=6)


def _recorded(identifier: str, stimulus_set_identifier: str, time_bins, sites: int) -> xr.DataArray:
    numbers = np.arange(sites)
    regions = np.where(numbers % 2 == 0, "V4", "IT")
    animals = np.where(numbers % 3 == 0, "Chabo", "Tito")
    neuroids = {
        "neuroid_id": [f"{animal}_L_M_{number}_0" for animal, number in zip(animals, numbers, strict=True)],
        "arr": ["M"] * len(numbers),
        "col": numbers,
        "hemisphere": ["L"] * len(numbers),
        "subregion": np.where(regions == "V4", "V4", "aIT"),
        "animal": animals,
        "y": numbers * 0.4,
        "x": numbers * -0.4,
        "region": regions,
    }
    of = stimuli_of(stimulus_set_identifier)
    array = recordings(of, neuroids, identifier, time_bins=time_bins, repetitions=3, id_name="image_id")
    return array.transpose("neuroid", "presentation", "time_bin").assign_attrs(
        stimulus_set_identifier=stimulus_set_identifier
    )
