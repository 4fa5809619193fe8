"""Style and files of charts: Altair draws them in pages, and in files at the width of a journal's column.

Colours of a chart are variables of the page's style sheet, such as `var(--ink)`, which differ in dark mode. Files have
the values for white paper. Type is 12 px high in a page, and 7 pt at a column's width.
"""

from __future__ import annotations

import json
import logging
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from .cornet.errors import UserError
from .cornet.writing import output_path, write_aside, writing
from .extras import install_line
from .palette import INK, MODEL_COLOURS, REGION_COLOURS

ENDINGS = (".pdf", ".svg", ".png")
COLOURS = {
    "ink": INK,
    "quiet": "#5B6470",
    "grid": "#E6E5E0",
    "band": "#E6EAEE",
    "requested": "#8A94A0",
    "ceiling": "#59626D",
    "card": "#FFFFFF",
    **{f"m{number}": colour for number, colour in enumerate(MODEL_COLOURS)},
    **REGION_COLOURS,
}
"""Variable of the style sheet -> colour on white paper."""
_SALTIRE = "M-.9-.5L-.5-.9L0-.4L.5-.9L.9-.5L.4 0L.9.5L.5.9L0 .4L-.5.9L-.9.5L-.4 0Z"
_STAR = "M0-1L.25-.3L1-.3L.4.15L.6.85L0 .45L-.6.85L-.4.15L-1-.3L-.25-.3Z"
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", _SALTIRE, _STAR)
"""Shapes of the models' marks, in the order of their colours."""

_COLUMN = 85.0  # mm, a column of most journals
_POINTS = 72 / 25.4  # in a mm
_TYPE = 12  # px in a page
_DRAWN = round(_COLUMN * _POINTS * _TYPE / 7)  # width in px at which type of 12 px becomes 7 pt
_STATIC = 640  # px, of the pictures in a page that are shown without scripts
_DOTS, _FEWEST_DOTS = 600, 150  # an inch, in PNG files
_MOST_PIXELS, _HIGHEST = 40e6, 30_000
"""Of a PNG file in all and in its height: more take half a minute and 1 GB to draw, and few programs open them."""
_TITLE, _SUBTITLE = 50, 66  # characters in a line of a file's column
CHARACTER = 7  # px, width of a chart's type, at most, on average
_NEEDED, _UPRIGHT = "width_of_names", "is_upright"
_AXIS = 130  # px, of a static picture's width that the axis at its side may take
_GAP = 24  # px between charts of one file
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        **dict.fromkeys(("labelFontSize", "titleFontSize"), _TYPE),
        **dict.fromkeys(("labelColor", "titleColor"), "var(--quiet)"),
        "titleFontWeight": "normal",
        "gridColor": "var(--grid)",
        "domain": False,
        "ticks": False,
        "labelPadding": 5,
        "labelSeparation": 6,
    },
    "legend": {
        **dict.fromkeys(("labelFontSize", "titleFontSize"), _TYPE),
        **dict.fromkeys(("labelColor", "titleColor"), "var(--ink)"),
        "titleFontWeight": "normal",
        "orient": "top",
        "labelLimit": 260,
        "rowPadding": 5,
        "symbolSize": 90,
        "symbolOpacity": 1,
        "symbolStrokeColor": "var(--ink)",
        "symbolStrokeWidth": 0.7,
        "offset": 10,
    },
    "text": {"fontSize": _TYPE, "color": "var(--ink)"},
    "title": {
        "fontSize": 13,
        "color": "var(--ink)",
        "subtitleFontSize": _TYPE,
        "subtitleColor": "var(--quiet)",
        "subtitlePadding": 5,
        "anchor": "start",
        "offset": 12,
    },
}


_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """The numbers of a chart, as text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The first cell of a row is its name."""


@dataclass(frozen=True)
class ChartFigure:
    """A chart with what is said about it."""

    name: str
    """Of the figure in files and addresses, such as `scores-V1`."""
    title: str
    about: str
    """What the chart shows, for those who do not see it, too."""
    chart: Any
    """Of Altair, of one view or of layers."""
    models: Sequence[str] = ()
    benchmarks: Sequence[str] = ()
    table: Table | None = None


def check_packages() -> None:
    """Raise `UserError` if the packages that draw charts are not installed."""
    for package, module in (("altair", "altair"), ("vl-convert-python", "vl_convert")):
        if find_spec(module) is None:
            raise UserError(f"To draw charts, {package} is needed: {install_line('report')}")


def column_names(names: Sequence[str], orient: Literal["top", "bottom"]) -> tuple[dict[str, Any], list[Any]]:
    """Return the settings of an axis on which each column has a name, and the chart's parameters that they depend on.

    Names are level where all of them fit, otherwise upright.
    """
    import altair as alt

    align, baseline = ("left", "bottom") if orient == "top" else ("right", "top")
    settings = {
        "orient": orient,
        "labelAngle": alt.expr(f"{_UPRIGHT} ? -90 : 0"),
        "labelAlign": alt.expr(f"{_UPRIGHT} ? '{align}' : 'center'"),
        "labelBaseline": alt.expr(f"{_UPRIGHT} ? 'middle' : '{baseline}'"),
        "labelLimit": 420,
        "labelOverlap": False,
    }
    needed = CHARACTER * (max(map(len, names)) + 1) * len(names)
    return settings, [
        alt.param(name=_NEEDED, value=needed),
        alt.param(name=_UPRIGHT, expr=f"width < {_NEEDED}"),
    ]


