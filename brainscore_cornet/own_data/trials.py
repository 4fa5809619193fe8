"""Tables of behavioural trials, checked, and as Brain-Score's assemblies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, walk_coords
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.errors import UserError, folded, unknown_name
from .data_files import as_texts, without_index
from .recordings import selected_stimuli
from .stimulus_tables import ID

CHOICE, TRUTH, DISTRACTOR, SUBJECT, CONDITION = "choice", "truth", "distractor", "subject", "condition"
TRIPLET = ("stimulus_1", "stimulus_2", "stimulus_3")
ODD_ONE_OUT, ERROR_CONSISTENCY, ACCURACY = "odd_one_out", "error_consistency", "accuracy"
OF_PAIRS = ("i1", "i2n")
"""Metrics of trials in which the label is one of two."""
METRICS = (ACCURACY, *OF_PAIRS, ERROR_CONSISTENCY, ODD_ONE_OUT)
_TRUTHS = (TRUTH, "object_name", "image_label")
"""Columns of the stimuli that may hold the right label, the first that is there."""
_OTHER_NAMES = {"stimulus": ID, "sample_obj": TRUTH, "dist_obj": DISTRACTOR}
"""Of Brain-Score's assemblies and of shorter tables -> ours."""


@dataclass(frozen=True)
class Trials:
    """Trials of behaviour, each of a stimulus that is known."""

    table: pd.DataFrame
    """A row for each trial: `choice`; `stimulus_id`, `truth`, `condition` or a triplet; `subject`, `distractor`."""
    stimuli: StimulusSet
    """Those that trials show, with their truth and condition."""
    labels: Sequence[str]
    """In alphabetical order; none for odd-one-out."""

    @property
    def subjects(self) -> list[str]:
        return sorted(self.table[SUBJECT].unique()) if SUBJECT in self.table else []

    def assembly(self) -> BehavioralAssembly:
        """Return the choices (presentation,), with the names that Brain-Score's metrics expect."""
        columns: dict[str, Any] = {name: self.table[name].to_numpy(str) for name in self.table if name != CHOICE}
        columns["sample_obj"] = columns[TRUTH]
        columns["dist_obj"] = columns.pop(DISTRACTOR, columns[TRUTH])
        coords = {name: ("presentation", values) for name, values in columns.items()}
        return BehavioralAssembly(self.table[CHOICE].to_numpy(str), coords=coords, dims=["presentation"])


def checked_trials(
    given, stimuli: StimulusSet, metric: str, truth: str | None, source: str, stimuli_source: str
) -> Trials:
    """Return the trials of a table that fit a metric and the stimuli.

    Parameters
    ----------
    given
        A DataFrame, or a Brain-Score assembly of choices.
    truth
        Column of the stimuli with the right labels; by default `truth` of the trials, else the first of `truth`,
        `object_name`, `image_label` that the stimuli have.

    Raises
    ------
    UserError
        If a column or a value is missing or does not fit, in one line that names the row.
    """
    table = _as_table(given, source)
    if metric == ODD_ONE_OUT:
        return _triplets(table, stimuli, source, stimuli_source)
    _need(table, (ID, CHOICE), source)
    _check_known(table, ID, stimuli, source, stimuli_source)
    shown = selected_stimuli(stimuli, np.flatnonzero(stimuli[ID].isin(table[ID]).to_numpy()))
    table = table.assign(**{TRUTH: _truths(table, shown, truth, source, stimuli_source)})
    table = _with_condition(table, shown)
    for name in (TRUTH, CONDITION):
        _check_one_for_each_stimulus(table, name, source)
    labels = sorted(set(table[TRUTH]) | set(table[CHOICE]))
    _check_spelling(table, labels, source)
    if len(set(table[TRUTH])) < 2:
        raise UserError(f"{source}: the right label of all stimuli is {labels[0]!r}, expected at least two labels.")
    if metric in OF_PAIRS:
        _check_pairs(table, metric, source)
        if never := sorted(set(labels) - set(table[TRUTH])):
            raise UserError(
                f"{source}: no stimulus shows {never[0]!r}, which is chosen; {metric} needs one of each label."
            )
    if metric == ERROR_CONSISTENCY:
        _check_complete(table, source)
    if metric != ACCURACY:
        _check_errors(table, metric, source)
    known = pd.DataFrame(shown).drop(columns=[name for name in (TRUTH, CONDITION, CHOICE, SUBJECT) if name in shown])
    first = table.drop_duplicates(ID).set_index(ID)
    # Brain-Score's metrics of pairs add the truth to what the model returns, and fail where it is there already
    for name in () if metric in OF_PAIRS else (TRUTH, CONDITION):
        known[name] = first[name].reindex(shown[ID]).to_numpy()
    return Trials(table, _like(known, shown), labels)


