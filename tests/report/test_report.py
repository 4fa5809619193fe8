"""The page of results: what is computed for it, and that a wrong table is refused."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import vl_convert
from helpers.results import BENCHMARKS, HOSTILE, TEMPORAL, failure, result, several
from PIL import Image

from brainscore_cornet import charts
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.report import (
    dot_chart,
    equal_models,
    failed_jobs,
    heat_map,
    number_text,
    page,
    provenance,
    report_rows,
    score_chart,
    score_table,
    time_chart,
    write_report,
)
from brainscore_cornet.report.own_data_sections import OwnData
from brainscore_cornet.scoring.failures import OFFLINE


def read(*rows: dict) -> list[report_rows.ReportRow]:
    return report_rows.read_jobs(pd.DataFrame(rows))


def drawn(figure: charts.ChartFigure) -> list[dict]:
    """All data of a chart."""
    spec = charts.specification(figure)
    return [datum for each in (spec, *spec["layer"]) for datum in each.get("data", {}).get("values", [])]


def limits(*scores: tuple[float, float | None]) -> tuple[float, float]:
    """The ends of the axis for scores and their errors."""
    return dot_chart.score_limits([dot_chart.Dot("b", "", "m", *each, True, "") for each in scores])


def test_the_axis_of_scores():
    """It is 0 to 1, makes room for error bars, and is not stretched by one wild score."""
    assert limits((0.5, None)) == limits() == limits((0.9, 0.1)) == (0, 1)
    assert limits((0.95, 0.1)) == (0, pytest.approx(1.05))
    assert limits((-1e9, None), (0.5, 1e9), (1e9, None)) == (-1, 2)


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
    assert number_text.three(value) == score
    assert number_text.significant(value) == quantity


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
    """Numbers at the ends of what a float holds give charts; whole numbers that a browser would round stay text."""
    course = "[[-1e308, 1e308, 1e308], [0, 1, -1e308]]"
    found = read(result(score=1e308, raw=1e308, error=1e308, ceiling=1e-320, by_time_bin=course, weights_hash=2**60))
    (scores,), (over_time,) = score_chart.region_charts(found), time_chart.courses(found)
    assert [(each["score"], each["low"], each["high"], each["is_beyond"]) for each in drawn(scores)] == [
        (2, 0, 2, True)
    ]
    for figure in (scores, over_time):
        assert "NaN" not in charts.static_svg(charts.compiled(figure), figure.name)
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
    with_bar, without = score_chart.benchmark_dots([ceiled, plain])
    assert (with_bar.error, with_bar.has_ceiling) == (pytest.approx(0.02), True)
    assert with_bar.words == "score 0.432, standard deviation 0.020, ceiling 0.800"
    assert not without.has_ceiling


def test_no_error_of_benchmarks_without_resampling():
    """An error of 0 comes from no resampling: it has no bar, no ± and a dash in the table."""
    (job,) = read(result(error=0.0))
    assert job.scaled_error is None
    (figure,) = score_chart.region_charts([job])
    (datum,) = drawn(figure)
    assert (datum["text"], "low" in datum) == ("0.432", False)
    cells = {column.header: score_table.cell(job, column) for column in score_table.columns([job])}
    assert (cells["Error"], cells["Raw error"]) == ("–", "–")


def test_the_table_has_the_error_on_both_scales():
    """Beside the score is its own error, beside the raw score that of the results."""
    (job,) = read(result(error=0.016, ceiling=0.8))
    cells = {column.header: score_table.cell(job, column) for column in score_table.columns([job])}
    assert (cells["Score"], cells["Error"], cells["Raw"], cells["Raw error"]) == ("0.432", "0.020", "0.346", "0.016")


def test_many_time_bins_are_counted_in_the_table():
    """Eighteen time bins are their span and number, so that rows stay one line high; a few are listed."""
    bins = " ".join(f"{start}-{start + 10}" for start in range(70, 250, 10))
    (job,) = read(result(time_bins=bins, model_time_bins="100-150 150-200"))
    cells = {column.header: score_table.cell(job, column) for column in score_table.columns([job])}
    assert (cells["Requested (ms)"], cells["Committed (ms)"]) == ("70–250 in 18 bins", "100-150 150-200")
    assert job.cells["time_bins"] == bins


def test_what_a_label_stands_for_is_in_the_table():
    """The full name and the weight file are shown where one says more than the model's name, and not elsewhere."""
    plain = result(model="cornet_z", identifier="cornet_z", weights_file=None)
    mine = result(model="mine", identifier="cornet_z_weights_11074f62", weights_file="/home/me/mine.pth")
    headers = {column.header for column in score_table.columns(read(plain))}
    assert not headers & {"Full name", "Weights"}
    jobs = read(plain, mine)
    cells = {column.header: score_table.cell(jobs[1], column) for column in score_table.columns(jobs)}
    assert (cells["Full name"], cells["Weights"]) == ("cornet_z_weights_11074f62", "/home/me/mine.pth")


