"""Building and describing benchmarks of behaviour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.behaviour import checked_labels
from ..cornet.errors import UserError, unknown_name, whole_number
from ..cornet.plain import plain
from .data_files import as_texts
from .stimulus_tables import ID, check_sizes, checked_degrees, stimulus_set
from .trial_metrics import KINDS, TRIPLET_CHANCE, BehaviourBenchmark, ObjectDiscriminationBenchmark, OddOneOutBenchmark
from .trials import (
    CHOICE,
    ERROR_CONSISTENCY,
    METRICS,
    ODD_ONE_OUT,
    OF_PAIRS,
    SUBJECT,
    TRUTH,
    Trials,
    checked_trials,
    err_at_times,
    where_label,
)

IMAGE_LABEL = "image_label"
"""The column with the labels that Brain-Score's readout is fitted on."""


def behaviour_benchmark(
    identifier: str,
    trials,
    *,
    stimuli=None,
    metric: str,
    truth: str | None = None,
    fitting_stimuli=None,
    ceiling: float | None = None,
    visual_degrees: float | None = None,
    number_of_trials: int = 1,
    bibtex: str | None = None,
    source: str = "the trials",
    stimuli_source: str = "the stimuli",
) -> BehaviourBenchmark:
    """Return a Brain-Score benchmark over trials of behaviour of one's own.

    Parameters
    ----------
    identifier
        Name of the benchmark.
    trials
        A DataFrame with a row for each trial, or a Brain-Score assembly of choices. Columns: `stimulus_id` and
        `choice`, a label; `distractor`, the other label of a choice between two; `subject`; `truth` and `condition`,
        unless the stimuli have them. For `odd_one_out`: `stimulus_1`, `stimulus_2`, `stimulus_3` and `choice`, the
        stimulus that was chosen.
    stimuli
        As in `neural_benchmark`.
    metric
        `accuracy`, `i1`, `i2n`, `error_consistency` or `odd_one_out`.
    truth
        Column of the stimuli with the right labels.
    fitting_stimuli
        Other stimuli, with a column `image_label`, that a readout of the labels is fitted on. `i1` and `i2n` need
        them; without them the labels are those of ImageNet's classes that Brain-Score knows.
    ceiling
        For `odd_one_out`: a published ceiling, in place of the agreement on triplets that were shown several times.
    visual_degrees, source, stimuli_source
        As in `neural_benchmark`.
    number_of_trials
        Trials in which a model sees each stimulus.

    Raises
    ------
    UserError
        If something does not fit together, in one line.
    """
    if metric not in METRICS:
        raise unknown_name(metric, METRICS, "metric of behaviour")
    stimuli = getattr(trials, "attrs", {}).get("stimulus_set") if stimuli is None else stimuli
    if stimuli is None:
        raise UserError("No stimuli are given: expected a folder, a table or a list of image files.")
    shown = stimulus_set(stimuli, identifier, stimuli_source)
    degrees = checked_degrees(visual_degrees, shown, stimuli_source)
    check_sizes(shown, degrees)
    checked = checked_trials(trials, shown, metric, truth, source, stimuli_source)
    fitting = _fitting(fitting_stimuli, metric, checked, degrees, identifier, source)
    ceiling = _checked_ceiling(ceiling, metric)
    settings = {
        "metric": metric,
        "degrees": degrees,
        "number_of_trials": whole_number(number_of_trials, "a number of trials", 1),
        "ceiling": ceiling,
        "bibtex": bibtex,
    }
    made = KINDS[metric](identifier, checked, fitting, settings)
    if isinstance(made, ObjectDiscriminationBenchmark):
        _check_halves(made, source)
    return made


def described_behaviour(benchmark: BehaviourBenchmark) -> list[str]:
    """Return lines that say what the benchmark consists of."""
    trials, metric = benchmark.trials, benchmark.settings["metric"]
    table, subjects = trials.table, trials.subjects
    lines = [
        f"{benchmark.identifier}: behaviour, compared by {metric}",
        f"  stimuli      {len(trials.stimuli)}: {_few(trials.stimuli[ID])}",
        f"  subjects     {f'{len(subjects)}: {_few(subjects)}' if subjects else 'not named'}",
        f"  trials       {len(table)}" + (f", {_range(table.groupby(SUBJECT).size())} a subject" if subjects else ""),
    ]
    if isinstance(benchmark, OddOneOutBenchmark):
        lines.append(f"  repeated     {len(benchmark.agreement)} triplets")
    else:
        own = f"readout of {len(benchmark.fitting)} stimuli" if benchmark.fitting is not None else "ImageNet's classes"
        right = (table[CHOICE] == table[TRUTH]).mean()
        lines += [
            f"  labels       {len(trials.labels)}: {_few(trials.labels)}; the model's are from: {own}",
            f"  of a stimulus {_range(table.groupby(ID).size())} trials; {right:.3f} of all choices are right",
        ]
    if metric == ERROR_CONSISTENCY and not (varied := err_at_times(table)).to_numpy().all():
        row, column = np.argwhere(~varied.to_numpy())[0]
        subject, condition = varied.columns[column], varied.index[row]
        lines.append(
            f"  note         all choices of {subject} in the condition {condition} are right, or all wrong: two "
            "subjects of whom this is true are not compared there"
        )
    lines.append(f"  chance       {benchmark.chance:.3f}")
    if not benchmark.has_ceiling:
        return [*lines, "", f"There is no noise ceiling ({benchmark.needs_ceiling}): scores are raw (unceiled)."]
    lines.append(f"  ceiling      {float(benchmark.ceiling):.3f}")
    return [*lines, "", f"Beware: {benchmark.weakness}."] if benchmark.weakness else lines


