"""What models are given: stimuli in every form, and things that they cannot use, each refused in plain words."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.utils import LazyLoad
from helpers.small_model import small_model
from PIL import Image

from brainscore_cornet import UserError


def squeezed(value: tuple) -> np.ndarray:
    """An array without dimensions that holds a tuple."""
    array = np.empty((), dtype=object)
    array[()] = value
    return array


@pytest.fixture
def small(stand_in):
    """Identifier -> a new model with stand-in weights that sees small images."""
    return partial(small_model, stand_in)


@pytest.mark.parametrize("kind", [str, Path], ids=["strings", "pathlib"])
def test_paths_are_stimuli(small, stimuli, pictures, kind):
    """A list of image files, repeated ones among them, gives what a stimulus set gives."""
    model = small("cornet_rt")
    model.start_recording("V2", [(70, 90), (90, 110)])
    order = [2, 0, 2, 5, 0]
    recording = model.look_at([kind(pictures[index]) for index in order])
    np.testing.assert_array_equal(recording.values, model.look_at(stimuli).values[:, order])
    for coord in ("stimulus_id", "stimulus_path"):
        assert recording[coord].values.tolist() == [str(pictures[index]) for index in order]


@pytest.mark.parametrize("require_variance", [False, True])
def test_two_stimuli_may_share_an_image(small, pictures, require_variance):
    """Rows of a stimulus set are presentations of their own, also where they show the same image."""
    stimulus_set = StimulusSet({"stimulus_id": ["a", "b", "c", "a"], "repetition": [0, 0, 0, 1]})
    stimulus_set.stimulus_paths = {"a": pictures[0], "b": pictures[1], "c": pictures[0]}
    stimulus_set.identifier = None
    model = small("cornet_z")
    model.start_recording("V4", [(90, 190)])
    recording = model.look_at(stimulus_set, number_of_trials=2, require_variance=require_variance)
    trials = 2 if require_variance else 1
    assert recording["stimulus_id"].values.tolist() == np.repeat(["a", "b", "c", "a"], trials).tolist()
    assert recording["repetition"].values.tolist() == np.repeat([0, 0, 0, 1], trials).tolist()
    first, other, shared, again = np.split(recording.values, 4)
    np.testing.assert_array_equal(first, shared)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("task", ["label", "probabilities", "recording"])
def test_a_stimulus_set_may_be_loaded_when_used(small, stimuli, task):
    """Brain-Score's `LazyLoad`, which Geirhos2021 passes, is taken for the stimulus set that it loads."""
    fitted = stimuli.assign(image_label=stimuli["category"])
    lazy, lazily_fitted = LazyLoad(lambda: stimuli), LazyLoad(lambda: fitted)
    model = small("cornet_z")
    start = {
        "label": lambda: model.start_task("label", ["dog", "cat"]),
        "probabilities": lambda: model.start_task("probabilities", lazily_fitted),
        "recording": lambda: model.start_recording("V1", [(50, 150)]),
    }[task]
    start()
    xr.testing.assert_identical(model.look_at(lazy), model.look_at(stimuli))