def test_light_and_official_scores_have_means_of_their_own():
    """Both are of V1, and a mean over both would be comparable with nothing."""
    names = ("Marques2020offline_DeValois1982-pref_or", "Marques2020light_DeValois1982-pref_or")
    found = read(*(result("a", name, region="V1", score=score) for name, score in zip(names, (0.8, 0.9), strict=True)))
    found = {name: score_chart.mean_dots(name, jobs)[0].score for name, jobs in score_chart.by_region(found).items()}
    assert found == {"V1": 0.8, "V1, light protocol": 0.9}


def test_scores_without_a_ceiling_have_means_of_their_own():
    """They are raw similarities, which a mean of explained variances must not contain; behaviour stays together."""
    found = read(
        result("a", "one", score=0.4),
        result("a", "two", score=0.7, ceiling=None),
        result("b", "one", score=0.6),
        failure("b", "two"),
        result("a", "choices", score=0.3, region=None, ceiling=None),
        result("a", "more choices", score=0.5, region=None),
    )
    means = {name: score_chart.mean_dots(name, jobs)[0].score for name, jobs in score_chart.by_region(found).items()}
    assert means == {"IT": 0.4, "IT, without a ceiling": 0.7, "Behaviour and other": 0.4}
    assert len({figure.name for figure in score_chart.region_charts(found)}) == 3


def test_means_say_over_how_many_benchmarks():
    """A failed job does not count as a zero, and a mean over fewer benchmarks says over how many."""
    found = read(
        result("a", "b1", score=0.2, raw=0.16),
        result("a", "b2", score=0.4, raw=0.32),
        result("b", "b1", score=0.3, error=None),
        failure("b", "b2"),
        failure("c", "b2"),
    )
    assert [(dot.model, dot.words) for dot in score_chart.mean_dots("IT", found)] == [
        ("a", "0.300 ± 0.014 over 2 of 2"),
        ("b", "0.300 over 1 of 2"),
        ("c", "no score"),
    ]
    assert score_chart.mean_chart(found).table.rows == [
        ["IT", "0.300 ± 0.014 over 2 of 2", "0.300 over 1 of 2", "no score"]
    ]
    (figure,) = score_chart.region_charts(found)
    assert [datum["text"] for datum in drawn(figure)] == [
        "0.200 ± 0.020", "0.300", "0.400 ± 0.020", "b failed", "c failed"
    ]  # fmt: skip
    assert score_chart.mean_chart(found[:1]) is None


def test_means_have_error_bars():
    """The error of a mean follows from the independent errors of its scores; one without an error leaves none."""
    jobs = read(*(result("a", name, error=0.016, ceiling=0.8) for name in ("x", "y")))
    (dot,) = score_chart.mean_dots("IT", jobs)
    assert dot.error == pytest.approx(0.02 / 2**0.5)
    (without,) = score_chart.mean_dots("IT", read(result("a", "x"), result("a", "y", error=0.0)))
    assert without.error is None


def test_regions_come_in_the_order_of_the_ventral_stream():
    """Whatever has no region, or an unknown one, comes last, and a region without a score is left out."""
    found = read(*(result(benchmark=str(region), region=region) for region in (None, "IT", "V1", "PFC", "V4")))
    figures = score_chart.region_charts([*found, *read(failure("a", "b", region="V2"))])
    assert [figure.title for figure in figures] == ["V1", "V4", "IT", "Behaviour and other"]
    assert figures[-1].benchmarks == ["None", "PFC"]
    assert len({figure.name for figure in figures}) == 4