def _checked_ceiling(given, metric: str) -> float | None:
    if given is None:
        return None
    ceiling = plain(given)
    is_number = isinstance(ceiling, int | float) and not isinstance(ceiling, bool)
    if metric != ODD_ONE_OUT or not is_number or not TRIPLET_CHANCE < ceiling <= 1:
        raise UserError(f"A ceiling is for odd_one_out, a number between 1/3 and 1: received {given!r} for {metric}.")
    return float(ceiling)


def _fitting(
    given, metric: str, trials: Trials, degrees: float | None, identifier: str, of_trials: str
) -> StimulusSet | None:
    """Return the stimuli that a readout is fitted on, None for the labels of ImageNet's classes."""
    source = "fitting_stimuli"
    if metric == ODD_ONE_OUT:
        if given is not None:
            raise UserError("odd_one_out compares activity: it takes no fitting_stimuli.")
        return None
    if given is None:
        if metric in OF_PAIRS:
            raise UserError(
                f"{metric} needs fitting_stimuli: a table of other stimuli with a column {IMAGE_LABEL}, on which the "
                f"readout of {', '.join(trials.labels[:3])} … is fitted."
            )
        for label in trials.labels:
            try:
                checked_labels([label])
            except UserError as error:
                where = where_label(trials.table, label, of_trials)
                other = f"For other labels: fitting_stimuli with a column {IMAGE_LABEL}."
                raise UserError(f"{where}: {error} {other}") from error
        return None
    fitting = stimulus_set(given, f"{identifier}-fitting", source)
    checked_degrees(degrees, fitting, source)
    check_sizes(fitting, degrees)
    if IMAGE_LABEL not in fitting or np.any(fitting[IMAGE_LABEL].isna()):
        raise UserError(f"{source} need a column {IMAGE_LABEL} with a label for each stimulus.")
    fitting[IMAGE_LABEL] = as_texts(fitting[IMAGE_LABEL])
    shared = set(fitting.stimulus_paths.values()) & set(trials.stimuli.stimulus_paths.values())
    if shared:
        raise UserError(f"{source} hold images of the trials, such as {min(shared)}: expected others to fit on.")
    if absent := sorted(set(trials.labels) - set(fitting[IMAGE_LABEL])):
        where = where_label(trials.table, absent[0], of_trials)
        raise UserError(f"Labels do not match: {source} have no image of {absent[0]!r} ({where}).")
    if absent := sorted(set(fitting[IMAGE_LABEL]) - set(trials.labels)):
        raise UserError(f"Labels do not match: the trials have no stimulus of the label in {source}, {absent[0]!r}.")
    return fitting


def _check_halves(benchmark: ObjectDiscriminationBenchmark, source: str) -> None:
    """Raise `UserError` unless each half of the trials that Brain-Score compares has all stimuli and labels."""
    metric, assembly = benchmark._metric, benchmark.trials.assembly()
    state = metric._initialize_random_state()
    for _ in range(metric._repetitions):
        for half in metric.generate_halves(assembly, state):
            for known, held, what in (
                (benchmark.trials.stimuli[ID], half[ID].values, "trial of stimulus"),
                (benchmark.trials.labels, half.values, "choice of"),
            ):
                if absent := sorted(set(known) - set(held.tolist())):
                    raise UserError(
                        f"{source}: {benchmark.settings['metric']} compares random halves of the trials, and one half "
                        f"has no {what} {absent[0]!r}: expected some ten trials of each, or leave it out."
                    )


def _range(counts: Any) -> str:
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _few(listed: Iterable) -> str:
    names = list(listed)
    return ", ".join(map(str, names[:3])) + (", …" if len(names) > 3 else "")