REFUSED = {
    "nothing to do": (lambda model, stimuli: model.look_at(stimuli), "call start_recording or start_task first"),
    "region": (
        lambda model, _: model.start_recording("V3", [(70, 170)]),
        "Unknown recording target 'V3'. Did you mean .*V2",
    ),
    "near region": (
        lambda model, _: model.start_recording("PIT", [(70, 170)]),
        "Unknown recording target 'PIT'. Did you mean IT",
    ),
    "task": (lambda model, _: model.start_task("odd-one-out"), "Unknown task 'odd-one-out'. Did you mean odd_one_out"),
    "no task like it": (lambda model, _: model.start_task("sleep"), "Known are .*label.*passive"),
    "label": (lambda model, _: model.start_task("label", ["dog", "catt"]), "Unknown label 'catt'. Did you mean cat"),
    "labels": (lambda model, _: model.start_task("label", []), r"'imagenet' or a list of labels, received \[\]"),
    "no labels": (lambda model, _: model.start_task("label"), "label takes 'imagenet' or a list of labels"),
    "label number": (lambda model, _: model.start_task("label", 5), "'imagenet' or a list of labels, received 5"),
    "aggregation": (lambda model, _: model.start_task("label", ["dog"], "median"), "Unknown aggregation 'median'"),
    "no task": (lambda model, _: model.start_task(None), "the name of a task such as 'label', received None"),
    "no region": (lambda model, _: model.start_recording(None, [(70, 170)]), "recording target .*received None"),
    "regions": (lambda model, _: model.start_recording(["V1"], [(70, 170)]), r"received \['V1'\]"),
    "array of regions": (
        lambda model, _: model.start_recording(np.array(["V1", "V2"]), [(70, 170)]),
        r"the name of a recording target .* received array\(\['V1', 'V2'\]",
    ),
    "array of tasks": (
        lambda model, _: model.start_task(np.array(["label", "passive"])),
        r"the name of a task .* received array\(\['label', 'passive'\]",
    ),
    "odd three": (lambda model, _: model.start_task("odd_one_out", 3), "odd_one_out takes nothing more"),
    "nothing to fit": (lambda model, _: model.start_task("probabilities"), "takes the stimulus set to fit"),
    "list to fit": (
        lambda model, stimuli: model.start_task("probabilities", list(stimuli["stimulus_id"])),
        "a StimulusSet with a column image_label .*received a list",
    ),
    "unlabelled": (
        lambda model, stimuli: model.start_task("probabilities", stimuli),
        "a column image_label .*received one without",
    ),
    "one label": (
        lambda model, stimuli: model.start_task("probabilities", stimuli.assign(image_label="dog")),
        r"at least two labels, .*\['dog'\]",
    ),
    "label missing": (
        lambda model, stimuli: model.start_task("probabilities", stimuli.assign(image_label=["a", "b", None] * 2)),
        "2 of 6 stimuli to fit the readout on have no image_label, the first is 'id-2': label them or leave them out",
    ),
    "label not a number": (
        lambda model, stimuli: model.start_task("probabilities", stimuli.assign(image_label=[1, 2, 1, 1, 1, np.nan])),
        "1 of 6 stimuli .* have no image_label, the first is 'id-5'",
    ),
    "label not available": (
        lambda model, stimuli: model.start_task(
            "probabilities", stimuli.assign(image_label=pd.array([None, *"abcde"], dtype="string"))
        ),
        "1 of 6 stimuli .* have no image_label, the first is 'id-0'",
    ),
    "listed twice": (
        lambda model, stimuli: model.start_task(
            "probabilities", stimuli.assign(image_label=stimuli["category"]).iloc[[0, 1, 2, 1]]
        ),
        "fitted on each stimulus once, 'id-1' is listed repeatedly",
    ),
    "ids missing": (
        lambda model, stimuli: model.start_task(
            "probabilities", stimuli.assign(image_label="a").drop(columns="stimulus_id")
        ),
        "The stimulus set has no column stimulus_id",
    ),
    "table to fit": (
        lambda model, stimuli: model.start_task("probabilities", pd.DataFrame(stimuli.assign(image_label="a"))),
        "a StimulusSet with a column image_label .*received a DataFrame",
    ),
    "label that is none": (
        lambda model, _: model.start_task("label", ["dog", None]),
        "the name of a label such as 'aeroplane', received None",
    ),
    "pairs": (
        lambda model, stimuli: (model.start_task("odd_one_out"), model.look_at(stimuli[:2])),
        "takes triplets, .*received 2 stimuli",
    ),
    "label set": (lambda model, _: model.start_task("label", "cifar"), "'imagenet' or a list of labels.*'cifar'"),
}
TIME_BINS = {
    "none": ([], "No time bins"),
    "reversed": ([(70, 170), (170, 70)], r"start before end, received \(170, 70\)"),
    "one number": ([(70,)], r"received \(70,\)"),
    "three numbers": ([(70, 170, 270)], r"received \(70, 170, 270\)"),
    "bare": ((70, 170), "received 70"),
    "bare, without dimension": (squeezed((70, 170)), "received 70"),
    "table": (pd.DataFrame({"time_bin_start": [70], "time_bin_end": [170]}), "received 'time_bin_start'"),
    "text": ([("070", "170")], r"received \('070', '170'\)"),
    "not a number": ([(70, float("nan"))], r"received \(70, nan\)"),
    "nothing": ([None], "received None"),
    "no list": (None, "a list of time bins .*received None"),
    "word": ("early", "a list of time bins .*received 'early'"),
    "truth": ([(False, True)], r"received \(False, True\)"),
}


