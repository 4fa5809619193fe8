"""Recordings published from 2024 on: Bagus et al., Papale et al., Cowley et al., Li et al."""

from __future__ import annotations

from itertools import product

import numpy as np
import xarray as xr

from .files import Stimuli, assembly, stimuli_of, stimulus_set
from .making import random_of, recordings, stimuli

READ_IN = {
    "igustibagus2024": (
        "data/igustibagus2024/merged_assembly/merged_stimulus_set.csv",
        "data/igustibagus2024/merged_assembly/create_merged_assembly_and_stim.py",
        "data/igustibagus2024/test.py",
        "benchmarks/igustibagus2024/domain_transfer_neural.py",
        "benchmarks/igustibagus2024/domain_transfer_analysis.py",
    ),
    "papale2025": (
        "data/papale2025/data_packaging/package_papale2025.py",
        "data/papale2025/test.py",
        "benchmarks/papale2025/benchmark.py",
    ),
    "cowley2026": (
        "data/cowley2026/data_packaging/data_packaging.py",
        "data/cowley2026/test.py",
        "benchmarks/cowley2026/benchmark.py",
    ),
    "li2026": (
        "data/li2026/__init__.py",
        "data/li2026/data_packaging/build_li2026_static.py",
        "data/li2026/data_packaging/build_li2026_static_70_170ms.py",
        "benchmarks/li2026/benchmark.py",
    ),
}
REPRESENTATIVES = {
    "igustibagus2024": ("Igustibagus2024-ridge", "Igustibagus2024.IT_readout-accuracy"),
    "papale2025": ("Papale2025.V1-ridge", "Papale2025.V4-ridgecv", "Papale2025.IT-ridge", "Papale2025.IT-ridgecv"),
    "cowley2026": ("Cowley2026.V4-pls",),
    "li2026": ("Li2026.IT-rdm", "Li2026.V1-ridgecv", "Li2026.V2-pls", "Li2026.V4-ridgecv"),
}

CATEGORIES = ("apple", "bear", "bird", "car", "chair", "dog", "elephant", "face", "plane", "zebra")
SOURCES = {
    **{("Art", style): 3 for style in ("cartoon", "line_drawing", "mosaic", "painting", "sketch")},
    **{("Silhouette", style): 4 for style in ("original", "convex_hull", "outline", "silhouette", "skeleton")},
    ("COCOColor", None): 3,
    ("COCOGray", None): 3,
    ("TDW", None): 3,
    ("GeirhosOOD", "edges"): 1,
    ("ObjectNet", None): 1,
}
"""(Source, style) -> pictures of each category: thirty of all are tested, and silhouettes are trained on, too."""


@stimulus_set("Igustibagus2024")
def domains(identifier: str) -> Stimuli:
    """Ten objects as photographs, art and silhouettes, which share their backgrounds in all styles."""
    rows = [
        (source, style, category, number)
        for (source, style), count in SOURCES.items()
        for category, number in product(CATEGORIES, range(count))
    ]
    identifiers = [random_of(identifier, *row).bytes(20).hex() for row in rows]
    backgrounds = [
        1 + 4 * CATEGORIES.index(category) + number if source == "Silhouette" else 0
        for source, _, category, number in rows
    ]
    return stimuli(
        {
            "filepath": [f"{source}/{style}-{category}{number}.png" for source, style, category, number in rows],
            "object_label": [category for _, _, category, _ in rows],
            "image_file_name": [f"im{number}.png" for number in range(len(rows))],
            "object_style": [style for _, style, _, _ in rows],
            "stimulus_source": [source for source, _, _, _ in rows],
            "image_id": identifiers,
            "stimulus_id": identifiers,
            "background_id": backgrounds,
        },
        label="object_label",
        size=32,
    )


@assembly("Igustibagus2024")
def of_domains(identifier: str) -> xr.DataArray:
    """Rates in seven bins of IT in two monkeys, one of which saw fewer repetitions."""
    of = stimuli_of(identifier)
    beside = {name: of.table[name].astype(str) for name in ("object_style", "filepath", "image_file_name")}
    beside |= {name: of.table[name] for name in ("object_label", "stimulus_source", "background_id", "image_id")}
    animals = ["Oleo", "Oleo", "Pico"]
    neuroids = {
        "col": range(3),
        "row": range(3),
        "bank": ["A"] * 3,
        "elec": range(3),
        "label": ["elec1", "elec2", "elec3"],
        "arr": ["1"] * 3,
        "hemisphere": ["R"] * 3,
        "subregion": ["aIT"] * 3,
        "region": ["IT"] * 3,
        "animal": animals,
        "electrode_id": ["1", "2", "1"],
        "neuroid_id": [f"{animal}_{number}" for number, animal in enumerate(animals)],
    }
    bins = [(70, 170), (170, 270)]
    array = recordings(of, neuroids, identifier, time_bins=bins, repetitions=4, presentation=beside)
    array = array.where((array["animal"] != "Pico") | (array["repetition"] < 3))
    ends = array["time_bin_end"].values
    array = array.drop_vars("time_bin_end").assign_coords(time_bin_id=("time_bin", [0, 1]))
    return array.assign_coords(time_bin_stop=("time_bin", ends)).assign_attrs(image_size_degree=8)


