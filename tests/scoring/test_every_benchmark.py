"""Every registered benchmark of Brain-Score scores a CORnet, on stand-ins of its data."""

from __future__ import annotations

import math
import re

import pytest
from helpers.stand_ins import collected, stand_ins_installed
from helpers.stand_ins.scored import scorer

from brainscore_cornet.scoring import catalogue

SIZE = 64  # px


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the stand-ins lie that this file's tests read."""
    return tmp_path_factory.mktemp("stand_ins")


@pytest.fixture(scope="module")
def score_untrained():
    return scorer("cornet_z_untrained", image_size=SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", sorted(catalogue.folders("benchmarks"), key=str.lower))
def test_scores(benchmark, folder, score_untrained):
    """It ends in a finite score, or for the reason that is listed."""
    with stand_ins_installed(folder):
        row = score_untrained(benchmark).row
    if benchmark in collected("CANNOT"):
        assert row.status != "scored"
        assert re.search(collected("CANNOT")[benchmark].message, row.reason)
        return
    assert row.status == "scored", row.reason
    assert math.isfinite(row.score)
