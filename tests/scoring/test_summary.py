"""Errors on the scale of scores, for each way in which benchmarks make a score of a raw score."""

from __future__ import annotations

from dataclasses import asdict, fields

import pandas as pd
import pytest
from brainscore_core.metrics import Score
from brainscore_vision.benchmark_helpers.neural_common import explained_variance
from brainscore_vision.benchmarks import ceil_score

from brainscore_cornet.cli.printed_scores import print_scores
from brainscore_cornet.scoring.results import Row, table_of
from brainscore_cornet.scoring.summary import error_of_score, summarize


def raw_score(value: float, error: float) -> Score:
    score = Score(value)
    score.attrs["error"] = error
    return score


@pytest.mark.parametrize("made", [ceil_score, explained_variance])
def test_errors_follow_scores(made):
    """The error of Brain-Score's own ceiled scores is how far the score moves when the raw score moves by its error."""
    raw, error, ceiling = 0.6, 1e-4, Score(0.8)
    found = summarize(made(raw_score(raw, error), ceiling))
    moved = (made(raw_score(raw + error, error), ceiling) - made(raw_score(raw - error, error), ceiling)).item() / 2
    assert found.error == error
    assert error_of_score(found.score, found.error, found.ceiling, found.raw) == pytest.approx(moved, rel=1e-6)


def test_a_benchmark_that_divides_its_error_itself():
    """Such an error is not divided by the ceiling a second time."""
    score = Score(0.75)
    score.attrs.update(raw=raw_score(0.6, 0.08), ceiling=Score(0.8), error=0.1)
    found = summarize(score)
    assert found.error == 0.08
    assert error_of_score(found.score, found.error, found.ceiling, found.raw) == pytest.approx(0.1)


def test_the_raw_score_without_a_ceiling():
    """It is the score: what a metric keeps as `raw` are the values of splits and neuroids before their aggregation."""
    score = raw_score(0.7, 0.02)
    score.attrs["raw"] = Score([[0.1, 0.8], [0.2, 0.9]], dims=["split", "neuroid"])
    assert summarize(score).raw == 0.7
    assert summarize(score, Score(0.8)).raw == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((0.5, 0.02, None, None), 0.02),  # an accuracy has no ceiling
        ((0.5, 0.0, None, None), None),  # nothing was resampled
        ((0.5, None, 0.8, 0.4), None),
        ((None, 0.02, 0.8, 0.4), None),  # it failed
        ((0.3, 0.02, 0.8, 0.4), None),  # made in a way of its own
    ],
)
def test_errors_that_are_not_scaled(row, expected):
    """Without a ceiling an error stays; without resampling, or on an unknown scale, there is none."""
    assert error_of_score(*row) == expected


def test_the_printed_table_has_one_scale(capsys):
    """`score` prints the error of the score, and a dash where the benchmark does not resample."""
    row = dict.fromkeys(("region", "time_bins", "layer", "seconds", "note", "weights_file"))
    row |= {"model": "m", "score": 0.738, "ceiling": 0.932, "raw": 0.738 * 0.932}
    print_scores([{**row, "benchmark": "b", "error": 0.064}, {**row, "benchmark": "c", "error": 0.0}])
    cells = [line.split() for line in capsys.readouterr().out.splitlines()[2:4]]
    assert [each[2:5] for each in cells] == [["0.738", "0.069", "0.932"], ["0.738", "-", "0.932"]]


def test_a_printed_table_has_status_and_score():
    """Printed, a table shows what happened and the score in whole; numbers are floats also where none is scored."""
    rows = [Row("cornet_z_untrained", "Marques2020light_DeValois1982-pref_or", "failed", reason="It was stopped. " * 9)]
    table = table_of(rows)
    assert table["score"].dtype == float
    header, line = repr(table).splitlines()
    assert header.split() == ["model", "benchmark", "status", "score", "ceiling", "region", "reason"]
    assert line.split()[1:5] == ["cornet_z_untrained", rows[0].benchmark, "failed", "NaN"]
    assert "<th>status</th>" in table._repr_html_()
    assert type(table[["model", "date"]]) is pd.DataFrame
    assert list(table.columns) == [field.name for field in fields(Row)]


def test_files_of_weights_have_a_column(capsys):
    """The file of one's own weights is printed beside the model, in the command's table and in Python's."""
    rows = [Row("mine", "b", "scored", 0.5, weights_file="run/z.pth"), Row("cornet_z_untrained", "b", "scored", 0.4)]
    printed = str(table_of(rows))
    assert "run/z.pth" in printed
    assert "weights_file" not in str(table_of(rows[1:]))
    print_scores([asdict(row) for row in rows])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["model", "weights", "benchmark"],
        ["mine", "run/z.pth", "b"],
        ["cornet_z_untrained", "-", "b"],
    ]
