"""Charts of scores: each benchmark of a region, and the means over the benchmarks of each region."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..charts import ChartFigure, Table
from ..cornet.anatomy import REGIONS
from ..marques2020.protocols import LIGHT
from .dot_chart import Dot, dot_chart
from .model_marks import models_of
from .number_text import counted, three, with_error
from .report_rows import ReportRow

ELSEWHERE = "Behaviour and other"
_LIGHT, _UNCEILED = ", light protocol", ", without a ceiling"  # parts of a region


def by_region(jobs: Sequence[ReportRow]) -> Mapping[str, list[ReportRow]]:
    """Return the jobs of each region with a score, in the order of the ventral stream.

    The light protocol is apart, and so are neural benchmarks without a ceiling, whose scores are raw: a mean of their
    scores and of others would be of neither.
    """
    unceiled = _without_ceiling(jobs)
    found: dict[str, list[ReportRow]] = {}
    for name in (*REGIONS, ELSEWHERE):
        found |= {f"{name}{part}": [] for part in ("", _LIGHT, _UNCEILED)}
    for job in jobs:
        name = job.region if job.region in REGIONS else ELSEWHERE
        part = _LIGHT if job.benchmark.startswith(LIGHT.prefix) else ""
        if name != ELSEWHERE and job.benchmark in unceiled:
            part = _UNCEILED
        found[f"{name}{part}"].append(job)
    return {name: inside for name, inside in found.items() if any(job.score is not None for job in inside)}


def _without_ceiling(jobs: Sequence[ReportRow]) -> set[str]:
    """Return the benchmarks with scores, none of which has a ceiling."""
    scored = [job for job in jobs if job.score is not None]
    return {job.benchmark for job in scored} - {job.benchmark for job in scored if job.has_ceiling}


def region_charts(jobs: Sequence[ReportRow]) -> list[ChartFigure]:
    """Return the chart of each region, with a row for each benchmark."""
    models = models_of(jobs)
    return [_region_chart(name, inside, models) for name, inside in by_region(jobs).items()]


def mean_chart(jobs: Sequence[ReportRow]) -> ChartFigure | None:
    """Return the chart of each model's mean in each region; None unless a region has several benchmarks."""
    regions = by_region(jobs)
    if all(len({job.benchmark for job in inside}) < 2 for inside in regions.values()):
        return None
    models = models_of(jobs)
    dots = [dot for name, inside in regions.items() for dot in mean_dots(name, inside)]
    cells = {(dot.row, dot.model): dot.words for dot in dots}
    rows = [[name, *(cells.get((name, model), "–") for model in models)] for name in regions]
    return ChartFigure(
        "means",
        "Means",
        "Mean score of each model over the benchmarks of each region that it has a score on.",
        dot_chart(dots, models, by_benchmark=False),
        models,
        table=Table(["Region", *models], rows),
    )


def benchmark_dots(jobs: Sequence[ReportRow]) -> list[Dot]:
    """Return a dot for each job, the jobs of a benchmark together."""
    by_benchmark: dict[str, list[ReportRow]] = {}
    for job in jobs:
        by_benchmark.setdefault(job.benchmark, []).append(job)
    return [
        Dot(name, _ceiling(inside), job.model, job.score, job.scaled_error, job.has_ceiling, _words(job))
        for name, inside in by_benchmark.items()
        for job in inside
    ]


def mean_dots(region: str, jobs: Sequence[ReportRow]) -> list[Dot]:
    """Return a dot for each model's mean score, with its number of benchmarks, which may differ between models."""
    benchmarks = len({job.benchmark for job in jobs})
    dots = []
    for model in models_of(jobs):
        scored = [job for job in jobs if job.model == model and job.score is not None]
        scores = [job.score for job in scored if job.score is not None]
        mean = math.fsum(scores) / len(scores) if scores else None
        error = _error_of_mean(scored)
        count = len({job.benchmark for job in scored})
        words = "no score" if mean is None else f"{with_error(mean, error)} over {count} of {benchmarks}"
        has_ceiling = any(job.has_ceiling for job in jobs)
        dots.append(Dot(region, counted(benchmarks, "benchmark"), model, mean, error, has_ceiling, words))
    return dots


def _region_chart(name: str, jobs: Sequence[ReportRow], models: Sequence[str]) -> ChartFigure:
    dots = benchmark_dots(jobs)
    present = [model for model in models if any(dot.model == model for dot in dots)]
    return ChartFigure(
        f"scores-{name.split()[0].rstrip(',')}{_suffix(name)}",
        name,
        "Score of each model on each benchmark, with one standard deviation to either side.",
        dot_chart(dots, models, by_benchmark=True),
        present,
        list(dict.fromkeys(dot.row for dot in dots)),
        benchmark_table(jobs),
    )


def _suffix(name: str) -> str:
    return "-light" if name.endswith(_LIGHT) else "-raw" if name.endswith(_UNCEILED) else ""


def benchmark_table(jobs: Sequence[ReportRow]) -> Table:
    """Return the score of each model on each benchmark as text, in the order of the jobs."""
    models, texts = models_of(jobs), {(job.model, job.benchmark): score_text(job) for job in jobs}
    names = dict.fromkeys(job.benchmark for job in jobs)
    rows = [[name, *(texts.get((model, name), "–") for model in models)] for name in names]
    return Table(["Benchmark", *models], rows)


def score_text(job: ReportRow) -> str:
    """Return a job's score with its error as text, or that it failed."""
    return "failed" if job.failed else with_error(job.score, job.scaled_error)


def _error_of_mean(jobs: Sequence[ReportRow]) -> float | None:
    """Return the error of a mean of scores whose errors are independent; None unless each has one."""
    errors = [job.scaled_error for job in jobs]
    known = [error for error in errors if error is not None]
    return math.hypot(*known) / len(known) if known and len(known) == len(errors) else None


def _words(job: ReportRow) -> str:
    if job.failed or job.score is None:
        return "failed" if job.failed else "no number"
    words = f"score {three(job.score)}"
    words += "" if job.scaled_error is None else f", standard deviation {three(job.scaled_error)}"
    return words + (f", ceiling {three(job.ceiling)}" if job.has_ceiling else ", no ceiling")


def _ceiling(jobs: Sequence[ReportRow]) -> str:
    """Return the ceiling as text; models have the same ceiling unless the benchmark's version changed."""
    values = sorted(job.divisor for job in jobs if job.divisor is not None)
    ceilings = list(dict.fromkeys(map(three, values)))
    if not ceilings:
        return "no ceiling"
    return f"ceiling {ceilings[0]}" if len(ceilings) == 1 else f"ceilings {ceilings[0]}–{ceilings[-1]}"
