"""Recordings of one's own as a Brain-Score benchmark, with Brain-Score's own metrics, splits and ceilings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import joblib
import numpy as np
import pandas as pd
from brainscore_core.metrics import Score
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from brainscore_vision.metric_helpers.temporal import PerTime, PerTimeRegression
from brainscore_vision.metrics.cka.metric import CKA
from brainscore_vision.metrics.internal_consistency.ceiling import InternalConsistency
from brainscore_vision.metrics.rdm.metric import RDMMetric
from brainscore_vision.metrics.regression_correlation import metric as regressions

from ..cornet.commitments import TimeBin
from ..cornet.errors import UserError, unknown_name, whole_number
from .neural_assemblies import average_assembly, repeated_assembly
from .own_ceiling import CeilingByVersion
from .recordings import Recordings, recordings
from .screen import placing_on_screen
from .stimulus_counts import check_compared, check_fitted
from .stimulus_tables import check_sizes, checked_degrees, stimulus_set

REGRESSIONS: Mapping[str, Callable] = {
    "pls": regressions.pls_regression,
    "ridge": regressions.ridge_regression,
    "ridgecv": regressions.ridge_cv_regression,
    "linear_predictivity": regressions.linear_regression,
    "neuron_to_neuron": regressions.single_regression,
}
SIMILARITIES: Mapping[str, Callable] = {"rdm": RDMMetric, "cka": CKA}
# the classes of Brain-Score's registry: `load_metric` would run pip for their requirements
SPAN = "spantime_"
METRICS = (*REGRESSIONS, *SIMILARITIES, f"{SPAN}pls", f"{SPAN}ridge")
STRATIFY = "object_name"
"""The column by which Brain-Score stratifies splits."""
UNCEILED = "unceiled: without repetitions there is no noise ceiling, and the score is the raw similarity"
FEWEST_REPEATED = 3
TRAIN_SIZE = 0.9


class RecordingsBenchmark(CeilingByVersion, NeuralBenchmark):
    """Brain-Score's `NeuralBenchmark` over recordings of one's own; without repetitions, its raw score.

    Parameters
    ----------
    recorded
        The recordings and their stimuli.
    settings
        Metric, splits and stratification, as checked by `neural_benchmark`.
    """

    def __init__(
        self, identifier: str, recorded: Recordings, settings: Mapping[str, Any], degrees: float | None, trials: int
    ) -> None:
        self.recorded, self.settings = recorded, dict(settings)
        averages = average_assembly(recorded)
        super().__init__(
            identifier,
            assembly=averages,
            similarity_metric=similarity_metric(self.settings, len(recorded.time_bins)),
            visual_degrees=degrees,
            number_of_trials=trials,
            ceiling_func=self._own_ceiling,
            version=self.contents[:12],
            parent=recorded.region,
            bibtex=settings.get("bibtex"),
        )
        if averages.ndim == 2:
            self.timebins = list(recorded.time_bins)

    @cached_property
    def contents(self) -> str:
        """Hash of everything that the score depends on besides the model."""
        found = hashlib.sha256(json.dumps(self.settings, sort_keys=True, default=str).encode())
        found.update(str((self.recorded.stimuli.identifier, self.recorded.region, self.recorded.time_bins)).encode())
        found.update("\n".join([*self.recorded.stimulus_ids, *self.recorded.neuroids["neuroid_id"]]).encode())
        found.update(pd.DataFrame(self.recorded.stimuli).to_csv(index=False).encode())
        found.update(np.ascontiguousarray(self.recorded.values).data)
        return found.hexdigest()

    @property
    def has_ceiling(self) -> bool:
        """Whether enough stimuli are repeated for a noise ceiling: halves of two are always correlated by 1 or -1."""
        return bool((self.recorded.counts > 1).sum() >= FEWEST_REPEATED)

    @cached_property
    def weakness(self) -> str | None:
        """Warning of time bins whose noise ceiling may be 0, None without any."""
        from .weak_ceilings import weak_ceilings

        return weak_ceilings(self)

    def __call__(self, candidate) -> Score:
        with placing_on_screen():
            score = super().__call__(candidate)
        if self.has_ceiling:
            if self.weakness:
                score.attrs["protocol"] = self.weakness
            return score
        raw: Any = score.attrs["raw"]
        raw.attrs["protocol"] = UNCEILED
        return raw

    def _own_ceiling(self) -> Score:
        if not self.has_ceiling:
            return Score(np.nan)
        compute: Any = ceiler(self.settings, len(self.recorded.time_bins))
        return compute(repeated_assembly(self.recorded))


def neural_benchmark(
    identifier: str,
    responses,
    *,
    stimuli=None,
    dims: Sequence[str] | None = None,
    region: str | None = None,
    time_bins: Sequence[TimeBin] | None = None,
    metric: str = "pls",
    visual_degrees: float | None = None,
    stimulus_ids: Sequence | None = None,
    neuroid_ids: Sequence | None = None,
    leave_out: Sequence = (),
    number_of_trials: int | None = None,
    splits: int = 10,
    train_size: float = TRAIN_SIZE,
    stratify: str | None = STRATIFY,
    bibtex: str | None = None,
    source: str = "the recordings",
    stimuli_source: str = "the stimuli",
) -> RecordingsBenchmark:
    """Return a Brain-Score benchmark over recordings of one's own.

    Parameters
    ----------
    identifier
        Name of the benchmark, such as `MyLab2026.IT`.
    responses
        An array with `dims`; a DataFrame with the columns `stimulus_id`, `neuroid_id`, `response` or with a column
        for each neuroid; a DataArray with these dimensions; or a Brain-Score assembly. NaN is a missing response.
    stimuli
        A folder, a pattern, a table with a column `stimulus_path`, a list of image files, or a `StimulusSet`. By
        default those of the assembly.
    dims
        Names of the array's dimensions in their order: `repetition`, `stimulus`, `neuroid`, `time_bin`, of which only
        `stimulus` and `neuroid` are needed; or `presentation` in place of the first two, with `stimulus_ids`.
    region
        V1, V2, V4 or IT: the region that a model is recorded from.
    time_bins
        (start, end) in ms after stimulus onset, one for each position along `time_bin`.
    metric
        `pls`, `ridge`, `ridgecv`, `linear_predictivity` or `neuron_to_neuron`, each fitted for each time bin alone;
        `spantime_pls` or `spantime_ridge`, fitted for all time bins together; `rdm` or `cka`.
    visual_degrees
        Size of the stimuli in degrees of visual angle, unless they have a column `degrees`.
    stimulus_ids, neuroid_ids
        Names of the positions along `stimulus` (or `presentation`) and `neuroid`.
    leave_out
        Ids of neuroids that are left out.
    number_of_trials
        Trials in which a model sees each stimulus; by default as many as there are repetitions.
    splits, train_size
        Cross-validation of regressions: number of random splits, and share of stimuli that is fitted on.
    stratify
        Column of the stimuli by which splits are stratified; `object_name` is left out where there is none.
    source, stimuli_source
        Names of the data in messages.

    Raises
    ------
    UserError
        If something does not fit together, in one line that names what, and what was expected.
    """
    if stimuli is None:
        stimuli = getattr(responses, "attrs", {}).get("stimulus_set")
        if stimuli is None:
            raise UserError("No stimuli are given: expected a folder, a table or a list of image files.")
    shown = stimulus_set(stimuli, identifier, stimuli_source)
    degrees = checked_degrees(visual_degrees, shown, stimuli_source)
    check_sizes(shown, degrees)
    recorded = recordings(
        responses,
        shown,
        folder=stimuli,
        dims=dims,
        region=region,
        time_bins=time_bins,
        stimulus_ids=stimulus_ids,
        neuroid_ids=neuroid_ids,
        leave_out=leave_out,
        source=source,
        stimuli_source=stimuli_source,
    )
    trials = int(recorded.counts.max()) if number_of_trials is None else number_of_trials
    trials = whole_number(trials, "a number of trials", 1)
    settings = checked_settings(metric, splits, train_size, stratify, recorded, stimuli_source)
    return RecordingsBenchmark(identifier, recorded, {**settings, "bibtex": bibtex}, degrees, trials)


class _EachTimeBin(PerTime):
    """Brain-Score's `PerTime` in this process, since similarities take less time than starting others."""

    def __call__(self, *assemblies):
        with joblib.parallel_config(backend="sequential"):
            return super().__call__(*assemblies)


