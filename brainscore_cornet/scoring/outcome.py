"""Scoring one model on one benchmark, and all that is worth knowing about it afterwards."""

from __future__ import annotations

import io
import json
import math
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..commitments import check_time_bin
from ..errors import UserError
from .failures import in_plain_words, is_unreachable
from .jobs import Candidate, Job
from .results import FAILED, SCORED, UNREACHABLE, Row

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

_PACKAGES = ("brainscore_cornet", "brainscore_vision", "brainscore_core", "torch", "numpy")


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    row: Row | None
    """None where the benchmark's version is the one that there is a score of already."""
    score: Score | None = None
    trace: str | None = None


def versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def failed(job: Job, reason: str, trace: str | None = None, status: str = FAILED, **known) -> Outcome:
    return Outcome(Row(*job.name, status=status, reason=reason, **_of_any(job), **known), trace=trace)


def _of_any(job: Job) -> dict[str, Any]:
    return {
        "weights_hash": job.candidate.weights_hash,
        "settings": json.dumps(job.candidate.settings, sort_keys=True),
        "versions": json.dumps(versions()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class Bench:
    """Where jobs are scored one after the other; the last model is kept, and what was recorded from it.

    Benchmarks that share a recording then record it once.
    """

    def __init__(self, memory_gb: float | None = None) -> None:
        self._memory_gb = memory_gb
        self._name: str | None = None
        self._model = None
        self._recordings = ExitStack()

    def score(self, job: Job) -> Outcome:
        """Score, or say why not; whatever a model or a benchmark raises ends here."""
        start = time.perf_counter()
        what = job.candidate.name
        estimate_mb = None
        try:
            model = self._load(job.candidate)
            what = job.target.name
            benchmark = job.target.make()
            if job.known_version is not None and str(_or_none(benchmark, "version")) == job.known_version:
                return Outcome(None)
            what = "it"
            estimate_mb, refusal = self._estimate(model, benchmark)
            if refusal is not None:
                return failed(job, refusal, seconds=_since(start), memory_estimate_mb=estimate_mb)
            score = benchmark(model)
            row = _row(job, model, benchmark, _checked(score))
        except (Exception, SystemExit) as error:
            return failed(
                job,
                in_plain_words(error, what),
                traceback.format_exc(),
                UNREACHABLE if is_unreachable(error) else FAILED,
                seconds=_since(start),
                memory_estimate_mb=estimate_mb,
            )
        return Outcome(replace(row, seconds=_since(start), memory_estimate_mb=estimate_mb), score)

    def _load(self, candidate: Candidate):
        from ..marques2020.benchmark import shared_recordings

        if self._name != candidate.name:
            self._recordings.close()
            self._model = self._name = None  # one model is in memory at a time
            self._model = candidate.make()
            self._name = candidate.name
            self._recordings = ExitStack()
            self._recordings.enter_context(shared_recordings())
        return self._model

    def _estimate(self, model, benchmark) -> tuple[float | None, str | None]:
        """Brain-Score's estimate in MB where it has one, and a refusal where that is more than there is."""
        from brainscore_vision.benchmark_helpers.memory import available_memory_gb

        try:
            with redirect_stdout(io.StringIO()):  # a line for machines of Brain-Score's own
                found = benchmark.preallocate_memory(model, raise_if_oom=False)
        except (TypeError, AttributeError):  # benchmarks that estimate nothing
            return None, None
        needed = getattr(found, "total_estimated_gb", None)
        if needed is None:
            return None, None
        available = min(available_memory_gb(), self._memory_gb or math.inf)
        if needed <= available:
            return needed * 1024, None
        return needed * 1024, (
            f"{benchmark.identifier} needs about {needed:.1f} GB of memory for {found.num_stimuli} stimuli x "
            f"{found.num_features} neuroids x {found.num_timebins} time bins, {available:.1f} GB are free: use a "
            "machine with more, or raise --memory if it was given. (BRAINSCORE_SKIP_MEMORY_CHECK=1 tries all the same.)"
        )


def _checked(score) -> Score:
    """`UserError` for what is not one number with Brain-Score's attributes."""
    import xarray as xr

    if not isinstance(score, xr.DataArray):
        raise UserError(f"The benchmark returned {score!r:.80}, expected a Score: brainscore_core.metrics.Score(0.5).")
    if _center(score) is None:
        raise UserError(f"The benchmark returned {score.size} values with dimensions {score.dims}, expected one.")
    return score


def _row(job: Job, model, benchmark, score: Score) -> Row:
    region = _or_none(benchmark, "region")
    region = None if region is None else str(region)
    layers = getattr(getattr(model, "layer_model", None), "region_layer_map", None)
    ceiling = score.attrs.get("ceiling", _or_none(benchmark, "ceiling"))
    value = _center(score)
    reason = None if value is not None and math.isfinite(value) else f"The score is {value}, which is no number."
    return Row(
        *job.name,
        status=SCORED if reason is None else FAILED,
        score=value if reason is None else None,
        error=_number(score.attrs.get("error")),
        ceiling=None if ceiling is None else _center(ceiling),
        raw=_center(score.attrs["raw"]) if "raw" in score.attrs else None,
        region=region,
        time_bins=_shown_bins(_or_none(benchmark, "timebins")),
        model_time_bins=_committed_bins(model, region),
        layer=str(layers[region]) if isinstance(layers, Mapping) and region in layers else None,
        by_time_bin=_by_time_bin(score),
        benchmark_version=None if _or_none(benchmark, "version") is None else str(benchmark.version),
        device=_device(model),
        reason=reason,
        note=score.attrs.get("protocol"),
        **{**_of_any(job), "weights_hash": job.candidate.weights_hash or _weights_hash(model)},
    )


def _or_none(thing, name: str):
    """An attribute, None where it has none or cannot say: benchmarks compute some of theirs."""
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def _number(value) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):  # several values: they stay with the score itself
        return None


def _center(score) -> float | None:
    """One number of a score; older benchmarks give a centre and an error."""
    aggregation = getattr(score, "coords", {})
    if "aggregation" in aggregation and getattr(score, "ndim", 0):
        return _number(score.sel(aggregation="center"))
    return _number(score)


def _shown_bins(time_bins) -> str | None:
    try:
        return (
            None
            if time_bins is None
            else " ".join(f"{start:g}-{end:g}" for start, end in map(check_time_bin, time_bins))
        )
    except (TypeError, ValueError):
        return None


def _committed_bins(model, region: str | None) -> str | None:
    committed = getattr(getattr(model, "commitment", None), "time_bins", {}).get(region)
    return _shown_bins(committed.values()) if committed else None


def _by_time_bin(score) -> str | None:
    """JSON of [start, end, mean similarity] from the first array of a score that has time bins."""
    waiting = [score]
    while waiting:
        array = waiting.pop(0)
        if getattr(array, "ndim", 0) and "time_bin" in array.dims and array.sizes["time_bin"] > 1:
            with suppress(KeyError, TypeError, ValueError):
                means = array.mean([dim for dim in array.dims if dim != "time_bin"])
                starts, ends = (array[f"time_bin_{edge}"].values.tolist() for edge in ("start", "end"))
                values = [value if math.isfinite(value) else None for value in means.values.tolist()]
                return json.dumps(list(zip(starts, ends, values, strict=True)))
        attrs = getattr(array, "attrs", {})
        waiting += [attrs[name] for name in ("raw",) if hasattr(attrs.get(name), "dims")]
    return None


def _weights_hash(model) -> str | None:
    """Of another package's PyTorch model, by its parameters."""
    import torch

    from ..inference import network_hash

    network = _or_none(_or_none(model, "activations_model"), "_model")
    return network_hash(network) if isinstance(network, torch.nn.Module) else None


def _device(model) -> str:
    import torch

    prepared = getattr(getattr(model, "activations_model", None), "_prepared", None)
    device = getattr(prepared, "device", torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type}, {torch.get_num_threads()} threads" if device.type == "cpu" else str(device)


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 2)
