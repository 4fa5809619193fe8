"""The page of results: what is computed for it, and that a wrong table is refused."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from helpers.results import BENCHMARKS, HOSTILE, TEMPORAL, failure, result, several

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.report import (
    axes,
    failed_jobs,
    heat_map,
    provenance,
    report_rows,
    score_chart,
    score_table,
    time_chart,
    write_report,
)


def read(*rows: dict) -> list[report_rows.ReportRow]:
    return report_rows.read_jobs(pd.DataFrame(rows))


def charts(found: list[report_rows.ReportRow]) -> list[score_chart.RegionChart]:
    return score_chart.region_charts(found, axes.Axis(0, 1, 5), score_chart.marks_of(found))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], (0, 1, 5)),
        ([0, 1.01], (0, 1.2, 6)),
        ([-0.05, 1], (-0.2, 1, 6)),
        ([0, 50, 170], (0, 200, 4)),
        ([0, 0], (0, 1, 5)),
        ([70, 1e6], (0, 1e6, 5)),
        ([-5, -5], (-5, 0, 5)),
    ],
)
def test_axes_have_round_ends(values, expected):
    """An axis ends at round numbers, holds all values, and exists for a single value too."""
    axis = axes.axis_over(values)
    assert (axis.low, axis.high, axis.intervals) == pytest.approx(expected)
    assert not any(axis.beyond(value) for value in values)
    assert [axis.ticks[0].at, axis.ticks[-1].at] == [0, 100]


def test_the_axis_of_scores():
    """It is 0 to 1, makes room for error bars, and is not stretched by one wild score."""
    assert axes.score_axis([0.5], [None]) == axes.score_axis([], []) == axes.score_axis([0.9], [0.1])
    assert axes.score_axis([0.95], [0.1]).high == pytest.approx(1.2)
    wild = axes.score_axis([-1e9, 0.5, 1e9], [None, 1e9, None])
    assert (wild.low, wild.high) == pytest.approx((-1, 2))


@pytest.mark.parametrize(
    ("value", "score", "quantity"),
    [
        (0.12345, "0.123", "0.123"),
        (-0.5, "−0.500", "−0.5"),
        (0.0, "0.000", "0"),
        (1e-5, "1e-05".replace("-", "−"), "1e−05"),
        (1234.5, "1234.500", "1,234"),
        (None, "–", "–"),
    ],
)
def test_numbers_have_three_digits(value, score, quantity):
    """Scores have three digits after the point, other quantities three in all."""
    assert axes.three(value) == score
    assert axes.significant(value) == quantity


def test_strange_cells_are_read():
    """Missing and infinite numbers, text in place of numbers and broken JSON become None, and never an exception."""
    (job,) = read(
        result(
            score=math.inf,
            error="much",
            ceiling=np.nan,
            region=pd.NA,
            time_bins="-20-0 50.5-60 nonsense 9-3 80-90",
            model_time_bins=float("nan"),
            by_time_bin='[[90, 100, 0.2], [70, 80, null], [1, 2], "x", [9, 3, 1]]',
            settings="{broken",
            note=np.float32(1.5),
        )
    )
    assert (job.score, job.error, job.ceiling, job.region, job.model_time_bins) == (None, None, None, "IT", ())
    assert job.time_bins == ((-20, 0), (50.5, 60), (80, 90))
    assert job.course == ((70, 80, None), (90, 100, 0.2))
    assert job.record("settings") == {}
    json.dumps(job.cells, allow_nan=False)


def test_extreme_numbers_are_drawn_and_kept():
    """Numbers at the ends of what a float holds give a page; whole numbers that a browser would round stay text."""
    course = "[[-1e308, 1e308, 1e308], [0, 1, -1e308]]"
    found = read(result(score=1e308, raw=1e308, error=1e308, ceiling=1e-320, by_time_bin=course, weights_hash=2**60))
    (line,) = time_chart.courses(found, score_chart.marks_of(found))[0].lines
    assert all(0 <= point.y <= 100 for point in line.points)
    assert charts(found)[0].benchmarks[0].dots[0].bar == (0, 100)
    assert found[0].cells["weights_hash"] == str(2**60)
    (negative,) = read(result(ceiling=-0.5))
    assert (negative.has_ceiling, negative.scaled_error) == (False, 0.016)


def test_only_four_columns_are_needed():
    """A table of models, benchmarks, status and scores is enough for a page."""
    row = {name: result()[name] for name in report_rows.NEEDED}
    (job,) = read(row)
    assert job.score == row["score"]
    assert [column.name for column in score_table.columns([job])] == ["model", "benchmark", "status", "score"]
    with pytest.raises(UserError, match="status, score is missing"):
        read({"model": "m", "benchmark": "b"})


def test_error_bars_are_on_the_ceiled_scale():
    """The error is divided by the ceiling as the score is; without a ceiling it stays."""
    ceiled, plain = read(result(error=0.016, ceiling=0.8), result(error=0.016, ceiling=0))
    assert ceiled.scaled_error == pytest.approx(0.02)
    assert plain.scaled_error == 0.016
    (squared,) = read(result(error=0.016, ceiling=0.8, raw=0.6, score=0.45))
    assert squared.scaled_error == pytest.approx(2 * 0.6 / 0.8 * 0.016)
    (unknown,) = read(result(error=0.016, score=0.9))
    assert unknown.scaled_error is None
    with_bar, without = charts([ceiled, plain])[0].benchmarks[0].dots
    assert with_bar.bar == pytest.approx((41.21, 45.21), abs=0.01)
    assert (with_bar.value, with_bar.detail, with_bar.has_ceiling) == ("0.432", "± 0.020", True)
    assert with_bar.alternative == "cornet_z: score 0.432, standard deviation 0.020, ceiling 0.800"
    assert not without.has_ceiling


def test_no_error_of_benchmarks_without_resampling():
    """An error of 0 comes from no resampling: it has no bar, no ± and a dash in the table."""
    (job,) = read(result(error=0.0))
    assert job.scaled_error is None
    (dot,) = charts([job])[0].benchmarks[0].dots
    assert (dot.bar, dot.detail) == (None, "")
    error = next(column for column in score_table.columns([job]) if column.header == "Error")
    assert score_table.cell(job, error) == "–"


def test_the_table_has_the_error_on_both_scales():
    """Beside the score is its own error, beside the raw score that of the results."""
    (job,) = read(result(error=0.016, ceiling=0.8))
    cells = {column.header: score_table.cell(job, column) for column in score_table.columns([job])}
    assert (cells["Score"], cells["Error"], cells["Raw"], cells["Raw error"]) == ("0.432", "0.020", "0.346", "0.016")


def test_light_and_official_scores_have_means_of_their_own():
    """Both are of V1, and a mean over both would be comparable with nothing."""
    names = ("Marques2020offline_DeValois1982-pref_or", "Marques2020light_DeValois1982-pref_or")
    found = read(*(result("a", name, region="V1", score=score) for name, score in zip(names, (0.8, 0.9), strict=True)))
    assert [(chart.name, chart.means[0].value) for chart in charts(found)] == [
        ("V1", "0.800"),
        ("V1, light protocol", "0.900"),
    ]


def test_means_say_over_how_many_benchmarks():
    """A failed job does not count as a zero, and a mean over fewer benchmarks says over how many."""
    found = read(
        result("a", "b1", score=0.2),
        result("a", "b2", score=0.4, raw=0.32),
        result("b", "b1", score=0.3),
        failure("b", "b2"),
    )
    (chart,) = charts(found)
    assert [(dot.model, dot.value, dot.detail) for dot in chart.means] == [
        ("a", "0.300", "2 of 2"),
        ("b", "0.300", "1 of 2"),
    ]
    assert [dot.detail for dot in chart.benchmarks[1].dots] == ["± 0.020", "failed"]
    assert chart.benchmarks[1].dots[1].at is None


def test_regions_come_in_the_order_of_the_ventral_stream():
    """Whatever has no region, or an unknown one, comes last."""
    found = read(*(result(benchmark=str(region), region=region) for region in (None, "IT", "V1", "PFC", "V4")))
    found_charts = charts(found)
    assert [chart.name for chart in found_charts] == ["V1", "V4", "IT", "Behaviour and other"]
    assert [chart.benchmark for chart in found_charts[-1].benchmarks] == ["None", "PFC"]


def test_scores_beyond_the_axis_are_drawn_at_its_end():
    """A score beyond the axis is drawn at its end, with its number."""
    (dot,) = charts(read(result(score=-40.0)))[0].benchmarks[0].dots
    assert (dot.at, dot.beyond, dot.value) == (0, True, "−40.000")
    assert "beyond the axis from 0 to 1" in dot.alternative


def test_colours_are_given_only_to_as_many_models_as_can_be_told_apart():
    """With more than eight models no colour means anything."""
    eight = read(*(result(f"m{number}") for number in range(8)))
    assert list(score_chart.marks_of(eight).values()) == list(range(8))
    nine = read(*(result(f"m{number}") for number in range(9)))
    assert set(score_chart.marks_of(nine).values()) == {None}


def test_time_bins_are_drawn_for_each_region_and_set_of_bins():
    """One chart holds what is asked for and each model's commitment, in percent of one axis in ms."""
    found = report_rows.read_jobs(several())
    first, temporal, single = time_chart.time_charts(found, score_chart.marks_of(found))
    assert [first.region, temporal.region, single.region] == ["V1", "IT", "IT"]
    assert (temporal.axis.low, temporal.axis.high, temporal.benchmarks) == (0, 200, [TEMPORAL])
    assert temporal.requested.bars == [(35, 5), (40, 5), (45, 5)]
    assert temporal.bands == [(35, 15)]
    assert [bars.value for bars in temporal.models] == ["100–200 ms, 2 bins"] * 2 + ["none committed"]
    assert temporal.models[0].alternative == "cornet_z has committed 100–150, 150–200 ms"
    assert single.models[2].value == "none committed"


