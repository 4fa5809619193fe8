"""The map of dissimilarities: every site of a model compared with those of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cornet.brain_model import CORnetModel
from ..cornet.progress_line import counting
from ..cornet.recording.record import Site
from .dissimilarities import DissimilarityBenchmark
from .rdm_resampling import RdmResamples, bootstrapped
from .resampling import corrected
from .site_recordings import recorded_sites


def rdm_cells(
    model: CORnetModel,
    benchmark: DissimilarityBenchmark,
    sites: Sequence[Site],
    against: CORnetModel | None,
    common: Sequence[Site],
    resamples: int,
) -> dict[str, np.ndarray]:
    """Return variables (site, time bin) of the map, for the one time bin of a benchmark of dissimilarities.

    Scores are divided by the upper noise ceiling, where there is one. Intervals and p-values are from rsatoolbox's
    bootstraps, with all sites of both models in the same resamples; p-values are corrected as in maps of recordings.

    Parameters
    ----------
    common
        Those of the sites that the control has, too; differences are NaN elsewhere.
    """
    rdms = _rdms(model, benchmark, sites)
    if against is not None:
        rdms += _rdms(against, benchmark, common)
    found = bootstrapped(rdms, benchmark.rdms(), benchmark.comparison, resamples)
    ceiling = float(benchmark.ceiling) if benchmark.has_ceiling else 1.0
    own = slice(len(sites))
    low, high = found.interval(found.points, found.variances)
    cells = {
        "score": found.points[own] / ceiling,
        "low": low[own] / ceiling,
        "high": high[own] / ceiling,
        "raw": found.points[own],
        "raw_low": low[own],
        "raw_high": high[own],
        "best_share": _best_share(found, len(sites)),
    }
    if against is not None:
        rows = [sites.index(site) for site in common]
        compared = _differences(found, len(sites), rows, ceiling)
        cells |= {name: at_rows(values, rows, len(sites)) for name, values in compared.items()}
    return {name: values[:, np.newaxis] for name, values in cells.items()}


def rdm_ceilings(benchmark: DissimilarityBenchmark) -> dict[str, Any]:
    """Return rsatoolbox's noise ceilings as variables of the map, none for one subject."""
    found = benchmark.ceilings()
    if found is None:
        return {}
    return {"ceiling": (("time_bin",), [found[1]]), "ceiling_lower": (("time_bin",), [found[0]])}


def _rdms(model: CORnetModel, benchmark: DissimilarityBenchmark, sites: Sequence[Site]) -> list:
    found = []
    with (
        recorded_sites(model, benchmark.stimulus_set, benchmark._visual_degrees, sites) as arrays,
        counting("map", len(sites), unit="site") as add,
    ):
        for site in sites:
            found.append(benchmark.rdm_of(arrays.pop(site)))
            add(1)
    return found


def _best_share(found: RdmResamples, sites: int) -> np.ndarray:
    """Return in which share of the resamples each site is the best one."""
    known = found.evaluations[~np.isnan(found.evaluations).any(1), :sites]
    return np.bincount(known.argmax(1), minlength=sites) / len(known)


def at_rows(values: np.ndarray, rows: Sequence[int], count: int) -> np.ndarray:
    """Return values as those rows of an array of `count` rows, in which the others are NaN."""
    found = np.full((count, *values.shape[1:]), np.nan)
    found[list(rows)] = values
    return found


def _differences(found: RdmResamples, sites: int, rows: Sequence[int], ceiling: float) -> dict[str, np.ndarray]:
    """Return the differences of sites, at these rows, from those of the control, which follow all sites."""
    pairs = [found.of_pair(row, sites + number) for number, row in enumerate(rows)]
    differences, variances = (np.array(values) for values in zip(*pairs, strict=True))
    low, high = found.interval(differences, variances)
    p_values = found.p_value(differences, variances)
    return {
        "against": found.points[sites:] / ceiling,
        "difference": differences / ceiling,
        "difference_low": low / ceiling,
        "difference_high": high / ceiling,
        "p": p_values,
        "p_corrected": corrected(p_values),
    }
