"""The official protocol, held against Brain-Score's own benchmarks on the same stimuli and data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brainscore_vision.benchmark_helpers.properties_common import filter_receptive_fields
from helpers.stock import in_place_of_downloads, stock_score

from brainscore_cornet import load_model
from brainscore_cornet.marques2020.benchmark import REGION, TIME_BINS, V1PropertyBenchmark, shared_recordings
from brainscore_cornet.marques2020.in_field import InFieldModel
from brainscore_cornet.marques2020.protocols import OFFICIAL, Gratings

SMALL = replace(
    OFFICIAL,
    prefix="Marques2020small",
    size=192,
    blank_size=96,
    gratings={
        "receptive_field": Gratings([2], (0, 90), (0, 180), radii=[0.25], positions=tuple(np.linspace(-0.5, 1.5, 9))),
        "orientation": Gratings((0.5, 2), phases=(0, 90, 180, 270), cycles=[2, 3]),
        "spatial_frequency": Gratings((0.5, 0.7, 1, 1.4, 2, 2.8, 4), (0, 45, 90, 135), (0, 90, 180, 270), radii=[1, 2]),
        "size": Gratings((0.5, 2), (0, 45, 90, 135), (0, 90, 180, 270), radii=(0.2, 0.4, 0.6, 0.9, 1.3, 2, 3, 4)),
    },
)
"""The official protocol with fewer and smaller images."""
IMAGE_SIZE = 72
"""Px that no other test has: Brain-Score keeps receptive fields by names of models and stimuli, whatever these are."""


@pytest.fixture(autouse=True)
def fewer_caches(monkeypatch):
    """Activity of all neuroids would fill the disk, and stimuli on a screen are kept by the names of their sets."""
    disabled = "brainscore_cornet.activations", "brainscore_vision.benchmark_helpers.screen"
    monkeypatch.setenv("RESULTCACHING_DISABLE", ",".join(disabled))


def _assert_same_scores(protocol, model) -> None:
    with shared_recordings():
        ours = {name: V1PropertyBenchmark(protocol, name)(model) for name in protocol.properties}
    with in_place_of_downloads(protocol):
        for name, score in ours.items():
            similarity, ceiling = stock_score(name, model)
            assert float(score.raw) == pytest.approx(float(similarity), abs=1e-6), name
            assert float(score.raw.error) == pytest.approx(float(similarity.error), abs=1e-6), name
            assert float(score) == pytest.approx(float(similarity) / float(ceiling), abs=1e-6), name


def test_all_properties_are_brainscores():
    """With fewer and smaller images, a CORnet has in each benchmark the score of Brain-Score's own."""
    _assert_same_scores(SMALL, load_model("cornet_z_untrained", image_size=IMAGE_SIZE))


def test_neuroids_are_those_that_brainscore_finds():
    """Of all neuroids of the region the same ones have their receptive field at the gratings' place."""
    model = load_model("cornet_z_untrained", image_size=IMAGE_SIZE)
    model.start_recording(REGION, TIME_BINS)
    with in_place_of_downloads(SMALL):
        expected = filter_receptive_fields(model.identifier, model, REGION, np.array([0.5, 0.5]))
    found = InFieldModel(model, SMALL, REGION, TIME_BINS).neuroids
    np.testing.assert_array_equal(found, expected)
    assert 10 < len(found) < 1000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("identifier", ["cornet_z_untrained", "cornet_s_untrained"])
def test_official_scores_are_brainscores(identifier):
    """All images: Brain-Score's own benchmarks, which need nine GB, give the same scores."""
    _assert_same_scores(OFFICIAL, load_model(identifier))
