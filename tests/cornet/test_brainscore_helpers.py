"""What Brain-Score's tests claim of its model helpers, claimed of our models: activations, hooks, readouts, time.

Claims about the numbers of another network are left out; the helpers themselves are Brain-Score's.
"""

from __future__ import annotations

import tempfile
from functools import partial

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly
from brainscore_vision.model_helpers.activations.pca import LayerPCA
from brainscore_vision.model_helpers.brain_transformation import TemporalAligned
from brainscore_vision.model_helpers.brain_transformation.behavior import LogitsBehavior, OddOneOut
from brainscore_vision.model_helpers.brain_transformation.temporal import assembly_time_align
from brainscore_vision.model_interface import BrainModel
from helpers.peer import plain_hook
from helpers.small_model import seen, small_model

pytestmark = pytest.mark.filterwarnings("ignore:'multi_class' was deprecated", "ignore:Line Search failed")


@pytest.fixture
def small(stand_in):
    """Identifier -> a new model with stand-in weights that sees small images."""
    return partial(small_model, stand_in)


@pytest.fixture
def activations_model(small):
    """CORnet-RT, four images at a time, without hooks."""
    return small("cornet_rt").activations_model


@pytest.mark.parametrize("index", range(6), ids=["RGB", "wide", "gray", "alpha", "palette", "tall"])
def test_one_image_of_any_kind(activations_model, pictures, index):
    """Images of every mode and shape give activations of all layers asked for, or else a thousand logits."""
    activations = activations_model.from_paths([pictures[index]], layers=["V1.output", "IT.output"])
    assert set(activations["layer"].values) == {"V1.output", "IT.output"}
    assert len(activations["stimulus_path"]) == 1
    assert np.isfinite(activations.values).all()
    assert activations_model.from_paths([pictures[index]], layers=None).shape == (1, 1000)


def test_components_replace_neuroids_in_each_layer(activations_model, stimuli, pictures, imagenet):
    """`LayerPCA` gives as many components a layer as asked for, of sets and of lists, and only while it is hooked."""
    layers = ["V4.output", "IT.output"]
    plain = activations_model(stimuli, layers).sizes["neuroid"]
    handle = LayerPCA.hook(activations_model, n_components=len(imagenet))
    for shown in (stimuli, pictures[:1]):
        activations = activations_model(shown, layers)
        assert activations.sizes["neuroid"] == len(imagenet) * len(layers)
        assert set(activations["layer"].values) == set(layers)
    handle.remove()
    assert activations_model(stimuli, layers).sizes["neuroid"] == plain


def test_a_stimulus_set_hook_leaves_the_images_of_a_pca_alone(activations_model, stimuli, imagenet):
    """What a hook shows in place of a stimulus set changes nothing of the components."""
    handle = LayerPCA.hook(activations_model, n_components=len(imagenet))
    expected = activations_model(stimuli, ["IT.output"]).values[:2]
    handle.remove()
    activations_model.register_stimulus_set_hook(lambda stimulus_set: stimulus_set[:2])
    LayerPCA.hook(activations_model, n_components=len(imagenet))
    activations = activations_model(stimuli, ["IT.output"])
    assert activations["stimulus_id"].values.tolist() == ["id-0", "id-1"]
    np.testing.assert_allclose(np.abs(activations.values), np.abs(expected), rtol=0, atol=1e-3 * np.abs(expected).max())


def test_columns_of_a_stimulus_set_are_coordinates(activations_model, stimuli):
    """Each presentation has its stimulus' columns, whatever the identifier says about keeping activations."""
    for identifier in (None, False, "another"):
        activations = activations_model.from_stimulus_set(stimuli, ["V4.output"], stimuli_identifier=identifier)
        for column in stimuli:
            assert activations[column].values.tolist() == stimuli[column].tolist()