def test_courses_go_through_the_time_bins():
    """Each point is in the middle of its bin, a missing value breaks the line, and the numbers are said."""
    course = json.dumps([[70, 80, 0.1], [80, 90, None], [90, 100, 0.3], [100, 110, 0.2]])
    found = read(result(by_time_bin=course), result("cornet_s", by_time_bin="[[70, 80, null]]"))
    (chart,) = time_chart.courses(found, score_chart.marks_of(found))
    (line,) = chart.lines
    assert [line.points[0].x, line.points[1].y] == [pytest.approx(12.5), None]
    assert [(one.time_bin, other.time_bin) for one, other in line.segments] == [("90–100", "100–110")]
    assert line.alternative == "cornet_z: 70–80 ms 0.100, 80–90 ms –, 90–100 ms 0.300, 100–110 ms 0.200"
    assert line.peak == "peak 0.300, 90–100 ms"
    assert chart.table == [("cornet_z", ["0.100", "–", "0.300", "0.200"])]


def test_what_was_run_is_said_once():
    """Jobs that were run in the same way share one sentence, with their number."""
    found = report_rows.read_jobs(several())
    assert provenance.sentence(found) == "3 models on 4 benchmarks: 11 scores, 1 failed, on 2026-11-21."
    later = read(result(), result(date="2026-12-01T00:00:00Z", device="cuda:0"), result(date="soon"))
    assert provenance.sentence(later).endswith(", from 2026-11-21 to 2026-12-01.")
    assert [setup.model for setup in provenance.setups(found)] == ["cornet_z", "cornet_s", "alexnet"]
    facts = dict(provenance.setups(found)[2].facts)
    assert (facts["jobs"], facts["time"], facts["peak memory"]) == ("4, 1 failed", "50 s", "1,234 MB")
    assert facts["versions"] == "brainscore_cornet 0.1.0, torch 2.14.1"
    assert len(provenance.setups(later)) == 2
    assert dict(provenance.benchmark_versions(read(result(), result(benchmark_version="2")))) == {
        BENCHMARKS[1][0]: "1, 2"
    }
    (note,) = provenance.notes(found)
    assert note.about == [BENCHMARKS[0][0]]


