"""Pictures of THINGS: triplets and fMRI of Hebart et al. (2023), EEG of Gifford et al. (2022)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import draw, random_of, recordings, stimuli

READ_IN = {
    "hebart2023": (
        "data/hebart2023/__init__.py",
        "data/hebart2023/test.py",
        "data/hebart2023/packaging/data_assembly.py",
        "data/hebart2023/packaging/stimulus_set.py",
        "benchmarks/hebart2023/benchmark.py",
    ),
    "hebart2023_fmri": (
        "data/hebart2023_fmri/__init__.py",
        "data/hebart2023_fmri/test.py",
        "data/hebart2023_fmri/data_packaging/package_hebart2023fmri.py",
        "benchmarks/hebart2023_fmri/benchmark.py",
    ),
    "gifford2022": (
        "data/gifford2022/__init__.py",
        "data/gifford2022/test.py",
        "data/gifford2022/data_packaging/package_gifford2022.py",
        "benchmarks/gifford2022/benchmark.py",
        "benchmark_helpers/neural_common.py",
    ),
}
REPRESENTATIVES = {
    "hebart2023": ("Hebart2023-match",),
    "hebart2023_fmri": (
        "Hebart2023_fmri.V1-ridge",
        "Hebart2023_fmri.V2-ridgecv",
        "Hebart2023_fmri.V4-ridge",
        "Hebart2023_fmri.IT-ridgecv",
    ),
    "gifford2022": ("Gifford2022.IT-ridge", "Gifford2022.IT-ridgecv"),
}

CONCEPTS = ("aardvark", "abacus", "accordion", "acorn", "air_conditioner", "aircraft_carrier")

KINDS = ("animal", "tool", "food", "vehicle")

# --- Hebart2023: odd-one-out ---

TRIPLETS = 2000


@stimulus_set("Hebart2023")
def concepts(_: str) -> Stimuli:
    """One picture for each concept, numbered from 0 in the order of the rows: the benchmark asks by row label."""
    count = 48
    random = random_of("Hebart2023")
    names = [f"concept{number:02d}" for number in range(count)]
    few = np.arange(count) % 7 == 0
    meanings = {number: [f"{name}.n.{number:02d}" for name in names] for number in (1, 2, 3, 4)}
    return stimuli(
        {
            "unique_id": names,
            "stimulus_id": np.arange(count),
            "filename": [f"{number}.jpg" for number in range(count)],
            "WordNet_ID": meanings[1],
            "Wordnet_ID2": np.where(few, meanings[2], None),  # most concepts have one meaning
            "Wordnet_ID3": np.where(few & (np.arange(count) % 2 == 0), meanings[3], None),
            "Wordnet_ID4": np.where(np.arange(count) == 0, meanings[4], None),
            "WordNet_synonyms": [f"{name}, thing" for name in names],
            "freq_1": random.randint(1, 5000, count),
            "freq_2": random.randint(1, 5000, count),
            "top_down_1": np.resize(KINDS, count),
            "top_down_2": np.where(few, None, np.resize(KINDS, count)),
            "bottom_up": np.resize(KINDS, count),
            "word_freq": random.randint(1, 9000, count) * 1.0,
            "word_freq_online": random.randint(1, 9000, count) * 1.0,
            "example_image": [f"{name}_01b.jpg" for name in names],
            "dispersion": random.uniform(0, 1, count).round(2),
            "dominant_part": ["Noun"] * count,
            "rank": random.randint(1, 60000, count) * 1.0,
        },
        label="bottom_up",
    )


@assembly("Hebart2023")
def triplets(_: str) -> xr.DataArray:
    """Two pictures of one kind and one of another, whose number is the value, the third picture, and the id."""
    kinds = stimuli_of("Hebart2023").table["bottom_up"].values
    random = random_of("triplets")
    chosen = []
    while len(chosen) < TRIPLETS:
        first, second, odd = random.choice(len(kinds), 3, replace=False)
        if kinds[first] == kinds[second] != kinds[odd]:
            chosen.append((first, second, odd))
    first, second, odd = np.array(chosen).T
    return xr.DataArray(
        odd,
        dims=["presentation"],
        coords={
            "stimulus_id": ("presentation", odd),
            "triplet_id": ("presentation", [f"triplet_{number}" for number in range(TRIPLETS)]),
            "image_1": ("presentation", first),
            "image_2": ("presentation", second),
            "image_3": ("presentation", odd),
        },
        attrs={"stimulus_set_identifier": "Hebart2023"},
    )


# --- Hebart2023_fmri and Gifford2022: pictures of concepts in two parts ---


@stimulus_set(*(f"THINGS_{method}_{part}_Stimuli" for method in ("fMRI", "EEG2") for part in ("train", "test")))
def photographs(identifier: str) -> Stimuli:
    """Several pictures of each concept to fit on, one of each of the others to test on."""
    if "_train_" in identifier:
        identifiers = [f"{name}_{number:02d}s" for name in CONCEPTS for number in range(1, 5)]
    else:
        identifiers = [f"{name}_{2:02d}s" for name in (f"test{number:02d}_thing" for number in range(12))]
    labels = [each.rsplit("_", 1)[0] for each in identifiers]
    table = pd.DataFrame(
        {
            "stimulus_id": identifiers,
            "label": labels,
            "object_name": labels,
            "label_idx": np.unique(labels, return_inverse=True)[1],
            "filename": [f"{each}.jpg" for each in identifiers],
        }
    )
    # what can be learned from the one part about the other
    kinds = np.resize(KINDS, len(table))
    return Stimuli(table, [draw(each, label=kind) for each, kind in zip(identifiers, kinds, strict=True)])


def _recorded(identifier: str, neuroid: dict, repetitions: int, time_bins: list[tuple]) -> xr.DataArray:
    """Z-scored responses whose presentations have the stimulus set's labels under names of their own."""
    stimulus_set_identifier = identifier.replace("_Assembly", "_Stimuli")
    shown = stimuli_of(stimulus_set_identifier)
    array = recordings(
        shown,
        neuroid,
        identifier.split("_")[1],  # the same neuroids in both parts
        time_bins=time_bins,
        repetitions=repetitions,
        presentation={
            "stimulus_label": shown.table["label"].values,
            "object_name": shown.table["object_name"].values,
            "stimulus_label_idx": shown.table["label_idx"].values,
        },
    )
    array = (array - array.mean("presentation")) / array.std("presentation")
    return array.assign_attrs(stimulus_set_identifier=stimulus_set_identifier)