@pytest.mark.parametrize("trials", [1, 3, 10])
def test_microsaccades_follow_a_spiral(activations_model, stimuli, tmp_path, monkeypatch, trials):
    """Shifts lie evenly on a disc of 0.05 degrees, the first in its centre; no temporary files stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    activations = activations_model(stimuli[:2], ["V1.output"], number_of_trials=trials, require_variance=True)
    assert activations["stimulus_id"].values.tolist() == ["id-0"] * trials + ["id-1"] * trials
    place = np.sqrt(np.arange(trials) / trials)
    for axis, direction in (("x", np.cos), ("y", np.sin)):
        expected = 0.05 * place * direction(2 * np.pi * place)
        shifts = activations[f"microsaccade_shift_{axis}_degrees"].values.reshape(2, trials)
        np.testing.assert_allclose(shifts, np.stack([expected, expected]), atol=1e-12)
        pixels = activations[f"microsaccade_shift_{axis}_pixels"].values.reshape(2, trials)
        np.testing.assert_allclose(pixels, shifts * 48 / 8, atol=1e-12)
    assert not list(tmp_path.iterdir())
    alike = activations_model(stimuli[:2], ["V1.output"], number_of_trials=trials)
    assert len(alike["presentation"]) == 2
    np.testing.assert_array_equal(alike.values, activations.values[::trials])


def test_positions_lead_back_to_the_activity(activations_model, stand_in, pictures):
    """Channel, row and column of each neuroid are where its value stands in the layer's activity."""
    layers = ["IT.conv1", "IT.output"]
    activations = activations_model(pictures[:2], layers)
    assert len(set(activations["neuroid_id"].values)) == activations.sizes["neuroid"]
    for layer in layers:
        activity = plain_hook(stand_in("RT"), layer, seen(pictures[:2]))[-1]
        chosen = activations[:, (activations["layer"] == layer).values]
        where = tuple(chosen[axis].values for axis in ("channel", "channel_x", "channel_y"))
        expected = activity[:, where[0], where[1], where[2]]
        np.testing.assert_allclose(chosen.values, expected, rtol=0, atol=1e-5 * np.abs(activity).max())


def test_a_batch_hook_sees_all_layers_of_a_batch(small, stimuli):
    """It is called once for a batch, also where the layers' last time steps differ, and may make new layers."""
    calls, activations_model = [], small("cornet_s").activations_model

    def strongest(activations):
        calls.append({layer: len(values) for layer, values in activations.items()})
        flat = {layer: values.reshape(len(values), -1).max(axis=1) for layer, values in activations.items()}
        return {"strongest": np.stack(list(flat.values()), axis=1)}

    layers = ["V4.output", "IT.output", "decoder.avgpool"]
    activity = activations_model(stimuli, layers)
    expected = [activity.values[:, (activity["layer"] == layer).values].max(axis=1) for layer in layers]
    activations_model.register_batch_activations_hook(strongest)
    activations = activations_model(stimuli, layers)
    assert calls == [dict.fromkeys(layers, count) for count in (4, 2)]
    assert set(activations["layer"].values) == {"strongest"}
    np.testing.assert_allclose(activations.values, np.stack(expected, axis=1), rtol=1e-5)


def test_hooks_may_remove_themselves(activations_model, stimuli):
    """A hook that is called once and takes itself away leaves the others in their order."""
    order = []

    def once_of_a_set(stimulus_set):
        order.append("set")
        handles.pop("set").remove()
        return stimulus_set

    def once_of_a_batch(activations):
        order.append("first")
        handles.pop("batch").remove()
        return activations

    def always(activations):
        order.append("second")
        return activations

    handles = {
        "set": activations_model.register_stimulus_set_hook(once_of_a_set),
        "batch": activations_model.register_batch_activations_hook(once_of_a_batch),
    }
    activations_model.register_batch_activations_hook(always)
    for _ in range(2):
        activations_model(stimuli[:1], ["V1.output"])
    assert order == ["set", "first", "second", "second"]


def test_labels_of_the_legacy_readout(activations_model, stimuli):
    """`LogitsBehavior`, which old submissions name, gives a synset and its logit's number for each stimulus."""
    readout = LogitsBehavior("mine", activations_model)
    readout.start_task(BrainModel.Task.label, "imagenet")
    choices = readout.look_at(stimuli)
    assert isinstance(choices, BehavioralAssembly)
    assert set(choices["stimulus_id"].values) == set(stimuli["stimulus_id"])
    assert all(synset.startswith("n") for synset in choices["synset"].values)
    logits = activations_model(stimuli, ["logits"]).values
    assert choices["logit"].values.tolist() == logits.argmax(axis=1).tolist()


def test_chosen_labels_can_be_selected(small, stimuli):
    """A choice among labels is one of them, and is found by its stimulus."""
    model, labels = small("cornet_rt"), ["dog", "cat", "bear", "bird"]
    model.start_task(BrainModel.Task.label, labels)
    choices = model.look_at(stimuli)
    assert set(choices.values[0]) <= set(labels)
    assert choices.sel(stimulus_id="id-3").values.item() == choices.values[0, 3]


