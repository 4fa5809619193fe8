"""Brain-Score's wrappers around our activations model: the same as around its own, which wraps the same network."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from brainscore_vision.metrics.rdm.metric import RDMMetric
from brainscore_vision.model_helpers import brain_transformation
from brainscore_vision.model_helpers.activations.pca import LayerPCA
from brainscore_vision.model_helpers.brain_transformation import LayerMappedModel, ModelCommitment
from brainscore_vision.model_helpers.brain_transformation.neural import LayerScores
from helpers.peer import assert_same, assert_same_coordinates, brain_score_wrapper, result_caching_disabled
from helpers.small_model import SIZE, small_model

pytestmark = pytest.mark.filterwarnings("ignore:'multi_class' was deprecated")

MAP = {"V1": "V1.output", "V2": "V2.output", "V4": ["V4.output"], "IT": ["IT.output", "decoder.avgpool"]}


@pytest.fixture(scope="module")
def pair(stand_in):
    """Identifier -> our activations model and Brain-Score's around the same network."""

    def pair(identifier: str, batch_size: int = 1):
        model = small_model(stand_in, identifier)
        theirs = brain_score_wrapper(stand_in(model.commitment.architecture), model.identifier, SIZE, batch_size)
        return model.activations_model, theirs

    return pair


VARYING = {"number_of_trials": 3, "require_variance": True}
SHOWN = {
    "set": (lambda stimuli, _: stimuli[:3], {}),
    "set, trials alike": (lambda stimuli, _: stimuli[:3], {"number_of_trials": 3}),
    "set, trials varying": (lambda stimuli, _: stimuli[:2], VARYING),
    "subset": (lambda stimuli, _: stimuli.iloc[[4, 0, 3]], {}),
    "subset, image listed twice": (lambda stimuli, _: stimuli.iloc[[1, 0, 1]], {}),
    "paths": (lambda _, pictures: [pictures[4], pictures[0], pictures[3]], {}),
    "paths, trials varying": (lambda _, pictures: [pictures[3], pictures[1]], VARYING),
    "strings, one twice": (lambda _, pictures: [str(pictures[index]) for index in (4, 0, 4)], {}),
    "array": (lambda _, pictures: np.array(list(map(str, pictures[:2]))), {}),
}


@pytest.mark.parametrize(("choose", "options"), SHOWN.values(), ids=SHOWN)
def test_activations_by_layer_are_brain_scores(pair, stimuli, pictures, choose, options):
    """Whatever is shown: values, and the names, levels and types of coordinates."""
    ours, theirs = pair("cornet_z")
    shown, layers = choose(stimuli, pictures), ["IT.output", "logits"]
    activations, expected = ours(shown, layers, **options), theirs(shown, layers, **options)
    assert_same(activations, expected)
    assert_same_coordinates(activations, expected)


@pytest.mark.parametrize(
    ("identifier", "layers"),
    [
        ("cornet_z", ["V4.conv"]),
        ("cornet_r", None),  # the logits
        ("cornet_rt", ["IT.norm1", "IT.output"]),
        ("cornet_s", ["IT.output", "decoder.avgpool", "logits"]),
        ("cornet_s", ["IT.conv3"]),
    ],
    ids=str,
)
def test_activations_of_all_kinds_of_layers_are_brain_scores(pair, stimuli, identifier, layers):
    """Activations of layers with and without positions, alone and together, are those of Brain-Score's wrapper."""
    ours, theirs = pair(identifier, batch_size=2)
    activations, expected = ours(stimuli[:2], layers), theirs(stimuli[:2], layers)
    assert_same(activations, expected)
    assert_same_coordinates(activations, expected)