@stimulus_set("THINGS_TVSD_train_Stimuli", "THINGS_TVSD_test_Stimuli")
def things(identifier: str) -> Stimuli:
    """Things, one or several pictures of each."""
    labels = np.repeat([f"thing{number:02}" for number in range(20)], 2 if "train" in identifier else 1)
    identifiers = [f"{label}_{number:02}s" for number, label in enumerate(labels)]
    indices = [int(label[-2:]) for label in labels]
    table = {"stimulus_id": identifiers, "label": labels, "object_name": labels, "label_idx": indices}
    return stimuli(table, label="label", ending="jpg", size=50)


@assembly("THINGS_TVSD_train_Assembly", "THINGS_TVSD_test_Assembly")
def multi_unit(identifier: str) -> xr.DataArray:
    """Multi-unit activity of two monkeys in three regions; some electrodes are not reliable."""
    of = stimuli_of(identifier.replace("Assembly", "Stimuli"))
    electrodes = list(product(("monkeyF", "monkeyN"), ("V1", "V4", "IT"), range(3)))
    reliability = np.array([0.1 if number == 2 else 0.6 for _, _, number in electrodes])
    neuroids = {
        "region": [region for _, region, _ in electrodes],
        "subject": [subject for subject, _, _ in electrodes],
        "neuroid_id": np.arange(len(electrodes)) % 9,
        "SNR": reliability * 3,
        "SNR_max": reliability * 4,
        "reliability": reliability,
        "oracle": reliability / 2,
    }
    beside = {f"stimulus_{name}": of.table[name] for name in ("label", "label_idx")}
    beside["object_name"] = of.table["object_name"]
    repetitions = 1 if "train" in identifier else 4
    # the same electrodes in both files
    return recordings(
        of,
        neuroids,
        "THINGS_TVSD",
        time_bins=[(70, 170)],
        repetitions=repetitions,
        presentation=beside,
        dtype=np.float64,
    )


SESSIONS = tuple(f"Cowley2026.{session}" for session in (190923, 201025, 210225, 211022))


@stimulus_set(*SESSIONS)
def photographs(identifier: str) -> Stimuli:
    """Photographs, each with a number as its only label."""
    numbers = range(1, 33)
    table = {"stimulus_id": [f"image{each:04}" for each in numbers], "object_name": [f"{each:04}" for each in numbers]}
    return stimuli(table, ending="jpg")


@assembly(*SESSIONS)
def sessions(identifier: str) -> xr.DataArray:
    """Rates in V4, with unequal numbers of repetitions; the first session alone has a time bin."""
    of = stimuli_of(identifier)
    neuroids = {"neuroid_id": ["neuron_0", "neuron_1"], "region": ["V4"] * 2}
    first = identifier == SESSIONS[0]
    array = recordings(
        of,
        neuroids,
        identifier,
        time_bins=[(50, 150)] if first else None,
        repetitions=4,
        presentation={"object_name": of.table["object_name"]},
        dtype=np.float64,
    )
    last = of.table["stimulus_id"].values[-1]
    array = array[{"presentation": (array["stimulus_id"].values != last) | (array["repetition"].values < 3)}]
    return array.assign_attrs(experiment_date="2019-09-23", stimulus_set_identifier=identifier)


@stimulus_set("Li2026_Stimuli")
def natural_scenes(identifier: str) -> Stimuli:
    """Scenes of the Natural Scenes Dataset that all subjects saw."""
    numbers = 2950 + 40 * np.arange(40)
    return stimuli(
        {
            "stimulus_id": [f"nsd_{number:05}" for number in numbers],
            "nsd_id": numbers,
            "nsd_id_1indexed": numbers + 1,
            "tn_index": np.arange(1, len(numbers) + 1),
            "coco_id": 400000 + numbers,
        }
    )


@assembly("Li2026_Assembly")
def neuropixels(identifier: str) -> xr.DataArray:
    """Mean rates at 70-170 ms of units of two monkeys, five in IT; some are not reliable in this window."""
    of = stimuli_of("Li2026_Stimuli")
    monkeys = {"V1": 2, "V2": 2, "V4": 2, "IT": 5}
    units = [
        (region, monkey, unit) for region, count in monkeys.items() for monkey, unit in product(range(count), "abc")
    ]
    count = len(units)
    reliable = np.array([0.2 if unit == "c" else 0.8 for _, _, unit in units], dtype=np.float32)
    neuroids = {
        "neuroid_id": [f"{index}.{index}" for index in range(count)],
        "region": [region for region, _, _ in units],
        "animal": [f"M{monkey + 1}" for _, monkey, _ in units],
        "reliability": reliable + np.float32(0.1),
        "pos": np.arange(count, dtype=np.float32),
        "unittype": np.resize(["SU", "MUA", "NonSom"], count),
        **{name: np.zeros(count, np.float32) for name in ("F_SI", "B_SI", "O_SI", "snr")},
        "arealabel": [f"{region}-1" for region, _, _ in units],
        "best_time_start": np.full(count, 70, np.int16),
        "best_time_end": np.full(count, 220, np.int16),
        "reliability_window": reliable,
    }
    array = recordings(
        of, neuroids, identifier, time_bins=[(70, 170)], presentation={"nsd_id": of.table["nsd_id"]}, noise=0.2
    )
    array = array.drop_vars("repetition")  # means over trials
    return array.assign_attrs(source_assembly="Li2026_temporal_Assembly", window_start_ms=70, window_end_ms=170)
