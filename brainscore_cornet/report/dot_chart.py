"""Dot charts: a row for each benchmark or region, with its name above the dots, since such names are long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..charts import CHARACTER
from ..named_rows import NamedRows
from .model_marks import are_marked, colour, filtered, shape
from .number_text import with_error

SCORES_SHOWN = (-1.0, 2.0)  # an outlier is drawn at the edge, so that the other scores keep their space
_NAME = 24  # px, height of a row's name
_LINE = 13  # px, height of a model's line in a row
_ALL = 18  # px, height of a row in which the dots of many models are on one line
_DETAIL = 100  # px, width of what is at the right of a row's name, if there is room


@dataclass(frozen=True)
class Dot:
    """A score of a model in a row."""

    row: str
    detail: str
    """What is said at the right of the row's name."""
    model: str
    score: float | None
    error: float | None
    has_ceiling: bool
    words: str


def dot_chart(dots: Sequence[Dot], models: Sequence[str], by_benchmark: bool) -> Any:
    """Return the chart of dots with their error bars, rows and models in their order, and the ceilings at 1."""
    import altair as alt

    marked = are_marked(models)
    shown = [model for model in models if any(dot.model == model for dot in dots)]
    names = list(dict.fromkeys(dot.row for dot in dots))
    low, high = score_limits(dots)
    base = alt.Chart()
    rows = NamedRows("benchmark", names, _NAME, _LINE * len(shown) if marked else _ALL)
    x_axis = alt.Axis(orient="top", title="score (dashed: ceiling)", tickCount=6, grid=True, labelFlush=False)
    x = alt.X("score:Q", scale=alt.Scale(domain=[low, high], nice=True), axis=x_axis)
    line: dict[str, Any] = {"y": rows.y()}
    if marked:
        line["yOffset"] = alt.YOffset("model:N", sort=shown, scale=alt.Scale(paddingOuter=0.1))
    named = base.transform_aggregate(rows="count()", groupby=["benchmark", "detail"])
    ceilings = base.transform_filter("datum.has_ceiling").transform_aggregate(rows="count()", groupby=["benchmark"])
    scored = base.transform_filter("isValid(datum.score)")
    words = [
        alt.Tooltip("model:N"),
        alt.Tooltip("benchmark:N", title="benchmark" if by_benchmark else "region"),
        alt.Tooltip("text:N", title="score"),
        alt.Tooltip("detail:N", title=" "),
    ]
    room = alt.expr(f"length(datum.benchmark) * {CHARACTER} + {_DETAIL} > width ? 0 : 1")
    hollow = alt.when("datum.is_beyond").then(alt.value(0.0)).otherwise(alt.value(1.0 if marked else 0.6))
    layers = [
        ceilings.mark_rule(color="var(--ceiling)", strokeDash=[3, 3], strokeWidth=1.5, aria=False).encode(
            x=alt.datum(1), y=rows.y(0), y2=alt.Y2("benchmark:N", bandPosition=1)
        ),
        scored.mark_rule(strokeWidth=2, opacity=0.8, aria=False).encode(
            x=alt.X("low:Q"), x2="high:Q", color=colour(models, shown), **line
        ),
        scored.mark_point(
            filled=True, size=72, opacity=1, stroke="var(--ink)" if marked else "var(--quiet)", strokeWidth=0.7
        ).encode(
            x=x,
            color=colour(models, shown),
            shape=shape(models, shown),
            fillOpacity=hollow,
            tooltip=words,
            description=alt.Description("words:N"),
            **line,
        ),
        rows.labels(named),
        named.mark_text(align="right", baseline="bottom", dy=-3, color="var(--quiet)", opacity=room, aria=False).encode(
            x=alt.value("width"), y=rows.y(0), text="detail:N"
        ),
    ]
    if marked:
        layers.append(
            base.transform_filter("!isValid(datum.score)")
            .mark_text(align="left", fontSize=11, color="var(--quiet)", limit=alt.expr("width"))
            .encode(x=alt.value(2), text=alt.Text("text:N"), description=alt.Description("words:N"), **line)
        )
    data = alt.Data(values=[_datum(dot, low, high) for dot in dots])
    return filtered(alt.layer(*layers, data=data), by_benchmark).properties(
        height=alt.Step(rows.step, **{"for": "position"})
    )


def score_limits(dots: Sequence[Dot]) -> tuple[float, float]:
    """Return the ends of the axis: 0 and 1, farther if scores within `SCORES_SHOWN` need it."""
    least, most = SCORES_SHOWN
    ends = [0.0, 1.0]
    for dot in dots:
        if dot.score is not None:
            reach = (dot.error or 0) if least <= dot.score <= most else 0
            ends += [dot.score - reach, dot.score + reach]
    return max(min(ends), least), min(max(ends), most)


def _datum(dot: Dot, low: float, high: float) -> dict[str, object]:
    def within(value: float) -> float:
        return min(max(value, low), high)

    score, error = dot.score, dot.error
    datum = {
        "benchmark": dot.row,
        "detail": dot.detail,
        "model": dot.model,
        "score": None if score is None else within(score),
        "has_ceiling": dot.has_ceiling,
        "is_beyond": score is not None and not low <= score <= high,
        "text": f"{dot.model} {dot.words}" if score is None else with_error(score, error),
        "words": f"{dot.model}, {dot.row}: {dot.words}",
    }
    if score is not None and error is not None:
        datum |= {"low": within(score - error), "high": within(score + error)}
    return datum