def test_probabilities_of_two_stimuli_mirror_each_other(small, stimuli):
    """Fitted on one stimulus for each of two labels, each is as probably its own label; probabilities add up to one."""
    model = small("cornet_r")
    fitting = stimuli[:2].assign(image_label=["label1", "label2"])
    model.start_task(BrainModel.Task.probabilities, fitting)
    probabilities = model.look_at(fitting)
    assert probabilities.dims == ("presentation", "choice")
    assert probabilities.shape == (2, 2)
    first, second = (
        probabilities.sel(stimulus_id=f"id-{index}", choice=f"label{index + 1}").values.item() for index in range(2)
    )
    assert first == pytest.approx(second)
    assert first > 0.5
    np.testing.assert_allclose(probabilities.sum("choice").values, 1, rtol=1e-6)


@pytest.mark.parametrize("measure", ["dot", "cosine"])
@pytest.mark.parametrize("layer", ["IT.output", ["V4.output", "decoder.avgpool"]], ids=["layer", "layers"])
def test_odd_one_out_by_either_similarity(activations_model, stimuli, measure, layer):
    """The stimulus outside the most similar pair of a triplet is the odd one."""
    readout = OddOneOut("mine", activations_model, layer)
    assert readout.similarity_measure == "dot"
    readout.set_similarity_measure(measure)
    readout.start_task(BrainModel.Task.odd_one_out)
    choices = readout.look_at(stimuli)
    features = activations_model(stimuli, [layer] if isinstance(layer, str) else layer).values.astype(np.float64)
    if measure == "cosine":
        features /= np.linalg.norm(features, axis=1, keepdims=True)
    similarity, expected = features @ features.T, []
    for start in (0, 3):
        pairs = {other: similarity[start + (other + 1) % 3, start + (other + 2) % 3] for other in range(3)}
        expected.append(f"id-{start + max(pairs, key=pairs.get)}")
    assert choices.values.tolist() == [expected]
    assert choices["presentation"].values.tolist() == ["id-0|id-1|id-2", "id-3|id-4|id-5"]


def test_an_unknown_similarity_is_refused(activations_model, stimuli):
    """The readout names the measures that there are."""
    readout = OddOneOut("mine", activations_model, "IT.output")
    readout.set_similarity_measure("distance")
    with pytest.raises(ValueError, match="expected one of 'dot' or 'cosine'"):
        readout.look_at(stimuli)


V1_BINS = [(50 + 20 * step, 70 + 20 * step) for step in range(5)]  # of CORnet-RT
ALIGNED = {
    "the same": (V1_BINS, np.eye(5)),
    "other order": ([V1_BINS[2], V1_BINS[0]], np.eye(5)[[2, 0]]),
    "all": ([(50, 150)], np.full((1, 5), 0.2)),
    "half of two": ([(60, 80)], [[0.5, 0.5, 0, 0, 0]]),
    "parts": ([(68, 112)], [[0.1 / 2.2, 1 / 2.2, 1 / 2.2, 0.1 / 2.2, 0]]),
}


class WithTime:
    """A layer-mapped model with time: records a region in all of its committed time bins."""

    def __init__(self, model) -> None:
        self._model, self.identifier = model, model.identifier
        self.region_layer_map, self.activations_model = model.layer_model.region_layer_map, model.activations_model
        self.start_task, self.look_at = model.start_task, model.look_at

    def start_recording(self, region: str) -> None:
        self._model.start_recording(region, list(self._model.commitment.time_bins[region].values()))


@pytest.mark.parametrize(("time_bins", "weights"), ALIGNED.values(), ids=ALIGNED)
def test_recordings_are_aligned_in_time(small, stimuli, time_bins, weights):
    """`TemporalAligned` averages our time bins by the part that others cover, and drops the dimension of one."""
    model = small("cornet_rt")
    model.start_recording("V1", V1_BINS)
    expected = np.einsum("at,tpn->apn", np.asarray(weights), model.look_at(stimuli[:2]).values)
    aligned = TemporalAligned(WithTime(model))
    aligned.start_recording("V1", time_bins)
    recording = aligned.look_at(stimuli[:2])
    assert set(recording["region"].values) == {"V1"}
    if len(time_bins) == 1:
        assert "time_bin" not in recording.dims
        recording = recording.expand_dims("time_bin")
    else:
        assert list(zip(recording["time_bin_start"].values, recording["time_bin_end"].values, strict=True)) == time_bins
    values = recording.transpose("time_bin", "presentation", "neuroid").values
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_time_that_was_not_recorded_cannot_be_aligned(small, stimuli):
    """Bins that reach beyond the recorded ones are refused, however little."""
    model = small("cornet_rt")
    model.start_recording("V1", V1_BINS)
    with pytest.raises(AssertionError, match="invalid"):
        assembly_time_align(model.look_at(stimuli[:1]), [(50, 150.5)])
