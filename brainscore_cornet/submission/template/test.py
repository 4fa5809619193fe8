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
def measured(model, tmp_path_factory):
    return stand_in.measure(model, tmp_path_factory.mktemp("pictures"))


def test_identifiers(identifier, model):
    """The registered, the listed and the model's own identifier are equal."""
    registrations = (FOLDER / "__init__.py").read_text()
    assert plugin.get_model_list() == list(GOLDEN)
    assert registrations.count(f"model_registry['{identifier}']") == 1
    assert model.identifier == identifier
    assert "title" in plugin.get_bibtex(identifier)


def test_commitments(identifier, model, measured):
    """Layers, time bins in ms, readout layer and visual degrees equal the submitted ones."""
    golden = GOLDEN[identifier]
    for region, expected in golden["regions"].items():
        assert measured["regions"][region]["layer"] == expected["layer"]
        assert measured["regions"][region]["time_bins"] == expected["time_bins"]
    assert (measured["readout_layer"], measured["visual_degrees"]) == (
        golden["readout_layer"],
        golden["visual_degrees"],
    )
    layers = [*(expected["layer"] for expected in golden["regions"].values()), golden["readout_layer"]]
    assert plugin.get_layers(identifier) == layers
    assert all(model.activations_model.network.get_submodule(layer) is not None for layer in layers)


def test_activations(identifier, measured):
    """Each region's activity at each of its time bins equals the values from the submission."""
    for region, expected in GOLDEN[identifier]["regions"].items():
        found = measured["regions"][region]
        assert found.get("neuroids") == expected.get("neuroids")
        golden = np.array(expected.get("activity", []))
        tolerance = 1e-4 * np.abs(golden).max(initial=0)
        np.testing.assert_allclose(np.array(found.get("activity", [])), golden, rtol=1e-3, atol=tolerance)


def test_pictures_differ(identifier, measured):
    """Recordings depend on the picture, in every region with a time bin."""
    for region, found in measured["regions"].items():
        activity = np.array(found.get("activity", []))
        assert not activity.size or np.ptp(activity, axis=1).max() > 0, region


def test_requested_time_bins(model, tmp_path):
    """A requested time bin gives the committed one with the nearest start, labelled as requested."""
    pictures = stand_in.draw_pictures(tmp_path, model.commitment.image_size, count=1)
    for region, bins in model.commitment.time_bins.items():
        if not bins:
            continue
        committed = list(bins.values())
        model.start_recording(region, time_bins=committed)
        whole = model.look_at(pictures)
        requested = [(start + 1, end) for start, end in committed]
        model.start_recording(region, time_bins=requested)
        shifted = model.look_at(pictures)
        assert np.atleast_1d(shifted["time_bin"].values).tolist() == requested
        np.testing.assert_array_equal(shifted.transpose(*whole.dims).values, whole.values)


def test_labels(identifier, measured):
    """The network's own decoder labels pictures with ImageNet synsets, as in the submission."""
    golden = np.array(GOLDEN[identifier]["logits"])
    np.testing.assert_allclose(np.array(measured["logits"]), golden, rtol=1e-3, atol=1e-4 * np.abs(golden).max())
    assert np.ptp(golden, axis=0).max() > 0  # the pictures have different activity
    assert measured["labels"] == GOLDEN[identifier]["labels"]


def test_readout(model, tmp_path):
    """A readout that is fitted on pictures recognizes them, with probabilities that add up to one."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    pictures = stand_in.draw_pictures(tmp_path, model.commitment.image_size)
    names = [f"picture {index}" for index in range(len(pictures))]
    stimuli = StimulusSet({"stimulus_id": names, "image_label": names})
    stimuli.stimulus_paths = dict(zip(names, pictures, strict=True))
    stimuli.identifier = None
    model.start_task("probabilities", stimuli)
    probabilities = model.look_at(stimuli).transpose("presentation", "choice")
    np.testing.assert_allclose(probabilities.sum("choice"), 1, rtol=1e-5)
    assert list(probabilities.choice.values[probabilities.values.argmax(1)]) == names


@pytest.mark.slow
def test_own_weights(identifier):
    """The model's own weights can be downloaded, have the stated hash, and fit."""
    import brainscore_vision

    submitted: Any = brainscore_vision.load_model(identifier)
    assert submitted.identifier == identifier
    assert submitted.start_recording("IT", time_bins=[(100, 200)]) is None
