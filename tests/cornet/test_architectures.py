"""The four networks: their entries, their numbers against the released implementation, sizes, steps, initialization."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch
from conftest import REFERENCE
from helpers.other_times import with_times
from reference.synthetic_weights import images
from torch import nn

from brainscore_cornet.cornet.architectures import CORnetR, CORnetS, Point, build_network
from brainscore_cornet.cornet.errors import UserError

ARCHITECTURES = ("Z", "R", "RT", "S")
STATE_DICTS = json.loads((REFERENCE / "state_dicts.json").read_text())
RELEASED = dict(np.load(REFERENCE / "activations_seed0.npz"))
PARAMETERS = {"Z": 2_071_656, "R": 5_208_936, "RT": 5_208_936, "S": 53_416_616}
CHANNELS = {"V1": 64, "V2": 128, "V4": 256, "IT": 512}
STRIDES = {"V1": 4, "V2": 2, "V4": 2, "IT": 2}
BELOW = {"V1": (), "V2": ("V1",), "V4": ("V1", "V2"), "IT": ("V1", "V2", "V4")}
STEPS = {
    "Z": {"V1": 1, "V2": 1, "V4": 1, "IT": 1},
    "R": {"V1": 5, "V2": 5, "V4": 5, "IT": 5},
    "RT": {"V1": 5, "V2": 5, "V4": 5, "IT": 5},
    "S": {"V1": 1, "V2": 2, "V4": 4, "IT": 2},
}

each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unfolded(network, pictures) -> dict[Point, torch.Tensor]:
    with torch.no_grad():
        return dict(network.unfold(pictures))


@each_architecture
def test_state_dict_is_the_released_one(architecture, stand_in):
    """Names and shapes of all entries are those of the released file."""
    state = stand_in(architecture).state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == STATE_DICTS[architecture]


@each_architecture
def test_number_of_parameters(architecture, stand_in):
    """The number of parameters is the published one."""
    assert sum(parameter.numel() for parameter in stand_in(architecture).parameters()) == PARAMETERS[architecture]


def assert_as_released(ours: np.ndarray, theirs: np.ndarray, name: str) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * abs(theirs).max(), err_msg=name)


@each_architecture
def test_numbers_of_the_released_implementation(architecture, stand_in):
    """Every region at every time step, the decoder and the logits are what the released implementation computes."""
    network, pictures = stand_in(architecture), images()
    activity = unfolded(network, pictures)
    with torch.no_grad():
        logits = network(pictures[:1])
        pooled = network.decoder.avgpool(activity[network.last_point])
    regions = {
        f"{architecture}/{point.region}-t{point.time_step}": activity[point]
        for point in activity
        if point.region in CHANNELS
    }
    for name, computed in regions.items():
        assert list(computed.shape[1:]) == RELEASED[f"{name}/shape"].tolist(), name
    regions[f"{architecture}/decoder.avgpool-t0"] = pooled
    for name, computed in regions.items():
        assert_as_released(computed.flatten(1)[:, RELEASED[f"{name}/index"]].numpy(), RELEASED[name], name)
    theirs = RELEASED[f"{architecture}/logits"]
    assert_as_released(logits.numpy(), theirs[:1], "logits")
    compared = {f"{architecture}/logits", *(f"{name}{part}" for name in regions for part in ("", "/index", "/shape"))}
    assert compared == {name for name in RELEASED if name.startswith(f"{architecture}/")}


@pytest.mark.parametrize("size", [(32, 32), (33, 33), (64, 64), (256, 256), (33, 70), (90, 32)])
@each_architecture
def test_image_sizes(architecture, size, stand_in):
    """Images of any size from 32 px up, square or not, give activity of the halved sizes, and logits."""
    network, pictures = stand_in(architecture), noise(1, 3, *size)
    height, width = size
    expected = {}
    for region, channels in CHANNELS.items():
        height, width = math.ceil(height / STRIDES[region]), math.ceil(width / STRIDES[region])
        expected |= {Point(region, step): (1, channels, height, width) for step in range(STEPS[architecture][region])}
    activity = unfolded(network, pictures)
    assert {p: tuple(found.shape) for p, found in activity.items() if p.region in CHANNELS} == expected
    with torch.no_grad():
        logits = network(pictures)
        # the decoder reads the last time step of IT
        assert torch.equal(logits, network.decoder(activity[network.last_point]))
    assert logits.shape == (1, 1000)
    assert logits.isfinite().all()


def entries(architecture: str, steps) -> set[str]:
    """The released entries; CORnet-S has three normalizations for each step of a recurrent region."""
    if architecture != "S":
        return set(STATE_DICTS[architecture])
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    shared = {name for name in STATE_DICTS["S"] if not re.search(r"norm[123]_\d", name)}
    recurrent = [(region, step) for region in ("V2", "V4", "IT") for step in range(steps[region])]
    return shared | {
        f"{region}.norm{i}_{step}.{part}" for region, step in recurrent for i in (1, 2, 3) for part in parts
    }


@pytest.mark.parametrize(
    ("architecture", "times", "steps"),
    [
        *((name, times, dict.fromkeys(CHANNELS, times)) for name in ("R", "RT") for times in (1, 2, 7)),
        ("S", {"V2": 1}, {"V1": 1, "V2": 1, "V4": 4, "IT": 2}),
        ("S", {"V4": 6, "IT": 1}, {"V1": 1, "V2": 2, "V4": 6, "IT": 1}),
        ("S", {"IT": 3}, {"V1": 1, "V2": 2, "V4": 4, "IT": 3}),
    ],
)
def test_any_number_of_time_steps(architecture, times, steps, stand_in):
    """Each region runs as many steps as asked, in causal order; other numbers of steps leave the first ones alone."""
    network, pictures = with_times(stand_in, architecture, times), noise(1, 3, 40, 40)
    assert network.times == steps
    assert set(network.state_dict()) == entries(architecture, steps)
    activity = unfolded(network, pictures)
    expected = {Point(region, step) for region, count in steps.items() for step in range(count)}
    assert {point for point in activity if point.region in CHANNELS} == expected
    assert list(activity)[-1] == Point("IT", steps["IT"] - 1) == network.last_point
    usual = unfolded(stand_in(architecture), pictures)
    for point in activity.keys() & usual.keys():
        # in S a region sees the last step of the region below: what comes after a change differs
        if architecture != "S" or all(steps[region] == STEPS["S"][region] for region in BELOW[point.region]):
            assert torch.equal(activity[point], usual[point]), point


def test_update_rules_differ(stand_in):
    """CORnet-R and -RT have the same entries and different outputs: the update rule is part of the network."""
    network, pictures = stand_in("RT"), noise(1, 3, 64, 64)
    other = build_network("R").eval()
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert not torch.allclose(network(pictures), other(pictures), rtol=0.01)


def is_uniform(values: torch.Tensor, bound: float) -> bool:
    """Within the bounds, up to them, and with the variance of a uniform distribution."""
    # no more than one weight in a hundred thousand lies outside four standard errors
    tolerance = 4 / math.sqrt(values.numel())
    within = values.abs().max() <= bound and values.abs().max() > bound * (1 - 10 / values.numel())
    return bool(within and abs(values.mean() / bound) < tolerance and abs(values.var() * 3 / bound**2 - 1) < tolerance)


def is_normal(values: torch.Tensor, std: float) -> bool:
    tolerance = 4 / math.sqrt(values.numel())
    within_one = ((values.abs() < std).float().mean() - 0.6827).abs()
    return bool(
        abs(values.mean() / std) < tolerance
        and abs(values.var() / std**2 - 1) < math.sqrt(2) * tolerance
        and within_one < tolerance / 2
    )


def weighted(network, kinds) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]


def test_initialization_of_cornet_z():
    """CORnet-Z starts from Xavier-uniform weights and zero biases, convolutions and decoder alike."""
    modules = weighted(build_network("Z"), (nn.Conv2d, nn.Linear))
    assert len(modules) == 5
    for name, module in modules:
        receptive = module.weight[0, 0].numel()
        fan_in, fan_out = module.weight.shape[1] * receptive, module.weight.shape[0] * receptive
        assert is_uniform(module.weight, math.sqrt(6 / (fan_in + fan_out))), name
        assert not module.bias.any(), name


@pytest.mark.parametrize("architecture", ["R", "RT"])
def test_initialization_of_cornet_r(architecture):
    """CORnet-R and -RT start from torch's default: uniform within one over the root of the fan-in."""
    network = build_network(architecture)
    for name, module in weighted(network, (nn.Conv2d, nn.Linear)):
        bound = 1 / math.sqrt(module.weight[0].numel())
        assert is_uniform(module.weight, bound), name
        assert module.bias is None or is_uniform(module.bias, bound), name
    assert_neutral_normalization(network, nn.GroupNorm, 8)


