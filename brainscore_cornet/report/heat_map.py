"""A heat map of models and benchmarks: every score at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import ChartFigure, column_names
from ..named_rows import NamedRows
from .model_marks import filtered, models_of
from .report_rows import ReportRow
from .score_chart import benchmark_table, score_text

_NAME, _CELL = 20, 22  # px, heights of a benchmark's name and of its cells
_NUMBER = 34  # px, width of a cell in which a number fits


def heat_map(jobs: Sequence[ReportRow]) -> ChartFigure | None:
    """Return the heat map, in the order of the jobs; None unless there are several models and several benchmarks."""
    import altair as alt

    models, benchmarks = models_of(jobs), list(dict.fromkeys(job.benchmark for job in jobs))
    if len(models) < 2 or len(benchmarks) < 2 or all(job.score is None for job in jobs):
        return None
    rows = NamedRows("benchmark", benchmarks, _NAME, _CELL)
    names_axis, params = column_names(models, "top")
    axis = alt.Axis(title=None, grid=False, labelColor="var(--ink)", **names_axis)
    x = alt.X("model:N", sort=models, axis=axis, scale=alt.Scale(paddingInner=0.04, paddingOuter=0))
    base = alt.Chart().encode(y=rows.y())
    fits = alt.expr(f"length(datum.label) > 1 && bandwidth('x') < {_NUMBER} ? 0 : 1")
    strength = alt.Scale(domain=[0, 1], range=[0.04, 0.7], clamp=True)
    chart = alt.layer(
        base.mark_rect(color="var(--m0)", stroke="var(--grid)", cornerRadius=2).encode(
            x=x,
            fillOpacity=alt.FillOpacity("strength:Q", scale=strength, legend=None),
            tooltip=[alt.Tooltip("model:N"), alt.Tooltip("benchmark:N"), alt.Tooltip("text:N", title="score")],
            description=alt.Description("words:N"),
        ),
        base.mark_text(opacity=fits, aria=False, tooltip=None).encode(x=x, text="label:N"),
        rows.labels(base.transform_aggregate(rows="count()", groupby=["benchmark"])),
        data=alt.Data(values=[_datum(job) for job in jobs]),
    )
    return ChartFigure(
        "heat-map",
        "Models and benchmarks",
        "Score of each model on each benchmark; colours are stronger for higher scores, from 0 to 1."
        + (" ×: failed." if any(job.failed for job in jobs) else ""),
        filtered(chart, by_benchmark=True).add_params(*params).properties(height=alt.Step(rows.step)),
        models,
        benchmarks,
        benchmark_table(jobs),
    )


def _datum(job: ReportRow) -> dict[str, object]:
    return {
        "model": job.model,
        "benchmark": job.benchmark,
        "strength": 0 if job.score is None else job.score,
        "label": "×" if job.failed else "–" if job.score is None else f"{job.score:.2f}".replace("-", "−"),
        "text": score_text(job),
        "words": f"{job.model}, {job.benchmark}: {score_text(job)}",
    }
