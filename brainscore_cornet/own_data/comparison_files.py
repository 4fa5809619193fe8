"""A comparison of models on disk: its table, and a figure of the differences with their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..cornet.names import for_spreadsheets
from ..cornet.writing import write_aside, writing
from ..palette import BLUE
from .map_figures import new_figure, styled
from .map_files import ENDINGS, check_folder

TABLE = "comparisons.csv"
_SIGNIFICANT = 0.05
_LONGEST = 34  # characters of an identifier in the figure


def write_comparison(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write `comparisons.csv` and, as `.png` and `.pdf`, `comparisons`, and return their paths."""
    check_folder(folder)
    paths = [folder / TABLE]
    with writing(folder):
        write_aside(paths[0], lambda part: for_spreadsheets(table).to_csv(part, index=False))
        figure = draw_differences(table)
        for ending in ENDINGS:
            path = folder / f"comparisons{ending}"
            write_aside(path, lambda part, ending=ending: figure.savefig(part, format=ending[1:], dpi=200))
            paths.append(path)
    return paths


@styled
def draw_differences(table: pd.DataFrame):
    """Return a panel for each benchmark: the difference of each two models, filled where it is significant."""
    groups = list(table.groupby("benchmark", sort=False))
    figure = new_figure(0.5 + sum(0.45 + 0.34 * len(rows) for _, rows in groups))
    axes = np.ravel(figure.subplots(len(groups), 1, sharex=True, height_ratios=[len(rows) + 1 for _, rows in groups]))
    for axis, (benchmark, rows) in zip(axes, groups, strict=True):
        axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
        for place, row in enumerate(rows.to_dict("records")):
            _draw_row(axis, place, row)
        axis.set_yticks(range(len(rows)), [_pair(row) for row in rows.to_dict("records")], fontsize=6)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_title(str(benchmark), fontsize=7, loc="left")
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    first: dict[str, Any] = table.iloc[0].to_dict()
    count, correction = first["comparisons"], first["correction"]
    axes[-1].set_xlabel(
        "difference in score (95 % interval)\n"
        f"filled: p < {_SIGNIFICANT:g} ({correction}, {count} comparison{'' if count == 1 else 's'})",
        fontsize=6,
    )
    return figure


def _draw_row(axis, place: int, row: dict[str, Any]) -> None:
    if np.isnan(row["difference"]):
        axis.annotate("no reliable signal", (0, place), fontsize=5, va="center", ha="center", backgroundcolor="white")
        return
    axis.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=1.2)
    filled = BLUE if row["p_corrected"] < _SIGNIFICANT else "white"
    axis.plot(row["difference"], place, "o", markersize=4, markeredgecolor=BLUE, markerfacecolor=filled)


def _pair(row: dict[str, Any]) -> str:
    return f"{_short(row['first'])}\n− {_short(row['second'])}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
