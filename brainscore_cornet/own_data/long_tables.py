"""Recordings as tables: one response in each row, or one presentation in each row and a column for each neuroid."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from ..cornet.errors import UserError
from .data_files import Labelled, as_texts, without_index
from .stimulus_tables import ID

RESPONSE = "response"
"""The column of a table with one response in each row."""
_KEYS = (ID, "repetition")
_EDGES = ("time_bin_start", "time_bin_end")
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?(\.\d+)?", re.IGNORECASE)
"""As pandas reads it from the first row, with a number added to one that is there twice."""
_NO_NEUROIDS = ("neuroid_id", *_EDGES, "trial", "session", "region")
"""Names of what describes a presentation or a response, which no neuroid has."""


def of_table(table: pd.DataFrame, source: str) -> Labelled:
    """Return the responses of a table as (presentation, neuroid) or (presentation, neuroid, time bin).

    Parameters
    ----------
    table
        With a column `response`: one response in each row, with the columns `stimulus_id` and `neuroid_id` and,
        where there are several, `repetition`, `time_bin_start` and `time_bin_end`. Without it: one presentation in
        each row, with the column `stimulus_id`, perhaps `repetition`, and a column for each neuroid.

    Raises
    ------
    UserError
        If a column is missing or two rows hold the same response.
    """
    table = without_index(table)
    if ID not in table:
        raise _without_ids(table, source)
    if table.empty:
        raise UserError(f"{source} has no rows: expected a response or a presentation in each.")
    for name in (ID, "repetition", *_EDGES):
        empty = np.flatnonzero(table[name].isna()) if name in table else np.array([], int)
        if len(empty):
            raise UserError(f"{source}, row {empty[0] + 1}: the {name} is missing.")
    return _long(table, source) if RESPONSE in table else _wide(table, source)


def _without_ids(table: pd.DataFrame, source: str) -> UserError:
    names = ", ".join(map(str, table.columns[:8])) + (", …" if len(table.columns) > 8 else "")
    if not all(_NUMBER.fullmatch(str(name).strip()) for name in table.columns):
        return UserError(f"{source} has no column {ID}, only {names}: rename the one that has it.")
    is_square = len(table.columns) - len(table) in (0, 1)  # a header was expected in its first row
    hint = " Dissimilarities are for [rdm] in a benchmark file, in place of [recordings]." if is_square else ""
    return UserError(
        f"{source} has no header: its first row holds {names}, expected names of columns: {ID} and a name for each "
        f"neuroid, or {ID}, neuroid_id and {RESPONSE}.{hint}"
    )


def _wide(table: pd.DataFrame, source: str) -> Labelled:
    columns = [name for name in table.columns if name not in _KEYS]
    if not columns:
        raise UserError(
            f"{source} has no column of responses: expected a column for each neuroid, or one called response."
        )
    other = next((name for name in columns if str(name) in _NO_NEUROIDS or str(name).startswith("Unnamed: ")), None)
    if other is not None:
        raise UserError(
            f"{source} has a column {other!r}, and each column but {' and '.join(_KEYS)} is a neuroid here: remove it "
            "(pandas writes an unnamed one without index=False), or give one response in each row."
        )
    texts = [name for name in columns if table[name].dtype.kind not in "fiub"]
    if texts:
        numbers: Any = pd.to_numeric(table[texts[0]], errors="coerce")
        bad = numbers.isna() & table[texts[0]].notna()
        row = int(np.flatnonzero(bad)[0]) if bad.any() else 0
        raise UserError(
            f"{source}, row {row + 1}: the column {texts[0]} holds {table[texts[0]].iloc[row]!r}, expected numbers (a "
            "column for each neuroid)."
        )
    labels = {name: table[name].to_numpy() for name in _KEYS if name in table}
    labels["neuroid_id"] = as_texts(columns)
    return Labelled(table[columns].to_numpy(float), ("presentation", "neuroid"), labels)


def _long(table: pd.DataFrame, source: str) -> Labelled:
    if "neuroid_id" not in table:
        raise UserError(f"{source} has a column {RESPONSE} and no column neuroid_id.")
    responses: Any = pd.to_numeric(table[RESPONSE], errors="coerce")
    bad = np.flatnonzero(responses.isna() & table[RESPONSE].notna())
    if len(bad):
        raise UserError(
            f"{source}, row {bad[0] + 1}: the {RESPONSE} is {table[RESPONSE].iloc[bad[0]]!r}, expected a number."
        )
    edges = [name for name in _EDGES if name in table]
    if len(edges) == 1:
        raise UserError(f"{source} has the column {edges[0]}: expected both time_bin_start and time_bin_end.")
    repetition = table["repetition"] if "repetition" in table else pd.Series(0, index=table.index)
    keys = pd.DataFrame(
        {ID: as_texts(table[ID]), "repetition": repetition, "neuroid_id": as_texts(table["neuroid_id"])}
    )
    for name in edges:
        numbers: Any = pd.to_numeric(table[name], errors="coerce")
        bad = np.flatnonzero(numbers.isna())
        if len(bad):
            raise UserError(
                f"{source}, row {bad[0] + 1}: the {name} is {table[name].iloc[bad[0]]!r}, expected a number of ms."
            )
        keys[name] = numbers.to_numpy()
    again = np.flatnonzero(keys.duplicated())
    if len(again):
        what = ", ".join(f"{name} {value}" for name, value in keys.iloc[again[0]].items())
        raise UserError(
            f"{source}, row {again[0] + 1}: there is a response for {what} already; number the repetitions."
        )
    presentation, presentations = _coded(keys, [ID, "repetition"])
    neuroid, neuroids = _coded(keys, ["neuroid_id"])
    bins = (np.zeros(len(keys), int), None) if not edges else _coded(keys, edges)
    values = np.full((len(presentations), len(neuroids), bins[0].max() + 1), np.nan)
    values[presentation, neuroid, bins[0]] = responses
    labels = {name: presentations[name].to_numpy() for name in (ID, "repetition")}
    labels["neuroid_id"] = neuroids["neuroid_id"].to_numpy()
    if bins[1] is None:
        return Labelled(values[..., 0], ("presentation", "neuroid"), labels)
    labels |= {name: bins[1][name].to_numpy() for name in edges}
    return Labelled(values, ("presentation", "neuroid", "time_bin"), labels)


def _coded(keys: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the number of each row's combination of values, and the combinations in their order."""
    combinations: Any = keys.drop_duplicates(columns)[columns]
    combinations = combinations.sort_values(columns).reset_index(drop=True)
    return keys.groupby(columns).ngroup().to_numpy(), combinations
