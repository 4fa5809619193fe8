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
_LABELS = {"layer", "time_step", "time_bin_start", "time_bin_end"}
_OF_MAPS = {"score", "low", "high", "best_share", "committed", *_LABELS}
_OF_CONTROLS = {"difference", "difference_low", "difference_high", "p_corrected"}
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
    variables, attributes = _OF_MAPS, _ATTRIBUTES
    if _OF_CONTROLS & set(dataset):
        variables, attributes = variables | _OF_CONTROLS, attributes | {"against"}
    missing = (variables - set(dataset.variables)) | (attributes - set(dataset.attrs))
    _check_complete(path, "map", missing, {"site", "time_bin"} <= set(dataset.dims))
    return dataset


def _comparison(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
    missing = _OF_COMPARISONS - set(table)
    _check_complete(path, "comparison", missing, {"first", "second"} <= set(table))
    if table.empty:
        raise UserError(f"{path} has no rows: expected the table that `brainscore-cornet compare` wrote.")
    return table


def _check_complete(path: Path, what: str, missing: set[str], is_ours: bool) -> None:
    """Raise `UserError` for a file that lacks something, which one of an earlier version may."""
    command = "`brainscore-cornet map`" if what == "map" else "`brainscore-cornet compare`"
    if missing and is_ours:
        raise UserError(
            f"{path} is a {what} of another version of this package, without {', '.join(sorted(missing))}: write it "
            f"again with {command} of this version, or name another folder."
        )
    if missing:
        raise UserError(f"{path} is not a {what}: expected the file that {command} wrote.")