def test_files_are_written_whole_or_not_at_all(tmp_path):
    """An older page is replaced by a complete one only, and nothing unfinished stays."""
    path = tmp_path / "page.html"
    path.write_text("older")
    with pytest.raises(UserError, match="no rows"):
        write_report(several().iloc[:0], path)
    assert path.read_text() == "older"
    write_report(several(), path, title="Mine & <b>yours</b>")
    assert "<title>Mine &amp; &lt;b&gt;yours&lt;/b&gt;</title>" in path.read_text()
    (tmp_path / "taken.html" / "inside").mkdir(parents=True)
    for wrong in (tmp_path / "taken.html", tmp_path / "nowhere" / "page.html"):
        with pytest.raises(UserError, match="Cannot write"):
            write_report(several(), wrong)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["page.html", "taken.html"]


def test_no_cell_becomes_markup(tmp_path):
    """Identifiers, reasons, notes and settings are text, in the page and in the data that it holds."""
    texts = ("model", "benchmark", "region", "layer", "settings", "weights_hash", "device", "versions", "note", "date")
    rows = [result(**dict.fromkeys(texts, HOSTILE)), failure(HOSTILE, reason=HOSTILE), result("half \ud800 a pair")]
    write_report(pd.DataFrame(rows), tmp_path / "page.html", title=HOSTILE)
    text = (tmp_path / "page.html").read_text()
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text
    embedded = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    assert embedded["rows"][0][0] == HOSTILE


