"""LAION-fMRI of Zerbe et al. (2026): recordings of five subjects, pictures, and how these are split.

Three things are asked for beside the recordings: a folder with the pictures, which people fetch after an agreement, the
package `laion_fmri`, which is on GitHub alone and of which the benchmarks use the lists of each split's pictures, and
many gigabytes of memory, which the small recordings do without.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from .files import Stimuli, assembly, entrance
from .making import draw, random_of, recordings

READ_IN = {
    "laion_fmri": (
        "data/laion_fmri/__init__.py",
        "data/laion_fmri/_helpers/assemblies.py",
        "data/laion_fmri/_helpers/stimuli.py",
        "data/laion_fmri/data_packaging/build_assembly.py",
        "data/laion_fmri/data_packaging/prepare_shared.py",
        "data/laion_fmri/data_packaging/prepare_persubject.py",
        "data/laion_fmri/data_packaging/repackage_for_s3.py",
        "data/laion_fmri/data_packaging/get_local_stimuli.py",
        "benchmarks/laion_fmri/benchmark.py",
        "benchmark_helpers/multi_subject.py",
    ),
}
REPRESENTATIVES = {
    "laion_fmri": (
        "Zerbe2026_fmri.V1-rdm-pearson",
        "Zerbe2026_fmri.V4-ood-ridgecv",
        "Zerbe2026_fmri_persubject.V2-tau-ridgecv",
        "Zerbe2026_fmri.IT-cka",
    ),
}

SUBJECTS = ("sub-01", "sub-03", "sub-05", "sub-06", "sub-07")
OOD_KINDS = ("shape", "relations", "unusual", "cropped", "selfmade", "gaudy", "illusion-classic", "gabor")
ROIS = {"V1": "V1v", "V2": "V2d", "V3": "V3v", "V4": "hV4", "IT": "laionventral"}
NOISE_CEILINGS = (21.0, 34.5, 48.0, 69.2)  # % with 12 repetitions: benchmarks leave out those up to 30

SHARED = [f"shared_12rep_LAION_cluster_{number}_i{number % 4}.jpg" for number in range(1003, 1027)]
OUTSIDE = [f"shared_4rep_OOD_{kind}_thing{number}.png" for kind in OOD_KINDS for number in (1, 2)]


def _unique(subject: str) -> list[str]:
    return [f"unique_THINGS_{subject.replace('-', '')}thing{number}_p01.jpg" for number in range(8)]


def _draw(name: str) -> Image.Image:
    """A picture of one of four kinds, so that something can be learned from the one part about the other."""
    return draw(name, label=zlib.crc32(name.encode()) % 4)


def _pool(pool: str) -> list[str]:
    """What is not out of distribution in `shared`, or in a subject's pool."""
    return SHARED if pool == "shared" else SHARED + _unique(pool)


def get_split_masks(
    trials: pd.DataFrame, name: str, pool: str, variant_id: int = 0, ood_types: list[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a table of trials to fit on and to test on, by their `label`, as `laion_fmri.splits` gives them.

    `tau` tests on a fifth of a pool, `ood` on what is out of distribution, fitting on the whole pool.
    """
    test = {"tau": _pool(pool)[::5], "ood": [each for each in OUTSIDE if not ood_types or _kind(each) in ood_types]}[
        name
    ]
    return tuple(trials["label"].isin(part).to_numpy() for part in (set(_pool(pool)) - set(test), test))


def _kind(picture: str) -> str:
    return picture.removeprefix("shared_4rep_OOD_").split("_")[0]


@entrance
def prepare(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """The pictures' folder with its manifest, the package's splits, and no addition to the memory estimates."""
    from brainscore_vision.benchmark_helpers import memory

    pictures = folder / "laion_fmri"
    patch.setenv("LAION_FMRI_STIMULI_DIR", str(pictures))
    if not pictures.is_dir():
        _write_pictures(pictures)
    package, splits = ModuleType("laion_fmri"), ModuleType("laion_fmri.splits")
    splits.get_split_masks = get_split_masks
    patch.setitem(sys.modules, "laion_fmri", package)
    patch.setitem(sys.modules, "laion_fmri.splits", splits)
    # measured on the real recordings, up to 42 GB
    patch.setattr(memory, "_BENCHMARK_SCAFFOLDING_OVERHEAD_GB", {})
    patch.setattr(memory, "load_calibration", lambda: {})


def _write_pictures(folder: Path) -> None:
    folder.mkdir()
    names = SHARED + OUTSIDE + [name for subject in SUBJECTS for name in _unique(subject)]
    shared = [name.startswith("shared") for name in names]
    pd.DataFrame(
        {
            "stimulus_id": names,
            "filename": names,
            "path": [f"/elsewhere/{name}" for name in names],  # of the machine that extracted the pictures
            "dataset": [name.split("_")[2 if is_shared else 1] for name, is_shared in zip(names, shared, strict=True)],
            "participant": [
                None if is_shared else name.split("_")[2][:5] for name, is_shared in zip(names, shared, strict=True)
            ],
            "unique_or_shared": np.where(shared, "shared", "unique"),
            "n_reps": [12 if "12rep" in name else 4 for name in names],
        }
    ).to_csv(folder / "manifest.csv", index=False)
    for name in names:
        _draw(name).save(folder / name)


@assembly(*(f"LAION_fMRI_{pool}_{subject}_Assembly" for pool in ("full", "persubject") for subject in SUBJECTS))
def voxels(identifier: str) -> xr.DataArray:
    """Z-scored amplitudes of one subject's trials, without time bins; shared pictures of both pools are the same.

    Both dimensions have an index of their own in the file. Brain-Score's loader makes it the first level of each, under
    the names that it has here.
    """
    pool, subject = identifier.split("_")[2:4]
    names = SHARED + OUTSIDE + (_unique(subject) if pool == "persubject" else [])
    count, repetitions = len(ROIS) * len(NOISE_CEILINGS), 2
    twelve = np.tile(np.array(NOISE_CEILINGS, dtype=np.float32), len(ROIS))
    array = recordings(
        Stimuli(pd.DataFrame({"stimulus_id": names}), [_draw(name) for name in names]),
        {
            "neuroid_level_0": np.arange(count),
            "subject_id": [subject] * count,
            "region": np.repeat(list(ROIS), len(NOISE_CEILINGS)),
            "roi": np.repeat(list(ROIS.values()), len(NOISE_CEILINGS)),
            "voxel_index_in_brain_mask": np.arange(count, dtype=np.int32) * 7,
            "nc_4rep": twelve / 2,
            "nc_12rep": twelve,
            "nc_allrep": twelve * np.float32(1.1),
        },
        "LAION_fMRI",  # the same for all subjects, whose similarity is a ceiling
        repetitions=repetitions,
        noise=0,
    )
    array = array + 0.5 * random_of(identifier).randn(*array.shape).astype(np.float32)
    array = (array - array.mean("presentation")) / array.std("presentation")
    trials = np.arange(array.sizes["presentation"])
    coords = {"presentation_level_0": trials}
    if pool == "full":
        coords["subject_id_pres"] = np.full(len(trials), f"{subject}_v3", dtype=object)
        array["repetition"] = array["repetition"].astype(np.int32)
    else:
        order = random_of(identifier).permutation(len(trials))  # as they were shown
        array = array.isel(presentation=order)
        coords |= {
            "session": [f"ses-{1 + trial % 3:02d}" for trial in trials],
            "run": 1 + trials % 4,
            "beta_index": trials,
        }
    return array.assign_coords({name: ("presentation", values) for name, values in coords.items()})
