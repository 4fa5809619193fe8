"""The table of scores as `print` and notebooks show it."""

from __future__ import annotations

import pandas as pd

PRINTED = ("model", "benchmark", "status", "score", "ceiling", "region", "reason")
"""Columns that are shown, with the weight files if there are any; `scores.csv` and `table.columns` have all."""
_WIDTH = 40  # characters of a reason


class ScoreTable(pd.DataFrame):
    """A table with many columns, of which the printed text shows the main ones; what is taken from it is a DataFrame.

    Pandas would print the first and last columns, and leave out status and score.
    """

    @property
    def _constructor(self):
        return pd.DataFrame

    def __repr__(self) -> str:
        return self._main().to_string(max_rows=pd.get_option("display.max_rows"), max_colwidth=_WIDTH)

    def _repr_html_(self) -> str:
        return self._main().to_html(max_rows=pd.get_option("display.max_rows"))

    def _main(self) -> pd.DataFrame:
        found = pd.DataFrame(self)
        shown = [name for name in PRINTED if name in found.columns]
        if "weights_file" in found.columns and bool(found["weights_file"].notna().to_numpy().any()):
            shown.insert(1, "weights_file")
        return found.loc[:, shown]
