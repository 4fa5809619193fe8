"""Charts over time: requested and committed time bins, and scores in time bins."""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import ChartFigure, Table
from ..cornet.anatomy import REGIONS
from ..named_rows import NamedRows
from .model_marks import are_marked, colour, filtered, models_of, shape
from .number_text import span, three
from .report_rows import ReportRow, TimeBin
from .score_chart import ELSEWHERE

_NAME, _BAR = 20, 14  # px, heights of a model's name and of its bar
_NAMED = 3  # benchmarks that a chart names; the rest is counted
_FARTHEST = 1e15  # of an axis: differences of larger numbers may not be finite
_REQUESTED = "requested"
_ONSET = "time after stimulus onset (ms)"


def time_bin_charts(jobs: Sequence[ReportRow]) -> list[ChartFigure]:
    """Return a chart for each region and set of requested time bins."""
    groups: dict[tuple[str, tuple[TimeBin, ...]], list[ReportRow]] = {}
    for job in jobs:
        if job.time_bins:
            region = job.region if job.region in REGIONS else ELSEWHERE
            groups.setdefault((region, job.time_bins), []).append(job)
    order = [*REGIONS, ELSEWHERE]
    models = models_of(jobs)
    return [
        _time_bin_chart(*key, groups[key], models)
        for key in sorted(groups, key=lambda key: (order.index(key[0]), key[1]))
    ]


def _time_bin_chart(
    region: str, requested: tuple[TimeBin, ...], jobs: Sequence[ReportRow], models: Sequence[str]
) -> ChartFigure:
    import altair as alt

    bins = {_REQUESTED: requested} | {job.model: job.model_time_bins for job in jobs}
    data = alt.Data(
        values=[
            {"model": model, "start": start, "end": end, "time_bin": f"{span(start, end)} ms"}
            for model, time_bins in bins.items()
            for start, end in time_bins
        ]
    )
    names = list(bins)
    rows = NamedRows("model", names, _NAME, _BAR)
    none = alt.Chart(alt.Data(values=[{"model": row, "text": "none committed"} for row in names if not bins[row]]))
    colours = [
        f"var(--m{models.index(row)})" if row in models and are_marked(models) else "var(--requested)" for row in names
    ]
    band = alt.Chart(alt.Data(values=[{"start": start, "end": end} for start, end in merged(requested)]))
    x = alt.X("start:Q", axis=alt.Axis(title=_ONSET, tickCount=6), scale=alt.Scale(zero=True, nice=True))
    shown = f"datum.model == '{_REQUESTED}' || indexof(lower(datum.model), model_part) >= 0"
    chart = alt.layer(
        band.mark_rect(color="var(--band)", aria=False).encode(x=x, x2="end:Q"),
        alt.Chart(data)
        .mark_bar(height=_BAR, stroke="var(--card)", strokeWidth=1.5)
        .transform_filter(shown)
        .encode(
            x=x,
            x2="end:Q",
            y=rows.y(),
            color=alt.Color("model:N", scale=alt.Scale(domain=names, range=colours), legend=None),
            tooltip=[alt.Tooltip("model:N", title=" "), alt.Tooltip("time_bin:N", title="time bin")],
        ),
        none.mark_text(align="left", color="var(--quiet)")
        .transform_filter(shown)
        .encode(x=alt.value(4), y=rows.y(), text="text:N"),
        rows.labels(alt.Chart(alt.Data(values=[{"model": row} for row in names]))).transform_filter(shown),
    )
    benchmarks = list(dict.fromkeys(job.benchmark for job in jobs))
    more = f" and {len(benchmarks) - _NAMED} more" if len(benchmarks) > _NAMED else ""
    return ChartFigure(
        f"time-bins-{region.split()[0]}-{requested[0][0]:g}-{requested[-1][1]:g}-{len(requested)}",
        f"{region}, {_listed(requested)}",
        f"Time bins that {', '.join(benchmarks[:_NAMED])}{more} request, and those that each model has committed.",
        chart.add_params(alt.param(name="model_part", value="")).properties(height=alt.Step(rows.step)),
        models_of(jobs),
        benchmarks,
        Table(
            ["", "Time bins (ms)"],
            [[name, ", ".join(span(*each) for each in found) or "none"] for name, found in bins.items()],
        ),
    )


