"""Too few stimuli for a metric: the remedy that a message gives is one that works."""

from __future__ import annotations

import pytest

from brainscore_cornet import UserError
from brainscore_cornet.own_data.stimulus_counts import check_compared, check_fitted

CASES = [
    ("ridge", 0.9, 20, "Write train_size = 0.85."),
    ("ridge", 0.9, 5, "Write train_size = 0.5."),
    ("ridge", 0.9, 4, "There are too few stimuli: give at least 5."),
    ("linear_predictivity", 0.8, 4, "There are too few stimuli: give at least 5."),
    ("pls", 0.5, 40, "Write train_size = 0.9."),
    ("pls", 0.9, 20, "Choose the metric ridge with train_size = 0.85."),
    ("pls", 0.8, 28, "Choose the metric ridge, or give at least 29 stimuli."),
    ("spantime_pls", 0.8, 20, "Choose the metric spantime_ridge, or give at least 29 stimuli."),
    ("pls", 0.9, 4, "There are too few stimuli: give at least 29."),
]


@pytest.mark.parametrize(("metric", "train_size", "count", "remedy"), CASES)
def test_the_remedy_works(metric, train_size, count, remedy):
    """What is recommended raises nothing, and where nothing helps the message says so."""
    with pytest.raises(UserError) as raised:
        check_fitted(metric, train_size, count)
    assert str(raised.value).endswith(remedy)
    _, _, share = remedy.rstrip(".").partition("train_size = ")
    if "few" not in remedy:
        better = "spantime_ridge" if "spantime_ridge" in remedy else "ridge" if "ridge" in remedy else metric
        check_fitted(better, float(share or train_size), count)


def test_stimuli_that_are_compared():
    """Similarities without a regression need five."""
    check_compared("cka", 5)
    with pytest.raises(UserError, match="expected at least 5, received 4"):
        check_compared("cka", 4)
