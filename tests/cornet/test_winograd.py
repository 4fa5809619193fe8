"""Winograd's algorithm gives the same numbers as a plain convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from brainscore_cornet.cornet.inference import winograd
from brainscore_cornet.cornet.inference.winograd import Winograd


@pytest.mark.parametrize(("height", "width"), [(14, 14), (7, 7), (8, 5), (3, 6), (2, 2), (1, 1)])
@pytest.mark.parametrize(("batch", "tiles"), [(1, 1), (5, 7), (5, 1000)])
def test_equals_a_convolution(monkeypatch, height, width, batch, tiles):
    """The numbers are a convolution's, for even and odd sides, whole batches and portions, in both memory layouts."""
    monkeypatch.setattr(winograd, "TILES", tiles)
    random = torch.Generator().manual_seed(0)
    activity = torch.randn(batch, 24, height, width, generator=random)
    weight, bias = torch.randn(40, 24, 3, 3, generator=random), torch.randn(40, generator=random)
    expected = functional.conv2d(activity, weight, bias, padding=1)
    module = Winograd(Winograd.weight_transform(weight), bias)
    for given in (activity, activity.to(memory_format=torch.channels_last)):
        found = module(given)
        assert found.shape == expected.shape
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
