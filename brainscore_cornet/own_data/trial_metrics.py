"""Behaviour of one's own as a benchmark, with Brain-Score's own metrics and ceilings."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, walk_coords
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers import bound_score
from brainscore_vision.benchmarks.rajalingham2018.benchmarks.benchmark import _DicarloRajalingham2018
from brainscore_vision.metrics.accuracy.metric import Accuracy
from brainscore_vision.metrics.error_consistency.metric import ErrorConsistency
from brainscore_vision.metrics.i1i2.metric import I1, I2n
from brainscore_vision.model_interface import BrainModel

from .own_ceiling import CeilingByVersion
from .screen import on_screen
from .stimulus_tables import DEGREES, ID
from .trials import (
    ACCURACY,
    CHOICE,
    ERROR_CONSISTENCY,
    ODD_ONE_OUT,
    OF_PAIRS,
    TRIPLET,
    TRUTH,
    Trials,
)

_LITTLE = 0.1
"""Distance of a noise ceiling from chance below which it is mostly noise."""
UNCEILED = "unceiled: {} there is no noise ceiling, and the score is the raw one"
TRIPLET_CHANCE = 1 / 3


class BehaviourBenchmark(CeilingByVersion):
    """Compares a model's choices with trials; each metric has a class of its own.

    Parameters
    ----------
    trials
        The trials and their stimuli.
    fitting
        Labelled stimuli that the readout is fitted on; None for the labels of ImageNet.
    settings
        Everything else that the score depends on: `metric`, `degrees`, `number_of_trials`.
    """

    needs_ceiling = ""
    """What is missing where there is no ceiling."""

    def __init__(
        self, identifier: str, trials: Trials, fitting: StimulusSet | None, settings: Mapping[str, Any]
    ) -> None:
        self.trials, self.fitting, self.settings = trials, fitting, dict(settings)
        super().__init__(
            identifier=identifier,
            ceiling_func=self._own_ceiling,
            version=self.contents[:12],
            parent="behavior",
            bibtex=settings.get("bibtex"),
        )

    @property
    def stimulus_set(self) -> StimulusSet:
        return self.trials.stimuli

    @cached_property
    def contents(self) -> str:
        """Hash of everything that the score depends on besides the model."""
        found = hashlib.sha256(json.dumps(self.settings, sort_keys=True, default=str).encode())
        found.update(self.trials.table.to_csv(index=False).encode())
        for stimuli in (self.trials.stimuli, self.fitting):
            if stimuli is not None:
                found.update(f"{stimuli.identifier}\n{stimuli.to_csv(index=False)}".encode())
        return found.hexdigest()

    @property
    def has_ceiling(self) -> bool:
        """Whether the trials allow an estimate of the noise ceiling."""
        raise NotImplementedError

    @property
    def chance(self) -> float:
        """Raw score of random choices."""
        return 0.0

    @cached_property
    def weakness(self) -> str | None:
        """Warning of a noise ceiling that is unknown or near chance, None without any."""
        if not self.has_ceiling:
            return None
        ceiling = float(self.ceiling)
        if np.isnan(ceiling):
            return "the ceiling cannot be estimated from these trials (NaN), nor can scores"
        if ceiling - self.chance < _LITTLE:
            return f"the ceiling is near chance, {ceiling:.3f}: scores are divided by noise"
        return None

    def _on_screen(self, candidate, stimuli: StimulusSet) -> StimulusSet:
        degrees = None if DEGREES in stimuli else self.settings["degrees"]
        return on_screen(stimuli, candidate.visual_degrees(), degrees)

    def _look_at(self, candidate, stimuli: StimulusSet):
        return candidate.look_at(stimuli, number_of_trials=self.settings["number_of_trials"])

    def labels(self, candidate) -> BehavioralAssembly:
        """Return the model's labels (choice, presentation): of ImageNet's classes, or of the fitted readout."""
        shown = self._on_screen(candidate, self.stimulus_set)
        if self.fitting is None:
            candidate.start_task(BrainModel.Task.label, list(self.trials.labels))
            return self._look_at(candidate, shown)
        probabilities = self.probabilities(candidate).transpose("presentation", "choice")
        labels = probabilities["choice"].values[probabilities.values.argmax(1)]
        coords = {name: (dims, values) for name, dims, values in walk_coords(probabilities["presentation"])}
        return BehavioralAssembly([labels], coords=coords, dims=["choice", "presentation"])

    def probabilities(self, candidate) -> BehavioralAssembly:
        """Return the fitted readout's probabilities of labels, (presentation, choice)."""
        assert self.fitting is not None
        candidate.start_task(BrainModel.Task.probabilities, self._on_screen(candidate, self.fitting))
        return self._look_at(candidate, self._on_screen(candidate, self.stimulus_set))

    def _unceiled(self, raw: Score) -> Score:
        raw.attrs["protocol"] = UNCEILED.format(self.needs_ceiling)
        return raw

    def _noted(self, score: Any) -> Score:
        if self.weakness:
            score.attrs["protocol"] = self.weakness
        return score

    def _own_ceiling(self) -> Score:
        raise NotImplementedError


class LabelAccuracyBenchmark(BehaviourBenchmark):
    """Share of stimuli whose label the model finds, as in Brain-Score's `Geirhos2021-top1`; its ceiling is 1."""

    has_ceiling = True  # pyright: ignore[reportAssignmentType]

    @property
    def chance(self) -> float:
        return 1 / len(self.trials.labels)

    def __call__(self, candidate) -> Score:
        labels = self.labels(candidate)
        order = self.stimulus_set.set_index(ID)[TRUTH]
        return Accuracy()(labels, target=order.loc[labels[ID].values].to_numpy())

    def _own_ceiling(self) -> Score:
        return Score(1)