def test_layers_come_in_the_order_asked_for(pair, stimuli):
    """Brain-Score's order depends on the network and, with its cache, on what was asked for before."""
    ours, theirs = pair("cornet_s")
    layers = ["logits", "IT.output"]
    activations, expected = ours(stimuli[:2], layers), theirs(stimuli[:2], layers)
    assert list(dict.fromkeys(activations["layer"].values)) == layers
    assert list(dict.fromkeys(expected["layer"].values)) == layers[::-1]
    for layer in layers:
        found, sought = (each.sel(layer=layer).values for each in (activations, expected))
        np.testing.assert_allclose(found, sought, rtol=0, atol=1e-5 * np.abs(sought).max())


@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 2, 3), (5,), (2, 1, 1, 2, 2)])
def test_activity_of_other_shapes_is_labelled_as_brain_score_does(pair, stimuli, shape):
    """Axes are named by their number, as for the tokens of a transformer, or not at all."""
    activations = []
    for model in pair("cornet_z"):
        model.register_batch_activations_hook(
            lambda batch: {
                layer: values.reshape(len(values), -1)[:, : np.prod(shape)].reshape(-1, *shape)
                for layer, values in batch.items()
            }
        )
        activations.append(model(stimuli[:2], ["IT.output"]))
    ours, theirs = activations
    assert_same(ours, theirs)
    assert_same_coordinates(ours, theirs)


def test_a_recording_keeps_its_region(stand_in, stimuli):
    """A recording is labelled with the requested region, as Brain-Score's own models label theirs."""
    model = small_model(stand_in, "cornet_s")
    model.start_recording("IT", [(100, 200)])
    assert set(model.look_at(stimuli[:2])["region"].values) == {"IT"}


@pytest.mark.parametrize("region", ["V4", "IT"])
def test_layer_mapped_models_record_the_same(pair, stimuli, region):
    """`LayerMappedModel` labels a region's layers, one or several, with the region."""
    recordings = []
    for activations_model in pair("cornet_r"):
        model = LayerMappedModel(activations_model.identifier, activations_model, MAP)
        model.start_recording(region)
        recordings.append(model.look_at(stimuli[:3]))
    ours, theirs = recordings
    assert set(ours["region"].values) == {region}
    assert_same(ours, theirs)
    assert_same_coordinates(ours, theirs)


TIME_BINS = {
    "one": [(70, 170)],
    "squeezed": [np.array((70, 170))],
    "two": [(70, 170), (170, 270)],
    "18 of 10 ms": [(start, start + 10) for start in range(70, 250, 10)],
}


@pytest.mark.parametrize("time_bins", TIME_BINS.values(), ids=TIME_BINS)
def test_model_commitments_record_the_same(pair, stimuli, time_bins):
    """`ModelCommitment` repeats a layer's activity for each time bin, and drops the dimension of a single one."""
    recordings = []
    for activations_model in pair("cornet_rt"):
        model = ModelCommitment("mine", activations_model, list(MAP.values()), "decoder.avgpool", MAP)
        model.start_recording("V4", time_bins)
        recordings.append(model.look_at(stimuli[:3]))
    ours, theirs = recordings
    assert ours.sizes.get("time_bin", 1) == len(time_bins)
    assert_same(ours, theirs)
    assert_same_coordinates(ours, theirs)


def test_model_commitments_behave_the_same(pair, stimuli):
    """All tasks of a `ModelCommitment` give the same answers, one after the other, and recordings do so after them."""
    fitting = stimuli.assign(image_label=stimuli["category"])
    commitments = []
    for activations_model in pair("cornet_z"):
        commitments.append(ModelCommitment("mine", activations_model, ["IT.output"], "decoder.avgpool", MAP))
    for start in (
        lambda model: model.start_task("label", "imagenet"),
        lambda model: model.start_task("label", ["dog", "cat", "bear", "bird"]),
        lambda model: model.start_task("label", ["knife", "truck"], aggregation="max"),
        lambda model: model.start_task("probabilities", fitting),
        lambda model: model.start_task("odd_one_out"),
        lambda model: (model.start_task("passive"), model.start_recording("IT", [(70, 170)])),
    ):
        answers = []
        for model in commitments:
            start(model)
            answers.append(model.look_at(stimuli))
        ours, theirs = answers
        # the solver of the readout stops at a gradient of 1e-4, so that the last bits of the features show
        assert_same(ours, theirs, tolerance=5e-3)
        assert_same_coordinates(ours, theirs)


