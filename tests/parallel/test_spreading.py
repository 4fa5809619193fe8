"""Groups of work in several threads: every result once, errors at once, and nothing left running."""

from __future__ import annotations

import threading
import time

import pytest

from brainscore_cornet.parallel.spreading import spread
from brainscore_cornet.python_children import Abandoned


@pytest.mark.parametrize("workers", [1, 3, 9])
def test_every_result_once(workers):
    """Results of groups of any size, an empty one among them, with as many threads as there are groups at most."""
    seen = set()

    def work(group, _):
        seen.add(threading.get_ident())
        time.sleep(0.01)
        yield from group

    groups = [[1, 2], [], [3], [4, 5, 6]]
    assert sorted(spread(groups, workers, work)) == [1, 2, 3, 4, 5, 6]
    assert len(seen) <= min(workers, len(groups))
    assert list(spread([], workers, work)) == []


def test_an_error_ends_all_work():
    """An error of one group is raised where results are read, after the other threads have stopped."""
    before = threading.active_count()

    def work(group, is_wanted):
        if group == "wrong":
            raise ValueError("wrong")
        while is_wanted():
            time.sleep(0.01)
        raise Abandoned
        yield

    with pytest.raises(ValueError, match="wrong"):
        list(spread(["long", "wrong", "never begun"], 2, work))
    assert threading.active_count() == before


def test_results_that_are_no_longer_read():
    """Where the reader stops, the threads stop."""
    before = threading.active_count()

    def work(group, is_wanted):
        yield group
        while is_wanted():
            time.sleep(0.01)

    results = spread(["a", "b"], 2, work)
    next(results)
    results.close()
    assert threading.active_count() == before
