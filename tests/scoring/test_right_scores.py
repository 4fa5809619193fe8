"""Scores on stand-ins are those that Brain-Score's own model classes get around the same plain network."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from brainscore_vision import load_benchmark
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
from brainscore_vision.model_interface import BrainModel
from helpers.peer import Uncached, brain_score_cornet_s
from helpers.stand_ins import collected, stand_ins_installed

from brainscore_cornet.cornet.brain_model import CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment, vary
from brainscore_cornet.metrics.exact import exact_metrics

SIZE = 32  # px, the smallest
TOLERANCE = 1e-4  # of the score or of its ceiling
# one for each family: the fitted regressions of the others are the same classes
BENCHMARKS = {family: benchmarks[0] for family, benchmarks in sorted(collected("REPRESENTATIVES").items())}
# those that are quick: recordings over time, a task with labels, one with probabilities, and similarities
FAST = {
    "cornet_z": ("majajhong2015", "freemanziemba2013", "rajalingham2018", "geirhos2021", "bracci2019"),
    "cornet_s": ("majajhong2015", "geirhos2021"),
}


class TheirCommitment(Uncached, ModelCommitment):
    """Brain-Score's model of a network that has no time steps, without its caches."""


class TheirCornetS(BrainModel):
    """Brain-Score's CORnet-S classes for recordings, and its readouts for tasks.

    Its CORnet-S commitment has no labels, and still does the task that came before when it is to record.
    """

    def __init__(self, network: torch.nn.Module, identifier: str) -> None:
        self._recorded = brain_score_cornet_s(network, identifier, SIZE)
        self._readouts = their_commitment(network, identifier)
        self._recording = False
        self._identifier = identifier

    @property
    def identifier(self) -> str:
        return self._identifier

    def visual_degrees(self) -> int:
        return self._recorded.visual_degrees()

    def start_recording(self, recording_target, time_bins) -> None:
        self._recording = True
        self._bins = len(time_bins)
        self._recorded.start_recording(recording_target, time_bins)

    def start_task(self, *args, **kwargs) -> None:
        self._recording = False
        self._readouts.start_task(*args, **kwargs)

    def look_at(self, stimuli, number_of_trials: int = 1, require_variance: bool = False):
        options = {"number_of_trials": number_of_trials, "require_variance": require_variance}
        if not self._recording:
            return self._readouts.look_at(stimuli, **options)
        recorded = self._recorded.look_at(stimuli, **options)
        return recorded.squeeze("time_bin") if self._bins == 1 else recorded


def their_commitment(network: torch.nn.Module, identifier: str) -> ModelCommitment:
    commitment = get_commitment("cornet_z")
    wrapper = PytorchWrapper(
        # with several trials, images in one batch would be labelled in another order than they are computed in
        network,
        partial(load_preprocess_images, image_size=SIZE),
        identifier=identifier,
        batch_size=1,
    )
    return TheirCommitment(
        identifier,
        activations_model=wrapper,
        layers=[*commitment.layers.values(), commitment.readout_layer],
        behavioral_readout_layer=commitment.readout_layer,
        region_layer_map=dict(commitment.layers),
        visual_degrees=commitment.visual_degrees,
    )


THEIRS = {"cornet_z": their_commitment, "cornet_s": TheirCornetS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stand_ins")


@pytest.fixture(scope="module")
def models(stand_in):
    """Identifier -> (ours, theirs) around one network."""

    def models(identifier: str):
        commitment = vary(get_commitment(identifier), image_size=SIZE)
        network = stand_in(commitment.architecture)
        ours = CORnetModel(commitment, network, device=torch.device("cpu"), batch_size=16)
        return ours, THEIRS[identifier](network, commitment.identifier)

    return models


CASES = [
    pytest.param(
        identifier, benchmark, id=f"{identifier}-{family}", marks=() if family in FAST[identifier] else pytest.mark.slow
    )
    for identifier in THEIRS
    for family, benchmark in BENCHMARKS.items()
    if benchmark not in collected("CANNOT")
]


@pytest.mark.filterwarnings("ignore:.*has no activity", "ignore:.*are constant")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("identifier", "benchmark"), CASES)
def test_score_is_that_of_brainscores_own_classes(identifier, benchmark, models, folder):
    """The same benchmark gives both models one score, of metrics in their fast forms, which other tests hold."""
    found = []
    with stand_ins_installed(folder), exact_metrics():
        for model in models(identifier):
            np.random.seed(0)  # some metrics draw from numpy's global state
            found.append(load_benchmark(benchmark)(model))
    ours, theirs = found
    ceiling = float(np.mean(np.asarray(getattr(theirs, "ceiling", 1), dtype=float)))
    np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=TOLERANCE * max(ceiling, 1e-3))
    assert np.isfinite(ours.values).all()


def test_without_the_conversion_of_time_bins_the_stand_ins_fail(models, folder, monkeypatch):
    """The stand-ins pass time bins in the form that Brain-Score's loaders give: as it is, no model can read it."""

    def unconverted(time_bin, **_):
        start, end = time_bin
        return start, end

    monkeypatch.setattr("brainscore_cornet.cornet.brain_model.check_time_bin", unconverted)
    ours, _ = models("cornet_z")
    with stand_ins_installed(folder), pytest.raises(TypeError, match="0-d array"):
        load_benchmark("MajajHong2015.IT-pls")(ours)
