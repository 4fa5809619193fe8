"""Occluded objects of Coggan and Tong (2024): similarities of fMRI patterns, and what people recognized."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import features, random_of, stimuli

READ_IN = {
    "coggan2024_fMRI": (
        "data/coggan2024_fMRI/__init__.py",
        "data/coggan2024_fMRI/test.py",
        "data/coggan2024_fMRI/data_packaging.py",
        "benchmarks/coggan2024_fMRI/benchmark.py",
    ),
    "coggan2024_behavior": (
        "data/coggan2024_behavior/__init__.py",
        "data/coggan2024_behavior/test.py",
        "data/coggan2024_behavior/data_packaging.py",
        "benchmarks/coggan2024_behavior/benchmark.py",
    ),
}
REPRESENTATIVES = {
    "coggan2024_fMRI": tuple(f"tong.Coggan2024_fMRI.{region}-rdm" for region in ("V1", "V2", "V4", "IT")),
    "coggan2024_behavior": ("tong.Coggan2024_behavior-ConditionWiseAccuracySimilarity",),
}

OBJECTS = {  # name -> ImageNet's index, synset and description
    "bear": (294, "n02132136", "brown bear, bruin, Ursus arctos"),
    "bison": (347, "n02410509", "bison"),
    "elephant": (386, "n02504458", "African elephant, Loxodonta africana"),
    "hare": (331, "n02326432", "hare"),
    "jeep": (609, "n03594945", "jeep, landrover"),
    "lamp": (846, "n04380533", "table lamp"),
    "sportsCar": (817, "n04285008", "sports car, sport car"),
    "teapot": (849, "n04398044", "teapot"),
}


def _imagenet(names, prefix: str = "imagenet_") -> dict[str, list]:
    columns = ("class_index_1K", "class_name", "class_description")
    return {f"{prefix}{column}": [OBJECTS[name][number] for name in names] for number, column in enumerate(columns)}


# --- fMRI ---

OCCLUSIONS = ("complete", "lower", "upper")
SUBJECTS = 5
REGIONS = ("V1", "V2", "V4", "IT")


@stimulus_set("tong.Coggan2024_fMRI")
def scanned(_: str) -> Stimuli:
    """Eight objects in three conditions: the benchmark refuses any other number than 24."""
    pairs = list(itertools.product(OBJECTS, OCCLUSIONS))
    names = [name for name, _ in pairs]
    return stimuli(
        {
            "stimulus_id": [f"{name}_{occlusion}" for name, occlusion in pairs],
            "object_name": names,
            "occlusion_condition": [occlusion for _, occlusion in pairs],
            **_imagenet(names),
            "imagenet_path": [
                f"val/{OBJECTS[name][1]}/ILSVRC2012_val_{number:08d}.JPEG" for number, name in enumerate(names)
            ],
        },
        label="object_name",
    )


@assembly("tong.Coggan2024_fMRI")
def similarities(identifier: str) -> xr.DataArray:
    """A similarity matrix for each region and subject: (presentation, presentation, neuroid)."""
    shown = stimuli_of(identifier)
    random = random_of(identifier)
    seen = features(shown.pictures) @ random.randn(192, 4)  # what all regions and subjects have in common
    pairs = list(itertools.product(REGIONS, [f"F{number:03d}" for number in range(1, SUBJECTS + 1)]))
    matrices = [np.corrcoef(seen @ random.randn(4, 40) + 2 * random.randn(len(seen), 40)) for _ in pairs]
    table = shown.table
    return xr.DataArray(
        np.stack(matrices, axis=2),
        dims=["presentation", "presentation", "neuroid"],
        coords={
            "stimulus_id": ("presentation", table["stimulus_id"].values),
            "object_name": ("presentation", table["object_name"].values),
            "occlusion_condition": ("presentation", table["occlusion_condition"].values),
            "subject": ("neuroid", [subject for _, subject in pairs]),
            "region": ("neuroid", [region for region, _ in pairs]),
        },
        attrs={"stimulus_set_identifier": identifier},
    )


# --- behaviour ---

OCCLUDERS = ("barHorz04", "barVert04", "barObl04", "mudSplash", "polkadot", "polkasquare", "crossBarCardinal")
OCCLUDERS += ("crossBarOblique", "naturalTextured2")
COLORS = ("black", "white")
VISIBILITIES = (0.1, 0.2, 0.4, 0.6, 0.8)  # and 1 for objects without an occluder
OBSERVERS = 2


@stimulus_set("tong.Coggan2024_behavior")
def occluded(_: str) -> Stimuli:
    """A picture of its own for each trial: each observer sees each condition several times, and objects without one."""
    conditions = list(itertools.product(OCCLUDERS, COLORS, VISIBILITIES))
    conditions += [("unoccluded", "unoccluded", 1.0)] * len(OBJECTS)
    trials = [
        (observer, trial, list(OBJECTS)[(trial + trial // len(OBJECTS)) % len(OBJECTS)], *condition)
        for observer in range(OBSERVERS)
        for trial, condition in enumerate(conditions)
    ]
    observers, numbers, names, occluders, colors, visibilities = zip(*trials, strict=True)
    return stimuli(
        {
            "stimulus_id": [
                f"{row:05d}_sub-{observer:02d}_trial-{trial:03d}"
                for row, (observer, trial) in enumerate(zip(observers, numbers, strict=True))
            ],
            "subject": [f"sub-{observer:02d}" for observer in observers],
            "trial": numbers,
            "object_class": names,
            **_imagenet(names),
            "occluder_type": occluders,
            "occluder_color": colors,
            "visibility": visibilities,
            "repetition": [1] * len(trials),
        },
        label="object_class",
        mode="L",
    )


@stimulus_set("tong.Coggan2024_behavior_fitting")
def whole(_: str) -> Stimuli:
    """Objects of the same classes to fit readouts on."""
    rows = [(name, number) for name in OBJECTS for number in range(6)]
    files = [f"ILSVRC2012_val_{row:08d}" for row in range(len(rows))]
    return stimuli(
        {
            "stimulus_id": [f"{row:04d}_{file}" for row, file in enumerate(files)],
            "image_label": [name for name, _ in rows],
            "imagenet_path": [
                f"val/{OBJECTS[name][1]}/{file}.JPEG" for (name, _), file in zip(rows, files, strict=True)
            ],
        },
        label="image_label",
    )


@assembly("tong.Coggan2024_behavior")
def recognized(identifier: str) -> xr.DataArray:
    """The class that was answered in each trial, right more often the fainter the occluder; the rest is merged in."""
    shown = stimuli_of(identifier).table
    random = random_of("recognized")
    ease = 0.3 + 0.6 * np.array([(*OCCLUDERS, "unoccluded").index(each) for each in shown["occluder_type"]]) / 9
    right = random.uniform(size=len(shown)) < ease
    answered = np.where(right, shown["object_class"], random.choice(list(OBJECTS), len(shown)))
    return xr.DataArray(
        answered.astype(object),
        dims=["presentation"],
        coords={
            "stimulus_id": ("presentation", shown["stimulus_id"].values),
            "human_accuracy": ("presentation", (answered == shown["object_class"].values).astype(int)),
        },
        attrs={"stimulus_set_identifier": identifier},
    )
