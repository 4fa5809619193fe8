"""Recordings of anything, drawn at random, are what a plain forward pass gives."""

import numpy as np
import torch
from helpers.other_times import with_times
from helpers.small_model import SIZE, seen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brainscore_cornet.cornet.brain_model import CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment, nearest_step, vary

REGIONS = ("V1", "V2", "V4", "IT")
STEPS_OF_S = {"V2": st.integers(1, 3), "V4": st.integers(1, 5), "IT": st.integers(1, 3)}
TIMES = {
    "Z": st.none(),
    "R": st.integers(2, 5),
    "RT": st.integers(4, 7),
    "S": st.fixed_dictionaries(
        {}, optional={"V2": st.integers(1, 3), "V4": st.integers(1, 5), "IT": st.integers(1, 3)}
    ),
}


@st.composite
def cases(draw):
    architecture = draw(st.sampled_from(list(TIMES)))
    start = st.integers(0, 400)
    return {
        "architecture": architecture,
        "times": draw(TIMES[architecture]) or None,
        "region": draw(st.sampled_from(REGIONS)),
        "time_bins": [(at, at + 10) for at in draw(st.lists(start, min_size=1, max_size=6))],
        # indices into the pictures, with repetitions
        "shown": draw(st.lists(st.integers(0, 5), min_size=1, max_size=6)),
        "batch_size": draw(st.integers(1, 7)),
        "workers": draw(st.integers(1, 3)),
    }


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_recordings_are_those_of_a_plain_forward_pass(pictures, stand_in, recwarn, case):
    """Recordings equal a plain forward pass for any variant, time steps, region, time bins, images and batch size."""
    architecture, region = case["architecture"], case["region"]
    network = with_times(stand_in, architecture, case["times"])
    identifier = f"cornet_{architecture.lower()}_untrained"
    commitment = vary(get_commitment(identifier), times=case["times"], image_size=SIZE)
    options = {"batch_size": case["batch_size"], "workers": case["workers"]}
    model = CORnetModel(commitment, network, device=torch.device("cpu"), **options)
    paths = [pictures[index] for index in case["shown"]]
    model.start_recording(region, case["time_bins"])
    ours = model.look_at(paths)

    with torch.no_grad():
        plain = {point: activity.flatten(1) for point, activity in network.unfold(torch.as_tensor(seen(paths)))}
    if len(case["time_bins"]) == 1:  # whose dimension is dropped
        ours = ours.expand_dims("time_bin")
    assert ours.shape[:2] == (len(case["time_bins"]), len(paths))
    for index, time_bin in enumerate(case["time_bins"]):
        expected = plain[region, nearest_step(commitment.time_bins[region], time_bin)].numpy()
        np.testing.assert_allclose(ours.values[index], expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert ours["time_bin"].values.tolist() == case["time_bins"]


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    architecture=st.sampled_from(list(TIMES)),
    shown=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    batch_size=st.integers(1, 6),
)
def test_logits_and_readout_are_those_of_a_plain_forward_pass(pictures, stand_in, architecture, shown, batch_size):
    """Logits and readout activity, which labels and probabilities come from, equal a plain forward pass."""
    network = stand_in(architecture)
    commitment = vary(get_commitment(f"cornet_{architecture.lower()}"), image_size=SIZE)
    model = CORnetModel(commitment, network, device=torch.device("cpu"), batch_size=batch_size)
    paths = [pictures[index] for index in shown]
    activations = model.activations_model(paths, ["logits", "decoder.avgpool"])
    images = torch.as_tensor(seen(paths))
    with torch.no_grad():
        *_, (_, last) = network.unfold(images)
        expected = {"logits": network(images), "decoder.avgpool": last.mean(dim=(2, 3))}
    for layer, values in expected.items():
        ours = activations.sel(layer=layer).values
        np.testing.assert_allclose(ours, values.numpy(), rtol=0, atol=1e-5 * np.abs(values.numpy()).max())
