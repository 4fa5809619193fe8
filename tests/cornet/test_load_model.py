"""Loading models: every identifier, variants with names of their own, own weights, and nothing global changed."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.peer import plain_hook
from helpers.small_model import SIZE, seen

from brainscore_cornet import UserError, load_model, load_network
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.commitments import COMMITMENTS
from brainscore_cornet.cornet.weights.released import FOLDER_VARIABLE, RELEASED, fetch, file_hash

UNTRAINED = [identifier for identifier in COMMITMENTS if identifier.endswith("_untrained")]


@pytest.fixture
def accepted_weights(released_folder, tmp_path, monkeypatch):
    """Stand-in weights in a folder of their own, taken for the released ones."""
    for file in RELEASED.values():
        (tmp_path / file.filename).symlink_to(released_folder / file.filename)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))


@pytest.fixture
def own_weights(tmp_path):
    """Two files of weights for CORnet-Z, as a user may have trained them."""
    paths = []
    for seed in (1, 2):
        paths.append(tmp_path / f"mine_{seed}.pth")
        torch.save(build_network("Z", seed=seed).state_dict(), paths[-1])
    return paths


def same_weights(one, other) -> bool:
    state = other.state_dict()
    return all(torch.equal(tensor, state[name]) for name, tensor in one.state_dict().items())


def test_there_are_eight_models():
    """Z, R, RT and S, trained and untrained."""
    assert sorted(COMMITMENTS) == sorted(
        f"cornet_{architecture}{ending}" for architecture in ("z", "r", "rt", "s") for ending in ("", "_untrained")
    )


@pytest.mark.parametrize("identifier", UNTRAINED)
def test_untrained_models_load_offline(identifier):
    """Nothing is downloaded, and the weights are the same each time and not those of another seed."""
    model = load_model(identifier)
    assert model.identifier == identifier
    assert model.visual_degrees() == 8
    network = model.activations_model.network
    assert not network.training
    assert same_weights(network, load_network(identifier))
    assert not same_weights(network, load_network(identifier, seed=1))


@pytest.mark.parametrize("identifier", RELEASED)
def test_trained_models_load_released_weights(accepted_weights, stand_in, identifier):
    """The weights are those in the file; where it was accepted though it is not the released one, the name says so."""
    file = fetch(RELEASED[identifier], verify=False)
    model = load_model(identifier)
    assert model.identifier == f"{identifier}_weights_{file_hash(file)[:8]}"
    assert not model.activations_model.network.training
    assert same_weights(model.activations_model.network, stand_in(RELEASED[identifier].architecture))


def test_whatever_changes_the_numbers_is_in_the_identifier(own_weights):
    """Brain-Score caches by identifier: weights, time steps, time bins and image size each give another one."""
    variants = [
        {},
        {"weights": own_weights[0]},
        {"weights": own_weights[1]},
        {"image_size": 64},
        {"image_size": 96},
        {"time_mapping": {"IT": {0: (110, 210)}}},
        {"time_mapping": {"V4": {0: (110, 210)}}},
        {"weights": own_weights[0], "image_size": 64, "time_mapping": {"IT": {0: (110, 210)}}},
    ]
    identifiers = [load_model("cornet_z_untrained", **options).identifier for options in variants]
    recurrent = [
        load_model("cornet_rt_untrained", **options).identifier for options in ({}, {"times": 4}, {"times": 6})
    ]
    assert len(set(identifiers + recurrent)) == len(identifiers + recurrent)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 7},
        {"device": "cpu"},
        {"image_size": 224},
        {"time_mapping": {"IT": {0: (100, 200)}}},
        {"weights": None},
    ],
    ids=str,
)
def test_what_changes_nothing_is_not_in_the_identifier(options):
    """Options that change nothing, or give what is committed anyway, are not in the identifier."""
    assert load_model("cornet_z_untrained", **options).identifier == "cornet_z_untrained"


def test_a_trained_model_without_weights_is_the_untrained_one():
    """It must not be taken for the trained one by Brain-Score's caches."""
    assert load_model("cornet_z", weights=None).identifier == "cornet_z_untrained"


