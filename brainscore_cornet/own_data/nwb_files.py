"""Spike times and a table of presentations in NWB files, as counts in time bins."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..cornet.errors import UserError, unknown_name
from ..cornet.time_bins import TimeBin, check_time_bin
from ..extras import install_line
from .data_files import Labelled, as_texts
from .recorded_bins import check_unit

_STIMULUS = ("stimulus_id", "stimulus_name", "stim_id", "image_id", "stimulus")
_MS = 1000.0


def read_counts(
    path: Path, time_bins: Sequence[TimeBin] | None, presentations: str | None = None, units: str | None = None
) -> Labelled:
    """Return the rate of each unit in each time bin of each presentation, in spikes per second.

    Parameters
    ----------
    path
        NWB file with a table of units that have spike times.
    time_bins
        (start, end) in ms after the start of a presentation.
    presentations
        Name of the table of presentations, with the columns `start_time` and `stimulus_id`; by default `trials` or
        the only table of intervals.
    units
        Column of the table of units with the neuroids' ids; by default their ids.

    Raises
    ------
    UserError
        If pynwb is missing or the file lacks units, presentations or their stimuli.
    """
    if find_spec("pynwb") is None:
        raise UserError(f"To read {path}, pynwb is needed: {install_line('nwb')}")
    if not os.path.isfile(path):
        raise UserError(f"{path} does not exist.")
    if not time_bins:
        raise UserError(
            f"No time bins are given for {path}: expected time_bins such as [[70, 170]] to count spikes in."
        )
    listed = [time_bins] if np.ndim(time_bins) == 1 and len(time_bins) == 2 else time_bins
    bins = [check_time_bin(each, instants=False) for each in listed]
    check_unit(bins, str(path))
    from pynwb import NWBHDF5IO

    try:
        with warnings.catch_warnings(), NWBHDF5IO(str(path), "r") as file:  # pyright: ignore[reportCallIssue]
            warnings.simplefilter("ignore", UserWarning)  # of names of columns that hdmf uses itself
            content = file.read()  # pyright: ignore[reportCallIssue]  # hdmf wraps its methods
            return _counts(content, path, bins, presentations, units)
    except UserError:
        raise
    except Exception as error:  # hdmf and h5py have their own kinds for damaged files
        raise UserError(f"Cannot read {path}: {(str(error).splitlines() or ['no message'])[0]}") from error


def _counts(file, path: Path, bins: list[TimeBin], presentations: str | None, column: str | None) -> Labelled:
    if file.units is None or "spike_times" not in file.units.colnames:
        raise UserError(f"{path} has no units with spike times.")
    table = _presentations(file, path, presentations)
    stimulus = next((name for name in _STIMULUS if name in table.colnames), None)
    if stimulus is None:
        raise UserError(
            f"{path}: the table {table.name} has no column stimulus_id, only {', '.join(table.colnames)}: call the "
            "column of the stimuli so."
        )
    starts = np.asarray(table["start_time"][:], float)
    if len(unknown := np.flatnonzero(~np.isfinite(starts))):
        raise UserError(
            f"{path}: {len(unknown)} of {len(starts)} rows of {table.name} have no start_time, the first is row "
            f"{unknown[0] + 1}: give them one, or leave them out of the table."
        )
    if column is not None and column not in file.units.colnames:
        raise UserError(f"{path}: {unknown_name(column, file.units.colnames, 'column of units')}")
    names = file.units.id[:] if column is None else file.units[column][:]
    edges = starts[:, np.newaxis, np.newaxis] + np.array(bins) / _MS  # (presentation, time bin, edge) in s
    seconds = np.diff(np.array(bins), axis=1)[:, 0] / _MS
    values = np.empty((len(starts), len(names), len(bins)), np.float32)
    for number in range(len(names)):
        spikes = np.sort(np.asarray(file.units["spike_times"][number], float))
        values[:, number] = np.diff(np.searchsorted(spikes, edges), axis=2)[..., 0] / seconds
    labels = {
        "stimulus_id": as_texts(table[stimulus][:]),
        "repetition": np.arange(len(starts)),
        "neuroid_id": as_texts(names),
        "time_bin_start": np.array([start for start, _ in bins]),
        "time_bin_end": np.array([end for _, end in bins]),
    }
    return Labelled(values, ("presentation", "neuroid", "time_bin"), labels)


def _presentations(file, path: Path, name: str | None):
    tables = dict(file.intervals or {})
    if file.trials is not None:
        tables["trials"] = file.trials
    if not tables:
        raise UserError(f"{path} has no table of presentations (trials or intervals).")
    if name is not None:
        if name not in tables:
            raise UserError(f"{path}: {unknown_name(name, tables, 'table of presentations')}")
        return tables[name]
    if len(tables) > 1 and "trials" not in tables:
        raise UserError(f'{path} has several tables ({", ".join(sorted(tables))}): name one, presentations = "…".')
    return tables.get("trials", next(iter(tables.values())))
