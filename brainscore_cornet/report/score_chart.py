"""Charts of scores by model and region: positions in percent of the axis, with alternative texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..cornet.anatomy import REGIONS
from ..marques2020.protocols import LIGHT
from .axes import Axis, counted, plain, three
from .report_rows import ReportRow

MARKS = 8  # distinguishable colours, each with a shape of its own
ELSEWHERE = "Behaviour and other"


@dataclass(frozen=True)
class Dot:
    """One line of a chart: a name, a dot on the axis, and a number."""

    model: str
    mark: int | None
    """Number of the model's colour and shape; None if there are more models than marks."""
    at: float | None
    bar: tuple[float, float] | None
    """Start and end of the error bar in percent."""
    beyond: bool
    """Whether the score is beyond the axis, so that its dot is at the end."""
    has_ceiling: bool
    value: str
    detail: str
    alternative: str


@dataclass(frozen=True)
class BenchmarkChart:
    benchmark: str
    ceiling: str
    dots: list[Dot]
    summary: str


@dataclass(frozen=True)
class RegionChart:
    name: str
    means: list[Dot]
    benchmarks: list[BenchmarkChart]


def marks_of(jobs: Sequence[ReportRow]) -> Mapping[str, int | None]:
    """Return model -> mark, which is the same on the whole page, in the order of the models."""
    models = list(dict.fromkeys(job.model for job in jobs))
    return {model: number if len(models) <= MARKS else None for number, model in enumerate(models)}


def region_charts(jobs: Sequence[ReportRow], axis: Axis, marks: Mapping[str, int | None]) -> list[RegionChart]:
    """Return a chart for each region with benchmarks, in the order of the ventral stream.

    The light protocol has a chart of its own: a mean of its scores and of official ones would be of neither.
    """
    by_region: dict[str, list[ReportRow]] = {}
    for name in (*REGIONS, ELSEWHERE):
        by_region |= {name: [], f"{name}, light protocol": []}
    for job in jobs:
        name = job.region if job.region in REGIONS else ELSEWHERE
        by_region[f"{name}, light protocol" if job.benchmark.startswith(LIGHT.prefix) else name].append(job)
    return [
        RegionChart(name, _means(inside, axis, marks), _benchmarks(inside, axis, marks))
        for name, inside in by_region.items()
        if inside
    ]


def _means(jobs: Sequence[ReportRow], axis: Axis, marks: Mapping[str, int | None]) -> list[Dot]:
    """Return a dot for each model's mean score, with its number of benchmarks, which may differ between models."""
    benchmarks = len({job.benchmark for job in jobs})
    dots = []
    for model in dict.fromkeys(job.model for job in jobs):
        inside = [job for job in jobs if job.model == model and job.score is not None]
        scored = [(job.benchmark, job.score) for job in inside if job.score is not None]
        mean = math.fsum(score for _, score in scored) / len(scored) if scored else None
        count = len({benchmark for benchmark, _ in scored})
        detail = f"{count} of {benchmarks}"
        over = f"over {count} of {counted(benchmarks, 'benchmark')}"
        words = f"{model}: no score" if mean is None else f"{model}: mean score {three(mean)} {over}"
        dots.append(_dot(model, marks[model], mean, _error_of_mean(inside), axis, detail, words))
    return dots


def _error_of_mean(jobs: Sequence[ReportRow]) -> float | None:
    """Return the error of a mean of scores whose errors are independent; None unless each has one."""
    errors = [job.scaled_error for job in jobs]
    known = [error for error in errors if error is not None]
    return math.hypot(*known) / len(known) if known and len(known) == len(errors) else None


def _benchmarks(jobs: Sequence[ReportRow], axis: Axis, marks: Mapping[str, int | None]) -> list[BenchmarkChart]:
    by_benchmark: dict[str, list[ReportRow]] = {}
    for job in jobs:
        by_benchmark.setdefault(job.benchmark, []).append(job)
    return [
        BenchmarkChart(
            name,
            _ceiling(inside),
            [_job_dot(job, axis, marks, any(job.has_ceiling for job in inside)) for job in inside],
            _summary(inside),
        )
        for name, inside in by_benchmark.items()
    ]


def _job_dot(job: ReportRow, axis: Axis, marks: Mapping[str, int | None], any_ceiling: bool) -> Dot:
    error = job.scaled_error
    if job.failed or job.score is None:
        words = "failed" if job.failed else "no number"
        return _dot(job.model, marks[job.model], None, None, axis, words, f"{job.model}: {words}", any_ceiling)
    detail = "" if error is None else f"± {three(error)}"
    words = f"{job.model}: score {three(job.score)}"
    words += "" if error is None else f", standard deviation {three(error)}"
    words += f", ceiling {three(job.ceiling)}" if job.has_ceiling else ", no ceiling"
    return _dot(job.model, marks[job.model], job.score, error, axis, detail, words, job.has_ceiling)


def _dot(
    model: str,
    mark: int | None,
    value: float | None,
    error: float | None,
    axis: Axis,
    detail: str,
    words: str,
    has_ceiling: bool = False,
) -> Dot:
    beyond = value is not None and axis.beyond(value)
    return Dot(
        model=model,
        mark=mark,
        at=None if value is None else axis.at(value),
        bar=None if value is None or error is None else (axis.at(value - error), axis.at(value + error)),
        beyond=beyond,
        has_ceiling=has_ceiling,
        value=three(value),
        detail=detail,
        alternative=words + (f", beyond the axis from {plain(axis.low)} to {plain(axis.high)}" if beyond else ""),
    )


def _ceiling(jobs: Sequence[ReportRow]) -> str:
    """Return the ceiling as text; models have the same ceiling unless the benchmark's version changed."""
    values = sorted(job.divisor for job in jobs if job.divisor is not None)
    ceilings = list(dict.fromkeys(map(three, values)))
    if not ceilings:
        return "no ceiling"
    if len(ceilings) == 1:
        return f"ceiling {ceilings[0]}"
    return f"ceilings {ceilings[0]} to {ceilings[-1]}"


def _summary(jobs: Sequence[ReportRow]) -> str:
    scores = sorted(job.score for job in jobs if job.score is not None)
    if not scores:
        return "no score"
    if len(scores) == 1:
        return f"1 score, {three(scores[0])}"
    return f"{counted(len(scores), 'score')}, {three(scores[0])} to {three(scores[-1])}"
