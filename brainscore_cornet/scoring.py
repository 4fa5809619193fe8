"""Score models on benchmarks, through Brain-Score's own functions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import doors
from .commitments import COMMITMENTS
from .errors import MissingImages, UserError, folded, one_of

EMBEDDED = (
    "Marques2020light_DeValois1982-pref_or",
    "Marques2020light_DeValois1982-peak_sf",
    "Marques2020light_Schiller1976-sf_bandwidth",
    "Marques2020light_Schiller1976-sf_selective",
)
"""Benchmarks that need no download."""

_OFFLINE = (
    f"Without a network, the embedded benchmarks ({', '.join(EMBEDDED)}) work, and the models cornet_z_untrained, "
    "cornet_r_untrained, cornet_rt_untrained and cornet_s_untrained."
)


@dataclass(frozen=True)
class Result:
    """One model's score on one benchmark."""

    model: str
    benchmark: str
    score: float
    """Divided by the ceiling, as Brain-Score does."""
    error: float | None
    """Of the score before that division, as Brain-Score reports it."""
    ceiling: float | None
    region: str | None
    time_bins: str | None
    """In ms after stimulus onset."""
    layer: str | None
    seconds: float
    note: str | None


def score_models(
    models: Sequence[str],
    benchmarks: Sequence[str] = EMBEDDED,
    *,
    weights: str | os.PathLike | None = "released",
    times: int | Mapping[str, int] | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    precision: str = "fp32",
) -> Iterator[Result]:
    """Score each model on each benchmark, and yield each result as soon as it is there.

    Parameters
    ----------
    models
        Our identifiers, or those of other Brain-Score models where none of the options is given.
    benchmarks
        Brain-Score's identifiers; by default those that are embedded in this package.
    weights, times, device, batch_size, workers, precision
        As `load_model` takes them.

    Raises
    ------
    UserError
        For unknown identifiers, and for data that cannot be downloaded, before any work is done; for models that
        cannot be loaded, after the others were scored.
    """
    doors.require()
    options = {"times": times, "device": device, "batch_size": batch_size, "workers": workers}
    options = {name: value for name, value in options.items() if value is not None}
    options |= {} if weights == "released" else {"weights": weights}
    options |= {} if precision == "fp32" else {"precision": precision}
    for identifier in models:
        _check_known("models", identifier)
        if options and identifier not in COMMITMENTS:
            raise UserError(
                f"{identifier} is not one of ours: --{next(iter(options)).replace('_', '-')} cannot be applied to it."
            )
    for identifier in benchmarks:
        _check_known("benchmarks", identifier)
    yield from _score_all(models, benchmarks, options)


def _score_all(models, benchmarks, options) -> Iterator[Result]:
    import brainscore_vision
    from brainscore_core.benchmarks import score_benchmark

    from .brain_model import load_model
    from .marques2020light.benchmark import shared_recordings

    loaded = {identifier: _reachable(identifier, brainscore_vision.load_benchmark) for identifier in benchmarks}
    failures = []
    for model_identifier in models:
        try:
            if model_identifier in COMMITMENTS:
                model = load_model(model_identifier, **options)
            else:
                model = _reachable(model_identifier, brainscore_vision.load_model)
        except UserError as error:  # the other models are scored all the same
            failures.append(str(error))
            continue
        with shared_recordings():
            for benchmark_identifier, benchmark in loaded.items():
                start = time.perf_counter()
                both = f"{model_identifier} on {benchmark_identifier}"
                score = _reachable(both, lambda _, b=benchmark, m=model: score_benchmark(b, m))
                yield _result(model, benchmark, score, time.perf_counter() - start)
    if failures:
        raise UserError(" ".join(failures))


