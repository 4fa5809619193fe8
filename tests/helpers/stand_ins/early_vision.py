"""Recordings in V1 and V2: textures of Freeman, Ziemba et al. (2013) and pictures of Cadena et al. (2017)."""

from __future__ import annotations

import xarray as xr

from .files import Reason, Stimuli, assembly, stimuli_of, stimulus_set
from .making import random_of, recordings, stimuli

READ_IN = {
    "freemanziemba2013": (
        "data/freemanziemba2013/data_packaging/movshon.py",
        "data/freemanziemba2013/data_packaging/aperture_correct.py",
        "data/freemanziemba2013/test.py",
        "benchmarks/freemanziemba2013/benchmarks/benchmark.py",
    ),
    "cadena2017": (
        "data/cadena2017/__init__.py",
        "data/cadena2017/data_packaging/2018-08-07_tolias_v1.ipynb",
        "data/cadena2017/test.py",
        "benchmarks/cadena2017/benchmark.py",
    ),
}
REPRESENTATIVES = {
    "freemanziemba2013": (
        "FreemanZiemba2013public.V2-pls",
        "FreemanZiemba2013public.V1-pls",
        "FreemanZiemba2013.V1-pls",
        "FreemanZiemba2013.V2-pls",
    ),
    "cadena2017": ("Cadena2017-pls", "Cadena2017-mask"),
}
CANNOT = {
    "Cadena2017-mask": Reason("Brain-Score's mask regression is written in TensorFlow.", "tensorflow"),
}

TEXTURES = (327, 336, 393, 402)  # families, of fifteen
SAMPLES = 5


@stimulus_set("FreemanZiemba2013.aperture-public", "FreemanZiemba2013.aperture-private")
def textures(identifier: str) -> Stimuli:
    """Textures and noise of the same spectrum, gray, in an aperture."""
    rows = [(kind, family, 1 + sample) for kind in ("noise", "texture") for family in TEXTURES for sample in range(5)]
    identifiers = [random_of(identifier, *row).bytes(20).hex() for row in rows]
    names = [f"{kind[:3]}-320x320-im{family}-smp{sample}.png" for kind, family, sample in rows]
    return stimuli(
        {
            "image_id": identifiers,
            "image_file_sha1": identifiers,
            "image_file_name": names,
            "texture_type": [kind for kind, _, _ in rows],
            "texture_family": [family for _, family, _ in rows],
            "sample": [sample for _, _, sample in rows],
            "resolution": ["320x320"] * len(rows),
            "image_id_without_aperture": [random_of(each).bytes(20).hex() for each in identifiers],
        },
        label="texture_type",
        mode="L",
    )


@assembly("movshon.FreemanZiemba2013.public", "movshon.FreemanZiemba2013.private")
def spikes(identifier: str) -> xr.DataArray:
    """Responses in 300 bins of 1 ms of cells in V1 and V2."""
    stimulus_set_identifier = identifier.replace("movshon.FreemanZiemba2013.", "FreemanZiemba2013.aperture-")
    neuroids = {"neuroid_id": range(1, 7), "region": ["V1"] * 3 + ["V2"] * 3}
    bins = [(start, start + 1) for start in range(300)]
    array = recordings(
        stimuli_of(stimulus_set_identifier), neuroids, identifier, time_bins=bins, repetitions=4, id_name="image_id"
    )
    return array.transpose("neuroid", "time_bin", "presentation").assign_attrs(
        stimulus_set_identifier=stimulus_set_identifier
    )


@stimulus_set("Cadena2017")
def natural(identifier: str) -> Stimuli:
    """Photographs and textures, gray."""
    numbers = range(45)
    identifiers = [random_of(identifier, number).bytes(20).hex() for number in numbers]
    names = [f"image_{number:05}.jpg" for number in numbers]
    return stimuli(
        {
            "id": [125778 + number for number in numbers],
            "image_id": identifiers,
            "image_file_sha1": identifiers,
            "image_file_name": names,
            "image_index": numbers,
            "filename": names,
        },
        mode="L",
    )


@assembly("tolias.Cadena2017")
def counts(identifier: str) -> xr.DataArray:
    """Spikes at 40-100 ms: four repetitions one after the other, two for the first cell, and pictures not shown."""
    array = recordings(
        stimuli_of("Cadena2017"),
        {"neuroid_id": range(3)},
        identifier,
        time_bins=[(40.0, 100.0)],
        repetitions=4,
        id_name="image_id",
        dtype=float,
    )
    array = array.round().rename(repetition="repetition_id").sortby("repetition_id")
    shown = (array["neuroid_id"] != 0) | (array["repetition_id"] < 2)
    shown &= (array["neuroid_id"] != 1) | ~array["image_id"].isin(array["image_id"][:4])
    return array.where(shown).transpose("neuroid", "presentation", "time_bin")
