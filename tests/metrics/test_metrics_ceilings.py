"""Split-half consistencies of repeated recordings are those that Brain-Score computes."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_vision import load_metric
from helpers.made_recordings import assert_same, check, repeated, theirs

from brainscore_cornet.metrics.exact import exact_metrics


@pytest.mark.parametrize("repetitions", [2, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_static(repetitions, dtype):
    """Halves of few and of many repetitions, also of an odd number of them."""
    check(load_metric("internal_consistency"), repeated(20, repetitions, 4, dtype=dtype))


def test_each_time_bin():
    """Time bins have ceilings of their own, in the order of their starts."""
    check(load_metric("internal_consistency_temporal"), repeated(16, 4, 3, 3).isel(time_bin=[2, 0, 1]))


def test_missing_values_and_repetitions():
    """Values that are missing are left out of the averages, as are repetitions that some stimuli lack."""
    recordings = repeated(20, 8, 4)
    recordings.values[[3, 9, 11], [0, 1, 1]] = np.nan
    kept = np.flatnonzero(np.random.RandomState(2).rand(len(recordings)) > 0.05)
    check(load_metric("internal_consistency"), recordings.isel(presentation=kept))


def test_another_name_of_repetitions():
    """Repetitions may be a coordinate of another name."""
    recordings = repeated(16, 4, 3).reset_index("presentation")
    recordings = type(recordings)(recordings.rename({"repetition": "repetition_id"}))
    check(load_metric("internal_consistency", split_coord="repetition_id"), recordings)


def test_coordinates_that_are_not_known():
    """Presentations with NaN among their coordinates are never averaged by Brain-Score: it is left to do so."""
    recordings = repeated(16, 4, 3).reset_index("presentation")
    depths = np.where(recordings["repetition"] == 0, np.nan, 1.0)
    recordings = type(recordings)(recordings.assign_coords(depth=("presentation", depths)))
    metric = load_metric("internal_consistency")
    with exact_metrics():
        try:
            score = metric(recordings)
        except Exception as error:
            with pytest.raises(type(error)):
                theirs(metric, recordings)
        else:
            assert_same(score, theirs(metric, recordings))
