"""A map on disk: a table, a netCDF file, the findings, and figures."""

from __future__ import annotations

from pathlib import Path

from ..charts import write_figures
from ..cornet.writing import writing
from .map_figures import FIGURES
from .output_folder import replaced_together
from .time_map import TimeMap

ENDINGS = (".png", ".pdf")


def write_map(found: TimeMap, folder: Path) -> list[Path]:
    """Write `map.csv`, `map.nc`, `findings.txt` and the figures as `.png` and `.pdf`, and return their paths.

    All are complete before any of them replaces one of an earlier map.
    """
    names = ["map.csv", "map.nc", "findings.txt"]
    absent = []
    with replaced_together(folder) as part:
        found.table().to_csv(part / names[0], index=False)
        found.dataset.to_netcdf(part / names[1], engine="netcdf4")
        (part / names[2]).write_text("\n".join(found.sentences) + "\n", encoding="utf-8")
        for name, draw in FIGURES.items():
            figure = draw(found.dataset)
            drawn = [f"{name}{ending}" for ending in ENDINGS]
            if figure is None:
                absent += drawn
                continue
            write_figures([figure], *(part / each for each in drawn))
            names += drawn
    with writing(folder):
        for name in absent:
            (folder / name).unlink(missing_ok=True)  # of an earlier map
    return [folder / name for name in names]
