"""Figures of a map, at the width of a journal's column and in colours that the colour-blind can distinguish."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..cornet.anatomy import REGIONS
from ..palette import REGION_COLOURS, VERMILLION

_WIDTH = 3.5  # inches, one column of most journals
_FONT: dict[Any, Any] = {
    "font.size": 7,
    "axes.labelsize": 7,
    "axes.titlesize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
}
_SIGNIFICANT = 0.05


def new_figure(height: float, width: float = _WIDTH):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def styled(draw: Callable) -> Callable:
    """Draw with small type, and change nothing for other figures."""

    def drawn(data):
        from matplotlib import rc_context

        with rc_context({**_FONT, "pdf.fonttype": 42}):
            figure = draw(data)
            if figure is not None:
                figure.canvas.draw()  # the layout is computed with these settings
            return figure

    return drawn


@styled
def heat_map(dataset: xr.Dataset):
    """Return the score of each site in each time bin; committed cells have a frame, the best of a bin a dot."""
    return _cells(dataset, "score", _label(dataset), "viridis", centred=False)


@styled
def difference_map(dataset: xr.Dataset):
    """Return the difference from the control, with dots where it is significant; None without a control."""
    if "difference" not in dataset:
        return None
    label = f"difference in {_label(dataset)}"
    return _cells(dataset, "difference", label, "PuOr_r", centred=True)


@styled
def best_steps(dataset: xr.Dataset):
    """Return the best site of each time bin, with its interval."""
    scores = dataset["score"].values
    figure = new_figure(2.4)
    axis = figure.subplots()
    known = [number for number in range(scores.shape[1]) if not np.isnan(scores[:, number]).all()]
    for number in known:
        best = int(np.nanargmax(scores[:, number]))
        start, end = (float(dataset[f"time_bin_{edge}"].values[number]) for edge in ("start", "end"))
        colour = REGION_COLOURS[_region(dataset, best)]
        low, high = (float(dataset[name].values[best, number]) for name in ("low", "high"))
        axis.fill_between([start, end], low, high, color=colour, alpha=0.3, linewidth=0)
        axis.plot([start, end], [scores[best, number]] * 2, color=colour, linewidth=1.5)
        step = int(dataset["time_step"].values[best])
        axis.annotate(
            f"{_name(dataset, best)}\nt{step}" if len(known) <= 8 else f"t{step}",
            ((start + end) / 2, high),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=5,
        )
    _regions_legend(axis, {_region(dataset, int(np.nanargmax(scores[:, number]))) for number in known})
    axis.set(xlabel="time after stimulus onset (ms)", ylabel=f"best site: {_label(dataset)}")
    axis.margins(y=0.15)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


@styled
def region_courses(dataset: xr.Dataset):
    """Return the score over time of each region at its best time step, with intervals."""
    scores = dataset["score"].values
    figure = new_figure(2.4)
    axis = figure.subplots()
    middles = (dataset["time_bin_start"].values + dataset["time_bin_end"].values) / 2
    regions = np.array([_region(dataset, number) for number in range(len(scores))])
    shown = [name for name in REGIONS if (regions == name).any()]
    for place, region in enumerate(shown):
        own = np.flatnonzero(regions == region)
        best = own[np.argmax(np.nanmean(scores[own], axis=1))]
        colour, label = REGION_COLOURS[region], f"{_name(dataset, best)}, t{int(dataset['time_step'].values[best])}"
        low, high = dataset["low"].values[best], dataset["high"].values[best]
        if len(middles) > 1:
            axis.fill_between(middles, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(middles, scores[best], color=colour, linewidth=1.5, marker="o", markersize=2.5, label=label)
        else:
            reach = np.array([scores[best] - low, high - scores[best]])
            axis.errorbar([place], scores[best], reach, color=colour, marker="o", capsize=2, label=label)
    if len(middles) > 1:
        axis.legend(frameon=False, fontsize=6, title="region at its best step", title_fontsize=6)
        axis.set_xlabel("time after stimulus onset (ms)")
    else:
        names = [text.replace(", t", "\nstep ") for text in axis.get_legend_handles_labels()[1]]
        axis.set_xticks(range(len(shown)), names)
        start, end = (float(dataset[f"time_bin_{edge}"].values[0]) for edge in ("start", "end"))
        axis.set_xlabel(f"region at its best step, at {start:g}-{end:g} ms")
    axis.axhline(0, color="0.8", linewidth=0.5, zorder=0)
    axis.set_ylabel(_label(dataset))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


@styled
def neuroid_courses(dataset: xr.Dataset):
    """Return how well the best site of each neuroid predicts it in each time bin; None without such values."""
    if "raw_by_neuroid" not in dataset or np.isnan(dataset["raw_by_neuroid"].values).all():
        return None
    values = dataset["raw_by_neuroid"].values
    best = np.nanmax(values, axis=0).T  # (neuroid, time bin)
    order = np.argsort(-np.nan_to_num(best).mean(1), kind="stable")
    figure = new_figure(2.8)
    axis = figure.subplots()
    image = axis.imshow(
        best[order], aspect="auto", cmap="viridis", interpolation="nearest", vmin=min(0, np.nanmin(best))
    )
    _time_axis(axis, dataset)
    axis.set_ylabel(f"neuroids, sorted ({len(order)})")
    axis.set_yticks([])
    figure.colorbar(image, ax=axis, label="Pearson's r of its best site", shrink=0.9)
    return figure


FIGURES: Mapping[str, Callable] = {
    "map": heat_map,
    "best": best_steps,
    "regions": region_courses,
    "neuroids": neuroid_courses,
    "difference": difference_map,
}


def _cells(dataset: xr.Dataset, variable: str, label: str, colours: str, centred: bool):
    from matplotlib.patches import Rectangle

    values = dataset[variable].values
    figure = new_figure(0.9 + 0.2 * len(values))
    axis = figure.subplots()
    largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    limits: dict[str, Any] = {"vmin": -largest, "vmax": largest} if centred else {}
    image = axis.imshow(values, aspect="auto", cmap=colours, interpolation="nearest", **limits)
    axis.set_facecolor("0.9")  # time bins without a reliable signal
    for site, number in np.argwhere(dataset["committed"].values):
        axis.add_patch(
            Rectangle((number - 0.46, site - 0.46), 0.92, 0.92, fill=False, edgecolor=VERMILLION, linewidth=0.9)
        )
    marked = _marked(dataset, values, centred)
    axis.plot(*marked.T[::-1], ".", color="black" if centred else "white", markersize=4, linestyle="none")
    axis.set_yticks(range(len(values)), [_site_name(dataset, number) for number in range(len(values))])
    for text, number in zip(axis.get_yticklabels(), range(len(values)), strict=True):
        text.set_color(REGION_COLOURS.get(_region(dataset, number), "black"))
    regions = [_region(dataset, number) for number in range(len(values))]
    for number in range(1, len(values)):
        if regions[number] != regions[number - 1]:
            axis.axhline(number - 0.5, color="white", linewidth=0.6)
    _time_axis(axis, dataset)
    figure.colorbar(image, ax=axis, label=label, shrink=0.95)
    meaning = "dot: corrected p < 0.05" if centred else "dot: best of its time bin"
    grey = "; grey: no reliable signal" if np.isnan(values).any() else ""
    control = f"\nagainst {dataset.attrs['against']}" if centred else ""
    axis.set_title(f"{dataset.attrs['model']}{control}\nframe: committed; {meaning}{grey}", fontsize=6)
    return figure


def _marked(dataset: xr.Dataset, values: np.ndarray, centred: bool) -> np.ndarray:
    """Return (site, time bin) of the cells that have a dot."""
    if centred:
        return np.argwhere(dataset["p_corrected"].values < _SIGNIFICANT)
    known = np.flatnonzero(~np.isnan(values).all(0))
    return np.array([[np.nanargmax(values[:, number]), number] for number in known]).reshape(-1, 2)


def _time_axis(axis, dataset: xr.Dataset) -> None:
    names = [
        f"{start:g}-{end:g}"
        for start, end in zip(dataset["time_bin_start"].values, dataset["time_bin_end"].values, strict=True)
    ]
    axis.set_xticks(range(len(names)), names, rotation=0 if len(names) <= 4 else 90)
    axis.set_xlabel("time after stimulus onset (ms)")


def _regions_legend(axis, regions: set[str]) -> None:
    from matplotlib.patches import Patch

    shown = [Patch(color=REGION_COLOURS[name], label=name) for name in REGIONS if name in regions]
    axis.legend(handles=shown, frameon=False, fontsize=6, loc="lower right")


def _label(dataset: xr.Dataset) -> str:
    return str(dataset.attrs["score"]) if dataset.attrs["is_ceiled"] else f"{dataset.attrs['metric']} (raw)"


def _region(dataset: xr.Dataset, number: int) -> str:
    return str(dataset["layer"].values[number]).split(".")[0]


def _name(dataset: xr.Dataset, number: int) -> str:
    return str(dataset["layer"].values[number]).removesuffix(".output")


def _site_name(dataset: xr.Dataset, number: int) -> str:
    return f"{_name(dataset, number)} t{int(dataset['time_step'].values[number])}"
