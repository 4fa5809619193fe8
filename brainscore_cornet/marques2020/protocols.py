"""What is shown in each protocol and which properties are measured, as data.

Every value with a source in capitals is from `brainscore_vision/data/marques2020/data_packaging/marques_gen_stim.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

POSITION = 0.5  # degrees right of and below the centre, POS
RADII = tuple(np.logspace(-2.25, 3.25, 12, base=2) / 2)  # degrees, RADIUS
SPATIAL_FREQUENCIES = tuple(np.logspace(-1.375, 3.875, 22, base=2))  # cycles a degree, SF
ORIENTATIONS = tuple(np.linspace(0, 165, 12))  # degrees, ORIENTATION
PHASES = tuple(np.linspace(0, 315, 8))  # degrees, PHASE


class Grating(NamedTuple):
    """Positions and radius in degrees, spatial frequency in cycles a degree, orientation and phase in degrees."""

    position_y: float
    position_x: float
    radius: float
    spatial_frequency: float
    orientation: float
    phase: float


@dataclass(frozen=True)
class Gratings:
    """A stimulus set of every combination of these values; the phase varies fastest, then the orientation, and so on.

    That is the order of rows that Brain-Score's functions accept.
    """

    spatial_frequencies: Sequence[float]
    orientations: Sequence[float] = ORIENTATIONS
    phases: Sequence[float] = PHASES
    radii: Sequence[float] = ()
    """In degrees."""
    cycles: Sequence[float] = ()
    """Diameters in cycles of the grating, in place of radii in degrees."""
    positions: Sequence[float] = (POSITION,)
    """In degrees, on both axes."""

    @property
    def per_position(self) -> int:
        sizes = len(self.radii) + len(self.cycles)
        return sizes * len(self.spatial_frequencies) * len(self.orientations) * len(self.phases)

    def __len__(self) -> int:
        return len(self.positions) ** 2 * self.per_position

    def __iter__(self) -> Iterator[Grating]:
        sizes = [(radius, False) for radius in self.radii] + [(cycles, True) for cycles in self.cycles]
        for y, x, (size, in_cycles), frequency, orientation, phase in product(
            self.positions, self.positions, sizes, self.spatial_frequencies, self.orientations, self.phases
        ):
            yield Grating(y, x, size / 2 / frequency if in_cycles else size, frequency, orientation, phase)


@dataclass(frozen=True)
class Protocol:
    """One way to measure the properties of a model's V1."""

    prefix: str
    """Of the identifiers of its benchmarks, stimulus sets and data."""
    note: str
    """What a score in this protocol means, said with each score."""
    degrees: float
    """Width of the stimuli; a model of other visual degrees sees their centre, or grey around them."""
    size: int
    """Width of the gratings in px."""
    blank_size: int
    """Width of the uniform grey image in px."""
    gratings: Mapping[str, Gratings]
    """Stimulus set -> its gratings. `receptive_field` and `orientation` are needed for every property."""
    properties: Sequence[str]
    """Names of the benchmarks."""
    least_drive: float | None = None
    """Share of the strongest response near the gratings' place, over all neuroids, that a neuroid has to exceed."""
    most_driven: int | None = None
    """At most so many of these neuroids are looked at, drawn by a fixed seed."""

    @property
    def identifiers(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}_{name}" for name in self.properties)

    @property
    def pixels_per_degree(self) -> float:
        return self.size / self.degrees


LIGHT = Protocol(
    prefix="Marques2020light",
    note="light protocol, not comparable with the leaderboard's Marques2020 scores",
    degrees=8,  # the centre of the official stimuli, with as many pixels a degree
    size=448,
    blank_size=448,
    gratings={
        # two of the official four orientations; positions around the centre of the image: what responds everywhere
        # has its receptive field there, and not, by mistake, at the gratings' place
        "receptive_field": Gratings(
            spatial_frequencies=[3],
            orientations=ORIENTATIONS[::6],
            phases=PHASES[::4],
            radii=[1 / 6],
            positions=tuple(np.linspace(-1.5, 1.5, 13)),
        ),
        "orientation": Gratings(SPATIAL_FREQUENCIES[4:17:4], cycles=[3]),
        "spatial_frequency": Gratings(SPATIAL_FREQUENCIES, ORIENTATIONS[::2], radii=[0.75]),
    },
    properties=(
        "DeValois1982-pref_or",
        "DeValois1982-peak_sf",
        "Schiller1976-sf_bandwidth",
        "Schiller1976-sf_selective",
    ),
    least_drive=0.01,
    most_driven=8000,
)

OFFICIAL = Protocol(
    prefix="Marques2020offline",
    note=(
        "official protocol; the data are a draw of ours from the published histograms, the leaderboard's assemblies "
        "are another: scores agree up to that draw, whose standard deviation is .002 or less"
    ),
    degrees=12,  # DEGREES
    size=672,  # SIZE_PX
    blank_size=448,
    gratings={
        "receptive_field": Gratings(
            spatial_frequencies=[3],  # SF_rf
            orientations=ORIENTATIONS[::3],  # ORIENTATION_rf
            phases=PHASES[::4],  # PHASE_rf
            radii=[1 / 6],  # RADIUS_rf
            positions=tuple(np.linspace(-2.5, 2.5, 21)),  # POS_rf
        ),
        "orientation": Gratings(SPATIAL_FREQUENCIES[4:17:4], cycles=[2, 3, 4]),  # SF_or, MULT_RADIUS_or
        "spatial_frequency": Gratings(
            SPATIAL_FREQUENCIES,
            ORIENTATIONS[::2],  # ORIENTATION_sf
            radii=[0.75, 2.25],  # RADIUS_sf
        ),
        "size": Gratings(
            SPATIAL_FREQUENCIES[4:17:4],  # SF_size
            ORIENTATIONS[::2],  # ORIENTATION_size
            radii=RADII,
        ),
    },
    properties=(
        *LIGHT.properties,
        "Cavanaugh2002-grating_summation_field",
        "Cavanaugh2002-surround_diameter",
        "Cavanaugh2002-surround_suppression_index",
    ),
)
