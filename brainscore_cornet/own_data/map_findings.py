"""What a map shows, in sentences with their uncertainty."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..cornet.names import counted

_SIGNIFICANT = 0.05
_SHOWN = 3
_CEILED = {"explained variance": "of the explainable variance"}


def findings(dataset: xr.Dataset) -> list[str]:
    """Return sentences about a map: the best site, how certain it is, the committed site, and the control."""
    scores = dataset["score"].values
    is_ceiled = bool(dataset.attrs["is_ceiled"])
    sentences = []
    unreliable = np.isnan(scores).all(0)
    unknown = np.isnan(dataset["ceiling_low"].values) if "ceiling_low" in dataset else np.zeros_like(unreliable)
    for numbers, why in (
        (np.flatnonzero(unreliable & ~unknown), "the interval of the noise ceiling includes 0"),
        (np.flatnonzero(unreliable & unknown), "the noise ceiling cannot be estimated (NaN)"),
    ):
        if len(numbers):
            shown = ", ".join(_bin(dataset, number) for number in numbers[:_SHOWN])
            more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
            sentences.append(f"No reliable signal at {shown}{more}: {why}.")
    if unreliable.all():
        return sentences
    site, number = np.unravel_index(np.nanargmax(scores), scores.shape)
    unit = (
        _CEILED.get(dataset.attrs["score"], f"({dataset.attrs['score']})")
        if is_ceiled
        else f"{dataset.attrs['metric']} (raw, unceiled)"
    )
    share = float(dataset["best_share"].values[site, number])
    explained = "the recordings" if "neuroid" in dataset.dims else "the dissimilarities"
    several = f" It is the best of {len(scores)} sites in {share:.0%} of resamples." if len(scores) > 1 else ""
    sentences.append(
        f"{_site(dataset, site)} of {dataset.attrs['model']} explains {explained} best at "
        f"{_bin(dataset, number)}: {_value(dataset, site, number)} {unit}.{several}"
    )
    if dataset["low"].values[site, number] <= 0:
        sentences.append(f"Its interval includes 0: no site is known to explain {explained}.")
    sentences += _course(dataset, scores)
    committed = np.flatnonzero(dataset["committed"].values[:, number])
    if len(committed) and site not in committed:
        best = max(committed, key=lambda each: scores[each, number])
        value = _value(dataset, best, number)
        sentences.append(f"The best committed site for that time bin is {_site(dataset, best)}, with {value}.")
    sentences += _of_benchmark(dataset, scores)
    if "difference" in dataset:
        sentences += [_against(dataset), *_without_control(dataset, np.flatnonzero(~unreliable))]
    return sentences


def _of_benchmark(dataset: xr.Dataset, scores: np.ndarray) -> list[str]:
    """Return a sentence on the benchmark's score, if the map holds the sites of its region that are committed.

    `score` averages over all time bins, so that the mean over those with a reliable signal is another number.
    """
    region = dataset.attrs["region"]
    in_region = np.array([str(layer).split(".")[0] == region for layer in dataset["layer"].values])
    committed = dataset["committed"].values & in_region[:, np.newaxis]
    known = np.flatnonzero(committed.any(0) & ~np.isnan(scores).all(0))
    if not len(known):
        return []
    sites = committed.argmax(0)[known]
    score = scores[sites, known].mean()
    interval = f" ({_value(dataset, sites[0], known[0]).split('(')[1]}" if len(known) == 1 else ""
    count = scores.shape[1]
    over = "" if len(known) == 1 else f", averaged over {len(known)} time bins"
    within = "" if len(known) == count else f" in {len(known)} of its {count} time bins, those with a reliable signal,"
    ceiling = dataset["ceiling"].values[known].mean() if "ceiling" in dataset else None
    noise = "without a noise ceiling" if ceiling is None else f"with a noise ceiling of {ceiling:.3f}"
    steps = sorted({int(dataset["time_step"].values[site]) for site in sites})
    at = f"{region} at time step {', '.join(map(str, steps))}"
    return [f"The score of {dataset.attrs['benchmark']}{within} is {score:.3f}{interval}{over}: {at}, {noise}."]


def _course(dataset: xr.Dataset, scores: np.ndarray) -> list[str]:
    """Return a sentence on the best site over time, if there are several time bins."""
    known = [number for number in range(scores.shape[1]) if not np.isnan(scores[:, number]).all()]
    if len(known) < 2:
        return []
    best = {number: int(np.nanargmax(scores[:, number])) for number in known}
    runs: list[list[int]] = []
    for number in known:
        if runs and best[runs[-1][-1]] == best[number] and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = []
    for run in runs:
        start, end = dataset["time_bin_start"].values[run[0]], dataset["time_bin_end"].values[run[-1]]
        share = dataset["best_share"].values[best[run[0]], run].mean()
        parts.append(f"{_site(dataset, best[run[0]])} at {start:g}-{end:g} ms ({share:.0%})")
    return [f"Over time, the best sites (share of the resamples in which they are the best) are {', '.join(parts)}."]


def _against(dataset: xr.Dataset) -> str:
    p_values, difference = dataset["p_corrected"].values, dataset["difference"].values
    known = np.isfinite(p_values)
    better = int((known & (p_values < _SIGNIFICANT) & (difference > 0)).sum())
    worse = int((known & (p_values < _SIGNIFICANT) & (difference < 0)).sum())
    site, number = np.unravel_index(np.nanargmax(np.where(known, np.abs(difference), -np.inf)), difference.shape)
    low, high = (dataset[f"difference_{edge}"].values[site, number] for edge in ("low", "high"))
    pairs = counted(int(known.sum()), "pair")
    return (
        f"Against {dataset.attrs['against']}, of {pairs} of site and time bin {better} "
        f"{'is' if better == 1 else 'are'} better and {worse} worse (false discovery rate 5 %); "
        f"the difference farthest from 0 is {difference[site, number]:+.3f} "
        f"({low:.3f} to {high:.3f}, corrected p {_p(p_values[site, number])}), "
        f"of {_site(dataset, site)} at {_bin(dataset, number)}."
    )


def _without_control(dataset: xr.Dataset, known: np.ndarray) -> list[str]:
    """Return a sentence on the sites that the control does not have, if there are any."""
    steps: dict[str, list[str]] = {}
    for site in np.flatnonzero(np.isnan(dataset["difference"].values[:, known]).all(1)):
        layer = str(dataset["layer"].values[site]).removesuffix(".output")
        steps.setdefault(layer, []).append(str(dataset["time_step"].values[site]))
    if not steps:
        return []
    count, total = sum(map(len, steps.values())), dataset.sizes["site"]
    names = "; ".join(
        f"{layer} at time step{'' if len(each) == 1 else 's'} {', '.join(each)}" for layer, each in steps.items()
    )
    control = dataset.attrs["against"]
    return [f"{count} of {total} sites are not compared, since {control} does not have them: {names}."]


def _site(dataset: xr.Dataset, number) -> str:
    layer, step = str(dataset["layer"].values[number]), int(dataset["time_step"].values[number])
    return f"{layer.removesuffix('.output')} at time step {step}"


def _bin(dataset: xr.Dataset, number) -> str:
    return f"{dataset['time_bin_start'].values[number]:g}-{dataset['time_bin_end'].values[number]:g} ms"


def _value(dataset: xr.Dataset, site, number) -> str:
    score, low, high = (float(dataset[name].values[site, number]) for name in ("score", "low", "high"))
    return f"{score:.3f} ({low:.3f} to {high:.3f})"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
