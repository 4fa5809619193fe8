"""The benchmarks: Brain-Score's property functions, metric and ceiling, on stimuli and data that need no download."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import ModuleType
from typing import NamedTuple

import brainscore_vision
import brainscore_vision.data.marques2020
import numpy as np
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import DataAssembly, PropertyAssembly
from brainscore_vision.benchmark_helpers import properties_common
from brainscore_vision.benchmark_helpers.properties_common import PropertiesBenchmark, get_firing_rates
from brainscore_vision.benchmarks import ceil_score
from brainscore_vision.benchmarks.marques2020.benchmarks import (
    cavanaugh2002a_benchmark,
    devalois1982a_benchmark,
    devalois1982b_benchmark,
    schiller1976_benchmark,
)
from brainscore_vision.metrics.distribution_similarity import BIBTEX as MARQUES_2021
from brainscore_vision.metrics.distribution_similarity import NeuronalPropertyCeiling
from brainscore_vision.model_interface import BrainModel

from ..cornet.errors import UserError
from . import recorded
from .gratings import BLANK, parameters, stimulus_set, stimulus_set_names
from .in_field import InFieldModel
from .protocols import Protocol

REGION = "V1"
TIME_BINS = [(70, 170)]  # ms, as Brain-Score's benchmarks have it
SEED = 0


class Property(NamedTuple):
    """What a benchmark is about."""

    property_name: str
    data: str
    source: ModuleType
    """Brain-Score's module of the benchmark."""
    function: Callable[..., DataAssembly]
    """Brain-Score's function that takes a model's responses and baseline to its properties."""


_DE_VALOIS_A = "DeValois1982a", devalois1982a_benchmark, devalois1982a_benchmark.devalois1982a_properties
_DE_VALOIS_B = "DeValois1982b", devalois1982b_benchmark, devalois1982b_benchmark.devalois1982b_properties
_SCHILLER = "Schiller1976c", schiller1976_benchmark, schiller1976_benchmark.schiller1976_properties
_CAVANAUGH = "Cavanaugh2002a", cavanaugh2002a_benchmark, cavanaugh2002a_benchmark.cavanaugh2002_properties

PROPERTIES = {
    "DeValois1982-pref_or": Property("preferred_orientation", *_DE_VALOIS_A),
    "DeValois1982-peak_sf": Property("peak_spatial_frequency", *_DE_VALOIS_B),
    "Schiller1976-sf_bandwidth": Property("spatial_frequency_bandwidth", *_SCHILLER),
    "Schiller1976-sf_selective": Property("spatial_frequency_selective", *_SCHILLER),
    "Cavanaugh2002-grating_summation_field": Property("grating_summation_field", *_CAVANAUGH),
    "Cavanaugh2002-surround_diameter": Property("surround_diameter", *_CAVANAUGH),
    "Cavanaugh2002-surround_suppression_index": Property("surround_suppression_index", *_CAVANAUGH),
}
"""Brain-Score's name of a benchmark -> what it is about."""


class V1PropertyBenchmark(PropertiesBenchmark):
    """A property of V1 neurons, in one of the protocols."""

    def __init__(self, protocol: Protocol, name: str) -> None:
        self._protocol, self._property = protocol, PROPERTIES[name]
        assembly = recorded.assembly(self._property.data)
        assembly.attrs["stimulus_set"] = parameters(protocol, recorded.DATA[self._property.data].stimuli)
        metric = brainscore_vision.load_metric("ks_similarity", property_name=self._property.property_name)
        super().__init__(
            identifier=f"{protocol.prefix}_{name}",
            assembly=assembly,
            neuronal_property=self._property.function,
            similarity_metric=metric,
            timebins=TIME_BINS,
            ceiling_func=partial(_seeded, NeuronalPropertyCeiling(metric)),
            version=1,
            parent=protocol.prefix,
            bibtex=f"{self._property.source.BIBTEX.strip()}\n\n{MARQUES_2021.strip()}",
        )

    def __call__(self, model: BrainModel) -> Score:
        with numpy_seed(SEED):
            score = ceil_score(self._similarity_metric(self.properties(model), self._assembly), self.ceiling)
        score.attrs["comment"] = score.attrs["protocol"] = self._protocol.note
        return score

    def over_draws(self, model: BrainModel, draws: int = 100) -> np.ndarray:
        """Scores (draw,) as other people have them: with a draw of the data and of the resampling of their own."""
        properties, scores = self.properties(model), []
        for seed in range(draws):
            data = recorded.assembly(self._property.data, seed)
            with numpy_seed(seed):
                similarity = self._similarity_metric(properties, data)
                scores.append(float(similarity / self._similarity_metric(data, data)))
        return np.array(scores)

    def properties(self, model: BrainModel) -> DataAssembly:
        """The model's properties (neuroid, neuronal_property), of neuroids that respond to the gratings.

        Raises
        ------
        UserError
            Where there are none.
        """
        with presented(self._protocol), _unchanged(model):
            restricted = _in_field(model, self._protocol)
            restricted.start_recording(self.region, TIME_BINS)
            rates = partial(
                get_firing_rates,
                model_identifier=restricted.identifier,
                model=restricted,
                region=self.region,
                number_of_trials=self._number_of_trials,
                in_rf=np.arange(len(restricted.neuroids)),
            )
            properties = self._neuronal_property(
                model_identifier=restricted.identifier,
                responses=rates(stimulus_identifier=_official(recorded.DATA[self._property.data].stimuli)),
                baseline=rates(stimulus_identifier=_official(BLANK)),
            )
        if len(properties) == 0:
            raise UserError(f"No neuroid of {model.identifier} responds to the gratings, so that none has a property.")
        return properties