class ErrorConsistencyBenchmark(BehaviourBenchmark):
    """Whether a model errs on the stimuli that subjects err on, as in Brain-Score's `Geirhos2021`."""

    needs_ceiling = "with one subject"

    @property
    def has_ceiling(self) -> bool:
        return len(self.trials.subjects) > 1

    def __call__(self, candidate) -> Score:
        with _undefined_kappas():
            raw = ErrorConsistency()(self.labels(candidate), self.trials.assembly())
        if not self.has_ceiling:
            return self._unceiled(raw)
        ceiling = self.ceiling
        score = raw / ceiling
        bound_score(score)
        score.attrs.update(raw=raw, ceiling=ceiling, error=raw.attrs["error"])
        return self._noted(score)

    def _own_ceiling(self) -> Score:
        with _undefined_kappas():
            return ErrorConsistency().ceiling(self.trials.assembly()) if self.has_ceiling else Score(np.nan)


@contextmanager
def _undefined_kappas() -> Iterator[None]:
    """Ignore warnings of pairs who are always right or always wrong, which Brain-Score leaves out of its means."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
        yield


class ObjectDiscriminationBenchmark(BehaviourBenchmark):
    """Consistency of discriminability by image, `i1` or `i2n`, as in Brain-Score's `Rajalingham2018`."""

    has_ceiling = True  # pyright: ignore[reportAssignmentType]
    _ceil_score = _DicarloRajalingham2018.ceil_score

    @property
    def _metric(self):
        """Brain-Score's metric; its `ceil_score` expects it here."""
        return {"i1": I1, "i2n": I2n}[self.settings["metric"]]()

    def __call__(self, candidate) -> Score:
        probabilities = self.probabilities(candidate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of pairs of labels without a trial
            raw = self._metric(probabilities, self.trials.assembly())
        return self._noted(self._ceil_score(raw, self.ceiling))

    def _own_ceiling(self) -> Score:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return self._metric.ceiling(self.trials.assembly(), skipna=True)


class OddOneOutBenchmark(BehaviourBenchmark):
    """Share of triplets of which the model chooses the same stimulus, as in Brain-Score's `Hebart2023-match`.

    The ceiling is that of Hebart et al. (2023, https://doi.org/10.7554/eLife.82580): of each triplet that was shown
    several times the share of the most frequent choice, averaged over triplets (`get_noiseceiling.m` in their analysis
    code; Brain-Score has its value, .6767, as a constant). Where all triplets have as many trials, no fixed choices
    agree with more of them.
    """

    needs_ceiling = "without triplets that are shown again"

    @property
    def chance(self) -> float:
        return TRIPLET_CHANCE

    @property
    def triplets(self) -> list[str]:
        """Name of each trial's triplet, in whichever order it was shown."""
        return ["|".join(sorted(each)) for each in self.trials.table[list(TRIPLET)].to_numpy()]

    @cached_property
    def agreement(self) -> np.ndarray:
        """Share of the most frequent choice, of each triplet with several trials."""
        counts: Any = self.trials.table.groupby([self.triplets, CHOICE]).size().groupby(level=0).agg(["max", "sum"])
        repeated = counts[counts["sum"] > 1]
        return (repeated["max"] / repeated["sum"]).to_numpy()

    @property
    def has_ceiling(self) -> bool:
        return self.settings["ceiling"] is not None or len(self.agreement) > 0

    def agrees(self, candidate) -> np.ndarray:
        """Return whether the model chooses the same stimulus, (trial,)."""
        candidate.start_task(BrainModel.Task.odd_one_out)  # pyright: ignore[reportCallIssue]  # takes no stimuli
        placed = self._on_screen(candidate, self.stimulus_set)
        values, choices = self.trials.table[list(TRIPLET)].to_numpy(), self.trials.table[CHOICE].to_numpy()
        # Brain-Score's trials have the choice in the third place
        others = np.stack([[each for each in row if each != odd] for row, odd in zip(values, choices, strict=True)])
        rows = placed.set_index(ID).index.get_indexer(np.column_stack([others, choices]).ravel())
        triplets = StimulusSet(placed.iloc[rows].reset_index(drop=True))
        triplets.stimulus_paths, triplets.identifier = placed.stimulus_paths, placed.identifier
        return np.ravel(self._look_at(candidate, triplets).values) == choices

    def __call__(self, candidate) -> Score:
        raw = Score(self.agrees(candidate).mean())
        if not self.has_ceiling:
            return self._unceiled(raw)
        ceiling = self.ceiling
        score = (raw - TRIPLET_CHANCE) / (ceiling - TRIPLET_CHANCE)
        bound_score(score)
        score.attrs.update(raw=raw, ceiling=ceiling)
        return self._noted(score)

    def _own_ceiling(self) -> Score:
        if not self.has_ceiling:
            return Score(np.nan)
        given = self.settings["ceiling"]
        return Score(self.agreement.mean() if given is None else given)


KINDS: Mapping[str, type[BehaviourBenchmark]] = {
    ACCURACY: LabelAccuracyBenchmark,
    **dict.fromkeys(OF_PAIRS, ObjectDiscriminationBenchmark),
    ERROR_CONSISTENCY: ErrorConsistencyBenchmark,
    ODD_ONE_OUT: OddOneOutBenchmark,
}
