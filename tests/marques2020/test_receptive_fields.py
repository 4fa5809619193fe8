"""Receptive fields in array operations, held against Brain-Score's loop over neuroids."""

from __future__ import annotations

from dataclasses import replace

import brainscore_vision
import brainscore_vision.data.marques2020
import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision.benchmark_helpers import properties_common

from brainscore_cornet.marques2020.gratings import parameters
from brainscore_cornet.marques2020.protocols import OFFICIAL, Gratings
from brainscore_cornet.marques2020.receptive_fields import ReceptiveFields

SIDE, NEUROIDS = 7, 400
POSITIONS = tuple(np.linspace(-0.75, 0.75, SIDE))
RECEPTIVE_FIELD = Gratings([3], (0, 90), (0, 180), radii=[1 / 6], positions=POSITIONS)
PROTOCOL = replace(OFFICIAL, gratings={"receptive_field": RECEPTIVE_FIELD})


class Answering:
    """A model whose responses to the blank and to the receptive fields' stimuli are given."""

    def __init__(self, blank: np.ndarray, responses: np.ndarray) -> None:
        self._values = {1: blank[np.newaxis], len(responses): responses}

    def visual_degrees(self) -> float:
        return PROTOCOL.degrees

    def look_at(self, stimuli, number_of_trials: int = 1) -> NeuroidAssembly:
        values = self._values[len(stimuli)].copy()
        return NeuroidAssembly(
            values,
            coords={
                **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                "neuroid_id": ("neuroid", np.arange(values.shape[1])),
                "region": ("neuroid", ["V1"] * values.shape[1]),
            },
            dims=["presentation", "neuroid"],
        )


def _responses(kind: str, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Responses (neuroid,) to the blank and (presentation, neuroid) to the gratings."""
    random = np.random.RandomState(0)
    responses = random.normal(size=(len(RECEPTIVE_FIELD), NEUROIDS))
    blank = random.normal(size=NEUROIDS)
    if kind == "sparse":  # as a convolution's: each neuroid sees a few positions, and grey gives what grey gives
        fields = random.uniform(size=(SIDE**2, NEUROIDS)) < 0.1
        fields[:, :20] = False
        responses = np.where(np.repeat(fields, 4, axis=0), responses, blank)
    elif kind == "whole numbers":  # many ties, also at the threshold
        responses, blank = np.round(responses * 10), np.round(blank * 3)
    elif kind == "suppressed":
        responses, blank = responses - 2, blank - 1
    return blank.astype(dtype), responses.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["dense", "sparse", "whole numbers", "suppressed"])
def test_positions_are_brainscores_to_the_last_bit(kind, dtype, monkeypatch):
    """However many positions come at a time, each neuroid's centroid is the one of Brain-Score's loop."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    for name in ("blank", "receptive_field"):
        monkeypatch.setitem(
            brainscore_vision.stimulus_set_registry, f"Marques2020_{name}", lambda name=name: parameters(PROTOCOL, name)
        )
    blank, responses = _responses(kind, dtype)
    expected, _ = properties_common.map_receptive_field_locations("any", Answering(blank, responses), "V1")
    expected = expected.values
    assert np.isfinite(expected).all(axis=1).sum() > NEUROIDS / 2
    assert kind != "sparse" or np.isnan(expected[:20]).all()
    for at_once in (1, 10, SIDE**2):
        fields = ReceptiveFields(blank, POSITIONS, np.zeros(SIDE**2, dtype=bool))
        for start in range(0, SIDE**2, at_once):
            fields.add(responses.reshape(SIDE**2, 4, NEUROIDS)[start : start + at_once])
        np.testing.assert_array_equal(fields.centroids(), expected)


def test_strongest_response_near_the_place():
    """It is over all gratings at the chosen positions, above the response to grey, whatever the portions."""
    blank, responses = _responses("dense", np.float32)
    near = np.random.RandomState(1).uniform(size=SIDE**2) < 0.2
    by_position = responses.reshape(SIDE**2, 4, NEUROIDS)
    fields = ReceptiveFields(blank, POSITIONS, near)
    for start in range(0, SIDE**2, 5):
        fields.add(by_position[start : start + 5])
    expected = np.maximum(by_position[near], 0).max(axis=(0, 1)) - np.maximum(blank, 0)
    np.testing.assert_array_equal(fields.strongest_near, expected)
