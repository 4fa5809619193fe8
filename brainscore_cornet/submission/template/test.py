"""Tests of this plugin; only the one marked slow needs its weights and a network connection."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent
PLUGIN = f"brainscore_vision.models.{FOLDER.name}"
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
plugin, stand_in = import_module(f"{PLUGIN}.model"), import_module(f"{PLUGIN}.stand_in")


@pytest.fixture(scope="module", params=list(GOLDEN))
def identifier(request):
    return request.param


@pytest.fixture(scope="module")
def model(identifier):
    """The model with stand-in weights instead of its own."""
    brain_model = import_module(f"{PLUGIN}.cornet.brain_model")
    options = plugin.options(identifier, weights=None, weights_sha256=None)
    submitted = brain_model.load_model(plugin.base(identifier), named=identifier, **options)
    stand_in.fill(submitted.activations_model.network)
    return submitted


@pytest.fixture(scope="module")
def pictures(model, tmp_path_factory):
    return stand_in.draw_pictures(tmp_path_factory.mktemp("pictures"), model.commitment.image_size)


@pytest.fixture(scope="module")
def recordings(model, pictures):
    """Region -> (neuroid, presentation, time_bin): at its committed time bins, then at bins that start 1 ms later."""
    recorded = {}
    for region, bins in model.commitment.time_bins.items():
        if bins:
            model.start_recording(
                region, time_bins=[*bins.values(), *((start + 1, end) for start, end in bins.values())]
            )
            recorded[region] = model.look_at(pictures).transpose("neuroid", "presentation", "time_bin")
    return recorded


def test_identifiers(identifier, model):
    """The registered, the listed and the model's own identifier are equal."""
    registrations = (FOLDER / "__init__.py").read_text()
    assert plugin.get_model_list() == list(GOLDEN)
    assert registrations.count(f"model_registry['{identifier}']") == 1
    assert model.identifier == identifier
    assert "title" in plugin.get_bibtex(identifier)


def test_commitments(identifier, model):
    """Layers, time bins in ms, readout layer and visual degrees equal the submitted ones."""
    golden, commitment = GOLDEN[identifier], model.commitment
    assert list(commitment.layers) == list(golden["regions"])
    for region, expected in golden["regions"].items():
        assert commitment.layers[region] == expected["layer"]
        assert [list(time_bin) for time_bin in commitment.time_bins[region].values()] == expected["time_bins"]
    assert (commitment.readout_layer, model.visual_degrees()) == (golden["readout_layer"], golden["visual_degrees"])
    layers = [*(expected["layer"] for expected in golden["regions"].values()), golden["readout_layer"]]
    assert plugin.get_layers(identifier) == layers
    assert all(model.activations_model.network.get_submodule(layer) is not None for layer in layers)


def test_activations(identifier, recordings):
    """Each region's activity at each of its time bins equals the values from the submission."""
    expected = {region: found for region, found in GOLDEN[identifier]["regions"].items() if found["time_bins"]}
    assert list(recordings) == list(expected)
    for region, recording in recordings.items():
        activity = recording.values[..., : len(expected[region]["time_bins"])]
        assert len(activity) == expected[region]["neuroids"]
        assert_near(stand_in.sample(activity), expected[region]["activity"])


def test_pictures_differ(recordings):
    """Recordings depend on the picture, in every region with a time bin."""
    for region, recording in recordings.items():
        assert np.ptp(recording.values, axis=1).max() > 0, region


def test_requested_time_bins(identifier, recordings):
    """A requested time bin gives the committed one with the nearest start, labelled as requested."""
    for region, recording in recordings.items():
        committed = GOLDEN[identifier]["regions"][region]["time_bins"]
        requested = [(start + 1, end) for start, end in committed]
        assert recording["time_bin"].values.tolist() == [*map(tuple, committed), *requested]
        activity, shifted = np.split(recording.values, 2, axis=-1)
        np.testing.assert_array_equal(shifted, activity)


def test_labels(identifier, model, pictures):
    """The network's own decoder labels pictures with ImageNet synsets, as in the submission."""
    golden = GOLDEN[identifier]
    logits = model.activations_model(pictures, layers=["logits"]).transpose("neuroid", "presentation")
    assert_near(stand_in.sample(logits.values), golden["logits"])
    assert np.ptp(golden["logits"], axis=1).max() > 0  # the pictures have different activity
    model.start_task("label", "imagenet")
    assert model.look_at(pictures).values.ravel().tolist() == golden["labels"]


def test_readout(model, pictures):
    """A readout that is fitted on pictures recognizes them, with probabilities that add up to one."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    names = [f"picture {index}" for index in range(len(pictures))]
    stimuli = StimulusSet({"stimulus_id": names, "image_label": names})
    stimuli.stimulus_paths = dict(zip(names, pictures, strict=True))
    stimuli.identifier = None
    model.start_task("probabilities", stimuli)
    probabilities = model.look_at(stimuli).transpose("presentation", "choice")
    np.testing.assert_allclose(probabilities.sum("choice"), 1, rtol=1e-5)
    assert list(probabilities.choice.values[probabilities.values.argmax(1)]) == names


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_own_weights(identifier):
    """The model's own weights can be downloaded, have the stated hash, and fit."""
    import brainscore_vision

    submitted: Any = brainscore_vision.load_model(identifier)
    assert submitted.identifier == identifier
    assert submitted.start_recording("IT", time_bins=[(100, 200)]) is None
