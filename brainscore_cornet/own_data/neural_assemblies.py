"""Recordings as Brain-Score's assemblies: averaged over repetitions, and the repetitions for a noise ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

from .recordings import Recordings
from .stimulus_tables import ID


def average_assembly(recorded: Recordings) -> NeuroidAssembly:
    """Return the responses averaged over repetitions, as Brain-Score's `average_repetition` gives them.

    A single time bin is no dimension, as in Brain-Score's benchmarks.
    """
    values = recorded.averages()
    assembly: Any = _assembly(recorded, values, recorded.stimuli[ID].to_numpy(), {})
    assembly = assembly if len(recorded.time_bins) > 1 else assembly.isel(time_bin=0)
    assembly.attrs["stimulus_set"] = recorded.stimuli
    assembly.attrs["stimulus_set_identifier"] = recorded.stimuli.identifier
    return assembly


def repeated_assembly(recorded: Recordings) -> NeuroidAssembly:
    """Return the repetitions that a noise ceiling is estimated from.

    Brain-Score correlates halves of the repetitions, and needs all stimuli in both: where their numbers differ, as
    many are taken of each as the rarest repeated stimulus has; stimuli without a repetition are left out.
    """
    counts = pd.Series(recorded.counts, index=recorded.stimuli[ID].to_numpy())
    fewest = int(counts[counts > 1].min())
    rows = np.flatnonzero(np.asarray(counts[recorded.stimulus_ids] > 1) & (recorded.repetitions < fewest))
    coords = {"repetition": ("presentation", recorded.repetitions[rows])}
    assembly: Any = _assembly(recorded, recorded.values[rows], recorded.stimulus_ids[rows], coords)
    return assembly if len(recorded.time_bins) > 1 else assembly.isel(time_bin=0)


def _assembly(recorded: Recordings, values: np.ndarray, ids: np.ndarray, coords: dict) -> NeuroidAssembly:
    rows = pd.Index(recorded.stimuli[ID]).get_indexer(pd.Index(ids))
    # a coordinate with missing values would not be equal to itself where Brain-Score groups by it
    columns = {
        name: ("presentation", recorded.stimuli[name].to_numpy()[rows])
        for name in recorded.stimuli.columns
        if name != ID and np.all(recorded.stimuli[name].notna())
    }
    # an axis with a single coordinate would lose its name in Brain-Score's operations
    files = np.array([Path(recorded.stimuli.stimulus_paths[each]).name for each in recorded.stimuli[ID]], object)
    columns.setdefault("stimulus_file", ("presentation", files[rows]))
    neuroids = {name: ("neuroid", each) for name, each in recorded.neuroids.items()}
    return NeuroidAssembly(
        values,
        coords={
            ID: ("presentation", ids),
            **columns,
            **coords,
            **neuroids,
            "region": ("neuroid", [recorded.region] * values.shape[1]),
            "time_bin_start": ("time_bin", [start for start, _ in recorded.time_bins]),
            "time_bin_end": ("time_bin", [end for _, end in recorded.time_bins]),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
