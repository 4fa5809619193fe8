"""Receptive field positions by Brain-Score's rule, in array operations over all neuroids of a region.

Brain-Score's `map_receptive_field_locations` holds the responses of all neuroids to all stimuli and loops over the
neuroids. Here responses come a few positions at a time, and only what can enter a neuroid's centroid is kept. Every
operation has the precision and the order of Brain-Score's, so that positions are equal bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brainscore_vision.benchmark_helpers.properties_common import RF_THRSH


class ReceptiveFields:
    """The centroid of each neuroid's strongest responses over the positions of the gratings.

    Parameters
    ----------
    blank
        Responses (neuroid,) to the grey image.
    positions
        Of the gratings on each axis, in degrees.
    near
        For each position (y, x), row by row, whether `strongest_near` looks at it.
    """

    def __init__(self, blank: np.ndarray, positions: Sequence[float], near: np.ndarray) -> None:
        self._blank = np.maximum(blank, 0)
        self._positions = np.asarray(positions)
        self._near = near
        self._strongest = np.zeros_like(self._blank)
        self.strongest_near = np.full_like(self._blank, -np.inf)
        """Each neuroid's strongest response (neuroid,) at the positions that are near, above that to grey."""
        self._seen = 0
        self._kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # position, neuroid, response

    def add(self, responses: np.ndarray) -> None:
        """Take responses (position, grating, neuroid) at the next positions, row by row."""
        # a maximum and a difference that are rounded give the same in either order
        driven = np.maximum(responses.max(axis=1), 0) - self._blank
        np.maximum(self._strongest, driven.max(axis=0), out=self._strongest)
        near = driven[self._near[self._seen : self._seen + len(driven)]]
        np.maximum(self.strongest_near, near.max(axis=0, initial=-np.inf), out=self.strongest_near)
        # the threshold only rises from here on: what is below it now never enters the centroid
        positions, neuroids = np.nonzero(driven > self._threshold())
        kept = positions.astype(np.int32) + self._seen, neuroids.astype(np.int32), driven[positions, neuroids]
        self._kept.append(kept)
        self._seen += len(driven)

    def centroids(self) -> np.ndarray:
        """Centroids (neuroid, 2) in y and x, in degrees; NaN for a neuroid that no grating drives."""
        positions, neuroids, responses = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        above = responses > self._threshold()[neuroids]
        positions, neuroids, responses = positions[above], neuroids[above], responses[above]
        total = np.zeros_like(self._strongest)
        np.add.at(total, neuroids, responses)
        side = len(self._positions)
        centroids = np.empty((len(total), 2))
        for axis, indices in enumerate(np.divmod(positions, side)):
            weighted = np.bincount(neuroids, weights=indices.astype(np.int64) * responses, minlength=len(total))
            with np.errstate(invalid="ignore"):
                centroids[:, axis] = np.interp(weighted / total, np.arange(side), self._positions)
        centroids[self._strongest == 0] = np.nan
        return centroids

    def _threshold(self) -> np.ndarray:
        return (self._strongest.astype(np.float64) * RF_THRSH).astype(self._strongest.dtype)
