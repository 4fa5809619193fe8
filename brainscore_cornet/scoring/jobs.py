"""Jobs, each one model on one benchmark, which can be sent to another process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle

from ..cornet.commitments import COMMITMENTS
from ..cornet.errors import UserError
from ..cornet.weights.own_files import CHECKPOINTS
from ..early_paths import BENCHMARK_FILE, benchmark_path
from . import catalogue
from .labels import labelled

_NUMBERS = ("times", "time_mapping", "layers", "image_size", "precision", "resize", "background")
"""Options of `load_model`, besides the weights, that change the numbers."""
_EARLY = ("weights", "times", "image_size", "precision", "resize", "background", "device")
"""Options that are checked before a large library is imported."""


@dataclass(frozen=True)
class Candidate:
    """A model to be scored."""

    name: str
    make: Callable[[], Any]
    identifier: str | None = None
    """Identifier with everything that changes the numbers, which a label does not have; None if it is not known."""
    weights_file: str | None = None
    """The user's own file or URL."""
    weights_hash: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    """Why the model is unavailable, such as weights that cannot be downloaded; None if it is available."""


@dataclass(frozen=True)
class Target:
    """A benchmark to score on."""

    name: str
    make: Callable[[], Any]
    group: str
    """Targets of one group share stimuli and are scored in one process, which records them once."""
    version: str | None = None
    """Version of the benchmark if it is known already; a score of another version is repeated."""


@dataclass(frozen=True)
class Job:
    """One model on one benchmark."""

    candidate: Candidate
    target: Target
    known_version: str | None = None
    """Version of the benchmark for which a score exists; the job is repeated only for another version."""

    @property
    def name(self) -> tuple[str, str]:
        return self.candidate.name, self.target.name

    def packed(self) -> bytes:
        return cloudpickle.dumps(self)


def targets(benchmarks: Iterable) -> list[Target]:
    """Return targets for identifiers, groups such as `V1`, benchmark files, Benchmarks or functions, each once."""
    found: dict[str, Target] = {}
    for benchmark in catalogue.expand(_as_list(benchmarks)):
        target = _target(benchmark)
        other = found.setdefault(target.name, target)
        if other.version != target.version:
            raise UserError(f"Two benchmarks with different data are called {target.name}: change one's identifier.")
    if not found:
        raise UserError("No benchmarks to score on.")
    return list(found.values())


def _target(benchmark) -> Target:
    if isinstance(benchmark, str | Path) and Path(benchmark).suffix == BENCHMARK_FILE:
        path = str(benchmark_path(benchmark))
        from ..own_data.benchmark_file import load_benchmark

        opened = load_benchmark(path)  # an invalid file is an error before any work
        return replace(_of_object(opened), make=_FromFile(path, str(opened.version)))
    if isinstance(benchmark, str):
        catalogue.check_known("benchmarks", benchmark)
        return Target(benchmark, _Registered("benchmark", benchmark), catalogue.folders("benchmarks")[benchmark])
    if hasattr(benchmark, "identifier"):  # a Benchmark, itself callable
        return replace(_of_object(benchmark), make=_sendable(_InMemory(benchmark), f"benchmark {benchmark}"))
    if callable(benchmark):
        name = _name_of(benchmark)
        return Target(name, _sendable(benchmark, f"benchmark {name}"), name)
    raise UserError(f"Expected a benchmark's identifier, a Benchmark or a function that makes one, not {benchmark!r}.")


def _of_object(benchmark) -> Target:
    stimuli = getattr(getattr(benchmark, "_assembly", benchmark), "stimulus_set", None)
    group = getattr(stimuli, "identifier", None) or benchmark.identifier
    version = getattr(benchmark, "version", None)
    return Target(
        str(benchmark.identifier), _InMemory(benchmark), str(group), None if version is None else str(version)
    )


def candidates(models, options: Mapping[str, Any]) -> list[Candidate]:
    """Return candidates for identifiers, checkpoints (`cornet_rt=mine.pth`), models, functions that make one.

    Text may have a label before a colon, under which the scores are kept: `my_name:cornet_rt=mine.pth`.

    Parameters
    ----------
    options
        Options of `load_model`, for this package's models; with options, other models are an error.
    """
    named = isinstance(models, Mapping)
    listed = models.items() if named else ((None, model) for model in _as_list(models))
    found: dict[str, Candidate] = {}
    for name, model in listed:
        candidate = _candidate(model, options, name)
        other = found.setdefault(candidate.name, candidate)
        if other is not candidate and (named or other.identifier != candidate.identifier):
            raise UserError(f"Two models are called {candidate.name}: give each a label of its own, label:model.")
    if not found:
        raise UserError("No models to score.")
    return list(found.values())


def _as_list(given: Any) -> Sequence:
    if isinstance(given, str | Path) or hasattr(given, "look_at") or callable(given):
        return [given]
    return list(given)


