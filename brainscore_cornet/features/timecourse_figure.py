"""A figure of the dynamics from a file of features: activity of each region, and how different images are."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..cornet.anatomy import REGIONS
from ..cornet.errors import UserError
from ..cornet.writing import write_aside, writing
from ..palette import REGION_COLOURS
from .early_checks import check_picture

_PORTION = 2**26  # bytes that are read at once
_UNITS = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0}
_NARROWEST, _WIDEST = 2.0, 20.0  # inches
_ONE_COLUMN = 4.5  # inches: what is narrower has one panel above the other
_FONT: dict[Any, Any] = {"font.size": 7, "axes.labelsize": 7, "xtick.labelsize": 6, "ytick.labelsize": 6}


def time_courses(path: Path) -> tuple[pd.DataFrame, str]:
    """Return the course of each layer of the regions in a file that `features` wrote, and the model's identifier.

    Parameters
    ----------
    path
        A `.nc` file. It is read in portions.

    Returns
    -------
    The table has a row for each layer and time step: `layer`, `time_step`, `time_bin_start`, `time_bin_end` (ms; NaN
    where none is committed), `mean` (over units and images), `spread` (standard deviation over images of the mean over
    units) and `dissimilarity` (mean over pairs of images of 1 - Pearson's r over units; NaN for one image or constant
    activity).

    Raises
    ------
    UserError
        If the file cannot be read or holds no layer of a region.
    """
    if path.suffix != ".nc" or not path.is_file():
        what = "does not exist" if path.suffix == ".nc" else "is no netCDF file"
        raise UserError(f"{path} {what}: expected one that `brainscore-cornet features … -o {path.stem}.nc` wrote.")
    try:
        opened = xr.open_dataset(path, engine="netcdf4")
    except (OSError, ValueError, RuntimeError) as error:  # netCDF's
        raise UserError(f"Cannot read {path}: {str(error).splitlines()[0]}") from error
    with opened as features:
        layers = [str(name) for name in features.data_vars if _is_of_region(str(name), features)]
        if not layers:
            raise UserError(
                f"{path} holds no layer of {', '.join(REGIONS)} with time steps: expected one that `features` wrote."
            )
        model = str(features.attrs.get("model", ""))
        rows = []
        for layer in layers:
            steps = features[f"{layer}:time_step"].values.tolist()
            edges = [_edges(features, layer, edge, len(steps)) for edge in ("start", "end")]
            for number, step in enumerate(steps):
                rows.append((layer, step, edges[0][number], edges[1][number], *_of_step(features[layer], number)))
    names = ("layer", "time_step", "time_bin_start", "time_bin_end", "mean", "spread", "dissimilarity")
    return pd.DataFrame(rows, columns=pd.Index(names)), model


def parse_width(text: str) -> float:
    """Return a width such as 85mm, 8.5cm or 3.5in in inches."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mm|cm|in)", text.strip())
    width = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _NARROWEST <= width <= _WIDEST:
        raise UserError(f"Expected a width such as 85mm, 8.5cm or 3.5in, between 51 and 508 mm, received {text!r}.")
    return width


