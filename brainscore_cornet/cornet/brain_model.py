"""The Brain-Score `BrainModel` that benchmarks run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_interface import BrainModel

from .anatomy import REGIONS
from .architectures import CORnet
from .behaviour import Behaviour
from .commitments import (
    Commitment,
    TimeBin,
    bins_as_text,
    overlaps,
)
from .device import pick_device
from .errors import MAX_PROCESSES, UserError, unknown_name, whole_number
from .network import find_weights, load_network
from .plain import plain
from .recording.activations_model import ActivationsModel
from .recording.layer_choice import check_one_size
from .recording.stimuli import as_stimulus_set, as_trials
from .time_bins import TimeMapping, check_time_bin
from .varied_commitment import commitment_for

DEFAULT_BATCH_SIZE = 16


def load_model(
    identifier: str,
    *,
    weights: str | os.PathLike | None = "released",
    weights_sha256: str | None = None,
    times: int | Mapping[str, int] | None = None,
    time_mapping: TimeMapping | None = None,
    layers: Mapping[str, str] | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
    named: str | None = None,
    device: str | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    workers: int | None = None,
    precision: str = "fp32",
    compiled: bool = False,
) -> CORnetModel:
    """Return a CORnet as a Brain-Score model.

    Parameters
    ----------
    identifier
        `cornet_z`, `cornet_r`, `cornet_rt` or `cornet_s`, or one of these with `_untrained`.
    weights
        `released` (downloaded when needed), None for the network's own initialization from a fixed seed, a path or a
        URL. An `_untrained` model has no released weights and starts from its initialization.
    weights_sha256
        SHA-256 that a user's own weight file or download must have.
    times
        Time steps: a number for R and RT, a number for each of V2, V4, IT for S, such as `{"V4": 6}`; by default those
        that a weight file of `train` states, else the released ones.
    time_mapping
        Region -> time step -> (start, end) in ms after stimulus onset, or a list of such time bins, in place of the
        committed ones. The step with the nearest start answers a time bin: starts in a region differ.
    layers
        Region -> layer that stands for it, in place of the region's output, such as `{"V4": "V4.nonlin3"}`.
    image_size
        Height and width in px that images are resized to; by default what a weight file of `train` states, else 224.
    resize
        How images are made square: `squeeze` (by default), `crop`, as in validation, or `pad` with the background.
    background
        Colour behind transparent pixels: `grey`, `white`, `black` or (red, green, blue) from 0 to 255. By default, as
        in Brain-Score, the network sees the colours that are stored for such pixels, and `pad` has grey.
    named
        The model's identifier. By default it is composed of all options that change the numbers. Brain-Score uses
        the identifier as a cache key: a name must stand for one set of options alone, as a submission's does.
    device
        Such as `cuda:1`; by default `cuda` where there is one, else `mps`, else `cpu`.
    batch_size
        Number of images in a forward pass; it does not change the numbers. On CUDA, a batch that does not fit into
        memory is halved.
    workers
        Threads that prepare images ahead of the network; by default as many as torch uses, eight at most.
    precision
        `bf16` for mixed precision: faster on recent hardware, with other numbers from the third digit on.
    compiled
        Whether torch.compile makes kernels for this network: minutes at first, faster on a GPU afterwards.

    Raises
    ------
    UserError
        If an option is invalid or the weights are unavailable; the message lists what is valid.
    """
    batch_size = whole_number(batch_size, "a batch size", 1)
    workers = None if workers is None else whole_number(workers, "a number of workers", 1, MAX_PROCESSES)
    chosen = pick_device(device)
    options = {"times": times, "time_mapping": time_mapping, "layers": layers}
    options |= {"image_size": image_size, "precision": precision, "resize": resize, "background": background}
    commitment_for(identifier, **options)  # an invalid option is an error before anything is downloaded
    path = find_weights(identifier, weights, weights_sha256)
    commitment = commitment_for(identifier, weights_file=path, **options)
    if named is not None:
        commitment = replace(commitment, identifier=named)
    # the memory layout that inference uses, so that most weights are in memory only once
    network = load_network(identifier, weights=path, times=commitment.times).to(memory_format=torch.channels_last)
    return CORnetModel(commitment, network, device=chosen, batch_size=batch_size, workers=workers, compiled=compiled)


@dataclass(frozen=True)
class _Recording:
    region: str
    time_bins: Sequence[TimeBin]
    time_steps: Sequence[int]


class CORnetModel(BrainModel):
    """A Brain-Score model of the ventral stream: it gives recordings from a region, or behaviour in a task.

    Each `start_recording` and each `start_task` replaces the previous one.
    """

    def __init__(
        self,
        commitment: Commitment,
        network: CORnet,
        *,
        device: torch.device,
        batch_size: int,
        workers: int | None = None,
        compiled: bool = False,
    ) -> None:
        self.commitment = commitment
        self.activations_model = ActivationsModel(
            commitment.identifier,
            network.eval(),
            image_size=commitment.image_size,
            visual_degrees=commitment.visual_degrees,
            device=device,
            batch_size=batch_size,
            workers=workers,
            precision=commitment.precision,
            resize=commitment.resize,
            background=commitment.background,
            compiled=compiled,
        )
        self.layer_model = SimpleNamespace(region_layer_map=dict(commitment.layers))  # for Brain-Score's score comment
        self._behaviour = Behaviour(self.activations_model, commitment.readout_layer)
        self._recording: _Recording | None = None
        self._task: str | None = None

    @property
    def identifier(self) -> str:
        return self.commitment.identifier

    def visual_degrees(self) -> int:
        return self.commitment.visual_degrees

    def start_recording(self, recording_target: str, time_bins: Sequence[TimeBin]) -> None:
        """Record from a region in time bins of (start, end) in ms after stimulus onset.

        Each requested bin is recorded at the time step whose committed bin has the nearest start, the earlier one on a
        tie. If no committed bin overlaps a requested one, a warning lists the committed bins.
        """
        recording_target, time_bins = plain(recording_target), plain(time_bins)
        if not isinstance(recording_target, str) or recording_target not in REGIONS:
            raise unknown_name(recording_target, REGIONS, "recording target")
        if isinstance(time_bins, str) or not isinstance(time_bins, Iterable):
            raise UserError(f"Expected a list of time bins such as [(70, 170)], received {time_bins!r}.")
        requested = [check_time_bin(time_bin) for time_bin in time_bins]
        if not requested:
            raise UserError("No time bins to record in; expected a list such as [(70, 170)].")
        committed = self.commitment.time_bins[recording_target]
        if not committed:
            steps = self.commitment.time_steps[recording_target]
            raise UserError(
                f"The image does not reach {recording_target} in the {steps} time steps of {self.identifier}."
            )
        outside = [time_bin for time_bin in requested if not overlaps(committed, time_bin)]
        if outside:
            warnings.warn(
                f"{self.identifier} has no activity in {recording_target} at {_in_ms(outside)}: committed are "
                f"{_in_ms(committed.values())}. The bin with the nearest start is used.",
                stacklevel=2,
            )
        steps = [self.commitment.step_at(recording_target, time_bin) for time_bin in requested]
        activations = self.activations_model
        check_one_size(activations.network, self.commitment.layers[recording_target], steps, activations.image_size)
        self._task, self._recording = None, _Recording(recording_target, requested, steps)

    def start_task(self, task: str, *args, **kwargs) -> None:
        """Start a task: `passive`, `label`, `probabilities` or `odd_one_out`.

        `label` takes `imagenet` or a list of labels, `probabilities` the stimuli to fit the readout on.
        """
        self._recording = self._task = None
        task = plain(task)
        self._behaviour.start(task, *args, **kwargs)
        self._task = task

    def look_at(
        self,
        stimuli: StimulusSet | Sequence[str | Path],
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> NeuroidAssembly | BehavioralAssembly | None:
        """Return recordings or behaviour for the stimuli, or None in the passive task.

        Recordings are (time_bin, presentation, neuroid), or (presentation, neuroid) for a single time bin. Their time
        bins are the requested ones; `attrs["model_time_bins"]` are the committed ones that answer them, in this order.

        Parameters
        ----------
        number_of_trials
            Number of trials to average. The model is deterministic, so that the average costs one trial.
        require_variance
            Whether every trial is a presentation of its own, shifted by a microsaccade.
        """
        stimuli = as_stimulus_set(stimuli)
        number_of_trials = as_trials(number_of_trials)
        options = {"number_of_trials": number_of_trials, "require_variance": require_variance}
        if self._recording is not None:
            recording = self._recording
            recorded = self.activations_model.record(
                stimuli,
                recording.region,
                self.commitment.layers[recording.region],
                recording.time_bins,
                recording.time_steps,
                **options,
            )
            # not coordinates: Brain-Score's `ost` expects the two levels of its own models along the time bins
            committed = self.commitment.time_bins[recording.region]
            recorded.attrs["model_time_bins"] = bins_as_text(committed[step] for step in recording.time_steps)
            # Brain-Score's models drop the dimension of a single time bin, and Islam2021 relies on it
            return recorded.squeeze("time_bin") if len(recording.time_bins) == 1 else recorded
        if self._task is None:
            raise UserError("No recording or task was started: call start_recording or start_task first.")
        return self._behaviour.look_at(self._task, stimuli, **options)


def _in_ms(time_bins) -> str:
    return ", ".join(f"{start}-{end} ms" for start, end in time_bins)
