"""The map: which region at which time step explains recordings at which millisecond."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from brainscore_vision.benchmark_helpers.screen import place_on_screen

from ..cornet.anatomy import REGIONS
from ..cornet.brain_model import CORnetModel
from ..cornet.commitments import Commitment, nearest_step
from ..cornet.errors import UserError, whole_number
from ..cornet.progress_line import counting
from ..cornet.recording.images import warn_of_transparency
from ..cornet.recording.record import Site
from ..cornet.recording.shapes import survey
from ..cornet.recording.stimuli import stimulus_paths, warn_of_screen
from ..features.layers import choose
from .map_findings import findings
from .neural import RecordingsBenchmark
from .resampling import RESAMPLES, Draws, Resamples, corrected, stacked
from .site_scores import Ceilings, SiteScores, ceiled, ceilings_of, scorer_of

_FEWEST_RESAMPLES = 50


@dataclass(frozen=True)
class TimeMap:
    """Scores of sites (layers at time steps) in time bins, with their uncertainty."""

    dataset: xr.Dataset
    """Variables (site, time_bin), such as `score`, `low`, `high`, `raw`; see the README."""
    draws: Draws
    """Raw similarities with their resamples, (site, time bin)."""
    sentences: Sequence[str]
    """The findings in words, with their uncertainty."""

    def table(self) -> pd.DataFrame:
        """Return a row for each site and time bin."""
        variables = [name for name, each in self.dataset.data_vars.items() if each.dims == ("site", "time_bin")]
        table: Any = self.dataset[variables].to_dataframe().reset_index(drop=True)
        return table[[*_LABELS, *variables]]


_LABELS = ("layer", "time_step", "time_bin_start", "time_bin_end")


def time_map(
    model: CORnetModel,
    benchmark: RecordingsBenchmark,
    *,
    layers: Sequence[str] | None = None,
    against: CORnetModel | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> TimeMap:
    """Score every layer at every time step against every time bin of recordings.

    Parameters
    ----------
    model
        A CORnet from `load_model`; the network runs once for each stimulus.
    benchmark
        From `neural_benchmark` or `load_benchmark`.
    layers
        Layers such as `IT` or `V4.conv2`; by default the outputs of the four regions.
    against
        A control, such as the untrained model, whose scores are subtracted at the same sites.
    resamples
        Number of resamples of stimuli and neuroids, from which intervals are estimated.
    seed
        Of the resamples.

    Raises
    ------
    UserError
        If the benchmark or a layer does not allow a map, or the two models have no site in common.
    """
    if not isinstance(model, CORnetModel):
        raise UserError(f"A map needs a CORnet from load_model, received a {type(model).__name__}.")
    if not isinstance(benchmark, RecordingsBenchmark):
        raise UserError(f"A map needs recordings, as of neural_benchmark, received a {type(benchmark).__name__}.")
    resamples = whole_number(resamples, "a number of resamples", _FEWEST_RESAMPLES)
    recorded = benchmark.recorded
    shared = Resamples.draw(len(recorded.stimuli), recorded.values.shape[1], resamples, seed)
    sites = _sites(model, layers)
    if against is not None:
        sites = [site for site in sites if site in set(_sites(against, layers))]
        if not sites:
            raise UserError(f"{model.identifier} and {against.identifier} have no layer and time step in common.")
    scores = _scores(model, benchmark, sites, shared)
    ceilings = ceilings_of(benchmark, shared)
    control = None if against is None else _scores(against, benchmark, sites, shared)
    return _assembled(model, benchmark, scores, ceilings, against, control)


def committed_cells(commitment: Commitment, sites: Sequence[Site], time_bins: Sequence) -> np.ndarray:
    """Return which site (site, time bin) the model would be recorded from, for each region."""
    found = np.zeros((len(sites), len(time_bins)), bool)
    for region, layer in commitment.layers.items():
        for number, time_bin in enumerate(time_bins):
            if commitment.time_bins[region]:
                site = Site(layer, nearest_step(commitment.time_bins[region], time_bin))
                if site in sites:
                    found[sites.index(site), number] = True
    return found


def _sites(model: CORnetModel, layers: Sequence[str] | None) -> list[Site]:
    network = model.activations_model.network
    shapes = survey(network, model.activations_model.image_size)
    return choose(network, model.commitment, shapes, REGIONS if layers is None else layers, "all", None)


def _scores(
    model: CORnetModel, benchmark: RecordingsBenchmark, sites: Sequence[Site], resamples: Resamples
) -> dict[Site, SiteScores]:
    """Record all sites in one pass into a temporary folder, and score each."""
    activations = model.activations_model
    shapes = survey(activations.network, activations.image_size)
    shown = place_on_screen(
        benchmark._assembly.stimulus_set,
        target_visual_degrees=model.visual_degrees(),
        source_visual_degrees=benchmark._visual_degrees,
    )
    paths = stimulus_paths(shown)
    warn_of_screen(shown, activations.background)
    if activations.background is None:
        warn_of_transparency(paths)
    score = scorer_of(benchmark, resamples)
    with tempfile.TemporaryDirectory(prefix="brainscore_cornet-map-") as folder:
        arrays = {}
        for number, site in enumerate(sites):
            units = int(np.prod(shapes[site.layer][site.time_step]))
            file = Path(folder) / f"{number}.float32"
            arrays[site] = np.memmap(file, np.float32, "w+", shape=(len(paths), units))
        for portion in activations.stream(paths, list(sites)):
            portion.write(arrays)
        scores = {}
        with counting("map", len(sites), unit="site") as add:
            for site in sites:
                scores[site] = score(arrays.pop(site))
                add(1)
        return scores


def _assembled(
    model: CORnetModel,
    benchmark: RecordingsBenchmark,
    scores: Mapping[Site, SiteScores],
    ceilings: Ceilings | None,
    against: CORnetModel | None,
    control: Mapping[Site, SiteScores] | None,
) -> TimeMap:
    sites, bins = list(scores), list(benchmark.recorded.time_bins)
    raw = _by_site(scores)
    found = raw if ceilings is None else ceiled(raw, ceilings.draws)
    reliable = np.ones(len(bins), bool) if ceilings is None else ceilings.draws.interval()[0] > 0
    low, high = found.interval()
    raw_low, raw_high = raw.interval()
    cells = {
        "score": np.where(reliable, found.point, np.nan),
        "low": np.where(reliable, low, np.nan),
        "high": np.where(reliable, high, np.nan),
        "raw": raw.point,
        "raw_low": raw_low,
        "raw_high": raw_high,
        "best_share": _best_share(raw),
        "committed": committed_cells(model.commitment, sites, bins),
    }
    if control is not None:
        other = _by_site(control)
        other = other if ceilings is None else ceiled(other, ceilings.draws)
        difference = found.map(np.subtract, other)
        lower, upper = difference.interval()
        p_values = np.where(reliable, difference.p_value(), np.nan)
        cells |= {
            "against": np.where(reliable, other.point, np.nan),
            "difference": np.where(reliable, difference.point, np.nan),
            "difference_low": np.where(reliable, lower, np.nan),
            "difference_high": np.where(reliable, upper, np.nan),
            "p": p_values,
            "p_corrected": corrected(p_values),
        }
    variables: dict[str, Any] = {name: (("site", "time_bin"), values) for name, values in cells.items()}
    by_neuroid = np.stack([each.by_neuroid for each in scores.values()])
    variables["raw_by_neuroid"] = (("site", "time_bin", "neuroid"), by_neuroid)
    if ceilings is not None:
        variables |= {
            "ceiling": (("time_bin",), ceilings.draws.point),
            "ceiling_low": (("time_bin",), ceilings.draws.interval()[0]),
            "ceiling_high": (("time_bin",), ceilings.draws.interval()[1]),
            "ceiling_by_neuroid": (("time_bin", "neuroid"), ceilings.by_neuroid),
        }
    dataset = xr.Dataset(
        variables,
        coords={
            "layer": ("site", [site.layer for site in sites]),
            "time_step": ("site", [site.time_step for site in sites]),
            "time_bin_start": ("time_bin", [start for start, _ in bins]),
            "time_bin_end": ("time_bin", [end for _, end in bins]),
            "neuroid_id": ("neuroid", benchmark.recorded.neuroids["neuroid_id"].astype(str)),
        },
        attrs={
            "model": model.identifier,
            "against": "" if against is None else against.identifier,
            "benchmark": benchmark.identifier,
            "benchmark_version": benchmark.version,
            "metric": benchmark.settings["metric"],
            "is_ceiled": int(ceilings is not None),
            "resamples": len(raw.stimuli),
            "interval": "95 %, over stimuli and neuroids" if raw.neuroids is not None else "95 %, over stimuli",
        },
    )
    return TimeMap(dataset, raw, findings(dataset))


def _by_site(scores: Mapping[Site, SiteScores]) -> Draws:
    """Return the raw similarities (site, time bin)."""
    together = stacked([each.draws for each in scores.values()])
    return together.map(lambda values: np.moveaxis(values, -1, -2))


def _best_share(raw: Draws) -> np.ndarray:
    """Return in which share of the resamples each site is the best one of a time bin."""
    values = np.where(np.isnan(raw.stimuli), -np.inf, raw.stimuli)
    best = values.argmax(1)  # (resample, time bin)
    return np.stack([(best == number).mean(0) for number in range(values.shape[1])])
