"""Values in all forms in which benchmarks and people pass them, by the entrance through which they come to a model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.screen import place_on_screen

BINS = [(100, 200), (150, 250)]
LABELS = ["knife", "bear", "dog", "truck", "cup"]
LAYERS = ["decoder.avgpool", "logits"]
INDEX = pd.MultiIndex.from_tuples(BINS, names=["time_bin_start", "time_bin_end"])


class Location(os.PathLike):
    """A path of a kind that is neither text nor pathlib's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def renumbered(stimuli: StimulusSet) -> StimulusSet:
    """The same images with numbers for ids, as of THINGS."""
    numbered = StimulusSet(stimuli.copy())
    numbered["stimulus_id"] = np.arange(len(stimuli))
    numbered.stimulus_paths = dict(enumerate(stimuli.stimulus_paths.values()))
    numbered.identifier = "numbered"
    return numbered


def elsewhere(stimuli: StimulusSet) -> StimulusSet:
    """A part that is given other images: pandas hands the whole set's `get_stimulus` on, which knows the old ones."""
    part = stimuli[:2]
    part.stimulus_paths = dict(zip(part["stimulus_id"], list(stimuli.stimulus_paths.values())[::-1], strict=False))
    return part


def recorded(model, stimuli, *, region="IT", time_bins=BINS, **options):
    model.start_task("passive")  # Brain-Score's goes on with any other
    model.start_recording(region, time_bins)
    return model.look_at(stimuli, **options)


def done(model, stimuli, task, *args, look=None, **options):
    model.start_task(task, *args, **options)
    return model.look_at(stimuli, **(look or {}))


