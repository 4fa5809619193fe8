"""A map on disk: a table, a netCDF file, the findings, and figures."""

from __future__ import annotations

from pathlib import Path

from ..charts import check_packages, write_figures
from ..cornet.errors import UserError
from ..cornet.writing import write_aside, writing
from .map_figures import FIGURES
from .time_map import TimeMap

ENDINGS = (".png", ".pdf")


def check_folder(folder: Path) -> None:
    """Raise `UserError` before any work if a map cannot be written into the folder."""
    check_packages()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"Expected a folder for the map, and {folder} is a file.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_map(found: TimeMap, folder: Path) -> list[Path]:
    """Write `map.csv`, `map.nc`, `findings.txt` and the figures as `.png` and `.pdf`, and return their paths."""
    check_folder(folder)
    paths = [folder / "map.csv", folder / "map.nc", folder / "findings.txt"]
    with writing(folder):
        write_aside(paths[0], lambda part: found.table().to_csv(part, index=False))
        write_aside(paths[1], lambda part: found.dataset.to_netcdf(part, engine="netcdf4"))
        write_aside(paths[2], lambda part: part.write_text("\n".join(found.sentences) + "\n", encoding="utf-8"))
    for name, draw in FIGURES.items():
        figure = draw(found.dataset)
        drawn = [folder / f"{name}{ending}" for ending in ENDINGS]
        if figure is not None:
            write_figures([figure], *drawn)
            paths += drawn
            continue
        with writing(folder):
            for path in drawn:
                path.unlink(missing_ok=True)  # of an earlier map
    return paths
