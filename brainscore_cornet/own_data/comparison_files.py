"""A comparison of models on disk: its table, and a figure of the differences with their intervals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..charts import write_figures
from ..cornet.names import for_spreadsheets
from .comparison_figures import difference_charts
from .map_files import ENDINGS
from .output_folder import replaced_together

TABLE = "comparisons.csv"


def write_comparison(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write `comparisons.csv` and, as `.png` and `.pdf`, `comparisons`, and return their paths."""
    names = [TABLE, *(f"comparisons{ending}" for ending in ENDINGS)]
    with replaced_together(folder) as part:
        for_spreadsheets(table).to_csv(part / TABLE, index=False)
        write_figures(difference_charts(table), *(part / name for name in names[1:]))
    return [folder / name for name in names]