def similarity_metric(settings: Mapping[str, Any], time_bins: int):
    """Return Brain-Score's metric; with several time bins, one that treats each alone."""
    name = settings["metric"]
    if name in SIMILARITIES:
        metric = SIMILARITIES[name]()
        return metric if time_bins == 1 else _EachTimeBin(metric)
    validation = {
        "splits": settings["splits"],
        "train_size": settings["train_size"],
        "stratification_coord": settings["stratify"],
    }
    if name.startswith(SPAN):
        parts = REGRESSIONS[name.removeprefix(SPAN)](), regressions.pearsonr_correlation()
        return regressions.SpanTimeCrossRegressedCorrelation(*parts, crossvalidation_kwargs=validation)
    regression, correlation = REGRESSIONS[name](), regressions.pearsonr_correlation()
    if time_bins > 1:
        regression, correlation = PerTimeRegression(regression), PerTime(correlation)
    return regressions.CrossRegressedCorrelation(regression, correlation, crossvalidation_kwargs=validation)


def ceiler(settings: Mapping[str, Any], time_bins: int):
    """Return Brain-Score's consistency of split halves, for responses or, with `rdm` and `cka`, for that similarity."""
    if settings["metric"] in SIMILARITIES:
        single = InternalConsistency(consistency_metric=SIMILARITIES[settings["metric"]]())
        return single if time_bins == 1 else _EachTimeBin(single)
    return InternalConsistency() if time_bins == 1 else PerTime(InternalConsistency())


