"""Every registered benchmark of Brain-Score scores a CORnet, on stand-ins of its data.

What is between the files of the data and the row of the score table is Brain-Score's code and the code that
`brainscore-cornet score` runs.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from pathlib import Path

import brainscore_vision
import pytest
from helpers.stand_ins import collected, stand_ins_installed
from helpers.stand_ins.scored import scorer

from brainscore_cornet import plugin_links
from brainscore_cornet.scoring import catalogue

# small networks have neuroids that answer no picture, which reversed regressions are told of
pytestmark = pytest.mark.filterwarnings("ignore:.*are constant")
BENCHMARKS = {name: folder for name, folder in catalogue.folders("benchmarks").items() if folder != plugin_links.NAME}
CHOSEN = {
    family: list(dict.fromkeys([*first, *sorted(name for name, folder in BENCHMARKS.items() if folder == family)]))[:4]
    for family, first in sorted(collected("REPRESENTATIVES").items())
}
"""Family -> up to four of its benchmarks, one that is quick first."""
METRICS = ("pls", "reverse_pls", "ridge", "ridgecv", "cka", "pearson", "rdm")
OF_EACH_METRIC = {
    (family, name.rsplit("-", 1)[-1]): name
    for name, family in sorted(BENCHMARKS.items())
    if name.rsplit("-", 1)[-1] in METRICS and not name.startswith("tong.Coggan")  # whose matrix is its own
}
"""(Family, metric) -> a benchmark that this package computes."""
# several seconds each, in Brain-Score's metrics
LONG = ("baker2022", "gifford2022", "igustibagus2024", "malania2007", "muzellec2026")
# by default in test_object_solution_times and test_right_scores, which take as long again
SCORED_ELSEWHERE = ("kar2019", "rajalingham2018")
NETWORKS = ("z", "s", "r", "rt")
IN_TURN = (*NETWORKS, "z", "rt", "r")  # CORnet-S takes longest
SIZE = 32  # px, the smallest: the number of neuroids is what most benchmarks spend their time on


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    """A function (network, benchmark) -> row of the score table."""
    of = cache(lambda network, size: scorer(f"cornet_{network}_untrained", image_size=size))

    def score(network: str, benchmark: str):
        size = collected("IMAGE_SIZE").get(BENCHMARKS[benchmark], SIZE)
        return of(network, size)(benchmark).row

    with stand_ins_installed(tmp_path_factory.mktemp("stand_ins")):
        yield score


def check(network: str, benchmark: str, row) -> None:
    """A finite score, or the reason that is listed."""
    listed = collected("CANNOT").get(benchmark)
    if listed is None or network not in listed.networks:
        assert row.status == "scored", row.reason
        assert math.isfinite(row.score)
    else:
        assert row.status == "failed", f"It is scored by now; listed is: {listed.sentence}"
        assert re.search(listed.message, row.reason)


@pytest.mark.parametrize(
    ("network", "benchmark"),
    [
        pytest.param(network, first, marks=pytest.mark.slow if family in LONG + SCORED_ELSEWHERE else ())
        for network, (family, (first, *_)) in zip(itertools.cycle(IN_TURN), CHOSEN.items(), strict=False)
    ],
)
def test_a_benchmark_of_each_family(score, network, benchmark):
    """One of each family, with the four networks in turn."""
    check(network, benchmark, score(network, benchmark))


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", [benchmark for chosen in CHOSEN.values() for benchmark in chosen])
@pytest.mark.parametrize("network", NETWORKS[1:])
def test_four_benchmarks_of_each_family(score, network, benchmark):
    """Four benchmarks of each family are scored with each network that is not tried with all benchmarks."""
    check(network, benchmark, score(network, benchmark))


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", sorted(BENCHMARKS, key=str.lower))
def test_all_benchmarks(score, benchmark):
    """Every one that brainscore_vision registers, with CORnet-Z."""
    check("z", benchmark, score("z", benchmark))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("benchmark", OF_EACH_METRIC.values(), ids=map("-".join, OF_EACH_METRIC))
def test_exact_metrics_score_as_brainscores(benchmark, tmp_path, monkeypatch):
    """One of each family and metric scores as with Brain-Score's own metric, and so does its ceiling."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")  # a ceiling that one way computed would be the other's
    size = collected("IMAGE_SIZE").get(BENCHMARKS[benchmark], SIZE)
    with stand_ins_installed(tmp_path):
        exact, stock = (
            scorer("cornet_z_untrained", metrics, image_size=size)(benchmark).row for metrics in ("exact", "stock")
        )
    assert (exact.status, exact.metric, stock.metric) == ("scored", "exact", "stock")
    # single-precision sums of features that hardly differ between stimuli are in part rounding
    tolerance = 1e-3 if benchmark.endswith("cka") else 1e-6
    for column in ("score", "raw", "error", "ceiling"):
        assert getattr(exact, column) == pytest.approx(getattr(stock, column), abs=tolerance), column


def test_each_family_is_read():
    """For every family the files are named in which the form of its data was read, and these are there."""
    read = collected("READ_IN")
    assert set(read) == set(BENCHMARKS.values())
    installed = Path(brainscore_vision.__file__).parent
    missing = [name for names in read.values() for name in names if not (installed / name).is_file()]
    assert not missing


def test_tables_are_of_registered_benchmarks():
    """What is chosen of a family belongs to it, and what cannot be scored is registered."""
    for family, benchmarks in collected("REPRESENTATIVES").items():
        assert {BENCHMARKS[name] for name in benchmarks} == {family}
    assert set(collected("CANNOT")) <= set(BENCHMARKS)
