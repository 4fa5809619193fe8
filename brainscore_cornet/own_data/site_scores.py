"""How well the activity at one site explains recordings in each time bin, with resamples: the numbers of the map."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import ConstantInputWarning
from sklearn.exceptions import ConvergenceWarning

from ..cornet.errors import UserError
from ..metrics import recognition
from ..metrics.gram import Grams
from ..metrics.nipals import SINGLE_THREAD
from ..metrics.predictions import Split, pearson
from ..metrics.regressions import Fitted
from ..metrics.samples import Samples
from .neural import SIMILARITIES, SPAN, RecordingsBenchmark, ceiler, similarity_metric
from .neural_assemblies import average_assembly
from .resampling import Draws, Resamples, correlations, drawn, stacked
from .similarity_scores import similarity_draws
from .stimulus_counts import fewest_to_fit

_logger = logging.getLogger(__name__)

_SEPARABLE = ("ridge", "linear_predictivity", "neuron_to_neuron")
"""Regressions that fit each neuroid by itself, so that those of all time bins are fitted together."""


class SiteScores(NamedTuple):
    """Raw similarity of one site with the recordings in each time bin."""

    draws: Draws
    """(time bin,)."""
    by_neuroid: np.ndarray
    """Mean over splits of Pearson's r, (time bin, neuroid); NaN for metrics that take neuroids together."""


class Ceilings(NamedTuple):
    """Noise ceilings in each time bin."""

    draws: Draws
    """(time bin,)."""
    by_neuroid: np.ndarray
    """(time bin, neuroid)."""


class SiteScorer:
    """Scores the activity of sites as Brain-Score's metric does, with its splits, for each time bin alone.

    Raises
    ------
    UserError
        For a metric that is fitted over several time bins together.
    """

    def __init__(self, benchmark: RecordingsBenchmark, resamples: Resamples) -> None:
        settings, averages = benchmark.settings, benchmark.recorded.averages()
        if settings["metric"].startswith(SPAN):
            raise UserError(
                f"Sites are scored in each time bin: expected a metric such as pls, not {settings['metric']}."
            )
        self._metric, self._resamples = settings["metric"], resamples
        self._bins = [np.ascontiguousarray(averages[:, :, number]) for number in range(averages.shape[2])]
        if self._metric in SIMILARITIES:
            return
        metric: Any = similarity_metric(settings, 1)
        plan = recognition.regression_metric(metric)
        if plan is None:
            raise UserError(f"Sites cannot be scored with the metric {self._metric}.")
        self._regression = plan.regression
        _, found = metric.cross_validation._split.build_splits(average_assembly(benchmark.recorded))
        self._splits = [Split(np.sort(train), (np.sort(test),)) for train, test in found]
        self._thirds = _thirds(len(averages), self._metric)
        _warn_of_constant(benchmark, averages, self._splits)

    def __call__(self, features: np.ndarray, time_bins: Sequence[int] | None = None) -> SiteScores:
        """Return the scores of activity (stimulus, unit) in all time bins, or in those of these numbers."""
        bins = self._bins if time_bins is None else [self._bins[number] for number in time_bins]
        if self._metric in SIMILARITIES:
            return _similarities(self._metric, features, bins, self._resamples)
        predictors = Samples([features])
        together = [np.concatenate(bins, axis=1)] if self._metric in _SEPARABLE else bins
        # one Gram matrix serves all time bins and splits
        splits = [*self._splits, *self._thirds]
        with warnings.catch_warnings():
            # components of noise hardly differ in their variance: where there is no signal, that is no news
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = self._regression.fit_each(predictors, [Samples([each]) for each in together], splits, Grams())
        # the resamples of one time bin are for one thread
        count, neuroids = torch.get_num_threads(), bins[0].shape[1]
        with _constants_expected(), ThreadPoolExecutor(count) as threads, SINGLE_THREAD.limit(limits=1):
            found = threads.map(lambda own, fits: self._resampled(own, fits, splits, neuroids), together, fitted)
            parts, by_neuroid = zip(*(each for of_one in found for each in of_one), strict=True)
        return SiteScores(stacked(list(parts)), np.stack(by_neuroid))

    def _resampled(
        self, recorded: np.ndarray, fits: Fitted, splits: Sequence[Split], neuroids: int
    ) -> list[tuple[Draws, np.ndarray]]:
        """Return the score and Pearson's r of each neuroid, for each time bin in `recorded`."""
        pairs = list(_predicted(recorded, splits, fits.predictions))
        pairs, of_thirds = pairs[: len(self._splits)], pairs[len(self._splits) :]
        refitted = _refits(self._thirds, of_thirds) if of_thirds else None
        found = []
        for start in range(0, recorded.shape[1], neuroids):
            columns = slice(start, start + neuroids)
            shown = [[each[:, columns] for each in pair] for pair in pairs]
            r, resampled = _correlated(shown, [self._resamples.weights[:, split.test] for split in self._splits])
            refits = None if refitted is None else refitted[..., columns]
            found.append((drawn(r, resampled, self._resamples, len(recorded), refits), np.nanmean(r, axis=0)))
        return found


