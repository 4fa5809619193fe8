"""Charts of the differences between models, with their intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..charts import ChartFigure, Table
from ..named_rows import NamedRows

_SIGNIFICANT = 0.05
_NAMES, _INTERVAL = 36, 22  # px, heights of two lines of names and of the interval below them


def difference_charts(table: pd.DataFrame) -> list[ChartFigure]:
    """Return a chart for each benchmark of a table of `compare_models`: each two models, filled where significant."""
    groups = table.groupby("benchmark", sort=False)
    return [_chart(number, str(name), rows.to_dict("records")) for number, (name, rows) in enumerate(groups, 1)]


def _chart(number: int, benchmark: str, rows: list[dict[str, Any]]) -> ChartFigure:
    import altair as alt

    pairs = [_datum(row) for row in rows]
    named = NamedRows("pair", [each["pair"] for each in pairs], _NAMES, _INTERVAL)
    x = alt.X(
        "difference:Q",
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(title="difference in score", tickCount=6, labelFlush=False),
    )
    base = alt.Chart()
    known = base.transform_filter("isValid(datum.difference)")
    fill = alt.when("datum.is_significant").then(alt.value("var(--m0)")).otherwise(alt.value("var(--card)"))
    words = [alt.Tooltip("pair:N", title="models"), alt.Tooltip("text:N", title="difference")]
    chart = alt.layer(
        known.mark_rule(color="var(--ceiling)", strokeDash=[3, 3], aria=False).encode(
            x=alt.datum(0), y=named.y(0), y2=alt.Y2("pair:N", bandPosition=1)
        ),
        known.mark_rule(strokeWidth=2, color="var(--m0)", aria=False).encode(
            x=alt.X("low:Q"), x2="high:Q", y=named.y()
        ),
        known.mark_point(size=70, stroke="var(--m0)", strokeWidth=1.5, opacity=1).encode(
            x=x, y=named.y(), fill=fill, tooltip=words, description=alt.Description("words:N")
        ),
        named.labels(base, lineBreak="\n", dy=-18),
        base.transform_filter("!isValid(datum.difference)")
        .mark_text(align="left", color="var(--quiet)")
        .encode(x=alt.value(0), y=named.y(), text="text:N"),
        data=alt.Data(values=pairs),
    )
    first = rows[0]
    count = int(first["comparisons"])
    return ChartFigure(
        f"differences-{number}",
        benchmark,
        f"Difference in score of each two models, with its interval of 95 %. Filled: p < {_SIGNIFICANT:g} "
        f"({first['correction']}, {count} comparison{'' if count == 1 else 's'}).",
        chart.properties(height=alt.Step(named.step)),
        table=Table(
            ["Models", "Difference", "Corrected p"],
            [[each["pair"], each["text"], _p(row["p_corrected"])] for each, row in zip(pairs, rows, strict=True)],
        ),
    )


def _datum(row: dict[str, Any]) -> dict[str, Any]:
    pair, is_known = f"{row['first']}\n− {row['second']}", pd.notna(row["difference"])
    text = f"{row['difference']:.3f} ({row['low']:.3f} to {row['high']:.3f})" if is_known else "no reliable signal"
    return {
        "pair": pair,
        **{name: row[name] if pd.notna(row[name]) else None for name in ("difference", "low", "high")},
        "is_significant": bool(row["p_corrected"] < _SIGNIFICANT),
        "text": text,
        "words": f"{row['first']} minus {row['second']}: {text}, corrected p {_p(row['p_corrected'])}",
    }


def _p(value: float) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
