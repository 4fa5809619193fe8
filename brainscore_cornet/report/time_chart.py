"""Charts over time: requested and committed time bins, and scores in time bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..cornet.anatomy import REGIONS
from .axes import Axis, axis_over, span, three
from .report_rows import ReportRow, TimeBin
from .score_chart import ELSEWHERE

_NAMED = 3  # benchmarks that a chart names; the rest is counted


@dataclass(frozen=True)
class Bars:
    """One line of a chart of time bins."""

    name: str
    mark: int | None
    bars: list[tuple[float, float]]
    """Left ends and widths of the bars in percent."""
    value: str
    alternative: str


@dataclass(frozen=True)
class TimeChart:
    region: str
    benchmarks: list[str]
    named: str
    axis: Axis
    requested: Bars
    models: list[Bars]
    bands: list[tuple[float, float]]
    """Requested time bins, drawn behind the models' bars."""


@dataclass(frozen=True)
class Mark:
    time_bin: str
    x: float
    y: float | None
    value: str


@dataclass(frozen=True)
class Line:
    model: str
    mark: int | None
    points: list[Mark]
    segments: list[tuple[Mark, Mark]]
    """Segments between neighbouring points that both have a number."""
    alternative: str
    peak: str


@dataclass(frozen=True)
class Course:
    benchmark: str
    x: Axis
    y: Axis
    lines: list[Line]
    time_bins: list[str]
    table: list[tuple[str, list[str]]]
    """Model -> scores in the time bins, as text."""


def time_charts(jobs: Sequence[ReportRow], marks: Mapping[str, int | None]) -> list[TimeChart]:
    """Return a chart for each region and set of requested time bins."""
    groups: dict[tuple[str, tuple[TimeBin, ...]], list[ReportRow]] = {}
    for job in jobs:
        if job.time_bins:
            region = job.region if job.region in REGIONS else ELSEWHERE
            groups.setdefault((region, job.time_bins), []).append(job)
    order = [*REGIONS, ELSEWHERE]
    return [
        _time_chart(region, requested, groups[region, requested], marks)
        for region, requested in sorted(groups, key=lambda key: (order.index(key[0]), key[1]))
    ]


def _time_chart(region: str, requested: tuple[TimeBin, ...], jobs: Sequence[ReportRow], marks) -> TimeChart:
    committed = dict.fromkeys((job.model, job.model_time_bins) for job in jobs)
    everything = [*requested, *(time_bin for _, time_bins in committed for time_bin in time_bins)]
    axis = axis_over([0.0, *(edge for time_bin in everything for edge in time_bin)])
    benchmarks = list(dict.fromkeys(job.benchmark for job in jobs))
    more = len(benchmarks) - _NAMED
    named = ", ".join(benchmarks[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return TimeChart(
        region=region,
        benchmarks=benchmarks,
        named=named,
        axis=axis,
        requested=_bars("requested", None, requested, axis, "the benchmark requests"),
        models=[_bars(model, marks[model], bins, axis, f"{model} has committed") for model, bins in committed],
        bands=[_bar(time_bin, axis) for time_bin in merged(requested)],
    )


def _bars(name: str, mark: int | None, time_bins: tuple[TimeBin, ...], axis: Axis, words: str) -> Bars:
    if not time_bins:
        return Bars(name, mark, [], "none committed", f"{words} no time bins")
    whole = span(time_bins[0][0], max(end for _, end in time_bins))
    value = f"{whole} ms" if len(time_bins) == 1 else f"{whole} ms, {len(time_bins)} bins"
    each = ", ".join(span(*time_bin) for time_bin in time_bins)
    return Bars(name, mark, [_bar(time_bin, axis) for time_bin in time_bins], value, f"{words} {each} ms")


def _bar(time_bin: TimeBin, axis: Axis) -> tuple[float, float]:
    left, right = map(axis.at, time_bin)
    return left, round(right - left, 2)


def merged(time_bins: Sequence[TimeBin]) -> list[TimeBin]:
    """Return time bins, with those that touch or overlap merged."""
    found: list[TimeBin] = []
    for start, end in sorted(time_bins):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def courses(jobs: Sequence[ReportRow], marks: Mapping[str, int | None]) -> list[Course]:
    """Return the course of each temporal benchmark with a score in any time bin."""
    by_benchmark: dict[str, list[ReportRow]] = {}
    for job in jobs:
        if any(value is not None for _, _, value in job.course):
            by_benchmark.setdefault(job.benchmark, []).append(job)
    return [_course(benchmark, inside, marks) for benchmark, inside in by_benchmark.items()]


def _course(benchmark: str, jobs: Sequence[ReportRow], marks: Mapping[str, int | None]) -> Course:
    points = [point for job in jobs for point in job.course]
    x = axis_over([edge for start, end, _ in points for edge in (start, end)])
    y = axis_over([0.0, *(value for *_, value in points if value is not None)], at_most=5)
    bins = sorted({(start, end) for start, end, _ in points})
    table = []
    for job in jobs:
        values = {(start, end): value for start, end, value in job.course}
        table.append((job.model, [three(values.get(time_bin)) for time_bin in bins]))
    lines = [_line(job, marks[job.model], x, y) for job in jobs]
    return Course(benchmark, x, y, lines, [span(*time_bin) for time_bin in bins], table)


def _line(job: ReportRow, mark: int | None, x: Axis, y: Axis) -> Line:
    points = [
        Mark(span(start, end), x.at((start + end) / 2), None if value is None else y.at(value), three(value))
        for start, end, value in job.course
    ]
    pairs = pairwise(points)
    measured = [(value, start, end) for start, end, value in job.course if value is not None]
    highest, start, end = max(measured, key=lambda point: point[0])
    each = ", ".join(f"{point.time_bin} ms {point.value}" for point in points)
    return Line(
        model=job.model,
        mark=mark,
        points=points,
        segments=[(one, other) for one, other in pairs if one.y is not None and other.y is not None],
        alternative=f"{job.model}: {each}",
        peak=f"peak {three(highest)}, {span(start, end)} ms",
    )
