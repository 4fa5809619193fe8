"""Provenance of results: versions, devices, dates, settings and weights, each once for the jobs that share it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from .number_text import counted, significant
from .report_rows import ReportRow


@dataclass(frozen=True)
class Setup:
    """Jobs of one model that were run in the same way."""

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
    """Return the setups in the order of the models; a model with two setups occurs twice."""
    groups: dict[tuple, list[ReportRow]] = {}
    for job in jobs:
        way = tuple(job.text(column) for column in ("settings", "weights_hash", "device", "versions"))
        groups.setdefault((job.model, *way), []).append(job)
    order = {model: index for index, model in enumerate(dict.fromkeys(job.model for job in jobs))}
    return [Setup(key[0], _facts(groups[key])) for key in sorted(groups, key=lambda key: order[key[0]])]


def _facts(jobs: Sequence[ReportRow]) -> list[tuple[str, str]]:
    first = jobs[0]
    failed = sum(job.failed for job in jobs)
    facts = [
        ("jobs", f"{len(jobs):,}" + (f", {failed:,} failed" if failed else "")),
        ("settings", _listed(first, "settings") or "as committed"),
        ("weights", first.text("weights_hash") or "no file"),
        ("device", first.text("device") or "not recorded"),
        ("metrics", ", ".join(_texts(jobs, "metric"))),
        ("dates", _days(jobs) or "not recorded"),
        ("time", _duration([job.number("seconds") for job in jobs])),
        ("peak memory", _memory(jobs)),
        ("versions", _listed(first, "versions") or "not recorded"),
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