def checked_settings(metric, splits, train_size, stratify, recorded: Recordings, stimuli_source: str) -> dict[str, Any]:
    """Return the settings of a metric that fit the recordings; raises `UserError` otherwise."""
    if metric not in METRICS:
        raise unknown_name(metric, METRICS, "metric")
    count = len(recorded.stimuli)
    if metric in SIMILARITIES:
        check_counts(metric, train_size, count, len(recorded.time_bins))
        return {"metric": metric}
    splits = whole_number(splits, "a number of splits", 2)
    if isinstance(train_size, bool) or not isinstance(train_size, float) or not 0 < train_size < 1:
        raise UserError(f"Expected train_size as a share between 0 and 1, such as 0.9, received {train_size!r}.")
    tested = count - int(count * train_size)
    check_counts(metric, train_size, count, len(recorded.time_bins))
    return {
        "metric": metric,
        "splits": splits,
        "train_size": train_size,
        "stratify": _stratify(stratify, recorded, tested, stimuli_source),
    }


def check_counts(metric: str, train_size: float, stimuli: int, time_bins: int) -> None:
    """Raise `UserError` for fewer stimuli or time bins than a metric needs."""
    if metric in SIMILARITIES:
        check_compared(metric, stimuli)
        return
    if metric.startswith(SPAN) and time_bins < 2:
        raise UserError(f"{metric} is fitted over time bins: expected at least 2, received {time_bins}.")
    check_fitted(metric, train_size, stimuli)


def _stratify(column: str | None, recorded: Recordings, tested: int, source: str) -> str | None:
    if column is None or column == "none" or (column == STRATIFY and column not in recorded.stimuli):
        return None
    if column not in recorded.stimuli:
        raise unknown_name(column, [*recorded.stimuli.columns, "none"], f"column of {source} to stratify by,")
    sizes = recorded.stimuli[column].value_counts(dropna=False)
    if np.any(recorded.stimuli[column].isna()) or sizes.min() < 2 or len(sizes) > tested:
        raise UserError(
            f"Splits cannot be stratified by {column} of {source}: {tested} stimuli are tested on, of {len(sizes)} "
            f'labels with {sizes.min()} to {sizes.max()} stimuli. Expected no more labels, or stratify = "none".'
        )
    return column
