"""How charts draw models: a colour and a shape each, a legend, and the filter that the page's fields set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..charts import CHARACTER, SHAPES
from .report_rows import ReportRow

if TYPE_CHECKING:
    import altair as alt

MOST = len(SHAPES)  # models that can be distinguished
_SYMBOL = 40  # px, of a legend's entry besides its name


def models_of(jobs: Sequence[ReportRow]) -> list[str]:
    """Return the models in the order of the jobs."""
    return list(dict.fromkeys(job.model for job in jobs))


def are_marked(models: Sequence[str]) -> bool:
    """Return whether each of the models can have a colour and a shape of its own."""
    return len(models) <= MOST


def colour(models: Sequence[str], shown: Sequence[str]) -> Any:
    """Return the channel of the models' colours, with a legend of those shown; one grey for too many models."""
    import altair as alt

    if not are_marked(models):
        return alt.value("var(--requested)")
    return alt.Color(
        "model:N", scale=_scale(models, [f"var(--m{number})" for number in range(len(models))]), legend=_legend(shown)
    )


def shape(models: Sequence[str], shown: Sequence[str]) -> Any:
    """Return the channel of the models' shapes, whose legend is that of the colours."""
    import altair as alt

    if not are_marked(models):
        return alt.value(SHAPES[0])
    return alt.Shape("model:N", scale=_scale(models, SHAPES[: len(models)]), legend=_legend(shown))


def filtered(chart: Any, by_benchmark: bool) -> Any:
    """Return a chart of the models, and benchmarks, whose names contain what the fields of the page hold."""
    import altair as alt

    parts = ["model", "benchmark"] if by_benchmark else ["model"]
    tests = [f"indexof(lower(datum.{part}), {part}_part) >= 0" for part in parts]
    params = [alt.param(name=f"{part}_part", value="") for part in ("model", "benchmark")]
    return chart.transform_filter(" && ".join(tests)).add_params(*params)


def _scale(models: Sequence[str], values: Sequence[str]) -> alt.Scale:
    import altair as alt

    return alt.Scale(domain=list(models), range=list(values))


def _legend(shown: Sequence[str]) -> alt.Legend:
    import altair as alt

    entry = _SYMBOL + CHARACTER * max(map(len, shown))
    return alt.Legend(
        title=None,
        values=list(shown),
        columns=alt.expr(f"max(1, floor(width / {entry}))"),
        labelLimit=alt.expr(f"width - {_SYMBOL / 2:g}"),
    )