def _result(model, benchmark, score, seconds: float) -> Result:
    region = getattr(benchmark, "region", None)
    region = None if region is None else str(region)
    layers = getattr(getattr(model, "layer_model", None), "region_layer_map", None)
    time_bins = getattr(benchmark, "timebins", None)
    ceiling = score.attrs.get("ceiling")
    return Result(
        model=model.identifier,
        benchmark=benchmark.identifier,
        score=float(score),
        error=_number(score.attrs.get("error")),
        ceiling=_number(ceiling),
        region=region,
        time_bins=None if time_bins is None else " ".join(f"{start}-{end}" for start, end in time_bins),
        layer=str(layers[region]) if isinstance(layers, Mapping) and region in layers else None,
        seconds=round(seconds, 1),
        note=score.attrs.get("protocol"),
    )


def _number(value) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):  # several values: they stay with the score itself
        return None


def _check_known(kind: str, identifier: str) -> None:
    """Brain-Score finds a plugin by reading the folders of its plugins; so do we, before anything is loaded."""
    import re

    registry = f"{kind[:-1]}_registry"
    texts = [path.read_text(encoding="utf-8") for path in sorted(doors.door(kind).parent.glob("[!_.]*/__init__.py"))]
    known = {name for text in texts for name in re.findall(rf"{registry}\[['\"]([^'\"{{}}<>]+)['\"]\]", text)}
    if identifier not in known:
        raise one_of(identifier, known, kind[:-1])


def _reachable(identifier: str, load):
    """Run something that may download, and say in one line when it cannot."""
    try:
        return load(identifier)
    except MissingImages as error:
        raise UserError(f"Cannot score {identifier} on this machine: {error} {_OFFLINE}") from error
    except UserError:
        raise
    except ImportError as error:
        ours = folded(identifier)
        hint = f" Ours is {ours}." if ours in COMMITMENTS else ""
        raise UserError(
            f"Cannot load {identifier}, another package's plugin: {error}.{hint} Install what it needs, or let "
            "Brain-Score do so: BS_INSTALL_DEPENDENCIES=yes"
        ) from error
    except Exception as error:
        reason = _network_reason(error)
        if reason is None:
            raise
        raise UserError(f"Cannot download what {identifier} needs: {reason}. {_OFFLINE}") from error


def _network_reason(error: BaseException) -> str | None:
    """Why a download failed, None where the error is another one."""
    import urllib.error

    import botocore.exceptions
    import requests

    # Brain-Score tries its storage with and without credentials, and then raises a bare Exception with both errors
    inner = error.args[0] if type(error) is Exception and error.args else None
    errors = inner if isinstance(inner, list) else [error]
    offline = (
        botocore.exceptions.ConnectionError,
        botocore.exceptions.HTTPClientError,
        urllib.error.URLError,
        requests.RequestException,
        ConnectionError,
    )
    for each in errors:
        if isinstance(each, urllib.error.HTTPError):
            return f"{each.url} answered {each.code} {each.reason}"
        if isinstance(each, offline):
            return f"no connection ({str(each).splitlines()[0]})"
    if any(isinstance(each, botocore.exceptions.BotoCoreError | botocore.exceptions.ClientError) for each in errors):
        return "its data are private, and no AWS credentials with access to them are set up here"
    return None


def save_results(results: Sequence[Result], path: Path) -> None:
    """Write a table, as CSV or JSON by the ending of `path`, complete or not at all."""
    rows = [asdict(result) for result in results]
    unfinished = path.with_name(f".{path.name}.part")
    try:
        if path.suffix == ".json":
            unfinished.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        else:
            import csv

            with open(unfinished, "w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(Result.__dataclass_fields__))
                writer.writeheader()
                writer.writerows(rows)
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def check_output(path: Path) -> None:
    """`UserError` now, rather than after the work, where `save_results` could not write."""
    if path.suffix not in (".csv", ".json"):
        raise UserError(f"Expected an output file that ends in .csv or .json, received {path}.")
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} for the scores does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"The folder {path.parent} for the scores cannot be written to.")
