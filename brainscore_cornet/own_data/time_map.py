"""The map: which region at which time step explains recordings at which millisecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..cornet.anatomy import REGIONS
from ..cornet.brain_model import CORnetModel
from ..cornet.commitments import Commitment
from ..cornet.errors import UserError, whole_number
from ..cornet.progress_line import counting
from ..cornet.recording.record import Site
from ..cornet.recording.shapes import survey
from ..features.layers import choose
from .dissimilarities import DissimilarityBenchmark
from .map_findings import findings
from .neural import RecordingsBenchmark
from .rdm_map import at_rows, rdm_ceilings, rdm_cells
from .resampling import FEWEST_RESAMPLES, RESAMPLES, Draws, Resamples, corrected, stacked
from .site_processes import SiteProcesses, count_for
from .site_recordings import recorded_sites
from .site_scores import Ceilings, SiteScorer, SiteScores, ceiled, ceilings_of


@dataclass(frozen=True)
class TimeMap:
    """Scores of sites (layers at time steps) in time bins, with their uncertainty."""

    dataset: xr.Dataset
    """Variables (site, time_bin), such as `score`, `low`, `high`, `raw`; see the README."""
    draws: Draws | None
    """Raw similarities with their resamples, (site, time bin); None for dissimilarities."""
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
    benchmark: RecordingsBenchmark | DissimilarityBenchmark,
    *,
    layers: Sequence[str] | None = None,
    against: CORnetModel | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> TimeMap:
    """Score every layer at every time step against every time bin of recordings, or against dissimilarities.

    Parameters
    ----------
    model
        A CORnet from `load_model`; the network runs once for each stimulus.
    benchmark
        From `neural_benchmark`, `rdm_benchmark` or `load_benchmark`.
    layers
        Layers such as `IT` or `V4.conv2`; by default the outputs of the four regions.
    against
        A control, such as the untrained model, whose scores are subtracted at the sites that both models have.
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
    if not isinstance(benchmark, RecordingsBenchmark | DissimilarityBenchmark):
        raise UserError(f"A map needs recordings or dissimilarities, received a {type(benchmark).__name__}.")
    resamples = whole_number(resamples, "a number of resamples", FEWEST_RESAMPLES)
    sites = _sites(model, layers)
    theirs = set() if against is None else set(_sites(against, layers))
    common = [site for site in sites if site in theirs]
    if against is not None and not common:
        raise UserError(f"{model.identifier} and {against.identifier} have no layer and time step in common.")
    if isinstance(benchmark, DissimilarityBenchmark):
        return _of_rdm(model, benchmark, sites, against, common, resamples)
    recorded = benchmark.recorded
    shared = Resamples.draw(len(recorded.stimuli), recorded.values.shape[1], resamples, seed)
    scorer = SiteScorer(benchmark, shared)
    scores = _scores(model, benchmark, sites, scorer)
    ceilings = ceilings_of(benchmark, shared)
    control = None if against is None else _scores(against, benchmark, common, scorer)
    return _assembled(model, benchmark, scores, ceilings, against, control)


def committed_cells(commitment: Commitment, sites: Sequence[Site], time_bins: Sequence) -> np.ndarray:
    """Return which site (site, time bin) the model would be recorded from, for each region."""
    found = np.zeros((len(sites), len(time_bins)), bool)
    for region, layer in commitment.layers.items():
        for number, time_bin in enumerate(time_bins):
            if commitment.time_bins[region]:
                site = Site(layer, commitment.step_at(region, time_bin))
                if site in sites:
                    found[sites.index(site), number] = True
    return found


def _sites(model: CORnetModel, layers: Sequence[str] | None) -> list[Site]:
    network = model.activations_model.network
    shapes = survey(network, model.activations_model.image_size)
    try:
        return choose(network, model.commitment, shapes, REGIONS if layers is None else layers, "all", None)
    except UserError as error:
        raise UserError(f"{model.identifier}: {error}") from error


