"""V1 models of known worth, to be scored in either protocol: single pixels, and Gabor filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision.model_interface import BrainModel
from PIL import Image

from brainscore_cornet.marques2020.protocols import LIGHT, POSITION

HALF_PATCH = 112  # px around the place of the gratings, 2 degrees
CENTER = round(LIGHT.size / 2 + POSITION * LIGHT.pixels_per_degree)
PATCH = slice(CENTER - HALF_PATCH, CENTER + HALF_PATCH)


class V1Model(BrainModel):
    """Responses (presentation, neuroid) are what a function makes of the image around the gratings' place.

    Parameters
    ----------
    respond
        (presentation, height, width), luminance from -1 to 1, -> responses (presentation, neuroid).
    """

    def __init__(self, identifier: str, respond: Callable[[np.ndarray], np.ndarray]) -> None:
        self._identifier, self._respond = identifier, respond
        self.seen = 0  # images

    @property
    def identifier(self) -> str:
        return self._identifier

    def visual_degrees(self) -> float:
        return LIGHT.degrees

    def start_recording(self, recording_target: str, time_bins) -> None:
        assert recording_target == "V1"
        self._time_bins = time_bins

    def look_at(self, stimuli, number_of_trials: int = 1, require_variance: bool = False) -> NeuroidAssembly:
        self.seen += len(stimuli)
        paths = [str(stimuli.get_stimulus(stimulus_id)) for stimulus_id in stimuli["stimulus_id"]]
        responses = self._respond(np.stack([_patch(path) for path in paths]))
        count = responses.shape[1]
        ((start, end),) = self._time_bins
        return NeuroidAssembly(
            responses[np.newaxis],
            coords={
                **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                "neuroid_id": ("neuroid", [f"{self.identifier}.{index}" for index in range(count)]),
                "region": ("neuroid", ["V1"] * count),
                "time_bin_start": ("time_bin", [start]),
                "time_bin_end": ("time_bin", [end]),
            },
            dims=["time_bin", "presentation", "neuroid"],
        )


@lru_cache(2500)
def _patch(path: str) -> np.ndarray:
    with Image.open(path) as image:
        if min(image.size) < PATCH.stop:  # the official grey image is smaller than the gratings
            return np.zeros((2 * HALF_PATCH, 2 * HALF_PATCH), dtype=np.float32)
        return (np.asarray(image, dtype=np.float32)[PATCH, PATCH] - 128) / 128


def pixels() -> V1Model:
    """Pixels of the image at 224 px, which is what models see, are neuroids; every second one in both directions."""

    def respond(patches: np.ndarray) -> np.ndarray:
        return _halved(patches)[:, ::2, ::2].reshape(len(patches), -1)

    return V1Model("pixels", respond)


def _halved(patches: np.ndarray) -> np.ndarray:
    rows = patches[:, ::2] + patches[:, 1::2]  # much faster than numpy's mean over two axes
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def gabors(identifier: str, orientations: np.ndarray, frequencies: np.ndarray) -> V1Model:
    """Complex cells at the gratings' place: energy of two Gabor filters in quadrature, 1.2 octaves wide.

    Parameters
    ----------
    orientations, frequencies
        Preferred ones of each neuroid, in degrees and in cycles a degree.
    """
    # every two pixels in both directions are one: fine enough for the frequencies, and four times as fast
    axis = (np.arange(-HALF_PATCH, HALF_PATCH, 2) + 0.5) / LIGHT.pixels_per_degree
    x, y = np.meshgrid(axis, axis)
    ratio = 2**1.2
    filters = []
    for phase in (0, np.pi / 2):
        for orientation, frequency in zip(np.deg2rad(orientations), frequencies, strict=True):
            sigma = np.sqrt(np.log(2) / 2) / np.pi * (ratio + 1) / (ratio - 1) / frequency
            along = x * np.cos(orientation) + y * np.sin(orientation)
            gabor = np.exp(-(x**2 + y**2) / (2 * sigma**2)) * np.cos(2 * np.pi * frequency * along + phase)
            filters.append((gabor / np.linalg.norm(gabor)).ravel())
    bank = np.stack(filters).astype(np.float32)

    def energy(patches: np.ndarray) -> np.ndarray:
        projected = _halved(patches).reshape(len(patches), -1) @ bank.T
        return np.hypot(*np.split(projected, 2, axis=1))

    return V1Model(identifier, energy)