# Each entrance: how a model is asked, and the forms of one value. What only ours takes stands behind the plainest form.
ENTRANCES = {
    "region": (
        lambda model, stimuli, form: recorded(model, stimuli[:2], region=form),
        {"text": "IT", "numpy": np.str_("IT"), "of a Series": pd.Series(["IT"]).iloc[0]},
        {"no dimension": np.array("IT"), "xarray": xr.DataArray("IT")},
    ),
    "time bins": (
        lambda model, stimuli, form: recorded(model, stimuli[:2], time_bins=form),
        {
            "list": BINS,
            "tuple": tuple(BINS),
            "lists": [list(time_bin) for time_bin in BINS],
            "array": np.array(BINS),
            "floats": np.array(BINS, dtype=float),
            "of an assembly": xr.DataArray([0, 0], coords={"time_bin": INDEX}, dims=["time_bin"])["time_bin"].values,
            "index": INDEX,
            "rows": [row for _, row in pd.DataFrame(BINS).iterrows()],
            "named tuples": list(pd.DataFrame(BINS).itertuples(index=False)),
            "numbers without dimension": [tuple(map(np.array, time_bin)) for time_bin in BINS],
            "keys": dict.fromkeys(BINS).keys(),
        },
        {
            "xarray": xr.DataArray([0, 0], coords={"time_bin": INDEX}, dims=["time_bin"])["time_bin"],
            "two dimensions": [np.array([time_bin]) for time_bin in BINS],
        },
    ),
    "stimuli": (
        lambda model, stimuli, form: recorded(model, form(stimuli)),
        {
            "slice": lambda stimuli: stimuli[1:3],
            "rows": lambda stimuli: stimuli.iloc[[3, 0]],
            "mask": lambda stimuli: stimuli[stimuli["size"] > 1.5],
            "query": lambda stimuli: stimuli.query("size > 1.5"),
            "sorted": lambda stimuli: stimuli.sort_values("size", ascending=False)[:2],
            "distinct": lambda stimuli: stimuli.drop_duplicates("category"),
            "repeated": lambda stimuli: stimuli.iloc[[1, 0, 1]],
            "by id": lambda stimuli: (
                stimuli.set_index("stimulus_id", drop=False).rename_axis(None).loc[["id-4", "id-2"]]
            ),
            "other index": lambda stimuli: stimuli[2:4].reset_index(drop=True),
            "other images": elsewhere,
            "numbers for ids": lambda stimuli: renumbered(stimuli)[:2],
            "on screen": lambda stimuli: place_on_screen(stimuli[:2], 8, 10),
            "columns of all kinds": lambda stimuli: stimuli[:2].assign(
                category=pd.Categorical(["a", "b"]),
                integers=pd.array([1, None], dtype="Int64"),
                text=pd.array(["a", None], dtype="string"),
                missing=[None, "a"],
                truth=[True, False],
                day=pd.date_range("2020-01-01", periods=2),
                stimulus_path=["a", "b"],
            ),
        },
        {},
    ),
    "image files": (
        lambda model, stimuli, form: recorded(model, form(list(stimuli.stimulus_paths.values())[:3])),
        {
            "text": list,
            "tuple": tuple,
            "numpy": lambda paths: list(map(np.str_, paths)),
            "bytes": lambda paths: list(map(os.fsencode, paths)),
            "pathlib": lambda paths: list(map(Path, paths)),
            "array": np.array,
            "Series": lambda paths: pd.Series(paths, index=[7, 8, 9]),
            "Index": pd.Index,
            "values": lambda paths: dict(enumerate(paths)).values(),
        },
        {
            "other paths": lambda paths: [Location(path) for path in paths],
            "mixed": lambda paths: [Path(paths[0]), *paths[1:]],
            "xarray": xr.DataArray,
            "iterator": iter,
        },
    ),
    "trials": (
        lambda model, stimuli, form: done(
            model, stimuli[:2], "label", LABELS, look={"number_of_trials": form, "require_variance": True}
        ),
        {"int": 3, "numpy": np.int64(3), "small": np.int32(3), "no dimension": np.array(3)},
        {"float": 3.0, "numpy's float": np.float32(3), "one number": np.array([3]), "xarray": xr.DataArray(3)},
    ),
    "variance": (
        lambda model, stimuli, form: done(
            model, stimuli[:2], "label", LABELS, look={"number_of_trials": 2, "require_variance": form}
        ),
        {
            "True": True,
            "numpy": np.bool_(True),
            "no dimension": np.array(True),
            "1": 1,
            "not, numpy": np.bool_(False),
            "not, xarray": xr.DataArray(False),
            "None": None,
        },
        {},
    ),
    "labels": (
        lambda model, stimuli, form: done(model, stimuli, "label", form() if callable(form) else form),
        {
            "list": LABELS,
            "tuple": tuple(LABELS),
            "numpy": list(map(np.str_, LABELS)),
            "capitals": [label.upper() for label in LABELS],
            "one in an array": np.array(["dog"]),
            "imagenet": "imagenet",
            "imagenet, numpy": np.str_("imagenet"),
            "imagenet, no dimension": np.array("imagenet"),
            "imagenet, xarray": xr.DataArray("imagenet"),
        },
        {
            "array": np.array(LABELS),
            "objects": np.array(LABELS, dtype=object),
            "column": np.array(LABELS)[:, np.newaxis],
            "no dimension": list(map(np.array, LABELS)),
            "xarray": xr.DataArray(LABELS),
            "Series": pd.Series(LABELS, index=range(3, 8)),
            "row": pd.DataFrame([LABELS]).iloc[0],
            "Index": pd.Index(LABELS),
            "Categorical": pd.Categorical(LABELS),
            "set": set(LABELS),
            "keys": dict.fromkeys(LABELS).keys(),
            "iterator": lambda: iter(LABELS),
        },
    ),
    "aggregation": (
        lambda model, stimuli, form: done(model, stimuli, "label", LABELS, form),
        {"max": "max", "numpy": np.str_("max"), "mean": "mean"},
        {"no dimension": np.array("max")},
    ),
    "task": (
        lambda model, stimuli, form: done(model, stimuli, form),
        {"text": "odd_one_out", "numpy": np.str_("odd_one_out")},
        {"no dimension": np.array("odd_one_out")},
    ),
    "labels to fit": (
        lambda model, stimuli, form: done(model, stimuli[:2], "probabilities", stimuli.assign(image_label=form)),
        {
            "text": ["a", "b", "b"] * 2,
            "integers": np.array([1, 2, 2] * 2),
            "floats": [0.5, 1.5, 1.5] * 2,
            "truth": np.array([True, False, False] * 2),
            "categories": pd.Categorical(["a", "b", "b"] * 2),
            "pandas' text": pd.array(["a", "b", "b"] * 2, dtype="string"),
            "pandas' integers": pd.array([1, 2, 2] * 2, dtype="Int64"),
            "xarray": xr.DataArray(["a", "b", "b"] * 2),
            "the word nan": ["a", "nan", "nan"] * 2,
        },
        {},
    ),
    "stimuli to fit": (
        lambda model, stimuli, form: done(
            model, stimuli[:2], "probabilities", fitting_stimuli=form(stimuli.assign(image_label=stimuli["category"]))
        ),
        {
            "all": lambda stimuli: stimuli,
            "slice": lambda stimuli: stimuli[1:5],
            "rows": lambda stimuli: stimuli.iloc[[5, 0, 2]],
            "sample": lambda stimuli: stimuli.sample(4, random_state=1),
            "index that repeats": lambda stimuli: stimuli.set_index(pd.Index([0, 0, 1, 1, 2, 2])),
            "numbers for ids": renumbered,
        },
        {},
    ),
    "triplets": (
        lambda model, stimuli, form: done(model, form(stimuli), "odd_one_out"),
        {
            "set": lambda stimuli: stimuli,
            # as Brain-Score's benchmark of THINGS takes them: by numbers, flattened, many times each
            "by number": lambda stimuli: renumbered(stimuli).loc[
                np.array([[0, 1, 2], [3, 4, 5], [0, 2, 5]]).reshape(-1)
            ],
            "on screen": lambda stimuli: place_on_screen(renumbered(stimuli).loc[np.array([5, 1, 0, 2, 3, 0])], 8, 9),
            "one image twice": lambda stimuli: stimuli.iloc[[0, 0, 1]],
        },
        {},
    ),
    "layers": (
        lambda model, stimuli, form: model.activations_model(stimuli[:2], form() if callable(form) else form),
        {
            "list": LAYERS,
            "tuple": tuple(LAYERS),
            "numpy": list(map(np.str_, LAYERS)),
            "array": np.array(LAYERS),
            "Index": pd.Index(LAYERS),
            "logits": None,
        },
        {
            "Series": pd.Series(LAYERS),
            "xarray": xr.DataArray(LAYERS),
            "set": set(LAYERS),
            "keys": dict.fromkeys(LAYERS).keys(),
            "iterator": lambda: iter(LAYERS),
            "column": np.array(LAYERS)[:, np.newaxis],
        },
    ),
}