def _scores(
    model: CORnetModel, benchmark: RecordingsBenchmark, sites: Sequence[Site], score: SiteScorer
) -> dict[Site, SiteScores]:
    """Record all sites in one pass, and score each, several at a time."""
    count, found = count_for(len(sites)), {}
    with (
        nullcontext() if count == 1 else SiteProcesses(score, count) as processes,
        recorded_sites(model, benchmark.recorded.stimuli, benchmark._visual_degrees, sites) as arrays,
        counting("map", len(sites), unit="site") as add,
    ):
        here = ((site, score(arrays.pop(site))) for site in sites)
        for site, scores in here if processes is None else processes.scored(arrays):
            found[site] = scores
            add(1)
    return {site: found[site] for site in sites}


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
        rows = [sites.index(site) for site in control]
        difference = found.map(lambda values: values[..., rows, :]).map(np.subtract, other)
        lower, upper = difference.interval()
        p_values = np.where(reliable, difference.p_value(), np.nan)
        compared = {
            "against": np.where(reliable, other.point, np.nan),
            "difference": np.where(reliable, difference.point, np.nan),
            "difference_low": np.where(reliable, lower, np.nan),
            "difference_high": np.where(reliable, upper, np.nan),
            "p": p_values,
            "p_corrected": corrected(p_values),
        }
        cells |= {name: at_rows(values, rows, len(sites)) for name, values in compared.items()}
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
    over = "stimuli" if raw.neuroids is None else "stimuli and neuroids"
    dataset = _dataset(model, against, benchmark, variables, sites, bins).assign_coords(
        neuroid_id=("neuroid", benchmark.recorded.neuroids["neuroid_id"].astype(str))
    )
    dataset.attrs |= {
        "metric": benchmark.settings["metric"],
        "is_ceiled": int(ceilings is not None),
        "score": "explained variance",
        "resamples": len(raw.stimuli),
        "interval": f"95 %, over {over}",
    }
    return TimeMap(dataset, raw, findings(dataset))


def _of_rdm(
    model: CORnetModel,
    benchmark: DissimilarityBenchmark,
    sites: Sequence[Site],
    against: CORnetModel | None,
    common: Sequence[Site],
    resamples: int,
) -> TimeMap:
    cells = rdm_cells(model, benchmark, sites, against, common, resamples)
    cells["committed"] = committed_cells(model.commitment, sites, benchmark.timebins)
    variables = {name: (("site", "time_bin"), values) for name, values in cells.items()} | rdm_ceilings(benchmark)
    dataset = _dataset(model, against, benchmark, variables, sites, benchmark.timebins)
    subjects = " and subjects" if benchmark.has_ceiling else ""
    dataset.attrs |= {
        "metric": benchmark.settings["comparison"],
        "is_ceiled": int(benchmark.has_ceiling),
        "score": f"{benchmark.settings['comparison']} / upper noise ceiling",
        "resamples": resamples,
        "interval": f"95 %, over stimuli{subjects}",
    }
    beware = [f"Beware: {benchmark.weakness}."] if benchmark.weakness else []
    return TimeMap(dataset, None, [*findings(dataset), *beware])


def _dataset(model, against, benchmark, variables, sites: Sequence[Site], time_bins: Sequence) -> xr.Dataset:
    """Return what maps of all kinds have."""
    return xr.Dataset(
        variables,
        coords={
            "layer": ("site", [site.layer for site in sites]),
            "time_step": ("site", [site.time_step for site in sites]),
            "time_bin_start": ("time_bin", [start for start, _ in time_bins]),
            "time_bin_end": ("time_bin", [end for _, end in time_bins]),
        },
        attrs={
            "model": model.identifier,
            "against": "" if against is None else against.identifier,
            "benchmark": benchmark.identifier,
            "benchmark_version": benchmark.version,
            "region": benchmark.region,
        },
    )


def _by_site(scores: Mapping[Site, SiteScores]) -> Draws:
    """Return the raw similarities (site, time bin)."""
    together = stacked([each.draws for each in scores.values()])
    return together.map(lambda values: np.moveaxis(values, -1, -2))


def _best_share(raw: Draws) -> np.ndarray:
    """Return in which share of the resamples each site is the best one of a time bin."""
    values = np.where(np.isnan(raw.stimuli), -np.inf, raw.stimuli)
    best = values.argmax(1)  # (resample, time bin)
    return np.stack([(best == number).mean(0) for number in range(values.shape[1])])