def test_the_page_asks_for_nothing(tmp_path):
    """Every address in the page is within it, and its own policy forbids the browser any request."""
    write_report(several(), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    addresses = re.findall(r'\b(?:src|href|action|data)="([^"]*)"', text) + re.findall(r"url\(([^)]*)\)", text)
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "default-src 'none'" in text
    assert "@import" not in text


def test_a_failed_job_is_in_the_region_of_its_benchmark():
    """A job that failed before its region was known has that of the benchmark's other jobs, or of its name."""
    found = read(
        result("a", "Made2020-face", region="IT"),
        failure("b", "Made2020-face", region=None),
        failure("a", "MajajHong2015public.V4-pls", region=None),
        failure("a", "Marques2020light_DeValois1982-pref_or", region=None),
        failure("a", "Rajalingham2018public-i2n", region=None),
    )
    assert [job.region for job in found] == ["IT", "IT", "V4", "V1", None]


def test_jobs_that_failed_in_the_same_way_share_a_box():
    """Reasons that differ by the names of model and benchmark alone are one, and other reasons are not."""
    found = read(
        *(failure("a", name, reason=f"Cannot download what {name} needs.") for name in ("b1", "b2")),
        failure("c", "b1", reason=None),
    )
    first, second = failed_jobs.failures(found)
    assert (first.reason, [job.benchmark for job in first.jobs]) == ("Cannot download what b1 needs.", ["b1", "b2"])
    assert (second.reason, [job.model for job in second.jobs]) == ("No reason was recorded.", ["c"])


def test_a_heat_map_of_models_and_benchmarks(tmp_path):
    """Every pair has a cell in the order of the table, coloured by its score; one model needs no map."""
    found = read(
        result("b", "y", score=1.5), result("b", "x", score=-0.1), result("a", "y", score=0.25), failure("a", "x")
    )
    drawn = heat_map.heat_map(found)
    assert drawn.models == ["b", "a"]
    assert [(name, [(cell.strength, cell.text) for cell in cells]) for name, cells in drawn.rows] == [
        ("y", [(1.0, "1.500"), (0.25, "0.250")]),
        ("x", [(0.0, "−0.100"), (None, "failed")]),
    ]
    assert heat_map.heat_map(read(result("a", "x"), result("a", "y"))) is None
    write_report(several(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count('style="--s: ') == 11


def test_means_have_error_bars():
    """The error of a mean follows from the independent errors of its scores; one without an error leaves none."""
    jobs = read(*(result("a", name, error=0.016, ceiling=0.8) for name in ("x", "y")))
    (dot,) = charts(jobs)[0].means
    width = dot.bar[1] - dot.bar[0]
    assert width == pytest.approx(100 * 2 * 0.02 / 2**0.5, abs=0.02)
    (without,) = charts(read(result("a", "x"), result("a", "y", error=0.0)))[0].means
    assert without.bar is None
