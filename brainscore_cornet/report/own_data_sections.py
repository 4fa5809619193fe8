"""Charts of maps and comparisons of one's own data, read from the folders that `map` and `compare` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..charts import ChartFigure
from ..cornet.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

MAP, COMPARISONS = "map.nc", "comparisons.csv"
_IN_PAGES = ("map", "best", "regions", "difference")  # not each neuroid, of which there may be hundreds
_ATTRIBUTES = {"model", "benchmark", "region", "metric", "score", "is_ceiled", "interval"}
_OF_MAPS = {"score", "low", "high", "best_share", "committed"}
_OF_COMPARISONS = {
    "benchmark",
    "first",
    "second",
    "difference",
    "low",
    "high",
    "p_corrected",
    "correction",
    "comparisons",
}


@dataclass(frozen=True)
class OwnData:
    """What folders hold besides scores."""

    maps: Sequence[xr.Dataset] = ()
    comparisons: Sequence[pd.DataFrame] = ()


def has_own_data(folder: Path) -> bool:
    """Return whether a folder has a map or a comparison."""
    return any((folder / name).is_file() for name in (MAP, COMPARISONS))


def read_own_data(folders: Sequence[Path]) -> OwnData:
    """Return the maps and comparisons in folders; raises `UserError` for a file that is damaged or something else."""
    maps = [_map(folder / MAP) for folder in folders if (folder / MAP).is_file()]
    tables = [_comparison(folder / COMPARISONS) for folder in folders if (folder / COMPARISONS).is_file()]
    return OwnData(maps, tables)


def map_section(number: int, dataset: xr.Dataset) -> tuple[str, list[str], list[ChartFigure]]:
    """Return the title of a map, its findings, and its charts."""
    from ..own_data.map_figures import FIGURES
    from ..own_data.map_findings import findings

    figures = [
        replace(
            figure,
            name=f"map-{number}-{name}",
            models=[dataset.attrs["model"]],
            benchmarks=[dataset.attrs["benchmark"]],
        )
        for name in _IN_PAGES
        if (figure := FIGURES[name](dataset)) is not None
    ]
    title = f"Map: {dataset.attrs['model']} on {dataset.attrs['benchmark']}"
    return title, findings(dataset), figures


def comparison_figures(tables: Sequence[pd.DataFrame]) -> Iterator[ChartFigure]:
    """Yield the charts of all comparisons."""
    if not tables:  # the package of own data imports PyTorch and Brain-Score, which takes seconds
        return
    from ..own_data.comparison_figures import difference_charts

    figures = (figure for table in tables for figure in difference_charts(table))
    for number, figure in enumerate(figures, 1):
        yield replace(figure, name=f"differences-{number}", benchmarks=[figure.title])


def _map(path: Path) -> xr.Dataset:
    import xarray as xr

    try:
        with xr.open_dataset(path) as opened:
            dataset = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:  # netCDF's
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
    if not set(dataset) >= _OF_MAPS or not set(dataset.attrs) >= _ATTRIBUTES:
        raise UserError(f"{path} is not a map: expected the file that `brainscore-cornet map` wrote.")
    return dataset


def _comparison(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
    if not set(table) >= _OF_COMPARISONS or table.empty:
        raise UserError(f"{path} is not a comparison: expected the file that `brainscore-cornet compare` wrote.")
    return table