@pytest.mark.parametrize(("ask", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_model_cannot_do_is_refused(small, stimuli, ask, message):
    """The error names what was wrong, and the nearest that there is."""
    with pytest.raises(UserError, match=message):
        ask(small("cornet_z"), stimuli)


@pytest.mark.parametrize(("time_bins", "message"), TIME_BINS.values(), ids=TIME_BINS)
def test_what_is_not_a_time_bin_is_refused(small, time_bins, message):
    """The error repeats what was received."""
    with pytest.raises(UserError, match=message):
        small("cornet_s").start_recording("IT", time_bins)


UNUSABLE = (
    *("missing", "folder", "text", "half", "no paths", "no rows", "one path", "no ids"),
    *("nothing", "pixels", "no files", "too few files", "floats", "table", "one path without dimension"),
)


@pytest.fixture
def unusable(tmp_path, pictures, stimuli):
    """Name -> (stimuli, what the error says about them)."""
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "half.png").write_bytes(pictures[0].read_bytes()[:500])
    nameless = StimulusSet({"image": [str(pictures[0])]})
    incomplete = StimulusSet({"stimulus_id": ["a", "b"]})
    incomplete.stimulus_paths = {"a": str(pictures[0])}
    Image.fromarray(np.arange(64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "deep.tif")
    gone = tmp_path / "gone.png"
    return {
        "missing": ([pictures[0], gone, gone], f"1 of 2 images do not exist, the first is {gone}"),
        "folder": ([tmp_path], f"1 of 1 images do not exist, the first is {tmp_path}"),
        "text": ([pictures[0], tmp_path / "text.png", pictures[1]], f"Cannot read the image {tmp_path / 'text.png'}"),
        "half": ([tmp_path / "half.png"] * 3, f"Cannot read the image {tmp_path / 'half.png'}"),
        "no paths": ([], "The stimulus set is empty"),
        "no rows": (stimuli[:0], "The stimulus set is empty"),
        "one path": (pictures[0], "Expected a stimulus set or a list of image files"),
        "no ids": (nameless, "no column stimulus_id, only image"),
        "nothing": (None, "a list of image files, received NoneType"),
        "pixels": (np.zeros((2, 3, 8, 8)), "a list of image files, received ndarray"),
        "no files": (StimulusSet({"stimulus_id": ["a"]}), "where the image of stimulus 'a' is"),
        "too few files": (incomplete, "where the image of stimulus 'b' is"),
        "floats": ([tmp_path / "deep.tif"] * 3, "its pixels are F, expected 8 bits"),
        "table": (pd.DataFrame(stimuli), "received a DataFrame without a column stimulus_path: its rows do not"),
        "one path without dimension": (np.array("picture.png"), "received 'picture.png'; write [path]"),
    }


@pytest.mark.parametrize("task", [None, "label", "odd_one_out"])
@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_looked_at_is_refused(small, unusable, name, task):
    """The error names the file, whether activity is recorded or a task is done."""
    shown, message = unusable[name]
    model = small("cornet_z")
    if task is None:
        model.start_recording("V1", [(50, 150)])
    else:
        model.start_task(task, *([["dog", "cat"]] if task == "label" else []))
    with pytest.raises(UserError, match=re.escape(message)):
        model.look_at(shown)


def test_a_table_of_images(small, stimuli, pictures):
    """A data frame that names the files is a stimulus set, whose ids are the paths where it has none."""
    table = pd.DataFrame({"stimulus_path": list(map(str, pictures)), "session": range(len(pictures))})
    model = small("cornet_z")
    model.start_recording("V1", [(50, 150)])
    recorded = model.look_at(table.assign(stimulus_id=stimuli["stimulus_id"].values))
    np.testing.assert_array_equal(recorded.values, model.look_at(stimuli).values)
    assert recorded["session"].values.tolist() == list(range(len(pictures)))
    assert model.look_at(table)["stimulus_id"].values.tolist() == list(map(str, pictures))
    assert model.activations_model(table, ["V1.output"]).sizes["presentation"] == len(pictures)
    with pytest.raises(UserError, match="some stimulus_id twice"):
        model.look_at(table.assign(stimulus_id="same"))


@pytest.mark.parametrize("require_variance", [False, True])
@pytest.mark.parametrize("trials", [0, 1.5, "2", None, True])
def test_trials_that_are_none_are_refused(small, stimuli, trials, require_variance):
    """There is nothing to see in no trials, or in half a trial."""
    model = small("cornet_z")
    model.start_recording("V1", [(50, 150)])
    with pytest.raises(UserError, match=f"trials, a whole number of at least 1, received {trials!r}"):
        model.look_at(stimuli, number_of_trials=trials, require_variance=require_variance)


def test_a_model_goes_on_after_an_error(small, stimuli, pictures):
    """What was refused leaves no trace in what is recorded next."""
    model, fresh = small("cornet_rt"), small("cornet_rt")
    model.start_recording("V2", [(70, 90)])
    with pytest.raises(UserError):
        model.look_at([pictures[0], "gone.png"])
    with pytest.raises(UserError):
        model.start_task("label", ["nonsense"])
    for either in (model, fresh):
        either.start_recording("IT", [(110, 130)])
    assert model.look_at(stimuli).identical(fresh.look_at(stimuli))