def _candidate(model, options: Mapping[str, Any], name: str | None) -> Candidate:
    if isinstance(model, str | Path):
        label, text = labelled(str(model))
        return _identified(text, options, name or label)
    if options:
        raise UserError(f"{model!r} is not an identifier of ours: {next(iter(options))} cannot be applied to it.")
    if hasattr(model, "look_at"):  # a BrainModel
        name = name or str(model.identifier)
        return Candidate(name, _sendable(_InMemory(model), f"model {name}"))
    if callable(model):
        name = name or _name_of(model)
        return Candidate(name, _sendable(model, f"model {name}"))
    raise UserError(f"Expected an identifier, a checkpoint, a BrainModel or a function that makes one, not {model!r}.")


def _identified(text: str, options: Mapping[str, Any], name: str | None) -> Candidate:
    identifier, _, weights = text.partition("=")
    if Path(text).expanduser().is_file() or not re.fullmatch(r"[\w-]+", identifier):
        identifier, weights = text, ""  # the = is in a file's name, such as epoch=03-step=1200.ckpt
    if weights or (Path(text).suffix in CHECKPOINTS and text not in catalogue.folders("models")):
        if "weights" in options:
            raise UserError(f"{text} names its weights: --weights cannot be given, too.")
        options = {**options, "weights": weights or text}
        identifier = identifier if weights else _identifier_of(Path(text))
    catalogue.check_known("models", identifier)
    if identifier in COMMITMENTS:
        return _ours(identifier, options, name)
    if options:
        raise UserError(
            f"{identifier} is not one of ours: --{next(iter(options)).replace('_', '-')} cannot be applied to it."
        )
    return Candidate(name or identifier, _Registered("model", identifier))


def _ours(identifier: str, options: Mapping[str, Any], name: str | None) -> Candidate:
    from ..cornet.early_options import check_options

    checked = {key: options[key] for key in _EARLY if key in options}
    check_options(identifier, **checked)
    from ..cornet.brain_model import load_model
    from ..cornet.device import pick_device
    from ..cornet.network import find_weights
    from ..cornet.varied_commitment import commitment_for
    from ..cornet.weights.released import file_hash

    pick_device(options.get("device"))
    settings = {key: value for key, value in options.items() if key != "workers"}
    numbers = {key: options[key] for key in _NUMBERS if key in options}
    commitment_for(identifier, **numbers)
    try:
        path = find_weights(identifier, options.get("weights", "released"))
    except UserError as error:
        if "weights" in options or not COMMITMENTS[identifier].trained:
            raise
        # released weights that cannot be downloaded: other models are still scored
        return Candidate(name or identifier, _Unavailable(str(error)), identifier, settings=settings, reason=str(error))
    commitment = commitment_for(identifier, weights_file=path, **numbers)
    if path is not None:
        # what the file states was read here, with a message where it states nothing
        options = {**options, "weights": path.absolute(), "image_size": commitment.image_size}
    own = settings.get("weights", "released")
    return Candidate(
        name or commitment.identifier,
        _Loaded(load_model, identifier, dict(options)),
        identifier=commitment.identifier,
        weights_file=None if path is None or own == "released" else str(own),
        weights_hash=None if path is None else file_hash(path),
        settings=json.loads(json.dumps(settings, default=str)),
    )


def _identifier_of(path: Path) -> str:
    """Return the identifier of the model that a checkpoint states or that its entries imply."""
    from ..cornet.weights.released import locate

    located = locate(path)
    from ..cornet.weights.state_dicts import held_architecture

    return f"cornet_{held_architecture(located).lower()}"


def _sendable(make: Callable, what: str) -> Callable:
    try:
        cloudpickle.dumps(make)
    except Exception as error:  # pickling can raise any exception
        raise UserError(
            f"The {what} cannot be sent to the process that scores it ({type(error).__name__}: {error}): give a "
            "function that makes it instead of the object."
        ) from error
    return make


def _name_of(function: Callable) -> str:
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise UserError(f"{function!r} has no name to keep its scores under: give {{'a_name': function}}.")
    return name


# Classes rather than lambdas, since these can be pickled.


@dataclass(frozen=True)
class _Registered:
    kind: str
    identifier: str

    def __call__(self):
        import brainscore_vision

        return getattr(brainscore_vision, f"load_{self.kind}")(self.identifier)


@dataclass(frozen=True)
class _Loaded:
    load: Callable
    identifier: str
    options: Mapping[str, Any]

    def __call__(self):
        return self.load(self.identifier, **self.options)


@dataclass(frozen=True)
class _FromFile:
    path: str
    version: str

    def __call__(self):
        return _opened(self.path, self.version)


@lru_cache(maxsize=1)  # the next model's job in the same process needs the same data
def _opened(path: str, version: str):
    from ..own_data.benchmark_file import load_benchmark

    opened = load_benchmark(path)
    if str(opened.version) != version:
        raise UserError(f"{path} or its data have changed since scoring was started: start it again.")
    return opened


@dataclass(frozen=True)
class _InMemory:
    thing: Any

    def __call__(self):
        return self.thing


@dataclass(frozen=True)
class _Unavailable:
    reason: str

    def __call__(self):
        raise UserError(self.reason)