def draw_time_courses(courses: pd.DataFrame, path: Path, width: float, title: str) -> None:
    """Draw mean and spread, and the dissimilarity of images, of each layer in its region's colour.

    Parameters
    ----------
    courses
        From `time_courses`.
    width
        In inches.
    """
    check_picture(path)
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    is_narrow = width < _ONE_COLUMN
    timed = bool(np.isfinite(courses["time_bin_start"]).all())
    with rc_context({**_FONT, "pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, 1.15 * width if is_narrow else 0.4 * width), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(*((2, 1) if is_narrow else (1, 2)), sharex=True)
        for layer, dashes in zip(courses["layer"].unique(), _dashes(courses), strict=True):
            own: Any = courses[courses["layer"] == layer]
            style = {"color": REGION_COLOURS[_region(layer)], "linestyle": dashes}
            times = _times(own, timed)
            mean, spread, dissimilarity = (
                np.repeat(own[name].to_numpy(), 2) for name in ("mean", "spread", "dissimilarity")
            )
            axes[0].plot(times, mean, linewidth=1.5, label=layer.removesuffix(".output"), **style)
            axes[0].fill_between(times, mean - spread, mean + spread, color=style["color"], alpha=0.2, linewidth=0)
            axes[1].plot(times, dissimilarity, linewidth=1.5, **style)
        axes[0].set_ylabel("mean activity ± s.d. over images")
        axes[1].set_ylabel("mean 1 − r between images")
        for axis in axes:
            axis.margins(y=0.1)
            axis.set_ylim(bottom=0)
            axis.spines[["top", "right"]].set_visible(False)
        for axis in axes[1:] if is_narrow else axes:
            axis.set_xlabel("time after stimulus onset (ms)" if timed else "time step")
        if np.isnan(courses["dissimilarity"].to_numpy()).all():
            axes[1].text(0.5, 0.5, "needs two images", transform=axes[1].transAxes, ha="center")
        axes[0].legend(frameon=False, fontsize=6, ncols=2)
        figure.suptitle(title, fontsize=7)
        figure.canvas.draw()  # the layout is computed with these settings
        with writing(path):
            write_aside(path, lambda part: figure.savefig(part, format=path.suffix[1:], dpi=300))


def _is_of_region(name: str, features: xr.Dataset) -> bool:
    return _region(name) in REGIONS and f"{name}:time_step" in features[name].dims


def _region(layer: str) -> str:
    return layer.split(".")[0]


def _edges(features: xr.Dataset, layer: str, edge: str, count: int) -> np.ndarray:
    name = f"{layer}:time_bin_{edge}"
    return features[name].values if name in features.coords else np.full(count, np.nan)


def _of_step(variable: xr.DataArray, number: int) -> tuple[float, float, float]:
    """Return mean, spread and dissimilarity at one time step, from sums over units that are read in portions."""
    step = variable.isel({variable.dims[0]: number})
    images, channels = step.shape[0], step.shape[1] if step.ndim > 1 else 1
    units = int(np.prod(step.shape[1:]))
    portion = max(1, _PORTION * channels // (8 * images * units))
    sums, products = np.zeros(images), np.zeros((images, images))
    for start in range(0, channels, portion):
        part = step.isel({step.dims[1]: slice(start, start + portion)}) if step.ndim > 1 else step
        values = np.asarray(part.values, float).reshape(images, -1)
        sums += values.sum(1)
        products += values @ values.T
    means = sums / units
    covariances = products / units - np.outer(means, means)
    # what is left of the difference of two equal numbers is rounding
    variances = np.where(np.diag(covariances) > 1e-12 * np.diag(products) / units, np.diag(covariances), np.nan)
    above = np.triu_indices(images, 1)
    r = (covariances / np.sqrt(np.outer(variances, variances)))[above]
    known = r[np.isfinite(r)]
    return float(means.mean()), float(means.std()), float(1 - known.clip(-1, 1).mean()) if len(known) else np.nan


def _times(own: pd.DataFrame, timed: bool) -> np.ndarray:
    """Return start and end of each time step: its time bin in ms, or its number where bins are not committed."""
    if timed:
        return own[["time_bin_start", "time_bin_end"]].to_numpy().ravel()
    steps = own["time_step"].to_numpy()
    return np.stack([steps - 0.5, steps + 0.5], axis=1).ravel()


def _dashes(courses: pd.DataFrame) -> list[str]:
    """Return a line style for each layer, a different one for each of a region."""
    styles: dict[str, Any] = {}
    return [
        next(styles.setdefault(_region(layer), cycle(["-", "--", ":", "-."]))) for layer in courses["layer"].unique()
    ]
