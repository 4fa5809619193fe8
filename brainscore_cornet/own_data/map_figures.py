"""Charts of a map, for files and for the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..charts import ChartFigure, Table, column_names
from ..cornet.anatomy import REGIONS
from .map_cells import cell, interval, label, region_of, site_name, time_bin_names

_SIGNIFICANT = 0.05
_ONSET = "time after stimulus onset (ms)"
_CELL = 20  # px
_ROOM = 0.12  # of a chart's height, for a name above the highest interval
_APART = 3  # px between the intervals of two regions in one time bin
_MANY = 6  # time bins, in which the names of sites do not fit


def heat_map(dataset: xr.Dataset) -> ChartFigure:
    """Return the score of each site in each time bin; committed cells have a frame, the best of a bin a dot."""
    known = dataset["score"].notnull()
    best = dataset["score"].fillna(-np.inf).argmax("site")
    marked = (xr.DataArray(np.arange(dataset.sizes["site"]), dims="site") == best) & known
    shown = np.array(dataset["score"])
    limits = [min(0.0, float(np.nanmin(shown))), float(np.nanmax(shown))] if known.any() else [0.0, 1.0]
    scale = {"scheme": "viridis", "domain": limits}
    about = f"{label(dataset).capitalize()} of each site in each time bin. Frame: committed; dot: best of its time bin"
    about += _unknown(dataset)
    return _cells(
        "map", dataset, "score", marked.values, scale, label(dataset), f"Map: {dataset.attrs['model']}", about
    )


def difference_map(dataset: xr.Dataset) -> ChartFigure | None:
    """Return the difference from the control, with dots where it is significant; None without a control."""
    if "difference" not in dataset:
        return None
    largest = float(abs(dataset["difference"]).max().fillna(0)) or 1.0  # NaN where no time bin is reliable
    scale = {"scheme": "purpleorange", "domain": [-largest, largest]}
    marked = (dataset["p_corrected"] < _SIGNIFICANT).values
    title = f"{dataset.attrs['model']} − {dataset.attrs['against']}"
    about = f"Difference in {label(dataset)} from {dataset.attrs['against']}. Frame: committed; dot: corrected p < 0.05"
    about += _unknown(dataset)
    return _cells("difference", dataset, "difference", marked, scale, "difference", title, about)


def best_steps(dataset: xr.Dataset) -> ChartFigure | None:
    """Return the best site of each time bin, with its interval; None if no time bin is reliable."""
    import altair as alt

    scores = dataset["score"].values
    known = [number for number in range(scores.shape[1]) if not np.isnan(scores[:, number]).all()]
    best = {number: int(np.nanargmax(scores[:, number])) for number in known}
    cells = [cell(dataset, site, number) for number, site in best.items()]
    if not cells:
        return None
    many = len(known) > _MANY
    base = alt.Chart(alt.Data(values=cells))
    x = alt.X("start:Q", axis=alt.Axis(title=_ONSET, tickCount=6), scale=alt.Scale(zero=False))
    least, most = min(0, *(each["low"] for each in cells)), max(each["high"] for each in cells)
    limits = [least, most + (most - least) * _ROOM]
    y = alt.Y("value:Q", axis=alt.Axis(title=label(dataset), tickCount=5), scale=alt.Scale(domain=limits))
    colour = _region_colour(cells)
    chart = alt.layer(
        base.mark_rect(opacity=0.3, aria=False).encode(x=x, x2="end:Q", y=alt.Y("low:Q"), y2="high:Q", color=colour),
        base.mark_rule(strokeWidth=2.5).encode(
            x=x, x2="end:Q", y=y, color=colour, tooltip=_tooltip(), description=alt.Description("words:N")
        ),
        base.mark_text(baseline="bottom", dy=-4, fontSize=11, aria=False).encode(
            x=alt.X("middle:Q"), y=alt.Y("high:Q"), text="step:N" if many else "site:N"
        ),
    )
    header = ["Time bin", "Best site", label(dataset).capitalize(), "Best in resamples"]
    rows = [[each["time_bin"], each["site"], each["text"], f"{each['share']:.0%}"] for each in cells]
    return ChartFigure(
        "best",
        "Best site of each time bin",
        f"{label(dataset).capitalize()} of the site that explains each time bin best, with its {interval(dataset)}.",
        chart.properties(height=200),
        table=Table(header, rows),
    )


def region_courses(dataset: xr.Dataset) -> ChartFigure | None:
    """Return the score over time of each region at its best time step, with intervals; None without any."""
    import altair as alt

    scores = dataset["score"]
    regions = np.array([region_of(dataset, number) for number in range(dataset.sizes["site"])])
    cells = []
    for region in REGIONS:
        own = np.flatnonzero(regions == region)
        means = scores[own].mean("time_bin", skipna=True).values
        if np.isfinite(means).any():
            site = own[np.nanargmax(means)]
            cells += [cell(dataset, site, number) for number in range(dataset.sizes["time_bin"])]
    known = {each["time_bin"] for each in cells if each["value"] is not None}
    if not known:
        return None
    base = alt.Chart()
    y_axis = alt.Axis(title=label(dataset), tickCount=5)
    colour = _region_colour(cells)
    words: dict[str, Any] = {"tooltip": _tooltip(), "description": alt.Description("words:N")}
    params: list[Any] = []
    rule: dict[str, Any] = {"y": alt.Y("low:Q"), "y2": "high:Q", "color": colour}
    if len(known) > 1:
        _mark_alone(cells)
        x = alt.X("middle:Q", axis=alt.Axis(title=_ONSET, tickCount=8), scale=alt.Scale(zero=False, padding=8))
        shown = [region for region in REGIONS if any(each["region"] == region for each in cells)]
        layers = [  # areas and lines break where no value is known
            base.mark_area(opacity=0.2, aria=False).encode(x=x, **rule),
            base.mark_line(strokeWidth=2, aria=False).encode(x=x, y="value:Q", color=colour),
        ]
        for number, region in enumerate(shown):
            alone = base.transform_filter(f"datum.is_alone && datum.region == '{region}'").encode(x=x, color=colour)
            apart = _APART * (number - (len(shown) - 1) / 2)
            layers += [
                alone.mark_rule(strokeWidth=1.5, xOffset=apart, aria=False).encode(**rule),
                alone.mark_point(filled=True, size=50, opacity=1, xOffset=apart).encode(y="value:Q", **words),
            ]
    else:
        cells = [each for each in cells if each["value"] is not None]
        sites = [each["site"] for each in cells]
        names, params = column_names(sites, "bottom")
        title = f"best site of each region, {cells[0]['time_bin']} ms"
        x = alt.X("site:N", sort=sites, axis=alt.Axis(title=title, **names))
        layers = [base.mark_rule(strokeWidth=2, aria=False).encode(x=x, **rule)]
    points = base.mark_point(filled=True, size=50, opacity=1).transform_filter(
        "isValid(datum.value) && !datum.is_alone"
    )
    layers.append(points.encode(x=x, y=alt.Y("value:Q", axis=y_axis), color=colour, **words))
    return ChartFigure(
        "regions",
        "Regions over time" if len(known) > 1 else "Regions",
        f"{label(dataset).capitalize()} of each region at its best time step ({_sites(cells)}), "
        f"with its {interval(dataset)}.",
        alt.layer(*layers, data=alt.Data(values=cells)).add_params(*params).properties(height=200),
    )


def _mark_alone(cells: list[dict[str, Any]]) -> None:
    """Say of each cell whether its site has no value in the time bins beside it, so that no area shows its interval."""
    for cell_before, each, cell_after in zip([None, *cells[:-1]], cells, [*cells[1:], None], strict=True):
        beside = [other for other in (cell_before, cell_after) if other and other["site"] == each["site"]]
        each["is_alone"] = each["value"] is not None and all(other["value"] is None for other in beside)


def neuroid_courses(dataset: xr.Dataset) -> ChartFigure | None:
    """Return how well the best site of each neuroid predicts it in each reliable time bin; None without such values."""
    import altair as alt

    is_known = dataset["score"].notnull().any("site").values
    if "raw_by_neuroid" not in dataset or dataset["raw_by_neuroid"][:, is_known].isnull().all():
        return None
    values = dataset["raw_by_neuroid"].values
    best = np.max(np.where(np.isnan(values), -np.inf, values), axis=0).T  # (neuroid, time bin)
    best = np.where(np.isfinite(best) & is_known, best, np.nan)
    order = np.argsort(-np.nan_to_num(best[:, is_known]).mean(1), kind="stable")
    bins, ids = time_bin_names(dataset), dataset["neuroid_id"].values.astype(str)
    cells = [
        {"rank": rank, "neuroid": ids[neuroid], "time_bin": bins[number], "r": float(best[neuroid, number])}
        for rank, neuroid in enumerate(order)
        for number in range(len(bins))
        if np.isfinite(best[neuroid, number])
    ]
    unknown = [{"rank": len(order) // 2, "time_bin": bins[number]} for number in np.flatnonzero(~is_known)]
    scale = alt.Scale(scheme="viridis", domain=[min(0.0, float(np.nanmin(best))), float(np.nanmax(best))])
    ranks = alt.Scale(domain=list(range(len(order))))
    x, params = _time_bins(dataset)
    y = alt.Y("rank:O", scale=ranks, axis=alt.Axis(title=f"{len(order)} neuroids", labels=False))
    return ChartFigure(
        "neuroids",
        "Neuroids",
        f"Pearson's r of each of {len(order)} neuroids at its best site, in each time bin, sorted by their means"
        f"{_unknown(dataset)}",
        alt.layer(
            alt.Chart()
            .mark_rect()
            .encode(
                x=x,
                y=y,
                color=alt.Color("r:Q", scale=scale, legend=_gradient("Pearson's r")),
                tooltip=[
                    alt.Tooltip("neuroid:N"),
                    alt.Tooltip("time_bin:N", title="time bin"),
                    alt.Tooltip("r:Q", format=".3f"),
                ],
            ),
            alt.Chart(alt.Data(values=unknown)).mark_text(text="×", color="var(--quiet)", aria=False).encode(x=x, y=y),
            data=alt.Data(values=cells),
        )
        .add_params(*params)
        .properties(height=280, view=alt.ViewBackground(fill="var(--band)")),
    )


FIGURES: Mapping[str, Callable[[xr.Dataset], ChartFigure | None]] = {
    "map": heat_map,
    "best": best_steps,
    "regions": region_courses,
    "neuroids": neuroid_courses,
    "difference": difference_map,
}


def _cells(
    name: str, dataset: xr.Dataset, variable: str, marked: np.ndarray, scale: dict, legend: str, title: str, about: str
) -> ChartFigure:
    import altair as alt

    sites, bins = range(dataset.sizes["site"]), range(dataset.sizes["time_bin"])
    cells = [
        {**cell(dataset, site, number, variable), "is_marked": bool(marked[site, number])}
        for site in sites
        for number in bins
    ]
    names = [site_name(dataset, site) for site in sites]
    y = alt.Y("site:N", sort=names, title=None, axis=alt.Axis(labelColor="var(--ink)", grid=False, labelLimit=150))
    x, params = _time_bins(dataset)
    base = alt.Chart().encode(x=x, y=y)
    chart = alt.layer(
        base.mark_rect(fill="var(--band)", aria=False),
        base.mark_text(text="×", color="var(--quiet)", aria=False).transform_filter("!isValid(datum.value)"),
        base.mark_rect()
        .transform_filter("isValid(datum.value)")
        .encode(
            color=alt.Color("value:Q", scale=alt.Scale(**scale), legend=_gradient(legend)),
            tooltip=_tooltip(),
            description=alt.Description("words:N"),
        ),
        # seen on light and on dark cells
        *(
            base.mark_rect(fill=None, stroke=colour, strokeWidth=width, aria=False).transform_filter("datum.committed")
            for colour, width in (("white", 4), ("black", 1.5))
        ),
        base.mark_point(shape="circle", size=26, filled=True, fill="white", stroke="black", strokeWidth=0.8, opacity=1)
        .transform_filter("datum.is_marked && isValid(datum.value)")
        .encode(tooltip=alt.value(None)),
        data=alt.Data(values=cells),
    )
    texts = {(each["site"], each["time_bin"]): each["text"] for each in cells}
    rows = [[site, *(texts[site, each] for each in time_bin_names(dataset))] for site in names]
    return ChartFigure(
        name,
        title,
        about,
        chart.add_params(*params).properties(height=alt.Step(_CELL)),
        table=Table(["Site", *(f"{each} ms" for each in time_bin_names(dataset))], rows),
    )


def _tooltip() -> list:
    import altair as alt

    return [
        alt.Tooltip("site:N", title="site"),
        alt.Tooltip("time_bin:N", title="ms"),
        alt.Tooltip("text:N", title="value"),
    ]


def _time_bins(dataset: xr.Dataset):
    import altair as alt

    bins = time_bin_names(dataset)
    names, params = column_names(bins, "bottom")
    return alt.X("time_bin:O", scale=alt.Scale(domain=bins), sort=bins, axis=alt.Axis(title=_ONSET, **names)), params


def _gradient(title: str):
    import altair as alt

    return alt.Legend(title=title, direction="horizontal", gradientLength=200, gradientThickness=10, tickCount=3)


def _region_colour(cells: list[dict[str, Any]]):
    import altair as alt

    shown = [region for region in REGIONS if any(each["region"] == region for each in cells)]
    scale = alt.Scale(domain=shown, range=[f"var(--{region})" for region in shown])
    return alt.Color("region:N", scale=scale, legend=alt.Legend(title=None, symbolType="circle"))


def _sites(cells: list[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(each["site"] for each in cells))


def _unknown(dataset: xr.Dataset) -> str:
    return "; ×: no reliable signal." if dataset["score"].isnull().any() else "."