def where_label(table: pd.DataFrame, label: str, source: str) -> str:
    """Return where trials have a label first, such as `trials.csv, row 3: the choice is 'Dog'`."""
    names = {CHOICE: "choice", TRUTH: "right label"}
    rows = {name: np.flatnonzero(table[name] == label) for name in names}
    name = CHOICE if len(rows[CHOICE]) else TRUTH
    return f"{source}, row {rows[name][0] + 1}: the {names[name]} is {label!r}"


def _check_spelling(table: pd.DataFrame, labels: Sequence[str], source: str) -> None:
    """Raise `UserError` for labels that are one in two spellings: a choice of the other would count as wrong."""
    known: dict[str, str] = {}
    for label in sorted(labels, key=lambda each: (each not in set(table[TRUTH]), each)):
        other = known.setdefault(folded(label).replace(" ", "_"), label)
        if other != label:
            raise UserError(f"{where_label(table, label, source)}, and elsewhere {other!r}: expected one spelling.")


def _check_errors(table: pd.DataFrame, metric: str, source: str) -> None:
    """Raise `UserError` if no errors can be compared, since all choices are alike, or those of all subjects but one."""
    right = table[CHOICE] == table[TRUTH]
    if right.all() or not right.any():
        raise UserError(
            f"{source}: all choices are {'right' if right.all() else 'wrong'}, and {metric} compares which ones are "
            "wrong: there is no ceiling and no score. Expected errors, or the metric accuracy."
        )
    if metric != ERROR_CONSISTENCY or table[SUBJECT].nunique() < 2:
        return
    if not (err_at_times(table).sum(axis=1) > 1).any():
        raise UserError(
            f"{source}: in no condition do two subjects err at times, and error_consistency compares their errors: "
            "there is no ceiling. Expected more trials, or the metric accuracy."
        )


def err_at_times(table: pd.DataFrame) -> pd.DataFrame:
    """Return whether choices are neither all right nor all wrong, (condition, subject)."""
    right: Any = (table[CHOICE] == table[TRUTH]).groupby([table[CONDITION], table[SUBJECT]]).mean().unstack()
    return (right > 0) & (right < 1)


def _as_table(given, source: str) -> pd.DataFrame:
    if isinstance(given, xr.DataArray):
        if given.ndim != 1:
            raise UserError(f"{source} has the dimensions {given.dims}, expected one choice for each presentation.")
        columns = {str(name): values for name, dims, values in walk_coords(given) if dims == given.dims}
        given = pd.DataFrame({**columns, CHOICE: np.asarray(given.values)})
    if not isinstance(given, pd.DataFrame):
        raise UserError(f"Expected trials as a table (.csv, .tsv, .parquet, a DataFrame), received {source}.")
    given = without_index(given)
    if not len(given):
        raise UserError(f"{source} holds no trials.")
    names = {old: new for old, new in _OTHER_NAMES.items() if old in given and new not in given}
    table = given.rename(columns=names).reset_index(drop=True)
    for name in (ID, CHOICE, TRUTH, DISTRACTOR, SUBJECT, CONDITION, *TRIPLET):
        if name in table:
            empty = np.flatnonzero(table[name].isna())
            if len(empty):
                raise UserError(f"{source}, row {empty[0] + 1}: the {name} is missing; leave out trials without one.")
            table[name] = as_texts(table[name])
    return table


