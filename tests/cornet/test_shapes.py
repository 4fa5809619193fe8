"""Shapes of a network's activity that are known without torch's own shape functions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from brainscore_cornet.cornet.anatomy import REGIONS, TIME_STEPS, check_layer, layers_of, neuroids
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.recording import shapes


@pytest.mark.parametrize("architecture", ["Z", "R", "RT", "S"])
def test_known_shapes_are_torchs(architecture, monkeypatch):
    """Every module's shape at every time step is the one that torch's own shape functions give."""
    network = build_network(architecture)
    found = shapes.survey(network, 48, containers=True)
    monkeypatch.setattr(shapes, "_SHAPES", {})
    assert found == shapes.survey(network, 48, containers=True)


class Odd(nn.Module):
    """Operations in forms that the networks of this package do not use."""

    def forward(self, images):
        activity = functional.relu(input=images + 1.0) + images.mean(dim=(2, 3), keepdim=True)
        return functional.adaptive_avg_pool2d(activity, (2, None)) + functional.adaptive_avg_pool2d(activity, 1)


@pytest.mark.parametrize("architecture", TIME_STEPS)
def test_what_is_known_of_layers_without_torch(architecture):
    """Every layer's name, and the sizes of the regions' outputs, are those of the network."""
    network = build_network(architecture)
    for size in (33, 64, 75, 224):
        found = shapes.survey(network, size)
        assert set(layers_of(architecture)) == set(found)
        for region in REGIONS:
            assert neuroids(region, size) == math.prod(found[f"{region}.output"][network.times[region] - 1])


def test_layers_at_further_time_steps():
    """CORnet-S has a normalization for each time step, of which there may be more than released."""
    check_layer("S", "V4.norm2_7")
    for architecture, layer in (("S", "V1.norm2_1"), ("S", "V4.norm4_0"), ("R", "V4.norm1_0"), ("Z", "IT.conv9")):
        with pytest.raises(UserError, match=f"Unknown layer '{layer}'"):
            check_layer(architecture, layer)


def test_other_forms_of_the_operations():
    """Sums with numbers and of unequal shapes, keyword arguments and sizes in tuples have torch's shapes."""
    images = torch.zeros(2, 3, 5, 6, device="meta")
    with shapes._KnownShapes():
        found = Odd()(images)
    assert found.shape == Odd()(images).shape == (2, 3, 2, 6)