def test_scores_beyond_the_axis_are_drawn_at_its_end():
    """A score beyond the axis is drawn at its end, hollow, with its number."""
    (figure,) = score_chart.region_charts(read(result(score=-40.0)))
    (datum,) = drawn(figure)
    assert (datum["score"], datum["is_beyond"], datum["text"]) == (-1, True, "−40.000")


def test_colours_are_given_only_to_as_many_models_as_can_be_told_apart():
    """Each of eight models has a colour and a shape; of nine no colour means anything."""

    def points(count: int) -> dict:
        (figure,) = score_chart.region_charts(read(*(result(f"m{number}") for number in range(count))))
        return charts.specification(figure)["layer"][2]["encoding"]

    eight = points(8)
    for channel in ("color", "shape"):
        assert eight[channel]["scale"]["domain"] == [f"m{number}" for number in range(8)]
        assert len(set(eight[channel]["scale"]["range"])) == 8
    assert points(9)["color"] == {"value": "var(--requested)"}


def test_time_bins_are_drawn_for_each_region_and_set_of_bins():
    """One chart holds what is asked for and each model's commitment."""
    first, temporal, single = time_chart.time_bin_charts(report_rows.read_jobs(several()))
    assert [first.title, temporal.title, single.title] == ["V1, 70–170 ms", "IT, 70–100 ms in 3 bins", "IT, 70–170 ms"]
    assert temporal.benchmarks == [TEMPORAL]
    assert temporal.table.rows == [
        ["requested", "70–80, 80–90, 90–100"],
        ["cornet_z", "100–150, 150–200"],
        ["cornet_s", "100–150, 150–200"],
        ["alexnet", "none"],
    ]
    assert {"start": 70, "end": 100} in drawn(temporal)
    assert {"model": "alexnet", "text": "none committed"} in drawn(temporal)


def test_courses_go_through_the_time_bins():
    """Each point is in the middle of its bin, a missing value interrupts the line, and the numbers are in a table."""
    course = json.dumps([[70, 80, 0.1], [80, 90, None], [90, 100, 0.3], [100, 110, 0.2]])
    (figure,) = time_chart.courses(read(result(by_time_bin=course), result("cornet_s", by_time_bin="[[70, 80, null]]")))
    assert [(point["middle"], point["score"]) for point in drawn(figure)] == [
        (75, 0.1), (85, None), (95, 0.3), (105, 0.2)
    ]  # fmt: skip
    assert figure.table.rows == [
        ["cornet_z", "0.300 at 90–100 ms", "0.100", "–", "0.300", "0.200"],
    ]


def test_models_that_are_equal_by_construction_are_said_to_be():
    """R and RT with the same weights are equal in V1; equal scores without an error may be chance."""
    names = ("cornet_r_untrained", "cornet_rt_untrained", "cornet_s")
    found = read(
        *(result(name, "b", region="V1", error=0.01 * (name != "cornet_s")) for name in names),
        *(result(name, "c", region="V1", score=0.1 * index) for index, name in enumerate(names)),
    )
    (sentence,) = equal_models.sentences(found)
    assert sentence.startswith(
        "cornet_r_untrained and cornet_rt_untrained have identical scores on 1 benchmark (b). V1"
    )
    (sentence,) = equal_models.sentences(read(result("x"), result("y"), result("z")))
    assert sentence.startswith("x, y and z have identical")
    assert "V1" not in sentence


def test_every_chart_of_scores_has_its_numbers():
    """The table of a region, of the light protocol too, has a row for each benchmark and a column for each model."""
    found = read(
        result("a", "Marques2020light_DeValois1982-pref_or", region="V1"),
        result("b", "MajajHong2015public.IT-pls", error=None),
        failure("a", "MajajHong2015public.IT-pls"),
    )
    light, it = score_chart.region_charts(found)
    assert (light.table.header, it.table.header) == (["Benchmark", "a"], ["Benchmark", "b", "a"])
    assert light.table.rows == [["Marques2020light_DeValois1982-pref_or", "0.432 ± 0.020"]]
    assert it.table.rows == [["MajajHong2015public.IT-pls", "0.432", "failed"]]


