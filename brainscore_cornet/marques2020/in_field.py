"""A model restricted to the neuroids whose receptive field is at the gratings' place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.properties_common import RF_DELTA, RF_NUMBER_OF_TRIALS
from brainscore_vision.model_interface import BrainModel

from ..cornet.errors import UserError
from ..cornet.progress_line import counting
from .gratings import BLANK, stimulus_set
from .protocols import POSITION, Gratings, Protocol
from .receptive_fields import ReceptiveFields

RECEPTIVE_FIELD = "receptive_field"
NEAR = 0.25  # degrees on each axis
PORTION = 2**28  # bytes of one region's activity that are held at a time
SEED = 0


class InFieldModel(BrainModel):
    """A model of which only the neuroids are recorded that look at the gratings' place, by Brain-Score's rule.

    All else is dropped as soon as it is recorded, portion by portion, and each stimulus set is recorded once for each
    number of trials. Images are placed on the model's screen when they are rendered: `look_at` needs no image files,
    only the names of the protocol's stimulus sets.
    """

    def __init__(self, model: BrainModel, protocol: Protocol, region: str, time_bins: Sequence[tuple]) -> None:
        self._model, self._protocol = model, protocol
        self._region, self._time_bins = region, time_bins
        self._neuroids: np.ndarray | None = None
        self._recorded: dict[tuple[str, int], NeuroidAssembly] = {}
        self._image_bytes: int | None = None

    @property
    def identifier(self) -> str:
        return f"{self._model.identifier}--{self._protocol.prefix}"

    def visual_degrees(self) -> float:
        return self._protocol.degrees  # so that Brain-Score's functions do not place stimuli on a screen again

    def start_recording(self, recording_target: str, time_bins: Sequence[tuple]) -> None:
        if recording_target != self._region or list(time_bins) != list(self._time_bins):
            raise ValueError(f"This model is recorded from in {self._region} at {self._time_bins} only.")
        # Brain-Score types regions as their enumeration's class, and passes texts
        self._model.start_recording(recording_target, time_bins=time_bins)  # pyright: ignore[reportArgumentType]

    def look_at(
        self, stimuli: StimulusSet, number_of_trials: int = 1, require_variance: bool = False
    ) -> NeuroidAssembly:
        """Recordings (presentation, neuroid) of `neuroids`, in the order of their indices."""
        neuroids = self.neuroids
        name = stimuli.identifier.removeprefix(f"{self._protocol.prefix}_")
        key = name, number_of_trials
        if key not in self._recorded:
            values = [portion[:, neuroids] for portion in self._portions(name, number_of_trials)]
            self._recorded[key] = NeuroidAssembly(
                np.concatenate(values),
                coords={
                    **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                    "neuroid_id": ("neuroid", neuroids),
                    "region": ("neuroid", [self._region] * len(neuroids)),
                },
                dims=["presentation", "neuroid"],
            )
        return self._recorded[key].copy(deep=True)  # Brain-Score's functions write into it

    @property
    def neuroids(self) -> np.ndarray:
        """Indices, in the region, of the neuroids whose receptive field is at the gratings' place.

        Raises
        ------
        UserError
            Where there are fewer than two.
        """
        if self._neuroids is None:
            self._neuroids = self._find_neuroids()
        if len(self._neuroids) < 2:
            raise UserError(
                f"Of {self._model.identifier}'s neuroids in {self._region}, {len(self._neuroids)} have their receptive "
                f"field at the gratings' place, ({POSITION}, {POSITION}) degrees; at least two are needed. Does the "
                f"model's layer keep positions, and does the model see {self._protocol.degrees:g} degrees around its "
                "fixation?"
            )
        return self._neuroids

    def _find_neuroids(self) -> np.ndarray:
        protocol, gratings = self._protocol, self._protocol.gratings[RECEPTIVE_FIELD]
        (blank,) = next(self._portions(BLANK, RF_NUMBER_OF_TRIALS))
        fields = ReceptiveFields(blank, gratings.positions, _near(gratings))
        for responses in self._portions(RECEPTIVE_FIELD, RF_NUMBER_OF_TRIALS, gratings.per_position):
            fields.add(responses.reshape(-1, gratings.per_position, len(blank)))
        with np.errstate(invalid="ignore"):
            in_field = np.linalg.norm(fields.centroids() - [POSITION, POSITION], axis=1) <= RF_DELTA
        if protocol.least_drive is not None:
            in_field &= _driven(fields.strongest_near, protocol.least_drive, protocol.most_driven)
        return np.flatnonzero(in_field)

    def _portions(self, name: str, number_of_trials: int, at_once: int = 1) -> Iterator[np.ndarray]:
        """The whole region's responses (presentation, neuroid) to one stimulus set, in multiples of `at_once`."""
        stimuli = stimulus_set(self._protocol, name, self._model.visual_degrees())
        start = 0
        with counting(f"recording {stimuli.identifier}", len(stimuli)) as add:
            while start < len(stimuli):
                # the very first portion shows how many neuroids there are
                groups = 1 if self._image_bytes is None else max(1, PORTION // (self._image_bytes * at_once))
                count = groups * at_once
                responses = self._show(stimuli, slice(start, start + count), number_of_trials)
                add(len(responses))
                start += len(responses)
                self._image_bytes = responses[0].nbytes
                yield responses

    def _show(self, stimuli: StimulusSet, rows: slice, number_of_trials: int) -> np.ndarray:
        portion = StimulusSet(stimuli.iloc[rows].reset_index(drop=True))
        portion.stimulus_paths = stimuli.stimulus_paths
        portion.identifier = f"{stimuli.identifier}-from{rows.start}"
        recorded = self._model.look_at(portion, number_of_trials)
        if "time_bin" in recorded.dims:
            recorded = recorded.squeeze("time_bin")
        values = recorded.transpose("presentation", "neuroid").values
        # bytes, as raw pixels have them, would wrap around where responses are subtracted
        return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float32)


def _near(gratings: Gratings) -> np.ndarray:
    """Whether each position (y, x), row by row, is the gratings' place or next to it."""
    near = np.abs(np.array(gratings.positions) - POSITION) <= NEAR
    return np.outer(near, near).ravel()


def _driven(responses: np.ndarray, least: float, most: int | None) -> np.ndarray:
    """Which neuroids respond with more than a share of the strongest response; of more than `most`, a draw."""
    driven = np.flatnonzero(responses > least * responses.max()) if responses.max() > 0 else np.array([], dtype=int)
    if most is not None and len(driven) > most:
        driven = np.random.RandomState(SEED).choice(driven, most, replace=False)
    chosen = np.zeros(len(responses), dtype=bool)
    chosen[driven] = True
    return chosen
