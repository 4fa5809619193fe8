"""The Natural Scenes Dataset of Allen et al. (2022): fMRI of the same pictures, in voxels and on the surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import draw, random_of, recordings

_DATA = "data/allen2022_fmri"
READ_IN = {
    "allen2022_fmri": (
        f"{_DATA}/__init__.py",
        f"{_DATA}/test.py",
        f"{_DATA}/data_packaging/package_allen2022fmri.py",
        f"{_DATA}/data_packaging/notebooks/volumetric/02_nsd_data_preparation.ipynb",
        f"{_DATA}/data_packaging/notebooks/volumetric/03a_nsd_packaging_prep.ipynb",
        "benchmarks/allen2022_fmri/benchmark.py",
    ),
    "allen2022_fmri_surface": (
        "data/allen2022_fmri_surface/__init__.py",
        "data/allen2022_fmri_surface/test.py",
        f"{_DATA}/data_packaging/notebooks/surface/02_surface_data_preparation.ipynb",
        f"{_DATA}/data_packaging/notebooks/surface/03_surface_packaging_prep.ipynb",
        "benchmarks/allen2022_fmri_surface/benchmark.py",
    ),
}
REPRESENTATIVES = {
    "allen2022_fmri": (
        "Allen2022_fmri.IT-rdm",
        "Allen2022_fmri.V1-ridge",
        "Allen2022_fmri_4subj.V4-ridge",
        "Allen2022_fmri_4subj.V2-rdm",
    ),
    "allen2022_fmri_surface": (
        "Allen2022_fmri_surface.V1-rdm",
        "Allen2022_fmri_surface.V2-ridge",
        "Allen2022_fmri_surface_4subj.IT-ridge",
        "Allen2022_fmri_surface_4subj.V4-rdm",
    ),
}

REGIONS = ("V1", "V2", "V4", "IT")
PARTS = {"train": 24, "test": 12}
REPETITIONS = {"train": 1, "test": 3}
NOISE_CEILINGS = (12.5, 41.0, 58.3, 73.9)  # %, of the voxels of a region: benchmarks leave out those up to 30


def _subjects(identifier: str) -> list[str]:
    numbers = (1, 2, 5, 7) if "_4subj_" in identifier else range(1, 9)
    return [f"subj{number:02d}" for number in numbers]


def _part(identifier: str) -> str:
    return "train" if "_train_" in identifier else "test"


@stimulus_set(*(f"Allen2022_fMRI{who}_{part}_Stimuli" for who in ("", "_4subj") for part in PARTS))
def photographs(identifier: str) -> Stimuli:
    """Pictures named by their numbers in NSD; no picture is in both parts."""
    part = _part(identifier)
    numbers = random_of(identifier.replace(part, "")).permutation(73000)[: sum(PARTS.values())]
    numbers = np.sort(numbers[: PARTS["train"]] if part == "train" else numbers[PARTS["train"] :])
    names = [f"nsd_{number:05d}" for number in numbers]
    table = pd.DataFrame({"stimulus_id": names, "nsd_id": numbers, "filename": [f"{name}.jpg" for name in names]})
    # of four kinds: what can be learned from the one part about the other
    return Stimuli(table, [draw(name, label=row % 4) for row, name in enumerate(names)])


@assembly(*(f"Allen2022_fMRI{who}_{part}_Assembly" for who in ("", "_4subj") for part in PARTS))
def volumetric(identifier: str) -> xr.DataArray:
    """Voxels of one subject after the other, region by region."""
    voxels = [
        (subject, region, number)
        for subject in _subjects(identifier)
        for region in REGIONS
        for number in range(len(NOISE_CEILINGS))
    ]
    x, y, z = random_of("voxels", len(voxels)).randint(0, (81, 104, 83), (len(voxels), 3)).T
    return _recorded(
        identifier,
        {
            "neuroid_id": [f"{subject}_{region}_v{number:04d}" for subject, region, number in voxels],
            "subject": [subject for subject, _, _ in voxels],
            "region": [region for _, region, _ in voxels],
            "nc_testset": [NOISE_CEILINGS[number] for _, _, number in voxels],
            "voxel_x": x,
            "voxel_y": y,
            "voxel_z": z,
        },
    )


@assembly(*(f"Allen2022_fMRI_surface{who}_{part}_Assembly" for who in ("", "_4subj") for part in PARTS))
def surface(identifier: str) -> xr.DataArray:
    """Vertices of one region after the other, subject by subject, both hemispheres."""
    vertices = [
        (region, subject, "lh" if number < len(NOISE_CEILINGS) / 2 else "rh", number)
        for region in REGIONS
        for subject in _subjects(identifier)
        for number in range(len(NOISE_CEILINGS))
    ]
    return _recorded(
        identifier,
        {
            "neuroid_id": [f"{subject}_{side}_{region}_v{number:05d}" for region, subject, side, number in vertices],
            "subject": [subject for _, subject, _, _ in vertices],
            "hemisphere": [side for _, _, side, _ in vertices],
            "vertex_index": [1000 * REGIONS.index(region) + number for region, _, _, number in vertices],
            "region": [region for region, _, _, _ in vertices],
            "nc_testset": [NOISE_CEILINGS[number] for _, _, _, number in vertices],
        },
    )


def _recorded(identifier: str, neuroid: dict[str, Sequence]) -> xr.DataArray:
    """Z-scored amplitudes at 70-170 ms; only the test part has repetitions, and a coordinate for them."""
    part = _part(identifier)
    stimulus_set_identifier = identifier.replace("_surface", "").replace("_Assembly", "_Stimuli")
    shown = stimuli_of(stimulus_set_identifier)
    array = recordings(
        shown,
        neuroid,
        identifier.replace(f"_{part}", ""),  # the same voxels in both parts
        time_bins=[(70, 170)],
        repetitions=REPETITIONS[part],
        presentation={"nsd_id": shown.table["nsd_id"].values},
    )
    array = (array - array.mean("presentation")) / array.std("presentation")
    if part == "train":
        array = array.drop_vars("repetition")
    return array.assign_attrs(stimulus_set_identifier=stimulus_set_identifier)