@pytest.mark.parametrize("degrees", [8, np.int64(4), np.float32(2)])
def test_a_model_commitment_sets_the_size_of_microsaccades(pair, stimuli, degrees, monkeypatch):
    """Shifts of the same degrees are fewer pixels of a wider image; activations are kept on disk by the width."""
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    trials = {"number_of_trials": 2, "require_variance": True}
    shifts = []
    for activations_model in pair("cornet_z"):
        ModelCommitment("mine", activations_model, ["IT.output"], region_layer_map=MAP, visual_degrees=degrees)
        shifts.append(activations_model(stimuli[:2], ["V1.output"], **trials))
    assert_same(*shifts)
    assert np.abs(shifts[0]["microsaccade_shift_y_pixels"].values).max() > 0.2 * 8 / degrees


@pytest.fixture(scope="module")
def benchmark(stimuli, stand_in):
    """A benchmark whose neuroids in IT are those of V2 of CORnet-Z."""
    activity = small_model(stand_in, "cornet_z").activations_model(stimuli, ["V2.output"]).values
    assembly = NeuronRecordingAssembly(
        activity[..., np.newaxis],
        coords={
            "stimulus_id": ("presentation", stimuli["stimulus_id"].values),
            "category": ("presentation", stimuli["category"].values),
            "neuroid_id": ("neuroid", np.arange(activity.shape[1])),
            "region": ("neuroid", ["IT"] * activity.shape[1]),
            "time_bin_start": ("time_bin", [70]),
            "time_bin_end": ("time_bin", [170]),
        },
        dims=["presentation", "neuroid", "time_bin"],
    ).squeeze("time_bin")
    assembly.attrs["stimulus_set"] = stimuli
    options = {"ceiling_func": lambda: Score(1.0), "version": 1, "parent": "IT"}
    return NeuralBenchmark("made_up", assembly, RDMMetric(), visual_degrees=8, number_of_trials=4, **options)


ASKED = ["V1.output", "V2.output", "IT.output", "decoder.avgpool"]


def test_layer_scores_are_the_same(pair, benchmark):
    """`LayerScores` scores each layer, all of them recorded in advance, and finds the one that the data are of."""
    scores = []
    for activations_model in pair("cornet_z", batch_size=6):
        layer_scores = LayerScores(activations_model.identifier, activations_model, visual_degrees=8)
        with result_caching_disabled():
            scores.append(layer_scores(benchmark, layers=ASKED, prerun=True))
    ours, theirs = scores
    assert ours["layer"].values.tolist() == ASKED
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-5)
    assert ours.values.argmax() == 1
    assert ours.values.std() > 0.01


def test_a_layer_is_selected(pair, benchmark, imagenet, monkeypatch):
    """A `ModelCommitment` without a map of layers finds them, on principal components of the activity."""
    monkeypatch.setitem(brain_transformation.STANDARD_REGION_BENCHMARKS, "IT", benchmark)
    recordings = []
    for activations_model in pair("cornet_z", batch_size=6):
        # in place of the thousand images that a selection would take for its components
        handle = LayerPCA.hook(activations_model, n_components=len(imagenet))
        model = ModelCommitment("mine", activations_model, ASKED)
        model.start_recording("IT", [(70, 170)])
        recordings.append(model.look_at(benchmark._assembly.stimulus_set))
        handle.remove()
    ours, theirs = recordings
    (layer,) = set(ours["layer"].values)
    assert layer in ASKED
    assert set(ours["region"].values) == {"IT"}
    assert_same_coordinates(ours, theirs)
    # components are found up to their sign, and the last one is what is left of the mean
    for found, sought in zip(np.abs(ours.values.T)[:-1], np.abs(theirs.values.T), strict=False):
        np.testing.assert_allclose(found, sought, rtol=0, atol=1e-3 * sought.max())