def _listed(time_bins: Sequence[TimeBin]) -> str:
    whole = f"{span(time_bins[0][0], max(end for _, end in time_bins))} ms"
    return whole if len(time_bins) == 1 else f"{whole} in {len(time_bins)} bins"


def merged(time_bins: Sequence[TimeBin]) -> list[TimeBin]:
    """Return time bins, with those that touch or overlap merged."""
    found: list[TimeBin] = []
    for start, end in sorted(time_bins):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def courses(jobs: Sequence[ReportRow]) -> list[ChartFigure]:
    """Return the scores over time of each temporal benchmark with a score in any time bin."""
    by_benchmark: dict[str, list[ReportRow]] = {}
    for job in jobs:
        if any(value is not None for _, _, value in job.course):
            by_benchmark.setdefault(job.benchmark, []).append(job)
    models = models_of(jobs)
    return [_course(number, name, inside, models) for number, (name, inside) in enumerate(by_benchmark.items(), 1)]


def _course(number: int, benchmark: str, jobs: Sequence[ReportRow], models: Sequence[str]) -> ChartFigure:
    import altair as alt

    data = alt.Data(values=[point for job in jobs for point in course_points(job)])
    marked = are_marked(models)
    shown = [job.model for job in jobs]
    base = alt.Chart().encode(
        x=alt.X(
            "middle:Q", axis=alt.Axis(title=_ONSET, tickCount=8), scale=alt.Scale(zero=False, nice=True, padding=8)
        ),
        y=alt.Y("score:Q", axis=alt.Axis(title="score", tickCount=5), scale=alt.Scale(zero=True, nice=True)),
        color=colour(models, shown),
        detail="model:N",
    )
    points = base.mark_point(filled=True, size=50, opacity=1, strokeWidth=0.7).encode(
        shape=shape(models, shown),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("time_bin:N", title="time bin"),
            alt.Tooltip("text:N", title="score"),
        ],
        description=alt.Description("words:N"),
    )
    lines = base.mark_line(strokeWidth=2, opacity=1 if marked else 0.5, aria=False)
    bins = sorted({(start, end) for job in jobs for start, end, _ in job.course})
    rows = []
    for job in jobs:
        values = {(start, end): value for start, end, value in job.course}
        rows.append([job.model, peak(job), *(three(values.get(each)) for each in bins)])
    return ChartFigure(
        f"over-time-{number}",
        benchmark,
        f"Score in each time bin of {benchmark}.",
        filtered(alt.layer(lines, points, data=data), by_benchmark=False).properties(height=240),
        shown,
        [benchmark],
        Table(["Model", "Peak", *(f"{span(*each)} ms" for each in bins)], rows),
    )


def course_points(job: ReportRow) -> list[dict[str, object]]:
    """Return a point in the middle of each time bin; a score of None interrupts the line."""
    return [
        {
            "model": job.model,
            "middle": _within(start / 2 + end / 2),
            "score": None if value is None else _within(value),
            "time_bin": f"{span(start, end)} ms",
            "text": three(value),
            "words": f"{job.model}, {span(start, end)} ms: {three(value)}",
        }
        for start, end, value in job.course
    ]


def _within(value: float) -> float:
    return min(max(value, -_FARTHEST), _FARTHEST)


def peak(job: ReportRow) -> str:
    """Return the highest score and its time bin as text."""
    measured = [(value, start, end) for start, end, value in job.course if value is not None]
    if not measured:
        return "–"
    highest, start, end = max(measured, key=lambda point: point[0])
    return f"{three(highest)} at {span(start, end)} ms"
