"""Maps and comparisons with known numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

SITES = [("V1.output", 0), ("V4.output", 1), ("V4.conv2", 1), ("IT.output", 0)]


def made_map(bins: int = 3, **attrs) -> xr.Dataset:
    """A map in which the score grows with site and time bin, and the first time bin has no reliable signal."""
    shape = (len(SITES), bins)
    score = np.add.outer(np.arange(len(SITES)), np.arange(bins) / 10) / 10
    score[:, 0] = np.nan if bins > 1 else score[:, 0]
    cells = {
        "score": score, "low": score - 0.05, "high": score + 0.05, "best_share": np.full(shape, 0.25),
        "committed": np.eye(*shape, dtype=bool), "difference": score - 0.1, "difference_low": score - 0.2,
        "difference_high": score, "p_corrected": np.where(np.isnan(score), np.nan, score),
    }  # fmt: skip
    return xr.Dataset(
        {name: (("site", "time_bin"), values) for name, values in cells.items()}
        | {"raw_by_neuroid": (("site", "time_bin", "neuroid"), np.ones((*shape, 5)) * [1, np.nan, 3, 2, 4])},
        coords={
            "layer": ("site", [layer for layer, _ in SITES]),
            "time_step": ("site", [step for _, step in SITES]),
            "time_bin_start": ("time_bin", 70 + 10 * np.arange(bins)),
            "time_bin_end": ("time_bin", 80 + 10 * np.arange(bins)),
            "neuroid_id": ("neuroid", list("abcde")),
        },
        attrs={
            "benchmark": "MyLab2026.IT",
            "resamples": 300,
            "region": "IT", "model": "cornet_s", "against": "cornet_z", "metric": "pls",
            "score": "explained variance", "is_ceiled": 1,
            "interval": "95 %, over stimuli", **attrs,
        },
    )  # fmt: skip


def made_comparison() -> pd.DataFrame:
    """Three pairs of models on two benchmarks: a significant difference, another, and one without a reliable signal."""
    common = {"benchmark": "b", "first": "cornet_s", "correction": "Holm", "comparisons": 3}
    unknown = dict.fromkeys(("difference", "low", "high", "p_corrected"), np.nan)
    return pd.DataFrame(
        [
            {**common, "second": "x", "difference": 0.1, "low": 0.05, "high": 0.2, "p_corrected": 0.0001},
            {**common, "second": "y", "difference": 0.1, "low": -0.1, "high": 0.2, "p_corrected": 0.4},
            {**common, "second": "z", "benchmark": "c", **unknown},
        ]
    )