def test_initialization_of_cornet_s():
    """CORnet-S draws convolutions from a normal of variance 2 / (kernel area x output channels)."""
    network = build_network("S")
    convolutions = weighted(network, nn.Conv2d)
    assert len(convolutions) == 2 + 3 * 5
    for name, module in convolutions:
        assert is_normal(module.weight, math.sqrt(2 / (module.weight[0, 0].numel() * module.out_channels))), name
        assert module.bias is None, name
    for values in (network.decoder.linear.weight, network.decoder.linear.bias):
        assert is_uniform(values, 1 / math.sqrt(512))
    assert_neutral_normalization(network, nn.BatchNorm2d, 2 + 3 * (2 + 4 + 2 + 1))


def assert_neutral_normalization(network, kind, count: int) -> None:
    normalizations = weighted(network, kind)
    assert len(normalizations) == count
    for name, module in normalizations:
        assert (module.weight == 1).all(), name
        assert not module.bias.any(), name


@each_architecture
def test_seed_fixes_initialization(architecture):
    """The same seed gives the same network, another one another, and torch's random numbers go on undisturbed."""
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (build_network(architecture, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    drawn = [name for name, tensor in first.items() if tensor.ndim > 1]
    assert drawn
    for name in first:
        assert torch.equal(first[name], again[name]), name
    for name in drawn:
        assert not torch.equal(first[name], other[name]), name


@pytest.mark.parametrize(
    ("architecture", "times", "expected"),
    [
        ("T", None, "Unknown architecture 'T', expected Z, R, RT or S"),
        ("z", None, "Unknown architecture 'z'"),
        ("Z", 2, "CORnet-Z is feedforward.*received 2"),
        ("Z", {"V1": 1}, "CORnet-Z is feedforward"),
        *(
            ("RT", wrong, f"for all regions, a whole number of at least 1, received {wrong}")
            for wrong in (0, -1, 2.0, True)
        ),
        ("R", "5", "for all regions, a whole number of at least 1, received '5'"),
        ("R", {"IT": 5}, r"CORnet-R has one number of time steps for all regions, not \{'IT': 5\}"),
        ("S", 4, r"CORnet-S has a number of time steps for each region, such as \{'V4': 4\}, not 4"),
        ("S", {"V1": 2}, "for V2, V4, IT, not for V1"),
        ("S", {"V3": 2, "V4": 1}, "for V2, V4, IT, not for V3"),
        ("S", {"V4": 0}, "for V4, a whole number of at least 1, received 0"),
        ("S", {"IT": "2"}, "for IT, a whole number of at least 1, received '2'"),
    ],
)
def test_wrong_architecture_or_time_steps(architecture, times, expected):
    """An architecture or a number of time steps that cannot be is refused, and the message says what can."""
    with pytest.raises(UserError, match=expected):
        build_network(architecture, times=times)


def test_classes_check_what_they_are_given():
    """The classes themselves refuse an unknown update rule and impossible time steps."""
    with pytest.raises(UserError, match="'simultaneous' or 'sequential', received 'both'"):
        CORnetR("both")
    with pytest.raises(UserError, match=r"for V4, .*received 0"):
        CORnetS({"V4": 0})


@pytest.mark.parametrize(
    "shape", [(3, 64, 64), (1, 1, 64, 64), (1, 4, 64, 64), (1, 64, 64, 3), (1, 3, 31, 64), (1, 3, 64, 31), (64,)]
)
@each_architecture
def test_wrong_image_shape(architecture, shape, stand_in):
    """Images of another shape are refused by both ways in; the message gives the expected and the received shape."""
    network, pictures = stand_in(architecture), torch.zeros(shape)
    for way_in in (network, lambda pictures: list(network.unfold(pictures))):
        with pytest.raises(UserError) as caught:
            way_in(pictures)
        assert "(batch, 3, height, width) with at least 32 px" in str(caught.value)
        assert str(caught.value).endswith(f"received {shape}.")
