"""What a network computes for the points that are asked for: the right numbers, and nothing that is not needed."""

from __future__ import annotations

import weakref
from collections import defaultdict

import pytest
import torch
from torch import nn

from brainscore_cornet.cornet.architectures import IMAGE, Point, build_network
from brainscore_cornet.cornet.architectures.cornet_r import INPUT_STAGE
from brainscore_cornet.cornet.errors import UserError

ARCHITECTURES = ("Z", "R", "RT", "S")
REGIONS = ("V1", "V2", "V4", "IT")
BATCH = 3

each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def noise(batch: int = BATCH, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def assert_same(found: torch.Tensor, expected: torch.Tensor, point: Point) -> None:
    """Exactly the same for one image; for more, torch may sum a batch of one in another order."""
    if len(expected) == 1:
        assert torch.equal(found, expected), point
    torch.testing.assert_close(found.expand_as(expected), expected, rtol=1e-5, atol=1e-6 * float(expected.max()))


@pytest.mark.parametrize("batch", [1, BATCH])
@each_architecture
def test_each_wanted_point_is_as_in_the_full_unfolding(architecture, batch, stand_in):
    """A point computed with nothing but what it depends on has the numbers of the full unfolding."""
    network, pictures = stand_in(architecture), noise(batch)
    full = dict(network.unfold(pictures))
    assert list(full) == list(network.points())
    for point, expected in full.items():
        ((found, activity),) = network.unfold(pictures, wanted=[point])
        assert found == point
        assert len(activity) == (batch if network.sees_image(point) else 1), point
        assert_same(activity, expected, point)


@each_architecture
def test_several_wanted_points_come_in_causal_order(architecture, stand_in):
    """Several wanted points are each yielded once, in causal order, with the numbers of the full unfolding."""
    network, pictures = stand_in(architecture), noise(1)
    full = dict(network.unfold(pictures))
    for wanted in (list(full), list(full)[::2], list(full)[1::3]):
        found = list(network.unfold(pictures, wanted=iter([*reversed(wanted), wanted[0]])))
        assert [point for point, _ in found] == wanted
        for point, activity in found:
            assert_same(activity, full[point], point)


# layer -> the batch size of each of its calls: N for all images, 1 for what is the same for every image
CALLS = [
    ("Z", Point("V1", 0), {"V1.conv": "N"}),
    ("Z", Point("V4", 0), {"V1.conv": "N", "V2.conv": "N", "V4.conv": "N"}),
    ("R", Point("V1", 0), {"V1.conv_input": "N", "V1.conv1": "N"}),
    ("R", Point("V1", 2), {"V1.conv_input": "N", "V1.conv1": "NNN"}),
    ("R", Point("IT", 0), {"IT.conv1": "1"}),
    (
        "R",
        Point("V4", 1),
        {
            **{"V1.conv_input": "N", "V1.conv1": "NN"},
            **{"V2.conv_input": "N", "V2.conv1": "1N"},
            **{"V4.conv_input": "N", "V4.conv1": "1N"},
        },
    ),
    ("RT", Point("V1", 0), {"V1.conv_input": "N", "V1.conv1": "N"}),
    ("RT", Point("V1", 4), {"V1.conv_input": "N", "V1.conv1": "NNNNN"}),
    ("RT", Point("V2", 0), {"V2.conv1": "1"}),
    ("RT", Point("V2", 1), {"V1.conv_input": "N", "V1.conv1": "N", "V2.conv_input": "N", "V2.conv1": "1N"}),
    ("RT", Point("V4", 1), {"V2.conv1": "1", "V4.conv_input": "1", "V4.conv1": "11"}),
    (  # the logits: 8 of the 20 region updates depend on the image and on nothing later
        "RT",
        Point("IT", 4),
        {
            **{"V1.conv_input": "N", "V1.conv1": "NN"},
            **{"V2.conv_input": "NN", "V2.conv1": "1NN"},
            **{"V4.conv_input": "1NN", "V4.conv1": "11NN"},
            **{"IT.conv_input": "11NN", "IT.conv1": "111NN"},
        },
    ),
    ("S", Point("V1", 0), {"V1.conv1": "N", "V1.conv2": "N"}),
    (
        "S",
        Point("V4", 1),
        {
            **{"V1.conv1": "N", "V1.conv2": "N"},
            **{f"{region}.{layer}": "N" for region in ("V2", "V4") for layer in ("conv_input", "skip")},
            **{f"{region}.conv{i}": "NN" for region in ("V2", "V4") for i in (1, 2, 3)},
        },
    ),
]


def convolutions(network, run) -> dict[str, str]:
    """Layer -> the batch sizes of its calls while `run` runs, as in CALLS."""
    calls = defaultdict(str)
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):

            def count(_module, inputs, _output, name=name):
                calls[name] += {BATCH: "N", 1: "1"}[len(inputs[0])]

            handles.append(module.register_forward_hook(count))
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return dict(calls)


@pytest.mark.parametrize(("architecture", "wanted", "expected"), CALLS)
def test_only_what_is_needed_is_computed(architecture, wanted, expected, stand_in):
    """A point costs the convolutions that it depends on, each once, and one image where the image does not matter."""
    network = stand_in(architecture)
    assert convolutions(network, lambda: list(network.unfold(noise(), wanted=[wanted]))) == expected


