"""Time courses of features: activity of each layer, and how different images are, as a table and as curves."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_ROOM = 0.08  # of a panel's height, beyond its curves
_ALL, _CHANNELS = "all units", "channel means"  # what r is over
_POOLED = 3  # axes of a layer's averages over positions: time step, presentation, channel
_LOG_FROM = 10.0  # ratio of activities from which a linear scale would flatten the smaller ones
_STYLES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (6, 1.5, 1, 1.5, 1, 1.5)),
    (0, (9, 3)),
)
_POINTS = 72  # an inch
_HANDLE, _LETTER, _LINE = 6.0, 0.6, 1.5  # ems: widths of what is beside a name in a legend and of a letter, and a line
_ONE_COLUMN = 4.5  # inches: what is narrower has one panel above the other
_FONT: dict[Any, Any] = {"font.size": 7, "axes.labelsize": 7, "xtick.labelsize": 6, "ytick.labelsize": 6}


def time_courses(path: Path) -> tuple[pd.DataFrame, str]:
    """Return the course of each layer of the regions in a file that `features` wrote, and the model's identifier.

    Parameters
    ----------
    path
        A `.nc` file. It is read in portions.

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
        courses = courses_of(features)
        if courses.empty:
            raise UserError(
                f"{path} holds no layer of {', '.join(REGIONS)} with time steps: expected one that `features` wrote."
            )
        return courses, str(features.attrs.get("model", ""))


def courses_of(features: xr.Dataset) -> pd.DataFrame:
    """Return the course of each layer of the regions in features.

    The table has a row for each layer and time step: `layer`, `time_step`, `time_bin_start`, `time_bin_end` (ms; NaN
    where none is committed), `mean` (over units and images), `spread` (standard deviation over images of the mean over
    units), `dissimilarity` (mean over pairs of images of 1 - Pearson's r over units; NaN for one image or constant
    activity) and `over` (`all units`; `channel means` where the features are averages over positions).
    """
    rows = []
    for layer in map(str, features.data_vars):
        if not _is_of_region(layer, features):
            continue
        steps = features[f"{layer}:time_step"].values.tolist()
        over = _CHANNELS if features[layer].ndim == _POOLED else _ALL
        edges = [_edges(features, layer, edge, len(steps)) for edge in ("start", "end")]
        for number, step in enumerate(steps):
            found = _of_step(features[layer], number)
            rows.append((layer, step, edges[0][number], edges[1][number], *found, over))
    names = ("layer", "time_step", "time_bin_start", "time_bin_end", "mean", "spread", "dissimilarity", "over")
    return pd.DataFrame(rows, columns=pd.Index(names))


def parse_width(text: str) -> float:
    """Return a width such as 85mm, 8.5cm or 3.5in in inches."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mm|cm|in)", text.strip())
    width = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _NARROWEST <= width <= _WIDEST:
        raise UserError(f"Expected a width such as 85mm, 8.5cm or 3.5in, between 51 and 508 mm, received {text!r}.")
    return width


def draw_time_courses(courses: pd.DataFrame, path: Path, width: float, title: str) -> None:
    """Draw time courses into a file.

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
    with rc_context({**_FONT, "pdf.fonttype": 42, "svg.fonttype": "none"}):
        names = [layer.removesuffix(".output") for layer in courses["layer"].unique()]
        size = _FONT["font.size"]
        lines = -(-len(names) // _columns(names, width, size))
        height = (1.1 if is_narrow else 0.38) * width + _LINE * size * lines / _POINTS
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(*((2, 1) if is_narrow else (1, 2)), sharex=True)
        draw_courses(figure, axes, courses, width)
        if is_narrow:
            axes[0].set_xlabel("")
        figure.suptitle(title, fontsize=7)
        figure.canvas.draw()  # the layout is computed with these settings
        with writing(path):
            write_aside(path, lambda part: figure.savefig(part, format=path.suffix[1:], dpi=300))


def draw_courses(figure, axes, courses: pd.DataFrame, width: float) -> None:
    """Draw mean and spread into the first of two axes, the dissimilarity of images into the second, and the legend.

    Each layer has the colour of its region, and those of a region have different lines. The scale of activities is
    logarithmic where a linear one would flatten some of them.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    timed = bool(np.isfinite(courses["time_bin_start"]).all())
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
    axes[0].set_ylabel("mean activity\n± s.d. over images")
    axes[1].set_ylabel(f"mean 1 − r between images\nover {' or '.join(courses['over'].unique())}")
    lows, highs = (courses["mean"] + sign * courses["spread"] for sign in (-1, 1))
    low, high = float(lows.min()), float(highs.max())
    if low > 0 and high > _LOG_FROM * low:
        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[0].yaxis.set_major_formatter("{x:g}")
        axes[0].yaxis.set_minor_formatter(NullFormatter())
    else:
        room = _ROOM * (max(high, 0) - min(low, 0))
        axes[0].set_ylim(low - room if low < 0 else 0, high + room if high > 0 else 0)
    axes[1].margins(y=_ROOM)
    axes[1].set_ylim(bottom=0)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlabel("time after stimulus onset (ms)" if timed else "time step")
    if np.isnan(courses["dissimilarity"].to_numpy()).all():
        axes[1].set_yticks([])
        axes[1].text(0.5, 0.5, "needs two images", transform=axes[1].transAxes, ha="center")
    handles, names = axes[0].get_legend_handles_labels()
    size = axes[1].yaxis.label.get_size()
    where: Any = {"loc": "outside lower center", "ncols": _columns(names, width, size)}
    figure.legend(handles, names, frameon=False, fontsize=size, handlelength=3, **where)


def _columns(names: Sequence[str], width: float, size: float) -> int:
    """Return in how many columns names in type of a size in pt fit a legend of a width in inches."""
    entry = size * (_HANDLE + _LETTER * max(map(len, names)))
    return max(1, min(int(width * _POINTS / entry), len(names)))


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


def _dashes(courses: pd.DataFrame) -> list[Any]:
    """Return a line style for each layer, a different one for each of a region."""
    styles: dict[str, Any] = {}
    return [next(styles.setdefault(_region(layer), cycle(_STYLES))) for layer in courses["layer"].unique()]
