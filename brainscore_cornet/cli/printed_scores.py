"""What `score` prints: a line for each result, and the table at the end."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .options import print_table
from .printing import say


class ResultLines:
    """Prints each result in one line, and a reason only once: full reasons are printed at the end."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()

    def __call__(self, row, number: int, count: int) -> None:
        from ..scoring.failures import shared_reason

        if row.score is not None:
            what = f"{row.score:.3f}"
        elif (reason := shared_reason(row.model, row.benchmark, row.reason)) in self._reasons:
            what = f"{row.status}, as above"
        else:
            self._reasons.add(reason)
            what = f"{row.status}: {textwrap.shorten(row.reason, 100)}"
        seconds = "" if row.seconds is None else f" ({row.seconds:.1f} s)"
        say(f"[{number}/{count}] {row.model} on {row.benchmark}: {what}{seconds}", err=True)


def print_scores(rows: list[dict]) -> None:
    """Print a table of the scored rows, and their notes."""
    with_files = any(row["weights_file"] for row in rows)
    say()
    print_table(
        [
            (
                "model",
                *["weights"] * with_files,
                "benchmark",
                "score",
                "error",
                "ceiling",
                "region",
                "time bins (ms)",
                "layer",
                "seconds",
            ),
            *(
                (
                    row["model"],
                    *[row["weights_file"] or "-"] * with_files,
                    row["benchmark"],
                    *("-" if value is None else f"{value:.3f}" for value in _numbers(row)),
                    *(_abbreviated(row[name]) for name in ("region", "time_bins", "layer")),
                    f"{row['seconds'] or 0:.1f}",
                )
                for row in rows
            ),
        ]
    )
    if len({row["model"] for row in rows}) < len(rows):
        say("\nA model's first benchmark includes the seconds of what the others share, such as recordings.")
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        concerned = dict.fromkeys(row["benchmark"] for row in rows if row["note"] == note)
        say(f"\n{_abbreviated(' '.join(concerned))}: {note}.")


def print_failures(rows: list[dict], folder: Path | None) -> None:
    """Print the reason of each failure once, and the file of the whole error.

    Parameters
    ----------
    folder
        The results folder, None if there is none.
    """
    from ..scoring.failures import shared_reason
    from ..scoring.results import Results, Row

    failures: dict[str, list[dict]] = {}
    for row in rows:
        failures.setdefault(shared_reason(row["model"], row["benchmark"], row["reason"]), []).append(row)
    for first, *others in failures.values():
        more = f" and {len(others)} more" if others else ""
        say(f"Error: {first['model']} on {first['benchmark']}{more}: {first['reason']}", err=True)
        trace = None if folder is None else Results(folder.expanduser()).path(Row(**first)).with_suffix(".txt")
        if trace is not None and trace.is_file():
            say(f"The whole error: {trace}", err=True)


def _numbers(row: dict) -> list[float | None]:
    """Return the score, its error on the same scale, and the ceiling."""
    from ..scoring.summary import error_of_score

    error = error_of_score(*(row[name] for name in ("score", "error", "ceiling", "raw")))
    return [row["score"], error, row["ceiling"]]


def _abbreviated(text: str | None) -> str:
    bins = (text or "-").split()
    return text or "-" if len(bins) <= 2 else f"{bins[0]} … {bins[-1]}"