def _need(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    for name in names:
        if name not in table:
            known = ", ".join(map(str, table.columns[:8]))
            raise UserError(f"{source} has no column {name}, only {known}: rename the one that has it.")


def _check_known(table: pd.DataFrame, column: str, stimuli: StimulusSet, source: str, stimuli_source: str) -> None:
    unknown = np.flatnonzero(~table[column].isin(stimuli[ID]).to_numpy())
    if len(unknown):
        value = table[column].iloc[unknown[0]]
        raise UserError(
            f"{source}, row {unknown[0] + 1}: {stimuli_source} has no stimulus {value!r}; there the ids are "
            f"{', '.join(map(repr, stimuli[ID].tolist()[:3]))} …"
        )


def _truths(table: pd.DataFrame, shown: StimulusSet, given: str | None, source: str, stimuli_source: str) -> np.ndarray:
    """Return the right label of each trial."""
    if given is None and TRUTH in table:
        return table[TRUTH].to_numpy()
    column = given or next((name for name in _TRUTHS if name in shown), None)
    if column is None:
        raise UserError(
            f"The right label is nowhere: expected a column truth in {source}, or {', '.join(_TRUTHS)} in "
            f'{stimuli_source}, or its name, such as truth = "category".'
        )
    if column not in shown:
        raise unknown_name(column, list(shown.columns), f"column of {stimuli_source} with the right labels,")
    missing = shown[ID][shown[column].isna()].tolist()
    if missing:
        raise UserError(f"{stimuli_source}: the {column} of stimulus {missing[0]!r} is missing.")
    return _of_stimuli(table, shown, column)


def _with_condition(table: pd.DataFrame, shown: StimulusSet) -> pd.DataFrame:
    if CONDITION in table:
        return table
    if CONDITION not in shown or np.any(shown[CONDITION].isna()):
        return table.assign(**{CONDITION: "all"})
    return table.assign(**{CONDITION: _of_stimuli(table, shown, CONDITION)})


def _of_stimuli(table: pd.DataFrame, shown: StimulusSet, column: str) -> np.ndarray:
    """Return what a column says of each trial's stimulus, as text."""
    of = dict(zip(shown[ID], as_texts(shown[column]), strict=True))
    return np.array([of[name] for name in table[ID]], object)


def _check_one_for_each_stimulus(table: pd.DataFrame, name: str, source: str) -> None:
    counts: Any = table.groupby(ID)[name].nunique()
    if (counts > 1).any():
        stimulus = counts.index[counts > 1][0]
        values = pd.unique(table.loc[table[ID] == stimulus, name])
        raise UserError(
            f"{source}: the {name} of stimulus {stimulus!r} is {values[0]!r} in one trial and {values[1]!r} in another."
        )


def _check_pairs(table: pd.DataFrame, metric: str, source: str) -> None:
    """Raise `UserError` unless each choice is between the right label and another one."""
    if DISTRACTOR not in table:
        raise UserError(
            f"{source} has no column distractor: {metric} is of choices between the right label and one other. For "
            "choices among all labels: accuracy or error_consistency."
        )
    same = np.flatnonzero(table[DISTRACTOR] == table[TRUTH])
    if len(same):
        raise UserError(
            f"{source}, row {same[0] + 1}: the distractor is the right label, {table[TRUTH].iloc[same[0]]!r}."
        )
    other = np.flatnonzero((table[CHOICE] != table[TRUTH]) & (table[CHOICE] != table[DISTRACTOR]))
    if len(other):
        row = table.iloc[other[0]]
        raise UserError(
            f"{source}, row {other[0] + 1}: the choice is {row[CHOICE]!r}, expected {row[TRUTH]!r} or "
            f"{row[DISTRACTOR]!r}."
        )


def _check_complete(table: pd.DataFrame, source: str) -> None:
    """Raise `UserError` unless each subject has one trial of each stimulus."""
    _need(table, (SUBJECT,), source)
    counts: Any = table.groupby([SUBJECT, ID]).size()
    if (counts > 1).any():
        subject, stimulus = counts.index[counts > 1][0]
        raise UserError(
            f"{source}: subject {subject!r} has {counts.max()} trials of stimulus {stimulus!r}, and error_consistency "
            "compares single trials: keep one of them, such as the first."
        )
    stimuli = table[ID].unique()
    for subject, own in table.groupby(SUBJECT)[ID]:
        if len(own) < len(stimuli):
            absent = next(name for name in stimuli if name not in set(own))
            raise UserError(
                f"{source}: subject {subject!r} has no trial of {len(stimuli) - len(own)} of {len(stimuli)} stimuli, "
                f"such as {absent!r}: error_consistency compares all subjects on the same stimuli."
            )


def _triplets(table: pd.DataFrame, stimuli: StimulusSet, source: str, stimuli_source: str) -> Trials:
    _need(table, (*TRIPLET, CHOICE), source)
    for name in TRIPLET:
        _check_known(table, name, stimuli, source, stimuli_source)
    values = table[list(TRIPLET)].to_numpy()
    for row, (triplet, choice) in enumerate(zip(values, table[CHOICE], strict=True), start=1):
        if len(set(triplet)) < 3:
            raise UserError(f"{source}, row {row}: expected three different stimuli, received {', '.join(triplet)}.")
        if choice not in triplet:
            raise UserError(
                f"{source}, row {row}: the choice is {choice!r}, expected the stimulus that was chosen as the odd one: "
                f"{', '.join(triplet)}."
            )
    shown = selected_stimuli(
        stimuli, np.flatnonzero(stimuli[ID].isin(np.unique(values.astype(str)).tolist()).to_numpy())
    )
    return Trials(table, shown, ())


def _like(table: pd.DataFrame, stimuli: StimulusSet) -> StimulusSet:
    """Return a table as a stimulus set with the images of another."""
    made = StimulusSet(table)
    made.stimulus_paths, made.identifier = stimuli.stimulus_paths, stimuli.identifier
    return made