def test_every_chart_of_models_follows_the_filter_of_the_page():
    """What is typed into the page's fields reaches each chart that names models."""
    figures = [
        figure for section in page.sections(report_rows.read_jobs(several()), OwnData()) for figure in section.figures
    ]
    filtered = [figure.name for figure in figures if "model_part" in json.dumps(charts.specification(figure))]
    assert filtered == [figure.name for figure in figures]


def test_names_of_columns_are_upright_where_they_do_not_fit():
    """The angle is known before a picture is laid out, so that static pictures have room for the names."""
    for names, is_upright in ((["cornet_z", "cornet_s"], False), ([f"cornet_s_untrained_{n}" for n in "abcd"], True)):
        figure = heat_map.heat_map(read(*(result(model, name) for model in names for name in "xy")))
        svg = charts.static_svg(charts.compiled(figure), "one")
        assert ("rotate(-90)" in svg) == is_upright
        height = float(re.search(r'<svg[^>]* height="([\d.]+)"', svg)[1])
        assert (height > 200) == is_upright


def test_no_text_of_a_figure_leaves_it(tmp_path):
    """Long names are upright or on several lines: all of the text lies within the figure, and none is cut."""
    names = ["cornet_s_untrained_size_256_times_V1-5_V2-5", "cornet_s_untrained_size_256_times_V1-5_V2-4", "x"]
    rows = [result(model, name, by_time_bin="[[70, 80, 0.1], [80, 90, 0.2]]") for model in names for name in "ab"]
    figures = [figure for section in page.sections(read(*rows), OwnData()) for figure in section.figures]
    figures.append(replace(figures[0], title="A benchmark whose name is longer than a line at the width of a column"))
    charts.write_figures(figures, tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert "…" not in svg
    assert all(svg.count(f">{model}</text>") >= 5 for model in names)
    # with a margin, in which what would be cut is seen
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    width, height = int(found[1]), int(found[2])
    wider = svg.replace(found[0], f'viewBox="-50 0 {width + 100} {height}"').replace(
        "<svg y", '<svg overflow="visible" y'
    )
    wider = re.sub(r' width="[\d.]+" height="[\d.]+"', f' width="{width + 100}" height="{height}"', wider, count=1)
    pixels = np.asarray(Image.open(io.BytesIO(vl_convert.svg_to_png(wider))).convert("L"))
    assert pixels.shape == (height, width + 100)
    assert pixels[:, 50:-50].min() < 100
    assert set(np.unique(pixels[:, np.r_[:49, -49:0]])) <= {0, 255}


def test_charts_follow_the_schema():
    """Every chart is a valid Vega-Lite specification."""
    for section in page.sections(report_rows.read_jobs(several()), OwnData()):
        for figure in section.figures:
            figure.chart.to_dict()


def test_figures_for_a_paper(tmp_path):
    """A figure is 85 mm wide, on white paper, with type of 7 pt, in each format."""
    rows = pd.DataFrame([result("a"), result("b")])
    for ending in charts.ENDINGS:
        write_report(rows, tmp_path / f"figure{ending}")
    svg = (tmp_path / "figure.svg").read_text()
    width, drawn_width = (float(re.search(pattern, svg)[1]) for pattern in (r'width="([\d.]+)"', r'viewBox="0 0 (\d+)'))
    assert width * 25.4 / 72 == pytest.approx(85, abs=0.01)
    sizes = {float(size) * width / drawn_width for size in re.findall(r'font-size="([\d.]+)px"', svg)}
    assert min(sizes) > 6.4
    assert "var(" not in svg
    assert all(model in svg for model in set(rows["model"]))
    assert b"/MediaBox [0 0 240.9" in (tmp_path / "figure.pdf").read_bytes()
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width == 2007
        assert image.getpixel((0, 0))[:3] == (255, 255, 255)
    with pytest.raises(UserError, match="no score"):
        write_report(pd.DataFrame([{**failure(), "time_bins": None}]), tmp_path / "none.pdf")


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
    (setup,) = provenance.setups(later)
    assert dict(setup.facts)["device"] == "cpu (2 jobs); cuda:0 (1 job)"
    assert dict(provenance.benchmark_versions(read(result(), result(benchmark_version="2")))) == {
        BENCHMARKS[1][0]: "1, 2"
    }
    (note,) = provenance.notes(found)
    assert note.about == [BENCHMARKS[0][0]]


def test_a_model_with_failed_jobs_has_one_setup():
    """Failed jobs lack what is known only after loading, and equal values are said once."""
    unknown = {"device": None, "weights_hash": None, "settings": '{"image_size": 64}'}
    found = read(*(result(benchmark=name, metric="stock") for name in "ab"), failure("cornet_z", **unknown))
    (setup,) = provenance.setups(found)
    facts = dict(setup.facts)
    assert (facts["jobs"], facts["device"], facts["metrics"]) == ("3, 1 failed", "cpu", "stock")
    assert facts["settings"] == "as committed (2 jobs); image_size 64 (1 job)"
    assert facts["weights"] == "1d3f7974" * 8


def test_files_are_written_whole_or_not_at_all(tmp_path):
    """An older page is replaced by a complete one only, and nothing unfinished stays."""
    path = tmp_path / "page.html"
    path.write_text("older")
    with pytest.raises(UserError, match="no rows"):
        write_report(several().iloc[:0], path)
    assert path.read_text() == "older"
    rows = pd.DataFrame([result()])
    write_report(rows, path, title="Mine & <b>yours</b>")
    assert "<title>Mine &amp; &lt;b&gt;yours&lt;/b&gt;</title>" in path.read_text()
    (tmp_path / "taken.html" / "inside").mkdir(parents=True)
    for wrong in (tmp_path / "taken.html", tmp_path / "nowhere" / "page.html"):
        with pytest.raises(UserError, match="Cannot write"):
            write_report(rows, wrong)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["page.html", "taken.html"]


def test_no_cell_becomes_markup(tmp_path):
    """Identifiers, reasons, notes and settings are text, in the page and in the data that it holds."""
    texts = ("model", "benchmark", "region", "layer", "settings", "weights_hash", "device", "versions", "note", "date")
    rows = [result(**dict.fromkeys(texts, HOSTILE)), failure(HOSTILE, reason=HOSTILE), result("half \ud800 a pair")]
    write_report(pd.DataFrame(rows), tmp_path / "page.html", title=HOSTILE)
    text = re.sub(r"<script>.*?</script>", "", (tmp_path / "page.html").read_text(), flags=re.DOTALL)
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text
    embedded = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    assert embedded["rows"][0][0] == HOSTILE


def test_the_page_asks_for_nothing(tmp_path):
    """Every address in the page is within it, and its own policy forbids the browser any request."""
    write_report(pd.DataFrame([result()]), tmp_path / "page.html")
    text = re.sub(r"<script>.*</script>", "", (tmp_path / "page.html").read_text(), flags=re.DOTALL)
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


def test_failures_without_a_network_are_one_for_all_models():
    """The models that work without a network are named in the reason, and may be those that failed."""
    names = ("cornet_s_untrained", "cornet_s", "mine")
    reason = f"Cannot download what b1 needs: no connection. {OFFLINE}"
    found = read(
        *(failure(name, "b1", reason=reason) for name in names),
        *(failure(name, "b2", reason=reason.replace("b1", "b2")) for name in names),
        failure("mine", "b3", reason=reason.replace("b1", "b3")),
    )
    (together,) = failed_jobs.failures(found)
    assert together.lines == [(names, ["b1", "b2"]), (("mine",), ["b3"])]


def test_a_heat_map_of_models_and_benchmarks():
    """Every pair has a cell in the order of the table, as dark as its score is high; one model needs no map."""
    found = read(
        result("b", "y", score=1.5), result("b", "x", score=-0.1), result("a", "y", score=0.25), failure("a", "x")
    )
    figure = heat_map.heat_map(found)
    assert figure.table.header == ["Benchmark", "b", "a"]
    assert figure.table.rows == [["y", "1.500", "0.250"], ["x", "−0.100", "failed"]]
    assert [(each["strength"], each["label"]) for each in drawn(figure)] == [
        (1.5, "1.50"), (-0.1, "−0.10"), (0.25, "0.25"), (0, "×")
    ]  # fmt: skip
    assert "×: failed" in figure.about
    assert heat_map.heat_map(read(result("a", "x"), result("a", "y"))) is None
