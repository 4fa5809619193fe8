"""Differences between models on data of one's own, with intervals and corrected p-values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ..cornet.brain_model import CORnetModel
from ..cornet.errors import UserError, whole_number
from ..cornet.progress_line import counting
from ..cornet.recording.record import Site
from .dissimilarities import DissimilarityBenchmark
from .neural import RecordingsBenchmark
from .rdm_resampling import bootstrapped
from .resampling import FEWEST_RESAMPLES, RESAMPLES, Draws, Resamples, stacked
from .site_recordings import recorded_sites
from .site_scores import Ceilings, SiteScorer, ceiled, ceilings_of
from .trial_metrics import BehaviourBenchmark
from .trial_resampling import TrialScorer

CORRECTION = "Holm"
COLUMNS = (
    "benchmark",
    "benchmark_version",
    "metric",
    "is_ceiled",
    "first",
    "first_identifier",
    "first_score",
    "first_low",
    "first_high",
    "second",
    "second_identifier",
    "second_score",
    "second_low",
    "second_high",
    "difference",
    "low",
    "high",
    "p",
    "p_corrected",
    "correction",
    "comparisons",
    "resamples",
)
"""Of the table of differences; the README says what each is."""


@dataclass(frozen=True)
class _Paired:
    """Scores of several models on one benchmark, (model,), and differences of each two, (pair,)."""

    scores: np.ndarray
    low: np.ndarray
    high: np.ndarray
    differences: np.ndarray
    differences_low: np.ndarray
    differences_high: np.ndarray
    p_values: np.ndarray
    resamples: int
    is_ceiled: bool


def compare_models(
    models: Sequence[CORnetModel] | Mapping[str, CORnetModel],
    benchmarks,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the differences of each two models on each benchmark of data of one's own.

    All models are scored with the same splits, and in the same resamples of stimuli and of neuroids or subjects. A
    score of recordings is the mean over the time bins whose noise ceiling is reliable. p-values are two-sided, of the
    difference being 0, and corrected for the number of all comparisons in the table by Holm's method.

    Parameters
    ----------
    models
        CORnets from `load_model` with different identifiers: other architectures, weights, layers or time steps. Or
        label -> model, with labels under which the table has them.
    benchmarks
        From `neural_benchmark`, `rdm_benchmark`, `behaviour_benchmark` or `load_benchmark`; one or several.
    resamples
        Number of resamples; for dissimilarities it is rsatoolbox's.
    seed
        Of the resamples of recordings and of behaviour.

    Returns
    -------
    A row for each two models and each benchmark, with the columns `COLUMNS`; the difference is first minus second.

    Raises
    ------
    UserError
        If there are fewer than two models, two of the same identifier, or a benchmark of another kind.
    """
    benchmarks = list(benchmarks) if isinstance(benchmarks, list | tuple) else [benchmarks]
    labels = list(models) if isinstance(models, Mapping) else None
    models = list(models.values()) if isinstance(models, Mapping) else list(models)
    _check(models, labels, benchmarks)
    names = labels or [model.identifier for model in models]
    resamples = whole_number(resamples, "a number of resamples", FEWEST_RESAMPLES)
    rows: list[dict[str, Any]] = []
    with counting("compare", len(models) * len(benchmarks), unit="model") as add:
        for benchmark in benchmarks:
            if isinstance(benchmark, DissimilarityBenchmark):
                found = _of_rdms(models, benchmark, resamples, add)
            elif isinstance(benchmark, BehaviourBenchmark):
                found = _of_behaviour(models, benchmark, resamples, seed, add)
            else:
                found = _of_recordings(models, benchmark, resamples, seed, add)
            rows += _rows(names, models, benchmark, found)
    p_values = np.array([row["p"] for row in rows])
    for row, p_value in zip(rows, holm(p_values), strict=True):
        row |= {"p_corrected": p_value, "correction": CORRECTION, "comparisons": int(np.isfinite(p_values).sum())}
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for their number (Holm 1979, https://www.jstor.org/stable/4615733); NaN stays."""
    found = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    found[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    return found


def sentences(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each difference, with its interval and p-value."""
    found = []
    for row in table.to_dict("records"):
        pair = f"{row['first']} - {row['second']} on {row['benchmark']}"
        if np.isnan(row["difference"]):
            found.append(f"{pair}: no reliable signal.")
            continue
        corrected = f"{row['p_corrected']:.3f}" if row["p_corrected"] >= 0.001 else "< 0.001"
        found.append(
            f"{pair}: {row['difference']:+.3f} ({row['low']:.3f} to {row['high']:.3f}), p {corrected} "
            f"({row['correction']}, {row['comparisons']} comparison{'' if row['comparisons'] == 1 else 's'})"
        )
    return found


def cautions(benchmarks: Sequence[RecordingsBenchmark | DissimilarityBenchmark | BehaviourBenchmark]) -> list[str]:
    """Return a sentence for each benchmark whose noise ceiling is weak, which `described_any` shows, too."""
    found = []
    for benchmark in benchmarks:
        left_out = "; such time bins are left out here" if isinstance(benchmark, RecordingsBenchmark) else ""
        if benchmark.weakness:
            found.append(f"Beware: {benchmark.identifier}: {benchmark.weakness}{left_out}.")
    return found


def _check(models: Sequence, labels: Sequence[str] | None, benchmarks: Sequence) -> None:
    for model in models:
        if not isinstance(model, CORnetModel):
            raise UserError(f"A comparison needs CORnets from load_model, received a {type(model).__name__}.")
    names = labels or [model.identifier for model in models]
    if len(names) < 2:
        raise UserError(f"A comparison needs two models, received {names[0] if names else 'none'}.")
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"Two models are called {repeated}: expected models that differ.")
    if not benchmarks:
        raise UserError("A comparison needs a benchmark.")
    for benchmark in benchmarks:
        if not isinstance(benchmark, RecordingsBenchmark | DissimilarityBenchmark | BehaviourBenchmark):
            raise UserError(
                "A comparison needs recordings, dissimilarities or behaviour of your own, received "
                f"{getattr(benchmark, 'identifier', benchmark)}."
            )


def _of_recordings(models, benchmark: RecordingsBenchmark, resamples: int, seed: int, add) -> _Paired:
    recorded = benchmark.recorded
    shared = Resamples.draw(len(recorded.stimuli), recorded.values.shape[1], resamples, seed)
    ceilings = ceilings_of(benchmark, shared)
    reliable = np.ones(len(recorded.time_bins), bool) if ceilings is None else ceilings.draws.interval()[0] > 0
    if not reliable.any():
        return _without_signal(len(models), resamples)
    scorer = SiteScorer(benchmark, shared)
    found = []
    for model in models:
        found.append(_mean_score(_committed(model, benchmark, scorer), ceilings, reliable))
        add(1)
    return _of_draws(found, resamples, ceilings is not None)


def _of_behaviour(models, benchmark: BehaviourBenchmark, resamples: int, seed: int, add) -> _Paired:
    scorer = TrialScorer(benchmark, resamples, seed)
    found = []
    for model in models:
        found.append(scorer(model))
        add(1)
    return _of_draws(found, resamples, benchmark.has_ceiling)


def _of_draws(found: Sequence[Draws], resamples: int, is_ceiled: bool) -> _Paired:
    intervals = [each.interval() for each in found]
    differences = [one.map(np.subtract, other) for one, other in combinations(found, 2)]
    limits = [each.interval() for each in differences]
    return _Paired(
        np.array([each.point for each in found], float),
        np.array([low for low, _ in intervals], float),
        np.array([high for _, high in intervals], float),
        np.array([each.point for each in differences], float),
        np.array([low for low, _ in limits], float),
        np.array([high for _, high in limits], float),
        np.array([each.p_value() for each in differences], float),
        resamples,
        is_ceiled,
    )


def _committed(model: CORnetModel, benchmark: RecordingsBenchmark, scorer: SiteScorer) -> Draws:
    """Return the raw similarity in each time bin, of the sites that the model is recorded from."""
    region = benchmark.region
    if not model.commitment.time_bins[region]:
        raise UserError(f"The image does not reach {region} in the time steps of {model.identifier}.")
    steps = [model.commitment.step_at(region, time_bin) for time_bin in benchmark.recorded.time_bins]
    sites = [Site(model.commitment.layers[region], step) for step in dict.fromkeys(steps)]
    by_bin: dict[int, Draws] = {}
    with recorded_sites(model, benchmark.recorded.stimuli, benchmark._visual_degrees, sites) as arrays:
        for site in sites:
            numbers = [number for number, step in enumerate(steps) if step == site.time_step]
            scored = scorer(arrays.pop(site), numbers).draws
            for place, number in enumerate(numbers):
                by_bin[number] = scored.map(lambda values, place=place: values[..., place])
    return stacked([by_bin[number] for number in range(len(steps))])


def _mean_score(raw: Draws, ceilings: Ceilings | None, reliable: np.ndarray) -> Draws:
    """Return the mean over reliable time bins of the score, which is that of the benchmark."""
    scores = raw.map(lambda values: values[..., np.newaxis, :])
    if ceilings is not None:
        scores = ceiled(scores, ceilings.draws)
    return scores.map(lambda values: values[..., 0, reliable].mean(-1))


def _without_signal(models: int, resamples: int) -> _Paired:
    scores, differences = (np.full(count, np.nan) for count in (models, models * (models - 1) // 2))
    return _Paired(scores, scores, scores, differences, differences, differences, differences, resamples, True)


def _of_rdms(models, benchmark: DissimilarityBenchmark, resamples: int, add) -> _Paired:
    own = []
    for model in models:
        own.append(benchmark.model_rdm(model))
        add(1)
    found = bootstrapped(own, benchmark.rdms(), benchmark.comparison, resamples)
    ceiling = float(benchmark.ceiling) if benchmark.has_ceiling else 1.0
    differences = np.array([one - other for one, other in combinations(found.points, 2)])
    low, high = found.interval(found.points, found.variances)
    below, above = found.interval(differences, found.differences)
    return _Paired(
        found.points / ceiling,
        low / ceiling,
        high / ceiling,
        differences / ceiling,
        below / ceiling,
        above / ceiling,
        found.p_value(differences, found.differences),
        resamples,
        benchmark.has_ceiling,
    )


def _rows(names: Sequence[str], models: Sequence[CORnetModel], benchmark, found: _Paired) -> Iterator[dict[str, Any]]:
    settings = benchmark.settings
    for number, pair in enumerate(combinations(range(len(models)), 2)):
        row: dict[str, Any] = {
            "benchmark": benchmark.identifier,
            "benchmark_version": benchmark.version,
            "metric": settings.get("metric") or settings["comparison"],
            "is_ceiled": found.is_ceiled,
            "difference": float(found.differences[number]),
            "low": float(found.differences_low[number]),
            "high": float(found.differences_high[number]),
            "p": float(found.p_values[number]),
            "resamples": found.resamples,
        }
        for name, model in zip(("first", "second"), pair, strict=True):
            row |= {name: names[model], f"{name}_identifier": models[model].identifier}
            values = (found.scores[model], found.low[model], found.high[model])
            row |= {f"{name}_{what}": float(v) for what, v in zip(("score", "low", "high"), values, strict=True)}
        yield row
