"""Recordings of DiCarlo's laboratory in V4 and IT after 2019, and object solution times of Kar et al. (2019)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .files import Reason, Stimuli, assembly, stimuli_of, stimulus_set
from .making import random_of, recordings, stimuli

READ_IN = {
    "sanghavi2020": (
        "data/sanghavi2020/__init__.py",
        "data/sanghavi2020/data_packaging/sanghavi2020.py",
        "data/sanghavi2020/data_packaging/sanghavijozwik2020.py",
        "data/sanghavi2020/data_packaging/sanghavimurty2020.py",
        "data/rust2012/__init__.py",
        "benchmarks/sanghavi2020/benchmarks/sanghavi2020_benchmark.py",
    ),
    "rajalingham2020": (
        "data/rajalingham2020/rajalingham2020orthographic_IT.py",
        "benchmarks/rajalingham2020/benchmark.py",
    ),
    "kar2019": ("data/kar2019/data_packaging.py", "benchmarks/kar2019/benchmark.py", "metrics/ost/metric.py"),
}
REPRESENTATIVES = {
    "sanghavi2020": (
        "SanghaviMurty2020.IT-pls",
        "Sanghavi2020.V4-pls",
        "SanghaviJozwik2020.V4-pls",
        "SanghaviJozwik2020.IT-pls",
    ),
    "rajalingham2020": ("Rajalingham2020.IT-pls",),
    "kar2019": ("Kar2019-ost",),
}
CANNOT = {
    "Kar2019-ost": Reason(
        "The benchmark itself gives NaN where IT does not change over time.", "The score is nan", networks=("z",)
    ),
}

STIMULI = 40  # a tenth is held out, and PLS with 25 components wants more than 25
TIME_BINS = [(70, 170), (170, 270), (50, 100), (100, 150), (150, 200), (200, 250), (70, 270)]


@stimulus_set("BOLD5000")
def scenes(identifier: str) -> Stimuli:
    """Photographs from ImageNet, COCO and SUN; a label may be a list, written out."""
    names = [f"n{number:08}_{number}.JPEG" for number in range(STIMULI)]
    return stimuli(
        {
            "id": np.arange(STIMULI),
            "source_dataset": np.resize(["ImageNet", "COCO", "SUN"], STIMULI),
            "image_id": names,
            "label": np.resize(["dog", "3, 17", "airport"], STIMULI),
            "image_file_name": [f"BOLD5000_{number}.png" for number in range(STIMULI)],
            "filename": [f"{name}.png" for name in names],
        }
    )


@stimulus_set("Rust2012")
def natural_images(identifier: str) -> Stimuli:
    """Pictures that are called by numbers."""
    numbers = np.arange(1, STIMULI + 1)
    return stimuli({"image_id": numbers, "image_file_name": [f"nat300_{number}.png" for number in numbers]})


@assembly("dicarlo.Sanghavi2020")
def of_hvm(identifier: str) -> xr.DataArray:
    """Rates in seven bins, with what is known of the stimuli beside them in the file."""
    array = _sanghavi(identifier, "hvm", repetitions=28, degrees=8)
    count = array.sizes["presentation"] // 28
    return array.assign_coords(image=("presentation", np.repeat(np.arange(count), 28)))


@assembly("dicarlo.SanghaviJozwik2020")
def of_scenes(identifier: str) -> xr.DataArray:
    """The same for photographs."""
    return _sanghavi(identifier, "BOLD5000", repetitions=37, degrees=8)


@assembly("dicarlo.SanghaviMurty2020")
def of_natural_images(identifier: str) -> xr.DataArray:
    """The same for pictures of 5 degrees."""
    return _sanghavi(identifier, "Rust2012", repetitions=50, degrees=5)


def _sanghavi(identifier: str, stimulus_set_identifier: str, repetitions: int, degrees: int) -> xr.DataArray:
    of = stimuli_of(stimulus_set_identifier)
    numbers = np.arange(4)
    neuroids = {
        "col": numbers,
        "row": numbers,
        "bank": ["A"] * len(numbers),
        "elec": numbers + 1,
        "label": [f"elec{number + 1}" for number in numbers],
        "arr": ["3"] * len(numbers),
        "hemisphere": ["L"] * len(numbers),
        "subregion": ["V4", "V4", "pIT", "aIT"],
        "region": ["V4", "V4", "IT", "IT"],
        "animal": ["oleo"] * len(numbers),
        "neuroid_id": [f"A-{number}" for number in numbers],
    }
    beside = {name: values for name, values in of.table.items() if name not in ("image_id", "filename", "label")}
    array = recordings(
        of, neuroids, identifier, time_bins=TIME_BINS, repetitions=repetitions, presentation=beside, id_name="image_id"
    )
    bins = {"time_bin_id": range(7), "time_bin_start": array["time_bin_start"], "time_bin_stop": array["time_bin_end"]}
    array = array.drop_vars(["time_bin_start", "time_bin_end"])  # this laboratory's bins have an end by another name
    array = array.assign_coords({name: ("time_bin", np.asarray(values)) for name, values in bins.items()})
    return array.assign_attrs(
        image_size_degree=degrees, stim_on_time_ms=100, stimulus_set_identifier=stimulus_set_identifier
    )


@stimulus_set("Rajalingham2020")
def letters(identifier: str) -> Stimuli:
    """Strings of letters with their statistics; what was true or false is 0 or 1."""
    random = random_of(identifier)
    identifiers = [random.bytes(20).hex() for _ in range(STIMULI)]
    return stimuli(
        {
            "image_id": identifiers,
            "string": [f"w{number:03}" for number in range(STIMULI)],
            "is_word": np.arange(STIMULI) % 2,
            "bigram_freq": random.uniform(0, 5, STIMULI),
            "grp5_bigram_freq": np.resize(["(-0.1, 1.0]", "(1.0, 2.0]"], STIMULI),
            "image_file_name": [f"{each}.png" for each in identifiers],
        }
    )


@assembly("dicarlo.Rajalingham2020")
def of_letters(identifier: str) -> xr.DataArray:
    """Rates of IT at 70-170 ms; some sites saw fewer repetitions."""
    of = stimuli_of("Rajalingham2020")
    neuroids = {"region": ["IT"] * 3, "neuroid_id": range(3), "animal": ["nano", "magneto", "nano"], "arr": ["A"] * 3}
    beside = {name: values for name, values in of.table.items() if name not in ("image_id", "filename")}
    array = recordings(
        of, neuroids, identifier, time_bins=[(70, 170)], repetitions=33, presentation=beside, id_name="image_id"
    )
    array = array.where((array["repetition"] < 27) | (array["neuroid_id"] != 0))
    bins = {"time_bin_start": [70], "time_bin_stop": [170]}
    array = array.drop_vars(["time_bin_start", "time_bin_end"])
    return array.assign_coords({name: ("time_bin", values) for name, values in bins.items()})


OBJECTS = ("bear", "elephant")  # of ten: all must be among the tenth that is held out


@stimulus_set("Kar2019")
def challenging(identifier: str) -> Stimuli:
    """Pictures of objects."""
    numbers = range(100)
    identifiers = [random_of(identifier, number).bytes(20).hex() for number in numbers]
    return stimuli(
        {
            "image_file_sha1": identifiers,
            "image_id": identifiers,
            "image_num": range(len(numbers)),
            "image_label": [OBJECTS[number % len(OBJECTS)] for number in numbers],
        },
        label="image_label",
        ending="jpg",
    )


@assembly("dicarlo.Kar2019")
def solution_times(identifier: str) -> xr.DataArray:
    """When IT solved a picture, in ms, by two decoders; some were never solved, and the last is there twice."""
    table = stimuli_of("Kar2019").table
    table = table.iloc[[*range(len(table)), -1]]
    random = random_of(identifier)
    times = random.uniform(80, 200, (2, len(table)))
    times[:, 7] = np.nan
    return xr.DataArray(
        times,
        coords={
            "i1": ("presentation", random.uniform(0, 3, len(table))),
            "image_id": ("presentation", table["image_id"]),
            "image_label": ("presentation", table["image_label"]),
            "decoder": ["svm", "logistic"],
        },
        dims=["decoder", "presentation"],
        attrs={"stimulus_set_identifier": "Kar2019"},
    )
