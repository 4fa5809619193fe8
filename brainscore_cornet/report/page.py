"""The report's page, rendered from its template and written as a complete file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .. import charts
from ..charts import ChartFigure
from ..cornet.writing import output_path, write_aside, writing
from . import equal_models, failed_jobs, heat_map, provenance, score_chart, score_table, time_chart
from .own_data_sections import OwnData, comparison_figures, map_section
from .report_rows import ReportRow, read_jobs

_FOLDER = Path(__file__).parent
_SCORES = (
    "Scores are divided by their benchmark's noise ceiling, if it has one, so that 1 is as good as the data allow "
    "(dashed line). Bars are one standard deviation to either side, on the same scale. A mean counts the benchmarks "
    "that a model has a score on, which need not be those of another model; its bar follows from their errors, taken "
    "as independent, if each has one."
)
_TIME_BINS = (
    "When, in ms after stimulus onset, a benchmark asks for recordings (grey), and which time bins each model has "
    "committed for the region. A CORnet answers with the committed time bin that starts nearest."
)
_COURSES = "The score in each time bin of temporal benchmarks; a point is in the middle of its bin."

_DIFFERENCES = (
    "Scores of models in the same resamples of stimuli, and of neuroids or subjects, with p-values that are corrected "
    "for the number of comparisons."
)


@dataclass(frozen=True)
class Section:
    name: str
    title: str
    explanations: Sequence[str]
    figures: Sequence[ChartFigure]


def write_report(
    rows: pd.DataFrame, path: Path, title: str = "Brain-Score results", own_data: OwnData | None = None
) -> None:
    """Write results as one HTML file that opens without a network, or their charts alone as a figure.

    Parameters
    ----------
    rows
        One row for each job, that is, each model on each benchmark. The columns `model`, `benchmark`, `status`
        ('scored' or 'failed') and `score` are required; other columns are shown if they exist.
    path
        File to write; an existing file is replaced only by a complete one. With `.pdf`, `.svg` or `.png` it holds the
        charts, one below the other, at the width of a journal's column.
    own_data
        Maps and comparisons, from `read_own_data`, whose charts are added.

    Raises
    ------
    UserError
        If the table has no rows or lacks a required column, a package for charts is missing, or the file cannot be
        written.
    """
    charts.check_packages()
    jobs = read_jobs(rows)
    shown = sections(jobs, own_data or OwnData())
    if path.suffix.lower() in charts.ENDINGS:
        charts.write_figures([figure for section in shown for figure in section.figures], path)
        return
    path = output_path(path, "a page")
    # half of a surrogate pair, which UTF-8 cannot encode, becomes a question mark
    encoded = render(jobs, shown, title).encode("utf-8", "replace")
    with writing(path):
        write_aside(path, lambda part: part.write_bytes(encoded))


def sections(jobs: Sequence[ReportRow], own_data: OwnData) -> list[Section]:
    """Return the sections that have charts."""
    means, overview = score_chart.mean_chart(jobs), heat_map.heat_map(jobs)
    scores = [*filter(None, (means, overview)), *score_chart.region_charts(jobs)]
    found = [
        Section("scores", "Scores", [_SCORES, *equal_models.sentences(jobs)], scores),
        Section("time", "Time bins", [_TIME_BINS], time_chart.time_bin_charts(jobs)),
        Section("courses", "Scores over time", [_COURSES], time_chart.courses(jobs)),
        Section("differences", "Differences", [_DIFFERENCES], list(comparison_figures(own_data.comparisons))),
    ]
    for number, dataset in enumerate(own_data.maps, 1):
        found.append(Section(f"map-{number}", *map_section(number, dataset)))
    return [section for section in found if section.figures]


def render(jobs: Sequence[ReportRow], shown: Sequence[Section], title: str) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = [figure for section in shown for figure in section.figures]
    specifications = {figure.name: charts.compiled(figure) for figure in figures}
    script = charts.javascript((_FOLDER / "page.js").read_text(encoding="utf-8"))
    return environment.get_template("page.html.j2").render(
        title=title,
        sentence=provenance.sentence(jobs),
        sections=shown,
        pictures={name: Markup(charts.static_svg(spec, name)) for name, spec in specifications.items()},
        specifications=specifications,
        jobs=jobs,
        columns=score_table.columns(jobs),
        cell=score_table.cell,
        failed=failed_jobs.failures(jobs),
        setups=provenance.setups(jobs),
        benchmark_versions=provenance.benchmark_versions(jobs),
        notes=provenance.notes(jobs),
        embedded=score_table.embedded(jobs),
        variables=Markup("".join(f"--{name}:{colour};" for name, colour in charts.COLOURS.items())),
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        # the browser runs only this script, whatever an identifier contains
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