def test_rt_needs_eight_full_region_updates_for_its_logits():
    """CORnet-RT's logits take 8 of 20 region updates for the whole batch, as counted in the table above."""
    ((_, _, expected),) = (row for row in CALLS if row[:2] == ("RT", Point("IT", 4)))
    assert sum(calls.count("N") for layer, calls in expected.items() if layer.endswith("conv1")) == 8


@pytest.mark.parametrize(("architecture", "stages"), [("R", 4), ("RT", 4)])
def test_full_unfolding_sees_the_image_once(architecture, stages, stand_in):
    """A forward pass applies V1's input stage once, the other input stages at steps 1 to 4, and all 20 updates."""
    network = stand_in(architecture)
    expected = {
        **{f"{region}.conv1": "N" * 5 for region in REGIONS},
        **{f"{region}.conv_input": "N" * stages for region in REGIONS[1:]},
        "V1.conv_input": "N",
    }
    assert convolutions(network, lambda: network(noise())) == expected


@each_architecture
def test_a_consumer_that_stops_stops_the_network(architecture, stand_in):
    """Each point is computed when it is asked for: who takes V1 and stops pays for V1 alone."""
    network = stand_in(architecture)

    def take_v1():
        for point, _ in network.unfold(noise()):
            if point == Point("V1", 0):
                return

    assert {layer.split(".")[0] for layer in convolutions(network, take_v1)} == {"V1"}


def test_nothing_wanted_costs_nothing(stand_in):
    """With no wanted points nothing is computed and nothing is yielded."""
    network = stand_in("RT")
    assert convolutions(network, lambda: list(network.unfold(noise(), wanted=[]))) == {}
    assert list(network.unfold(noise(), wanted=[])) == []


@pytest.mark.parametrize(
    ("architecture", "arrival"),
    [
        ("Z", {"V1": 0, "V2": 0, "V4": 0, "IT": 0}),
        ("R", {"V1": 0, "V2": 1, "V4": 1, "IT": 1}),
        ("RT", {"V1": 0, "V2": 1, "V4": 2, "IT": 3}),
        ("S", {"V1": 0, "V2": 0, "V4": 0, "IT": 0}),
    ],
)
def test_when_the_image_arrives(architecture, arrival, stand_in):
    """Before the image reaches a region its activity is the same for all images, and from then on it differs."""
    network = stand_in(architecture)
    first, second = (dict(network.unfold(noise(1, seed=seed))) for seed in (1, 2))
    for point in first:
        if point == INPUT_STAGE:
            continue
        arrived = point.time_step >= arrival[point.region]
        assert network.sees_image(point) == arrived, point
        assert torch.equal(first[point], second[point]) != arrived, point
        assert first[point].any(), point


@each_architecture
def test_sources_come_before_what_depends_on_them(architecture, stand_in):
    """Points are listed in causal order, each once, and the decoder reads the last."""
    network = stand_in(architecture)
    seen = {IMAGE}
    for point in network.points():
        assert seen.issuperset(network.sources(point)), point
        assert point not in seen
        seen.add(point)
    assert list(network.points())[-1] == network.last_point


@pytest.mark.parametrize("wanted", [None, "all"])
def test_activity_is_dropped_after_its_last_use(wanted):
    """Unfolding many time steps keeps no more activity than the latest step of each region needs."""
    network = build_network("RT", times=12).eval()
    kept = []
    most = 0
    for _, activity in network.unfold(noise(1, 32), wanted and network.points()):
        kept.append(weakref.ref(activity))
        del activity
        most = max(most, sum(reference() is not None for reference in kept))
    assert len(kept) == 12 * 4 + 1
    # V1's input stage, and for each region this step and the one before
    assert most <= 1 + 2 * 4


@pytest.mark.parametrize(
    ("architecture", "point"),
    [("Z", Point("V1", 1)), ("RT", Point("IT", 5)), ("R", Point("V3", 0)), ("S", Point("V1", 1)), ("S", IMAGE)],
)
def test_unknown_points_are_refused(architecture, point, stand_in):
    """A point that the network does not have is refused, and the message gives the time steps that it has."""
    network = stand_in(architecture)
    with pytest.raises(UserError, match=r"No such points.*time steps V1 \d, V2 \d, V4 \d, IT \d") as caught:
        list(network.unfold(noise(), wanted=[point, Point("IT", 0)]))
    assert repr(point) in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "layer", "time_step", "point"),
    [
        ("Z", "V2.conv", 0, Point("V2", 0)),
        ("S", "IT.conv2", 1, Point("IT", 1)),
        ("RT", "V4.norm_input", 3, Point("V4", 3)),
        ("RT", "V1.output", 2, Point("V1", 2)),
        ("R", "V1.conv_input", 2, INPUT_STAGE),
        ("RT", "V1.nonlin_input", 0, INPUT_STAGE),
    ],
)
def test_point_at_which_a_layer_works(architecture, layer, time_step, point, stand_in):
    """A layer does its work at its region's point; V1's input stage in R and RT once, at a point of its own."""
    network = stand_in(architecture)
    assert network.point_of(layer, time_step) == point
    called = []
    with network.get_submodule(layer).register_forward_hook(lambda *_: called.append(True)):
        for reached, _ in network.unfold(noise()):
            if reached == point:
                assert called
                return
            called.clear()
    pytest.fail(f"{point} was never reached")