def test_own_weights_are_what_is_recorded_with(own_weights, pictures):
    """A path gives a model with the weights of that file."""
    model = load_model("cornet_z", weights=own_weights[1], image_size=SIZE)
    model.start_recording("IT", [(100, 200)])
    network = build_network("Z", seed=2).eval()
    expected = plain_hook(network, "IT.output", seen(pictures))[0].reshape(len(pictures), -1)
    recording = model.look_at(pictures)
    np.testing.assert_allclose(recording.values, expected, rtol=0, atol=1e-5 * expected.max())
    assert set(recording["model"].values) == {model.identifier}


@pytest.mark.parametrize(
    ("identifier", "times", "region", "time_bin", "time_step"),
    [
        ("cornet_rt_untrained", 10, "IT", (230, 250), 9),
        ("cornet_rt_untrained", 10, "V1", (170, 190), 6),
        ("cornet_rt_untrained", 3, "V4", (90, 110), 2),
        ("cornet_r_untrained", 3, "IT", (200, 250), 2),
        ("cornet_s_untrained", {"V2": 4}, "V2", (370, 470), 3),
    ],
)
@pytest.mark.filterwarnings("ignore:.* has no activity")
def test_models_run_other_numbers_of_time_steps(pictures, identifier, times, region, time_bin, time_step):
    """More steps have later time bins, fewer have fewer."""
    model = load_model(identifier, times=times, image_size=SIZE)
    model.start_recording(region, [time_bin])
    activity = plain_hook(model.activations_model.network, f"{region}.output", seen(pictures[:2]))
    expected = activity[time_step].reshape(2, -1)
    np.testing.assert_allclose(model.look_at(pictures[:2]).values, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_region_that_the_image_does_not_reach_is_refused():
    """Two time steps of RT bring the image to V2: IT would answer with the same for every image."""
    model = load_model("cornet_rt_untrained", times=2)
    model.start_recording("V2", [(70, 90)])
    for region in ("V4", "IT"):
        with pytest.raises(
            UserError, match=f"The image does not reach {region} in the 2 time steps of {model.identifier}"
        ):
            model.start_recording(region, [(110, 130)])


def test_a_time_mapping_replaces_the_regions_that_it_names(pictures):
    """Named regions answer in their new time bins, the others as committed."""
    model = load_model("cornet_r_untrained", time_mapping={"IT": {2: (100, 150), 4: (150, 200)}}, image_size=SIZE)
    activity = plain_hook(model.activations_model.network, "IT.output", seen(pictures[:1]))
    model.start_recording("IT", [(90, 120), (140, 200)])
    for values, time_step in zip(model.look_at(pictures[:1]).values, (2, 4), strict=True):
        expected = activity[time_step].reshape(1, -1)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * expected.max())
    assert model.commitment.time_bins["V4"] == COMMITMENTS["cornet_r"].time_bins["V4"]


