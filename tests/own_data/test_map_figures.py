"""Charts of a map and of a comparison with known numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.made_maps import made_comparison, made_map

from brainscore_cornet import charts
from brainscore_cornet.own_data.comparison_figures import difference_charts
from brainscore_cornet.own_data.comparison_files import write_comparison
from brainscore_cornet.own_data.map_figures import FIGURES


def values(figure: charts.ChartFigure) -> list[dict]:
    """The data of a chart."""
    return charts.specification(figure)["data"]["values"]


def test_the_map_marks_the_committed_and_the_best():
    """Each site and time bin is a cell; what is not reliable has no value, and the table has intervals."""
    figure = FIGURES["map"](made_map())
    cells = values(figure)
    assert [cell["site"] for cell in cells[::3]] == ["V1 t0", "V4 t1", "V4.conv2 t1", "IT t0"]
    assert {cell["value"] for cell in cells if cell["time_bin"] == "70-80"} == {None}
    assert [(cell["site"], cell["time_bin"]) for cell in cells if cell["committed"]] == [
        ("V1 t0", "70-80"), ("V4 t1", "80-90"), ("V4.conv2 t1", "90-100")
    ]  # fmt: skip
    assert [(cell["site"], cell["time_bin"]) for cell in cells if cell["is_marked"]] == [
        ("IT t0", "80-90"), ("IT t0", "90-100")
    ]  # fmt: skip
    assert figure.table.rows[3] == ["IT t0", "no reliable signal", "0.310 (0.260 to 0.360)", "0.320 (0.270 to 0.370)"]
    assert "×: no reliable signal" in figure.about


def test_best_sites_and_regions():
    """A time bin has its best site, a region its best time step; what is not reliable is left out."""
    assert [row[:2] for row in FIGURES["best"](made_map()).table.rows] == [["80-90", "IT t0"], ["90-100", "IT t0"]]
    regions = FIGURES["regions"](made_map())
    assert list(dict.fromkeys(cell["site"] for cell in values(regions))) == ["V1 t0", "V4.conv2 t1", "IT t0"]
    assert sum(cell["value"] is not None for cell in values(regions)) == 6


def test_differences_and_neuroids():
    """Significant differences have a dot; without a control there is no chart, and neuroids are sorted."""
    figure = FIGURES["difference"](made_map())
    assert [cell["site"] for cell in values(figure) if cell["is_marked"]] == ["V1 t0", "V1 t0"]
    assert figure.title == " − ".join(made_map().attrs[name] for name in ("model", "against"))
    assert figure.table.rows[1][2] == "0.010 (-0.090 to 0.110)"
    assert FIGURES["difference"](made_map().drop_vars("difference")) is None
    neuroids = values(FIGURES["neuroids"](made_map()))
    assert list(dict.fromkeys(cell["neuroid"] for cell in neuroids)) == ["e", "c", "d", "a"]


@pytest.mark.parametrize(
    "dataset",
    [
        made_map(),
        made_map(1),
        made_map(20, is_ceiled=0),
        made_map().assign(score=lambda it: it["score"] * np.nan),
        made_map().assign({name: lambda it, name=name: it[name] * np.nan for name in ("score", "difference")}),
    ],
    ids=["ceiled", "one bin", "many bins", "no signal", "no difference"],
)
def test_charts_of_maps_follow_the_schema_and_are_drawn(dataset):
    """Every chart is valid, in a page too, whatever the map is like."""
    for draw in FIGURES.values():
        figure = draw(dataset)
        if figure is None:  # there is nothing to draw
            assert draw.__name__ in ("best_steps", "region_courses", "neuroid_courses")
            assert dataset["score"].isnull().all()
            continue
        figure.chart.to_dict()
        vega = charts.compiled(figure)
        assert "NaN" not in charts.static_svg(vega, figure.name)
        json.dumps(vega, allow_nan=False)


def test_differences_of_models(tmp_path):
    """Each benchmark has a chart; points are filled where significant, and what is not reliable has no point."""
    table = made_comparison()
    first, second = difference_charts(table)
    assert [each["is_significant"] for each in values(first)] == [True, False]
    assert first.table.rows[0] == ["cornet_s\n− x", "0.100 (0.050 to 0.200)", "< 0.001"]
    assert second.table.rows == [["cornet_s\n− z", "no reliable signal", "–"]]
    assert "Holm, 3 comparisons" in first.about
    for figure in (first, second):
        figure.chart.to_dict()
    paths = write_comparison(table, tmp_path)
    assert [path.name for path in paths] == ["comparisons.csv", "comparisons.png", "comparisons.pdf"]
    assert all(path.stat().st_size > 1000 for path in paths[1:])
