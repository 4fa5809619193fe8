"""Activations of any layers, and the hooks that Brain-Score's tools put on them."""

import numpy as np
import pytest
from brainscore_vision.model_helpers.activations.pca import LayerPCA
from helpers.peer import assert_same, plain_hook
from helpers.small_model import seen, small_model

from brainscore_cornet import UserError, load_model


@pytest.fixture
def model(stand_in):
    """CORnet-RT without hooks, four images at a time."""
    return small_model(stand_in, "cornet_rt", batch_size=4)


def test_a_repeated_layer_is_given_once(model, pictures):
    """Layers are named, and a name twice is the same layer."""
    activations = model.activations_model(pictures[:1], layers=["IT.output", "logits", "IT.output"])
    assert_same(activations, model.activations_model(pictures[:1], layers=["IT.output", "logits"]))


def test_unknown_layers_are_refused(model, pictures):
    """The error names the layers that there are; no layers at all are none to record from."""
    with pytest.raises(UserError, match=r"No layer 'V4\.outputs'\. The layers are logits, V1\.conv_input.*V4\.output"):
        model.activations_model(pictures, layers=["V4.outputs"])
    for layer in ("V2.norm2_x", ""):
        with pytest.raises(UserError, match=rf"No layer '{layer}'\. The layers are logits, V1\.conv.*V2\.conv1"):
            load_model("cornet_s_untrained", image_size=32).activations_model(pictures, [layer])
    for layers in ([], (), np.array([])):
        with pytest.raises(UserError, match="No layers to record from"):
            model.activations_model(pictures, layers=layers)
    for layer in ("logits", np.array("logits")):
        with pytest.raises(UserError, match=r"a list of layers such as \['IT.output'\], received 'logits'"):
            model.activations_model(pictures, layers=layer)


def test_a_batch_hook_sees_and_changes_each_batch(model, stimuli, pictures, stand_in):
    """It is called for each batch and time step with layer -> activations, and what it returns is recorded."""
    calls = []

    def strongest(activations):
        calls.append({layer: values.shape for layer, values in activations.items()})
        return {
            layer: values.reshape(len(values), -1).max(axis=1, keepdims=True) for layer, values in activations.items()
        }

    model.start_recording("IT", [(110, 130), (130, 150), (115, 120)])
    handle = model.activations_model.register_batch_activations_hook(strongest)
    recording = model.look_at(stimuli)
    assert calls == [{"IT.output": (count, 512, 2, 2)} for count in (4, 4, 2, 2)]
    expected = np.array(plain_hook(stand_in("RT"), "IT.output", seen(pictures))[3:]).reshape(2, 6, -1).max(axis=-1)
    np.testing.assert_allclose(recording.values[..., 0], expected[[0, 1, 0]], rtol=1e-4)
    handle.remove()
    assert model.look_at(stimuli).sizes["neuroid"] == 512 * 2 * 2
    assert len(calls) == 4


def test_hooks_of_both_kinds_work_in_their_order_until_removed(model, stimuli):
    """Several hooks do not replace each other, and each is disabled, enabled and removed for itself."""
    activations_model = model.activations_model
    plain = activations_model(stimuli, layers=["IT.output"]).values

    def result():
        return activations_model(stimuli, layers=["IT.output"]).values

    def plus(activations):
        return {layer: values + 1 for layer, values in activations.items()}

    def times(activations):
        return {layer: values * 2 for layer, values in activations.items()}

    def reversed_order(stimulus_set):
        return stimulus_set[::-1]

    first = activations_model.register_batch_activations_hook(plus)
    first.disable()
    np.testing.assert_array_equal(result(), plain)
    second = activations_model.register_batch_activations_hook(times)
    np.testing.assert_array_equal(result(), plain * 2)
    first.enable()
    np.testing.assert_array_equal(result(), plain * 2 + 1)
    third = activations_model.register_stimulus_set_hook(reversed_order)
    np.testing.assert_allclose(result(), plain[::-1] * 2 + 1, rtol=1e-4, atol=1e-4 * plain.max())
    for handle in (second, third):
        handle.remove()
    np.testing.assert_array_equal(result(), plain + 1)
    first.remove()
    np.testing.assert_array_equal(result(), plain)


def test_a_stimulus_set_hook_changes_what_is_shown(model, stimuli):
    """Recordings and readouts are of the stimulus set that the hook returns."""
    shown = []

    def fewer(stimulus_set):
        shown.append(list(stimulus_set["stimulus_id"]))
        return stimulus_set[:2]

    handle = model.activations_model.register_stimulus_set_hook(fewer)
    model.start_recording("V1", [(50, 70)])
    assert model.look_at(stimuli)["stimulus_id"].values.tolist() == ["id-0", "id-1"]
    model.start_task("label", "imagenet")
    assert model.look_at(stimuli)["stimulus_id"].values.tolist() == ["id-0", "id-1"]
    assert shown[0] == stimuli["stimulus_id"].tolist()
    handle.remove()
    assert len(model.look_at(stimuli)["stimulus_id"]) == len(stimuli)


def test_brain_scores_pca_reduces_recordings(model, stimuli, pictures, stand_in, imagenet):
    """`LayerPCA` hooks onto the activations model and leaves principal components for neuroids."""
    handle = LayerPCA.hook(model.activations_model, n_components=4)
    assert LayerPCA.is_hooked(model.activations_model)
    model.start_recording("V4", [(90, 110), (130, 150)])
    recording = model.look_at(stimuli)
    assert recording.shape == (2, 6, 4)
    activity = plain_hook(stand_in("RT"), "V4.output", seen(pictures))
    basis = plain_hook(stand_in("RT"), "V4.output", seen(imagenet))[-1].reshape(4, -1)
    # as many components as images: distances of the images' activity, at its last time step, from their mean are kept
    centred = basis - basis.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    for values, time_step in zip(recording.values, (2, 4), strict=True):
        expected = (activity[time_step].reshape(6, -1) - basis.mean(axis=0)) @ components.T
        scale = np.abs(expected[:, :3]).max()
        np.testing.assert_allclose(np.abs(values[:, :3]), np.abs(expected[:, :3]), rtol=0, atol=1e-3 * scale)
    handle.remove()
    assert not LayerPCA.is_hooked(model.activations_model)
    assert model.look_at(stimuli).sizes["neuroid"] == 256 * 3 * 3
