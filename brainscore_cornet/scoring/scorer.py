"""Scoring of one model on one benchmark, with the provenance of the score."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..cornet.commitments import bins_as_text
from ..cornet.names import counted
from ..cornet.progress_line import Work, report
from ..cornet.time_bins import check_time_bin
from ..metrics import CHECKED, EXACT, STOCK
from .failures import explanation, is_unreachable
from .jobs import Candidate, Job
from .memory_estimates import estimate
from .results import FAILED, SCORED, UNREACHABLE, Row
from .summary import summarize

if TYPE_CHECKING:
    import torch
    from brainscore_core.metrics import Score

    from ..metrics.exact import Computed

_PACKAGES = ("brainscore_cornet", "brainscore_vision", "brainscore_core", "torch", "numpy")


@dataclass(frozen=True)
class JobOutcome:
    """The result of a job."""

    row: Row | None
    """None if a score for the benchmark's current version exists already."""
    score: Score | None = None
    trace: str | None = None


def versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def failed(job: Job, reason: str, trace: str | None = None, status: str = FAILED, **known) -> JobOutcome:
    return JobOutcome(Row(*job.name, status=status, reason=reason, **_of_any(job), **known), trace=trace)


def _of_any(job: Job) -> dict[str, Any]:
    return {
        "identifier": job.candidate.identifier,
        "weights_file": job.candidate.weights_file,
        "weights_hash": job.candidate.weights_hash,
        "settings": json.dumps(job.candidate.settings, sort_keys=True),
        "versions": json.dumps(versions()),
        "date": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


class JobScorer:
    """Scores jobs in sequence and keeps the last model with its recordings.

    Benchmarks that share a recording thus record it once.

    Parameters
    ----------
    memory_gb
        The most that a job may need, in GB.
    metrics
        Who computes them, one of `metrics.WAYS`.
    """

    def __init__(self, memory_gb: float | None = None, metrics: str = EXACT) -> None:
        self._memory_gb, self._metrics = memory_gb, metrics
        self._name: str | None = None
        self._model = None
        self._recordings = ExitStack()

    def score(self, job: Job) -> JobOutcome:
        """Return the score of a job, or a failure with its reason; errors of models and benchmarks are not raised."""
        start = time.perf_counter()
        what = job.candidate.name
        estimate_mb = score = None
        try:
            report(Work("loading the model"))
            model = self._load(job.candidate)
            what = job.target.name
            report(Work("loading the benchmark"))
            benchmark = job.target.make()
            if job.known_version is not None and str(_or_none(benchmark, "version")) == job.known_version:
                return JobOutcome(None)
            what = "it"
            estimate_mb, refusal = estimate(model, benchmark, self._metrics, self._memory_gb)
            if refusal is not None:
                return failed(job, refusal, seconds=_since(start), memory_estimate_mb=estimate_mb)
            with _classifier(model) as notes, self._computed(benchmark) as computed:
                report(Work("scoring"))
                score = benchmark(model)
                # a ceiling may be computed when it is read
                row = _row(job, model, benchmark, score, notes)
            row = replace(row, metric=STOCK if computed is None else computed.metric)
        except (Exception, SystemExit) as error:
            outcome = failed(
                job,
                explanation(error, what),
                traceback.format_exc(),
                UNREACHABLE if is_unreachable(error) else FAILED,
                seconds=_since(start),
                memory_estimate_mb=estimate_mb,
            )
            return replace(outcome, score=score if hasattr(score, "dims") else None)
        return JobOutcome(replace(row, seconds=_since(start), memory_estimate_mb=estimate_mb), score)

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

    def _computed(self, benchmark) -> AbstractContextManager[Computed | None]:
        from ..marques2020.benchmark import V1PropertyBenchmark

        if self._metrics == STOCK or isinstance(benchmark, V1PropertyBenchmark):  # whose metric is none of the known
            return nullcontext()
        from ..metrics.exact import exact_metrics

        return exact_metrics(is_checked=self._metrics == CHECKED)


def _classifier(model) -> AbstractContextManager[list[str]]:
    """Return a context in which Brain-Score's metric `ost` needs no TensorFlow; its import costs memory."""
    if "brainscore_vision.metrics.ost.metric" not in sys.modules:  # benchmarks load their metric when they are made
        return nullcontext([])
    from ..metrics.object_solution_times import without_tensorflow

    return without_tensorflow(_device(model))


def _row(job: Job, model, benchmark, score: Score, notes: Sequence[str]) -> Row:
    region = _or_none(benchmark, "region")
    region = None if region is None else str(region)
    layers = getattr(getattr(model, "layer_model", None), "region_layer_map", None)
    found = summarize(score, None if "ceiling" in getattr(score, "attrs", {}) else _or_none(benchmark, "ceiling"))
    finite = found.score is not None and math.isfinite(found.score)
    return Row(
        *job.name,
        status=SCORED if finite else FAILED,
        score=found.score if finite else None,
        error=found.error,
        ceiling=found.ceiling,
        raw=found.raw,
        region=region,
        time_bins=_shown_bins(_or_none(benchmark, "timebins")),
        model_time_bins=_committed_bins(model, region),
        layer=str(layers[region]) if isinstance(layers, Mapping) and region in layers else None,
        by_time_bin=found.by_time_bin,
        benchmark_version=None if _or_none(benchmark, "version") is None else str(benchmark.version),
        device=_shown_device(_device(model)),
        reason=None if finite else f"The score is {found.score}, which is not finite.",
        note="; ".join(filter(None, [found.note, *notes])) or None,
        **{**_of_any(job), "weights_hash": job.candidate.weights_hash or _weights_hash(model)},
    )


def _or_none(thing, name: str):
    """Return an attribute, None if it is missing or raises: benchmarks compute some of their attributes."""
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def _shown_bins(time_bins) -> str | None:
    try:
        return None if time_bins is None else bins_as_text(map(check_time_bin, time_bins))
    except (TypeError, ValueError):
        return None


def _committed_bins(model, region: str | None) -> str | None:
    committed = getattr(getattr(model, "commitment", None), "time_bins", {}).get(region)
    return _shown_bins(committed.values()) if committed else None


def _weights_hash(model) -> str | None:
    """Return a hash of the parameters of another package's PyTorch model, if it has any."""
    import torch

    from ..cornet.inference.prepared import network_hash

    network = _or_none(_or_none(model, "activations_model"), "_model")
    return network_hash(network) if isinstance(network, torch.nn.Module) else None


def _device(model) -> torch.device:
    import torch

    device = getattr(getattr(model, "activations_model", None), "device", None)
    if isinstance(device, torch.device):
        return device
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")  # another package's model


def _shown_device(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type}, {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else str(device)


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 2)
