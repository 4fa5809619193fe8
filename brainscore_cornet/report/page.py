"""The report's page, rendered from its template and written as a complete file."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..cornet.writing import output_path, write_aside, writing
from . import axes, failed_jobs, heat_map, provenance, score_chart, score_table, time_chart
from .report_rows import ReportRow, read_jobs

_FOLDER = Path(__file__).parent
_NAME_WIDTH = 20  # in characters; longer names of models go over several lines
_OPENED = 12  # with more benchmarks than this, their charts are folded at first


def write_report(rows: pd.DataFrame, path: Path, title: str = "Brain-Score results") -> None:
    """Write results as one HTML file that opens without a network.

    Parameters
    ----------
    rows
        One row for each job, that is, each model on each benchmark. The columns `model`, `benchmark`, `status`
        ('scored' or 'failed') and `score` are required; other columns are shown if they exist.
    path
        File to write; an existing file is replaced only by a complete one.

    Raises
    ------
    UserError
        If the table has no rows or lacks a required column, or the file cannot be written.
    """
    text = render(read_jobs(rows), title)
    path = output_path(path, "a page")
    # half of a surrogate pair, which UTF-8 cannot encode, becomes a question mark
    encoded = text.encode("utf-8", "replace")
    with writing(path):
        write_aside(path, lambda part: part.write_bytes(encoded))


def render(jobs: list[ReportRow], title: str) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    marks = score_chart.marks_of(jobs)
    scored = [(job.score, job.scaled_error) for job in jobs if job.score is not None]
    axis = axes.score_axis([score for score, _ in scored], [error for _, error in scored])
    return environment.get_template("page.html.j2").render(
        title=title,
        sentence=provenance.sentence(jobs),
        axis=axis,
        marked=None not in marks.values(),
        name_width=min(max(9, *(len(model) + 1 for model in marks)), _NAME_WIDTH),
        any_scored=bool(scored),
        regions=score_chart.region_charts(jobs, axis, marks),
        opened=len({job.benchmark for job in jobs}) <= _OPENED,
        time_charts=time_chart.time_charts(jobs, marks),
        courses=time_chart.courses(jobs, marks),
        jobs=jobs,
        columns=score_table.columns(jobs),
        cell=score_table.cell,
        failed=failed_jobs.failures(jobs),
        heat_map=heat_map.heat_map(jobs),
        setups=provenance.setups(jobs),
        benchmark_versions=provenance.benchmark_versions(jobs),
        notes=provenance.notes(jobs),
        embedded=score_table.embedded(jobs),
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        # the browser runs only this script, whatever an identifier contains
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