def specification(figure: ChartFigure, width: int = _STATIC) -> dict[str, Any]:
    """Return the Vega-Lite specification of a figure, with a width in px in which it is complete."""
    chart = figure.chart.properties(
        width=width, description=figure.about, autosize={"type": "fit-x", "contains": "padding"}
    )
    found = {**chart.to_dict(validate=False), "config": _CONFIG}
    # half of a surrogate pair, which UTF-8 cannot encode, becomes a question mark
    return json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))


def compiled(figure: ChartFigure) -> dict[str, Any]:
    """Return the Vega specification of a figure for a page, whose script sets the width."""
    import vl_convert

    return vl_convert.vegalite_to_vega(specification(figure))


def static_svg(vega: Mapping[str, Any], name: str) -> str:
    """Return the picture of a Vega specification for a page without scripts; `name` keeps its ids apart."""
    import vl_convert

    return re.sub(r'(\bid="|url\(#)', rf"\g<1>{name}-", vl_convert.vega_to_svg(_static(vega)))


def _static(vega: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification in which the angle of names is known before the layout, so that there is room for them."""
    signals = {each["name"]: each for each in vega.get("signals", ())}
    if _UPRIGHT in signals:
        is_upright = vega["width"] - _AXIS < signals[_NEEDED]["value"]
        signals[_UPRIGHT] = {"name": _UPRIGHT, "value": is_upright}
    return {**vega, "signals": list(signals.values())}


@cache
def javascript(snippet: str) -> str:
    """Return a script of Vega and Vega-Embed with a snippet that uses `vegaEmbed`."""
    import vl_convert

    return vl_convert.javascript_bundle(snippet)


def write_figures(figures: Sequence[ChartFigure], *paths: Path) -> None:
    """Write figures, one below the other, at a column's width into each of several `.pdf`, `.svg` or `.png` files.

    Raises
    ------
    UserError
        If a file has another ending or cannot be written, there are no figures, or they are too tall for a `.png` file.
    """
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise UserError(f"Expected a figure that ends in {', '.join(ENDINGS)}, received {path}.")
    if not figures:
        raise UserError("There is no score to draw.")
    svg = _column(figures)
    for path in paths:
        path = output_path(path, "a figure")
        content = _converted(svg, path)
        with writing(path):
            write_aside(path, lambda part, content=content: part.write_bytes(content))


def _converted(svg: str, path: Path) -> bytes:
    import vl_convert

    ending = path.suffix.lower()
    if ending == ".pdf":
        return vl_convert.svg_to_pdf(svg)
    return vl_convert.svg_to_png(svg, ppi=_dots(svg, path)) if ending == ".png" else svg.encode()


def _dots(svg: str, path: Path) -> float:
    """Return the dots an inch of a PNG file, of which tall figures have fewer."""
    size = re.match(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"', svg)
    assert size is not None, "it is written in `_column`"
    width, height = (float(each) / 72 for each in size.groups())
    dots = min(_DOTS, math.sqrt(_MOST_PIXELS / (width * height)), _HIGHEST / height)
    if dots < _FEWEST_DOTS:
        raise UserError(
            f"{path.name} would be {25.4 * height / 1000:.1f} m tall: write a .pdf or .svg file, or draw fewer "
            "benchmarks."
        )
    if dots < _DOTS:
        _logger.warning(
            "%s is %.0f mm tall and has %.0f dots an inch in place of %d; .pdf and .svg files are sharp at any size.",
            *(path.name, 25.4 * height, dots, _DOTS),
        )
    return dots


def _column(figures: Sequence[ChartFigure]) -> str:
    """Return an SVG of figures with their titles in one column, with the colours for white paper."""
    import vl_convert

    placed, height = [], 0.0
    for figure in figures:
        title = {"text": textwrap.wrap(figure.title, _TITLE), "subtitle": textwrap.wrap(figure.about, _SUBTITLE)}
        spec = json.dumps({**specification(figure, _DRAWN), "title": title})
        spec = re.sub(r"var\(--(\w+)\)", lambda found: COLOURS[found[1]], spec)
        svg = vl_convert.vega_to_svg(_static(vl_convert.vegalite_to_vega(spec)))
        own = re.search(r'<svg[^>]* height="([\d.]+)"', svg)
        height += _GAP if placed else 0
        placed.append(svg.replace("<svg ", f'<svg y="{height:g}" ', 1))
        height += float(own[1]) if own else 0
    width = _COLUMN * _POINTS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}" height="{width * height / _DRAWN:.2f}" '
        f'viewBox="0 0 {_DRAWN} {height:g}"><rect width="100%" height="100%" fill="white"/>{"".join(placed)}</svg>'
    )
