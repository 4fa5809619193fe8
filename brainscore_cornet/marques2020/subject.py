"""A model as the light protocol sees it: only the neuroids at the stimulus' place, each stimulus set shown once."""

from __future__ import annotations

import numpy as np
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.properties_common import filter_receptive_fields
from brainscore_vision.benchmark_helpers.screen import place_on_screen
from brainscore_vision.model_interface import BrainModel
from tqdm.auto import tqdm

from ..cornet.errors import UserError
from . import PREFIX
from .gratings import DEGREES, POSITION, stimulus_set

MOST_NEUROIDS = 8000
DRIVEN = 0.01  # of the strongest response to the localizer: below it is numerical noise
PORTION = 2**29  # bytes of one region's activity that are held at a time
SEED = 0


class Subject(BrainModel):
    """Stands between Brain-Score's property functions and a model.

    A small localizer picks the neuroids that stimuli at the protocol's position drive, Brain-Score's own rule then
    those whose receptive field lies there; all else is dropped as soon as it is recorded, portion by portion. The
    rule looks at each neuroid alone, so what is left is the same as without the localizer, save for the drawing of
    at most 8000 neuroids. Each stimulus set is recorded once.
    """

    def __init__(self, model: BrainModel, region: str, time_bins) -> None:
        self._model = model
        self._region, self._time_bins = region, time_bins
        self._kept: np.ndarray | None = None
        self._portion = 1  # images; the first one shows how many neuroids there are
        self._recorded: dict[str, xr.DataArray] = {}

    @property
    def identifier(self) -> str:
        return f"{self._model.identifier}--{PREFIX}"

    def visual_degrees(self) -> int:
        return DEGREES  # of the stimuli; they are placed on the model's screen portion by portion

    def start_recording(self, recording_target: str, time_bins) -> None:
        if recording_target != self._region or list(time_bins) != list(self._time_bins):
            raise ValueError(f"This subject is recorded from in {self._region} at {self._time_bins} only.")
        # Brain-Score declares its class of region names here, whose values are strings
        self._model.start_recording(recording_target, time_bins=time_bins)  # pyright: ignore[reportArgumentType]

    def look_at(self, stimuli: StimulusSet, number_of_trials: int = 1, require_variance: bool = False):
        if self._kept is None:
            self._find_neuroids()
        if stimuli.identifier not in self._recorded:
            self._recorded[stimuli.identifier] = self._record(stimuli, number_of_trials)
        return self._recorded[stimuli.identifier].copy(deep=True)  # Brain-Score's functions write into it

    def _find_neuroids(self) -> None:
        """Raises `UserError` where fewer than two neuroids look at the stimulus' place."""
        blank = self._record(stimulus_set("blank"), 1).values
        localized = self._record(stimulus_set("localizer"), 1).values
        driven = np.maximum(localized, 0).max(axis=0) - np.maximum(blank, 0)[0]
        neuroids = np.flatnonzero(driven > DRIVEN * driven.max()) if driven.max() > 0 else np.array([], dtype=int)
        if len(neuroids) > MOST_NEUROIDS:
            neuroids = np.sort(np.random.RandomState(SEED).choice(neuroids, MOST_NEUROIDS, replace=False))
        self._kept = neuroids
        if len(neuroids) >= 2:
            position = np.array([POSITION, POSITION])
            in_field = filter_receptive_fields(
                model_identifier=self.identifier, model=self, region=self._region, pos=position
            )
            in_field = np.atleast_1d(in_field)
            self._kept = neuroids[in_field]
            self._recorded = {name: seen.isel(neuroid=in_field) for name, seen in self._recorded.items()}
        if len(self._kept) < 2:
            found, self._kept, self._recorded = len(self._kept), None, {}  # the next benchmark is told the same
            raise UserError(
                f"Of {self._model.identifier}'s neuroids in {self._region}, {found} have their receptive "
                f"field at the gratings' place, ({POSITION}, {POSITION}) degrees; at least two are needed. Does the "
                f"model's layer keep positions, and does the model see {DEGREES} degrees around its fixation?"
            )

    def _record(self, stimuli: StimulusSet, number_of_trials: int) -> xr.DataArray:
        values, start = [], 0
        with tqdm(total=len(stimuli), desc=stimuli.identifier, unit="image", leave=False, disable=None) as progress:
            while start < len(stimuli):
                portion = self._show(stimuli, slice(start, start + self._portion), number_of_trials)
                self._portion = max(1, PORTION // (portion.sizes["neuroid"] * portion.dtype.itemsize))
                kept = portion if self._kept is None else portion.isel(neuroid=self._kept)
                neuroids = kept["neuroid_id"].values
                values.append(_as_rates(kept.values))
                start += len(portion["presentation"])
                progress.update(len(portion["presentation"]))
        return NeuroidAssembly(
            np.concatenate(values),
            coords={
                **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                "neuroid_id": ("neuroid", neuroids),
                "region": ("neuroid", [self._region] * len(neuroids)),
            },
            dims=["presentation", "neuroid"],
        )

    def _show(self, stimuli: StimulusSet, rows: slice, number_of_trials: int) -> xr.DataArray:
        """The whole region's activity (presentation, neuroid) for some rows of a stimulus set."""
        portion = StimulusSet(stimuli.iloc[rows].reset_index(drop=True))
        portion.stimulus_paths = stimuli.stimulus_paths
        portion.identifier = f"{stimuli.identifier}-from{rows.start}"
        portion = place_on_screen(portion, target_visual_degrees=self._model.visual_degrees())
        recorded = self._model.look_at(portion, number_of_trials)
        if "time_bin" in recorded.dims:
            recorded = recorded.squeeze("time_bin")
        return recorded.transpose("presentation", "neuroid")


def _as_rates(values: np.ndarray) -> np.ndarray:
    """Responses that can be subtracted from each other; the bytes of raw pixels would wrap around."""
    return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float32)
