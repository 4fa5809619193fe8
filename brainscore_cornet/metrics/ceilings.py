"""Brain-Score's ceiling from repetitions: the consistency of split halves, for one or several time bins."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords
from brainscore_vision.metric_helpers.transformations import apply_aggregate
from brainscore_vision.metric_helpers.xarray_utils import apply_over_dims
from scipy.sparse import csr_matrix

from .alignment import NEUROIDS, PRESENTATIONS, STIMULUS, TIME, MatchedRecordings, NotCovered, coordinate
from .predictions import pearson

Presentations = tuple[np.ndarray, np.ndarray]
"""The group of each presentation that are averaged, and its repetition."""


def internal_consistency(ceiler, assembly, presentations: Presentations | None = None):
    """What Brain-Score's `InternalConsistency` gives for repeated presentations, with all neuroids at once.

    Raises
    ------
    NotCovered
        When only Brain-Score's own code says what becomes of such an assembly.
    """
    halves = ceiler._consistency
    wrapper, validation = halves._consistency, halves._cross_validation
    groups, repetitions = presentations or _presentations(assembly, wrapper._split_coord)
    recorded = MatchedRecordings(assembly, has_time=False)
    values = np.asarray(recorded.bins[0].values, float)
    is_missing = np.isnan(values) if np.isnan(values).any() else None
    if is_missing is not None:
        values = np.where(is_missing, 0, values)
    distinct = np.unique(repetitions)
    _, splits = validation._split.build_splits(assembly)
    r = []
    for split in splits:
        first, second = (_averages(values, is_missing, groups, np.isin(repetitions, distinct[part])) for part in split)
        r.append(pearson(second, first))
    order, coords = recorded.neuroids()
    r = np.stack(r)[:, order].astype(assembly.dtype if assembly.dtype.kind == "f" else float)
    scores = Score(r, coords={"split": np.arange(len(splits)), **coords}, dims=["split", NEUROIDS])
    score = apply_aggregate(halves._aggregate, wrapper._correction(scores, n=2))
    return apply_aggregate(validation.aggregate, score)


def temporal_internal_consistency(ceiler, assembly):
    """The same for each time bin, in the order of their starts; raises what `internal_consistency` does."""
    coordinate(assembly, "time_bin_start", TIME)
    presentations = _presentations(assembly, ceiler.callable._consistency._consistency._split_coord)
    return apply_over_dims(
        lambda part: internal_consistency(ceiler.callable, part, presentations),
        assembly.sortby("time_bin_start"),
        dims=[TIME],
        njobs=1,
    )


def _presentations(assembly, split_coord: str) -> Presentations:
    """Presentations that differ in no coordinate but the repetition are averaged."""
    if PRESENTATIONS not in assembly.dims:
        raise NotCovered
    repetitions = coordinate(assembly, split_coord, PRESENTATIONS)
    coordinate(assembly, STIMULUS, PRESENTATIONS)
    columns = {
        name: values for name, dims, values in walk_coords(assembly) if dims == (PRESENTATIONS,) and name != split_coord
    }
    table = pd.DataFrame(columns)
    if table.isna().to_numpy().any():  # which is not even equal to itself
        raise NotCovered
    return table.groupby(list(columns), sort=False).ngroup().to_numpy(), repetitions


def _averages(values: np.ndarray, is_missing: np.ndarray | None, groups: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen presentations of each group, (group, neuroid); missing values are left out."""
    rows = np.flatnonzero(chosen)
    shape = (groups.max() + 1, len(values))
    sums = csr_matrix((np.ones(len(rows)), (groups[rows], rows)), shape)
    counts = np.asarray(sums.sum(1))
    if (counts == 0).any():  # halves with different stimuli
        raise NotCovered
    if is_missing is not None:
        counts = counts - sums @ is_missing
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums @ values) / counts