NOISE_CEILINGS = (18.0, 35.2, 47.9, 66.1)  # %, of the voxels of a region: benchmarks leave out those up to 30
ROIS = {"V1": "V1", "V2": "V2", "V4": "hV4", "IT": "glasser-FFC"}


@assembly("THINGS_fMRI_train_Assembly", "THINGS_fMRI_test_Assembly")
def fmri(identifier: str) -> xr.DataArray:
    """Voxels of three subjects, counted from 0 in each."""
    voxels = pd.DataFrame(
        [
            {"region": region, "subject": subject, "nc_testset": ceiling, "roi": roi}
            for subject in ("01", "02", "03")
            for region, roi in ROIS.items()
            for ceiling in NOISE_CEILINGS
        ]
    )
    random = random_of("THINGS voxels")
    count = len(voxels)
    voxels["neuroid_id"] = voxels.groupby("subject").cumcount()
    voxels["voxel_id"] = voxels["neuroid_id"] * 11
    for axis in "xyz":
        voxels[f"voxel_{axis}"] = random.randint(0, 70, count)
    voxels["nc_singletrial"] = voxels["nc_testset"] / 4
    voxels["splithalf_uncorrected"] = random.uniform(0, 0.8, count)
    voxels["splithalf_corrected"] = 2 * voxels["splithalf_uncorrected"] / (1 + voxels["splithalf_uncorrected"])
    for name, most in {"eccentricity": 15, "polarangle": 360, "rsquared": 60, "size": 8}.items():
        voxels[f"prf-{name}"] = random.uniform(0, most, count)
    neuroid = {name: voxels[name].values for name in voxels}
    return _recorded(identifier, neuroid, 1 if "_train_" in identifier else 12, [(70, 170)])


CHANNELS = ("Pz", "Oz")


@assembly("THINGS_EEG2_train_Assembly", "THINGS_EEG2_test_Assembly")
def eeg(identifier: str) -> xr.DataArray:
    """Electrodes of two subjects, counted from 0 in each, in a hundred bins from -0.2 s to 0.8 s."""
    starts = np.round(np.arange(-0.2, 0.795, 0.01), 2)
    subjects = ("sub-01", "sub-02")
    return _recorded(
        identifier,
        {
            "subject": np.repeat(subjects, len(CHANNELS)),
            "neuroid_id": np.tile(np.arange(len(CHANNELS)), len(subjects)),
            "channel": np.tile(CHANNELS, len(subjects)),
        },
        repetitions=4 if "_train_" in identifier else 8,  # 80 in the recordings' test part
        time_bins=list(zip(starts, np.round(np.append(starts[1:], 0.8), 2), strict=True)),
    )
