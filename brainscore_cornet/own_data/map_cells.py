"""Cells of a map, a site in a time bin each, as charts need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr


def cell(dataset: xr.Dataset, site: int, number: int, variable: str = "score") -> dict[str, Any]:
    """Return a site in a time bin with a variable, its interval and words; None is for what is not known."""
    edges = ("low", "high") if variable == "score" else ("difference_low", "difference_high")
    value, low, high = (float(dataset[name].values[site, number]) for name in (variable, *edges))
    start, end = (float(dataset[f"time_bin_{edge}"].values[number]) for edge in ("start", "end"))
    name, time_bin = site_name(dataset, site), time_bin_names(dataset)[number]
    text = f"{value:.3f} ({low:.3f} to {high:.3f})" if np.isfinite(value) else "no reliable signal"
    return {
        "site": name,
        "region": region_of(dataset, site),
        "step": name.split()[-1],
        "time_bin": time_bin,
        "start": start,
        "end": end,
        "middle": (start + end) / 2,
        **{key: each if np.isfinite(each) else None for key, each in (("value", value), ("low", low), ("high", high))},
        "committed": bool(dataset["committed"].values[site, number]),
        "share": float(dataset["best_share"].values[site, number]),
        "text": text,
        "words": f"{name}, {time_bin} ms: {text}",
    }


def time_bin_names(dataset: xr.Dataset) -> list[str]:
    """Return the names of the time bins, such as 70-170."""
    edges = (dataset[f"time_bin_{edge}"].values for edge in ("start", "end"))
    return [f"{start:g}-{end:g}" for start, end in zip(*edges, strict=True)]


def region_of(dataset: xr.Dataset, site: int) -> str:
    """Return the region of a site."""
    return str(dataset["layer"].values[site]).split(".")[0]


def site_name(dataset: xr.Dataset, site: int) -> str:
    """Return the name of a site, such as `V4 t2`."""
    layer = str(dataset["layer"].values[site]).removesuffix(".output")
    return f"{layer} t{int(dataset['time_step'].values[site])}"


def interval(dataset: xr.Dataset) -> str:
    """Return what the intervals are, such as `interval of 95 % over stimuli`."""
    share, _, over = dataset.attrs["interval"].partition(", ")
    return f"interval of {share} {over}".strip()


def label(dataset: xr.Dataset) -> str:
    """Return what the scores are, such as `explained variance`."""
    return str(dataset.attrs["score"]) if dataset.attrs["is_ceiled"] else f"{dataset.attrs['metric']} (raw)"
