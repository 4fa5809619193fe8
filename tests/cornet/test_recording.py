"""Recording single layers at single time steps, computing no more than that."""

from functools import cache

import numpy as np
import pytest
import torch
from helpers.peer import plain_hooks
from reference.synthetic_weights import images as noise

from brainscore_cornet import UserError
from brainscore_cornet.cornet.device import pick_device
from brainscore_cornet.cornet.inference.prepared import Prepared
from brainscore_cornet.cornet.recording.record import LOGITS, Site, last_site, record

CPU = torch.device("cpu")
prepared = cache(lambda network: Prepared(network, CPU))  # which takes most of the time of a small recording


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Three images of 48 px: (3, 3, 48, 48)."""
    return np.ascontiguousarray(noise(3)[:, :, 40:88, 80:128].numpy())


@pytest.fixture(scope="module")
def calls(stand_in, images):
    """Architecture -> layer -> what plain hooks see of it at each of its calls in one forward pass."""

    return cache(lambda architecture: plain_hooks(stand_in(architecture), images))


def recorded(network, images, *sites, batch_size=3, **options):
    batches = (torch.from_numpy(images[start : start + batch_size]) for start in range(0, len(images), batch_size))
    return record_all(network, batches, sites, len(images), **options)


def record_all(network, batches, sites, presentations, **options) -> dict[Site, np.ndarray]:
    """Site -> activations in the shape in which the network has them."""
    results: dict[Site, np.ndarray] = {}
    for portion in record(prepared(network), batches, sites, **options):
        for site, shape in portion.shapes().items():
            results.setdefault(site, np.empty((presentations, *shape), np.float32))
        portion.write({site: array.reshape(presentations, -1) for site, array in results.items()})
    return results


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("architecture", "layer", "time_step", "call"),
    [
        # within a forward pass a layer's calls are its time steps, unless it works in some of them only
        ("Z", "V1.conv", 0, 0),
        ("Z", "IT.output", 0, 0),
        ("S", "V1.pool", 0, 0),
        ("S", "V2.skip", 0, 0),
        ("S", "V4.conv1", 2, 2),
        ("S", "V4.norm3_2", 2, 0),
        ("S", "IT.conv2", 0, 0),
        ("S", "IT.conv2", 1, 1),
        ("S", "IT.norm2_1", 1, 0),
        ("S", "IT.output", 1, 1),
        ("R", "V1.conv_input", 3, 0),
        ("R", "V1.nonlin1", 3, 3),
        ("R", "V4.conv_input", 1, 0),
        ("R", "IT.norm1", 4, 4),
        ("RT", "V1.norm_input", 0, 0),
        ("RT", "V2.conv_input", 2, 1),
        ("RT", "V4.output", 0, 0),
        ("RT", "V4.output", 3, 3),
        ("RT", "IT.nonlin1", 4, 4),
        ("RT", "decoder.avgpool", 0, 0),
        ("S", "decoder.linear", 0, 0),
    ],
)
def test_a_site_is_what_a_plain_hook_sees(stand_in, images, calls, architecture, layer, time_step, call):
    """Any layer at any time step has the activity of that call in a whole forward pass, in uneven batches, too."""
    network = stand_in(architecture)
    (activity,) = recorded(network, images, Site(layer, time_step), batch_size=2).values()
    expected = calls(architecture)[layer][call]
    assert activity.dtype == np.float32
    assert_close(activity, expected)


@pytest.mark.parametrize("architecture", ["Z", "R", "RT", "S"])
def test_logits_are_the_networks_output(stand_in, images, calls, architecture):
    """`logits` names what a forward pass returns."""
    (logits,) = recorded(stand_in(architecture), images, Site(LOGITS, 0)).values()
    assert_close(logits, calls(architecture)[""][0])


@pytest.mark.parametrize("architecture", ["RT", "S"])
def test_many_sites_at_once_are_what_each_is_alone(stand_in, images, architecture):
    """Sites do not disturb each other, whatever their order; alone, a region may take a faster way to its output."""
    network = stand_in(architecture)
    sites = [Site(LOGITS, 0), Site("IT.output", 1), Site("V1.output", 0), Site("IT.conv1", 1), Site("IT.output", 0)]
    images = images[:1]
    together = recorded(network, images, *sites)
    assert set(together) == set(sites)
    for site in sites:
        assert_close(together[site], recorded(network, images, site)[site])


def test_activity_that_no_image_has_reached_is_the_same_for_all(stand_in, images):
    """It is computed once, and still given for every presentation."""
    (activity,) = recorded(stand_in("RT"), images, Site("IT.output", 2), batch_size=2).values()
    assert len(activity) == len(images)
    assert activity.any()
    np.testing.assert_array_equal(activity, np.broadcast_to(activity[:1], activity.shape))


@pytest.mark.parametrize(
    ("architecture", "site", "idle"),
    [
        ("Z", Site("V2.output", 0), ["V4.conv", "IT.conv", "decoder.linear"]),
        ("S", Site("V1.output", 0), ["V2.conv_input", "decoder.linear"]),
        ("S", Site("V4.output", 1), ["V4.norm1_2", "IT.conv_input", "decoder.linear"]),
        ("R", Site("V2.output", 1), ["V4.conv1", "IT.conv1"]),
        ("RT", Site("V4.output", 2), ["IT.conv1", "decoder.linear"]),
    ],
)
def test_what_is_not_needed_is_not_computed(stand_in, images, architecture, site, idle):
    """Regions and time steps that a site does not depend on stay idle."""
    network = stand_in(architecture)
    called = []
    handles = [
        network.get_submodule(layer).register_forward_hook(lambda *_, layer=layer: called.append(layer))
        for layer in [*idle, site.layer]
    ]
    try:
        recorded(network, images, site)
    finally:
        for handle in handles:
            handle.remove()
    assert set(called) == {site.layer}


@pytest.mark.parametrize(
    ("architecture", "site", "message"),
    [
        ("S", Site("IT.conv9", 0), r"No layer 'IT.conv9'. The layers are logits, V1.conv1, .*IT.conv2.*decoder.linear"),
        ("S", Site("V3.output", 0), "No layer 'V3.output'. The layers are"),
        ("S", Site("IT.output", 2), "No such points.*time steps V1 1, V2 2, V4 4, IT 2"),
        ("Z", Site("V1.output", 1), "No such points"),
        ("S", Site("decoder.avgpool", 1), "decoder.avgpool is computed once, at the end: it has no time step 1"),
        ("S", Site(LOGITS, 1), "logits is computed once"),
        ("S", Site("IT.norm2_1", 0), "IT.norm2_1 is not computed at time step 0"),
        ("S", Site("IT.norm2_0", 1), "IT.norm2_0 is not computed at time step 1"),
        ("S", Site("V4.skip", 2), "V4.skip is not computed at time step 2"),
        ("RT", Site("V2.conv_input", 0), "V2.conv_input is not computed at time step 0"),
    ],
)
def test_what_cannot_be_recorded_is_refused(stand_in, images, architecture, site, message):
    """The error names the layers, or the time steps, that there are."""
    with pytest.raises(UserError, match=message):
        recorded(stand_in(architecture), images, site)


def test_an_interrupted_recording_leaves_no_hooks(stand_in, images):
    """The network is as before, whatever stops a recording."""
    network = stand_in("Z")

    def broken():
        yield torch.from_numpy(images[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_all(network, broken(), [Site("V1.output", 0), Site(LOGITS, 0)], 3)
    assert not any(module._forward_hooks for module in network.modules())


def test_recordings_are_their_own(stand_in, images):
    """Changing a recording changes neither the next one nor another site's."""
    network = stand_in("RT")
    sites = [Site("IT.output", 0), Site("IT.nonlin1", 0)]  # the same memory inside the network
    first = recorded(network, images, *sites)
    kept = first[sites[1]].copy()
    first[sites[0]][:] = -1
    np.testing.assert_array_equal(first[sites[1]], kept)
    np.testing.assert_array_equal(recorded(network, images, *sites)[sites[0]], kept)


@pytest.mark.parametrize("architecture", ["Z", "RT", "S"])
def test_the_last_site_is_at_the_last_time_step(stand_in, images, calls, architecture):
    """Where no time step is asked for, every layer is recorded when it works for the last time."""
    network = stand_in(architecture)
    layers = [name for name, module in network.named_modules() if name and not list(module.children())]
    activity = recorded(network, images[:1], *(last_site(network, layer) for layer in layers))
    assert {site.layer for site in activity} == set(layers)
    for site, values in activity.items():
        assert_close(values, calls(architecture)[site.layer][-1][:1])


def test_a_device_is_picked():
    """The one asked for, else the best that this machine has."""
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == CPU
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device().type == best


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "", "meta:x"])
def test_a_device_that_is_not_there_is_refused(device):
    """The error names the device."""
    with pytest.raises(UserError, match=f"No device {device!r} on this machine"):
        pick_device(device)