@pytest.mark.parametrize(
    ("identifier", "options", "message"),
    [
        ("cornet_q", {}, "Unknown model 'cornet_q'. Did you mean cornet_"),
        ("CORnet-S", {"weights": None}, "Unknown model 'CORnet-S'.*cornet_s"),
        ("cornet_z", {"weights": "gone.pth"}, "No weight file at gone.pth"),
        ("cornet_z", {"weights": None, "image_size": 31}, "px, a whole number of at least 32, received 31"),
        ("cornet_z", {"weights": None, "image_size": 64.0}, "at least 32, received 64.0"),
        ("cornet_z", {"weights": None, "batch_size": 0}, "at least 1, received 0"),
        ("cornet_z", {"weights": None, "batch_size": True}, "at least 1, received True"),
        ("cornet_z", {"weights": None, "workers": 0.5}, "number of workers, .*received 0.5"),
        ("cornet_z", {"weights": None, "device": "tpu"}, "No device 'tpu' on this machine"),
        ("cornet_z", {"weights": None, "device": "meta"}, "No device 'meta' on this machine"),
        ("cornet_z", {"weights": None, "device": [1]}, r"No device \[1\] on this machine"),
        (None, {}, "the name of a model such as 'cornet_r', received None"),
        (["cornet_z"], {}, r"received \['cornet_z'\]"),
        ("cornet_z", {"weights": 5}, "Expected weights as 'released', None .*received 5"),
        ("cornet_z", {"weights": {}}, "Expected weights .*received a dict"),
        ("cornet_z", {"weights": ""}, "Expected weights .*received ''"),
        ("cornet_z", {"weights": "ftp://lab/mine.pth"}, "Cannot download ftp://lab/mine.pth"),
        ("cornet_z", {"weights": None, "times": 2}, "CORnet-Z is feedforward"),
        ("cornet_rt", {"weights": None, "times": 0}, "time steps for all regions, .*received 0"),
        ("cornet_r", {"weights": None, "times": 6}, "time_mapping"),
        ("cornet_s", {"weights": None, "times": 3}, "for each region"),
        ("cornet_z", {"weights": None, "time_mapping": {"IT": {1: (100, 200)}}}, "names step 1 of IT"),
        ("cornet_z", {"weights": None, "time_mapping": {"PIT": {0: (100, 200)}}}, "Did you mean IT"),
    ],
)
def test_what_cannot_be_loaded_is_refused(identifier, options, message):
    """The error says what was expected, or the nearest that there is."""
    with pytest.raises(UserError, match=message):
        load_model(identifier, **options)


CHANGES = """
import json, os, random, socket, ssl, sys, warnings, logging
from pathlib import Path
import numpy as np, torch, torchvision  # which changes some of what is compared
import brainscore_vision
from brainscore_vision.model_helpers.brain_transformation import behavior

def state():
    return {
        "TLS verification": ssl._create_default_https_context is ssl.create_default_context,
        "environment": dict(os.environ),
        "working folder": os.getcwd(),
        "import path": list(sys.path),
        "random": repr(random.getstate()),
        "numpy's random": repr(np.random.get_state()),
        "torch's random": torch.get_rng_state().tolist(),
        "default type": str(torch.get_default_dtype()),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark),
        "warnings": repr(warnings.filters),
        "logging": (logging.root.level, repr(logging.root.handlers)),
        "socket timeout": socket.getdefaulttimeout(),
        "hooks": repr((sys.excepthook, sys.displayhook)),
    }

before = state()
assert before["TLS verification"]
import brainscore_cornet, brainscore_cornet.plugins.models
model = brainscore_cornet.load_model("cornet_z_untrained", image_size=48)
model.start_recording("V1", [(50, 150)])
model.look_at([sys.argv[1]])
model.start_task("label", "imagenet")
model.look_at([sys.argv[1]])
after = state()
print(json.dumps([name for name in before if before[name] != after[name]]))
"""


def test_nothing_global_is_changed(pictures):
    """Importing, loading, recording and labelling leave the process as it was: TLS, random numbers, environment."""
    output = subprocess.run(
        [sys.executable, "-c", CHANGES, str(pictures[0])], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(output) == []


def test_numpy_integers_are_numbers(pictures):
    """Numpy's integers are accepted as Python's are."""
    model = load_model("cornet_rt_untrained", times=np.int64(4), image_size=np.int64(64), batch_size=np.int32(2))
    assert model.identifier == load_model("cornet_rt_untrained", times=4, image_size=64).identifier
    model.start_recording("IT", [(110, 130)])
    assert model.look_at(pictures[:1]).shape == (1, 512 * 2 * 2)
