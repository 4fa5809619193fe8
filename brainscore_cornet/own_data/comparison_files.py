"""A comparison of models on disk: its table, and a figure of the differences with their intervals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..charts import write_figures
from ..cornet.names import for_spreadsheets
from ..cornet.writing import write_aside, writing
from .comparison_figures import difference_charts
from .map_files import ENDINGS, check_folder

TABLE = "comparisons.csv"


def write_comparison(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write `comparisons.csv` and, as `.png` and `.pdf`, `comparisons`, and return their paths."""
    check_folder(folder)
    path = folder / TABLE
    figures = [folder / f"comparisons{ending}" for ending in ENDINGS]
    with writing(folder):
        write_aside(path, lambda part: for_spreadsheets(table).to_csv(part, index=False))
    write_figures(difference_charts(table), *figures)
    return [path, *figures]
