"""Provenance of results: versions, devices, dates, settings and weights of each model's jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from .number_text import counted, significant
from .report_rows import ReportRow


@dataclass(frozen=True)
class Setup:
    """How the jobs of a model were run."""

    model: str
    facts: list[tuple[str, str]]
    """Name and value of each fact, such as ("device", "cuda:0")."""


@dataclass(frozen=True)
class Note:
    text: str
    about: list[str]


def sentence(jobs: Sequence[ReportRow]) -> str:
    """Return a sentence with the numbers of models, benchmarks, scores and failures, and the dates."""
    models, benchmarks = ({getattr(job, what) for job in jobs} for what in ("model", "benchmark"))
    failed = sum(job.failed for job in jobs)
    text = f"{counted(len(models), 'model')} on {counted(len(benchmarks), 'benchmark')}: "
    text += f"{counted(len(jobs) - failed, 'score')}, {failed:,} failed"
    when = _days(jobs)
    return f"{text}, {'on' if len(when.split()) == 1 else 'from'} {when}." if when else f"{text}."


def setups(jobs: Sequence[ReportRow]) -> list[Setup]:
    """Return the setup of each model, in their order."""
    by_model: dict[str, list[ReportRow]] = {}
    for job in jobs:
        by_model.setdefault(job.model, []).append(job)
    return [Setup(model, _facts(inside)) for model, inside in by_model.items()]


def _facts(jobs: Sequence[ReportRow]) -> list[tuple[str, str]]:
    failed = sum(job.failed for job in jobs)
    facts = [
        ("jobs", f"{len(jobs):,}" + (f", {failed:,} failed" if failed else "")),
        ("settings", _each(_listed(job, "settings") or "as committed" for job in jobs)),
        # failed jobs may lack what was known only after the model was loaded
        ("weights", _each(_texts(jobs, "weights_hash")) or "no file"),
        ("device", _each(_texts(jobs, "device")) or "not recorded"),
        ("metrics", _each(_texts(jobs, "metric"))),
        ("dates", _days(jobs) or "not recorded"),
        ("time", _duration([job.number("seconds") for job in jobs])),
        ("peak memory", _memory(jobs)),
        ("versions", _each(filter(None, (_listed(job, "versions") for job in jobs))) or "not recorded"),
    ]
    return [(what, value) for what, value in facts if value]


def benchmark_versions(jobs: Sequence[ReportRow]) -> list[tuple[str, str]]:
    """Return (benchmark, version), with all versions if it changed between jobs."""
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        found.setdefault(job.benchmark, {}).update(dict.fromkeys(_texts([job], "benchmark_version")))
    return [(benchmark, ", ".join(versions) or "not recorded") for benchmark, versions in found.items()]


def notes(jobs: Sequence[ReportRow]) -> list[Note]:
    """Return each note once, with its benchmarks."""
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        for text in _texts([job], "note"):
            found.setdefault(text, {})[job.benchmark] = None
    return [Note(text, list(about)) for text, about in found.items()]


def _texts(jobs: Iterable[ReportRow], column: str) -> list[str]:
    return [text for job in jobs if (text := job.text(column))]


def _each(values: Iterable[str]) -> str:
    """Return each value once, with its number of jobs if there are several."""
    counts = Counter(values)
    if len(counts) < 2:
        return "".join(counts)
    return "; ".join(f"{value} ({counted(count, 'job')})" for value, count in counts.items())


def _listed(job: ReportRow, column: str) -> str:
    """Return a JSON object as `name value, name value`, and other text unchanged."""
    record = job.record(column)
    if record:
        return ", ".join(f"{name} {value}" for name, value in record.items())
    text = job.text(column) or ""
    return "" if text.strip() in ("{}", "null") else text


def _days(jobs: Iterable[ReportRow]) -> str:
    """Return the day as `2026-12-01`, or the first and the last day."""
    dates = pd.to_datetime(pd.Series(_texts(jobs, "date"), dtype=object), errors="coerce", utc=True, format="ISO8601")
    days = sorted(dates.dropna().dt.strftime("%Y-%m-%d")) if len(dates) else []
    if not days:
        return ""
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _duration(seconds: Iterable[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    total = sum(known)
    if not known:
        return ""
    for unit, length in (("h", 3600), ("min", 60)):
        if total >= 2 * length:
            return f"{significant(total / length)} {unit}"
    return f"{significant(total)} s"


def _memory(jobs: Iterable[ReportRow]) -> str:
    known = [value for job in jobs if (value := job.number("memory_mb")) is not None]
    return f"{significant(max(known))} MB" if known else ""