def _unchanged(model: BrainModel) -> AbstractContextManager[None]:
    """Return the context in which one of this package's models hashes its weights once."""
    return getattr(getattr(model, "activations_model", None), "unchanged", nullcontext)()


def _seeded(ceiling: Callable[[PropertyAssembly], Score], assembly: PropertyAssembly) -> Score:
    """The same ceiling whoever asks for it: no draws of a model's come before it."""
    with numpy_seed(SEED):
        return ceiling(assembly)


def data(protocol: Protocol, name: str) -> PropertyAssembly:
    """A data set with the stimuli that show its properties in a model, rendered."""
    assembly = recorded.assembly(name)
    assembly.attrs["stimulus_set"] = stimuli = stimulus_set(protocol, recorded.DATA[name].stimuli)
    assembly.attrs["stimulus_set_identifier"] = stimuli.identifier
    return assembly


_lock = threading.RLock()
_shared: dict[tuple[int, str], InFieldModel] | None = None


@contextmanager
def shared_recordings() -> Iterator[None]:
    """Inside, one recording of a model serves all benchmarks of a protocol.

    Outside, each benchmark records anew: a model may have changed in between.
    """
    global _shared
    with _lock:
        outer, _shared = _shared, {}
        try:
            yield
        finally:
            _shared = outer


def _in_field(model: BrainModel, protocol: Protocol) -> InFieldModel:
    if _shared is None:
        return InFieldModel(model, protocol, REGION, TIME_BINS)
    key = id(model), protocol.prefix  # the value holds the model, so that the id stays its own
    if key not in _shared:
        _shared[key] = InFieldModel(model, protocol, REGION, TIME_BINS)
    return _shared[key]


@contextmanager
def presented(protocol: Protocol) -> Iterator[None]:
    """Inside, the official names stand for a protocol's stimuli, and nothing is read from or written to disk caches.

    Brain-Score's functions ask for their stimuli by official names, and cache by these and the model's identifier:
    what different protocols measure must never meet there. They also ask again which neuroids look at the gratings'
    place, of a model in which all do.
    """
    registry = brainscore_vision.stimulus_set_registry
    ours = {_official(name): partial(parameters, protocol, name) for name in stimulus_set_names(protocol)}
    with _lock:
        theirs = {name: registry[name] for name in ours}
        find_neuroids = properties_common.filter_receptive_fields
        disabled = os.environ.get("RESULTCACHING_DISABLE")
        registry.update(ours)
        properties_common.filter_receptive_fields = _all_neuroids
        os.environ["RESULTCACHING_DISABLE"] = "1"
        try:
            yield
        finally:
            registry.update(theirs)
            properties_common.filter_receptive_fields = find_neuroids
            if disabled is None:
                del os.environ["RESULTCACHING_DISABLE"]
            else:
                os.environ["RESULTCACHING_DISABLE"] = disabled


def _official(name: str) -> str:
    return f"Marques2020_{name}"


def _all_neuroids(model: InFieldModel, **_) -> np.ndarray:
    return np.arange(len(model.neuroids))


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """numpy's global random numbers start from `seed` inside, and are restored afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
