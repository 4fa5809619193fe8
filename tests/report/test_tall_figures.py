"""Charts in a file that is taller than what a picture of pixels can usefully hold."""

from __future__ import annotations

import logging

import altair as alt
import pytest
from PIL import Image

from brainscore_cornet import UserError, charts


def figure(height: int) -> charts.ChartFigure:
    """A chart of one point."""
    chart = alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q", y="a:Q").properties(height=height)
    return charts.ChartFigure("one", "One", "A point.", chart)


@pytest.mark.parametrize(("limit", "value"), [("_MOST_PIXELS", 0.9e6), ("_HIGHEST", 900)])
def test_a_tall_picture_has_fewer_dots(tmp_path, caplog, monkeypatch, limit, value):
    """Its pixels are bounded, in all and in its height, and a line says so; other files are as before."""
    monkeypatch.setattr(charts, limit, value)
    with caplog.at_level(logging.WARNING):
        charts.write_figures([figure(200)], tmp_path / "tall.png", tmp_path / "tall.pdf")
    (message,) = caplog.messages
    assert message.startswith("tall.png is 59 mm tall and has 3")
    assert message.endswith(" dots an inch in place of 600; .pdf and .svg files are sharp at any size.")
    with Image.open(tmp_path / "tall.png") as picture:
        width, height = picture.size
    assert width < 2007
    assert abs((height if limit == "_HIGHEST" else width * height) / value - 1) < 0.01


def test_a_usual_picture_has_all_dots(tmp_path, caplog):
    """A column of a journal at 600 dots an inch."""
    with caplog.at_level(logging.WARNING):
        charts.write_figures([figure(20)], tmp_path / "usual.png")
    assert not caplog.messages
    with Image.open(tmp_path / "usual.png") as picture:
        assert picture.width == 2007


def test_a_picture_that_would_be_too_coarse_is_an_error(tmp_path):
    """The error names other endings, and no file is written."""
    with pytest.raises(
        UserError, match=r"^all\.png would be 10\.\d m tall: write a \.pdf or \.svg file, or draw fewer"
    ):
        charts.write_figures([figure(52_000)], tmp_path / "all.png")
    assert not list(tmp_path.iterdir())
    charts.write_figures([figure(52_000)], tmp_path / "all.svg")
