"""Behavioural tasks: Brain-Score's readouts on a network's activations, and checks of their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import partial

from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_interface import BrainModel

from .architectures import CLASSES
from .errors import UserError, unknown_name
from .plain import plain, plain_list
from .recording.activations_model import ActivationsModel
from .recording.stimuli import as_stimulus_set, stimulus_paths

TASKS = (
    BrainModel.Task.passive,
    BrainModel.Task.label,
    BrainModel.Task.probabilities,
    BrainModel.Task.odd_one_out,
)


class Behaviour:
    """The behavioural tasks of a model. Each readout is created at its first use.

    Parameters
    ----------
    layer
        Readout layer for probabilities and odd-one-out choices; labels come from the logits.
    """

    def __init__(self, activations_model: ActivationsModel, layer: str) -> None:
        self._activations_model = activations_model
        self._layer = layer
        self._readouts: dict[str, BrainModel] = {}

    def start(self, task: str, *args, **kwargs) -> None:
        """Start a task; raises `UserError` for an unknown task or invalid arguments."""
        if not isinstance(task, str) or task not in TASKS:
            raise unknown_name(task, TASKS, "task")
        if task == BrainModel.Task.passive:
            return
        readout = self._readout(task)
        try:
            given = inspect.signature(readout.start_task).bind(task, *args, **kwargs)
        except TypeError as error:
            expected = {
                BrainModel.Task.label: "'imagenet' or a list of labels",
                BrainModel.Task.probabilities: "the stimulus set to fit the readout on",
                BrainModel.Task.odd_one_out: "nothing more",
            }[task]
            raise UserError(f"The task {task} takes {expected}: {error}.") from error
        if task == BrainModel.Task.label:
            given.arguments["choice_labels"] = checked_labels(given.arguments["choice_labels"])
            given.arguments["aggregation"] = _aggregation(given.arguments.get("aggregation", "mean"))
            self._check_classes()
        elif task == BrainModel.Task.probabilities:
            _check_fitting_stimuli(given.arguments["fitting_stimuli"])
        readout.start_task(*given.args, **given.kwargs)

    def _check_classes(self) -> None:
        """Raise `UserError` unless the network's classes are ImageNet's, whose names the labels are."""
        classes = self._activations_model.network.decoder.linear.out_features
        if classes != CLASSES:
            raise UserError(
                f"{self._activations_model.identifier} has {classes} classes, and labels are those of "
                f"ImageNet's {CLASSES}: give it the task 'probabilities', which fits a readout."
            )

    def look_at(self, task: str, stimuli: StimulusSet, **options) -> BehavioralAssembly | NeuroidAssembly | None:
        if task == BrainModel.Task.passive:
            return None
        if task == BrainModel.Task.odd_one_out and len(stimuli) % 3:
            stimulus_paths(stimuli)  # a missing image is reported first
            raise UserError(f"Odd-one-out takes triplets, one after the other: received {len(stimuli)} stimuli.")
        return self._readout(task).look_at(stimuli, **options)

    def _readout(self, task: str) -> BrainModel:
        # imported here: the libraries of Brain-Score's readouts cost time and memory
        from brainscore_vision.model_helpers.brain_transformation import behavior

        if task not in self._readouts:
            made = {
                BrainModel.Task.label: behavior.LabelBehavior,
                BrainModel.Task.probabilities: partial(behavior.ProbabilitiesMapping, layer=self._layer),
                BrainModel.Task.odd_one_out: partial(behavior.OddOneOut, layer=self._layer),
            }[task]
            model = self._activations_model
            self._readouts[task] = made(identifier=model.identifier, activations_model=model)
        return self._readouts[task]


def checked_labels(choice_labels: str | Iterable[str]) -> str | list[str]:
    """Return 'imagenet' or a list of labels that Brain-Score maps to ImageNet classes; else raises `UserError`."""
    from brainscore_vision.model_helpers.brain_transformation.behavior import LabelToImagenetIndices

    labels = plain(choice_labels)
    if isinstance(labels, str) and labels == "imagenet":
        return labels
    labels = [] if isinstance(labels, str) or not isinstance(labels, Iterable) else plain_list(labels)
    if not labels:
        raise UserError(f"Expected 'imagenet' or a list of labels, received {choice_labels!r}.")
    known = {name.removesuffix("_indices") for name in vars(LabelToImagenetIndices) if name.endswith("_indices")}
    for label in labels:
        if not isinstance(label, str) or label.lower().replace(" ", "") not in known:
            raise unknown_name(label, known, "label")
    return labels


def _aggregation(aggregation: str) -> str:
    """Return how the probabilities of a label's ImageNet classes are pooled, `mean` or `max`."""
    chosen = plain(aggregation)
    if not isinstance(chosen, str) or chosen not in ("mean", "max"):
        raise unknown_name(chosen, ("mean", "max"), "aggregation")
    return chosen


def _check_fitting_stimuli(stimuli: StimulusSet) -> None:
    """Raise `UserError` unless each stimulus is listed once and labelled, and there are at least two labels."""
    if not isinstance(stimuli, StimulusSet) or "image_label" not in stimuli.columns:
        raise UserError(
            "Expected a StimulusSet with a column image_label to fit the readout on, "
            f"received {'one without' if isinstance(stimuli, StimulusSet) else f'a {type(stimuli).__name__}'}."
        )
    ids, labels = as_stimulus_set(stimuli)["stimulus_id"], stimuli["image_label"]
    unlabelled = ids[labels.isna()].tolist()
    if len(unlabelled):
        raise UserError(
            f"{len(unlabelled)} of {len(stimuli)} stimuli to fit the readout on have no image_label, the first is "
            f"{unlabelled[0]!r}: label them or leave them out."
        )
    repeated = ids[ids.duplicated()].tolist()
    if len(repeated):
        raise UserError(f"The readout is fitted on each stimulus once, {repeated[0]!r} is listed repeatedly.")
    if labels.nunique() < 2:
        raise UserError(f"A readout needs at least two labels, image_label has {list(labels.unique())}.")