def ceilings_of(benchmark: RecordingsBenchmark, resamples: Resamples) -> Ceilings | None:
    """Return Brain-Score's noise ceilings with resamples, None without repetitions."""
    if not benchmark.has_ceiling:
        return None
    settings, recorded = benchmark.settings, benchmark.recorded
    splits, rows = _halves(benchmark)
    weights = resamples.weights[:, rows]

    def of_bin(number: int) -> tuple[Draws, np.ndarray]:
        values = recorded.values[..., number].astype(float)
        pairs = [(_averaged(values, first), _averaged(values, second)) for first, second in splits]
        if settings["metric"] in SIMILARITIES:
            found = [similarity_draws(settings["metric"], first, second, weights) for first, second in pairs]
            draws = stacked([each.map(_spearman_brown) for each in found]).map(lambda values: values.mean(-1))
            return draws, np.full(recorded.values.shape[1], np.nan)
        r, resampled = _correlated(pairs, [weights] * len(pairs))
        r = _spearman_brown(r)
        return drawn(r, _spearman_brown(resampled), resamples, len(rows)), r.mean(0)

    # not in threads where Brain-Score's metrics are replaced meanwhile
    count = 1 if settings["metric"] in SIMILARITIES else torch.get_num_threads()
    with _constants_expected(), ThreadPoolExecutor(count) as threads, SINGLE_THREAD.limit(limits=1):
        parts, by_neuroid = zip(*threads.map(of_bin, range(len(recorded.time_bins))), strict=True)
    return Ceilings(stacked(list(parts)), np.stack(by_neuroid))


def ceiled(raw: Draws, ceiling: Draws) -> Draws:
    """Return explained variance (site, time bin): the squared similarity divided by the ceiling, as in Brain-Score.

    A negative similarity keeps its sign, so that it is no explanation.
    """

    def divided(values: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return values * np.abs(values) / ceilings[..., np.newaxis, :]

    return raw.map(divided, ceiling)


@contextmanager
def _constants_expected() -> Iterator[None]:
    """Ignore warnings of constant responses inside this context: they are warned of once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        yield


def _warn_of_constant(benchmark: RecordingsBenchmark, averages: np.ndarray, splits: Sequence[Split]) -> None:
    """Log how many neuroids respond the same to all test stimuli of a split, if any do."""
    tested = [averages[split.test] for split in splits]
    constant = np.array([(each == each[:1]).all(0).any(1) for each in tested])  # (split, neuroid)
    if constant.any():
        names = benchmark.recorded.neuroids["neuroid_id"]
        number = int(constant.sum(0).argmax())
        _logger.warning(
            "%s: %d of %d neuroids respond the same to all test stimuli of a split, and are left out of its score: %s "
            "in %d of %d splits",
            *(benchmark.recorded.source, constant.any(0).sum(), len(names)),
            *(names[number], constant[:, number].sum(), len(splits)),
        )


def _thirds(count: int, metric: str) -> list[Split]:
    """Return splits that fit on each third of the stimuli, and test on the two others.

    There are none where a third has too few stimuli for the metric.
    """
    if count // 3 < fewest_to_fit(metric):
        return []
    thirds = [np.sort(each) for each in np.array_split(np.random.default_rng(0).permutation(count), 3)]
    return [Split(thirds[number], (thirds[number - 2], thirds[number - 1])) for number in range(3)]


def _refits(thirds: Sequence[Split], pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return Pearson's r of fits on two thirds, both tested on the other one: (fit, tested third, neuroid).

    Parameters
    ----------
    pairs
        Predicted and recorded responses (stimulus, neuroid) for each of `_thirds`.
    """
    found = []
    for split, pair in zip(thirds, pairs, strict=True):
        size = len(split.tests[0])
        found.append([pearson(*(each[rows] for each in pair)) for rows in (slice(size), slice(size, None))])
    tested = [(found[number - 1][0], found[number - 2][1]) for number in range(3)]
    return np.swapaxes(np.array(tested), 0, 1)


def _correlated(pairs: Sequence[Sequence[np.ndarray]], weights: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return Pearson's r (pair, neuroid), and the same with resampled stimuli (resample, pair, neuroid)."""
    found = [correlations(first, second, each) for (first, second), each in zip(pairs, weights, strict=True)]
    return np.stack([r for r, _ in found]), np.stack([resampled for _, resampled in found], axis=1)


def _predicted(recorded, splits: Sequence[Split], predictions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each split, predicted and recorded responses to its test stimuli (stimulus, neuroid)."""
    for split, prediction in zip(splits, predictions, strict=True):
        trained = torch.from_numpy(recorded[split.train]).double()
        yield prediction.columns(0, trained).numpy(), recorded[split.test]


def _similarities(name: str, features: np.ndarray, bins: Sequence[np.ndarray], resamples: Resamples) -> SiteScores:
    parts = [similarity_draws(name, features, recorded, resamples.weights) for recorded in bins]
    return SiteScores(stacked(parts), np.full((len(bins), bins[0].shape[1]), np.nan))


def _halves(benchmark: RecordingsBenchmark) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Return which recordings the halves of each split are made of, and the rows of their stimuli.

    A half is (repetition, stimulus), with -1 for a repetition that was not recorded.
    """
    recorded = benchmark.recorded
    rows = np.flatnonzero(recorded.counts > 1)
    fewest = int(recorded.counts[rows].min())
    place = {name: row for row, name in enumerate(recorded.stimuli["stimulus_id"].to_numpy()[rows])}
    numbers = np.full((fewest, len(rows)), -1)
    for number, (name, repetition) in enumerate(zip(recorded.stimulus_ids, recorded.repetitions, strict=True)):
        if name in place and repetition < fewest:
            numbers[repetition, place[name]] = number
    made: Any = ceiler(benchmark.settings, 1)
    validation = made._consistency._cross_validation
    splits = validation._split._split.split(np.zeros(fewest))
    return [(numbers[first], numbers[second]) for first, second in splits], rows


def _averaged(values: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return the mean (stimulus, neuroid) of recordings (recording, neuroid) over the repetitions of a half."""
    found = values[half]
    found[half < 0] = np.nan
    return np.nanmean(found, axis=0) if np.isnan(found).any() else found.mean(0)


def _spearman_brown(r: np.ndarray) -> np.ndarray:
    """Return the consistency of all repetitions from that of halves."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * r / (1 + r)
