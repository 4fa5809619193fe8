"""The benchmarks: Brain-Score's property functions, metric and ceiling, on the light protocol's stimuli."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import brainscore_vision
import brainscore_vision.data.marques2020
import numpy as np
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import DataAssembly, PropertyAssembly
from brainscore_vision.benchmark_helpers.properties_common import (
    BLANK_STIM_NAME,
    ORIENTATION_STIM_NAME,
    RF_STIM_NAME,
    PropertiesBenchmark,
)
from brainscore_vision.benchmarks.marques2020.benchmarks import (
    devalois1982a_benchmark,
    devalois1982b_benchmark,
    schiller1976_benchmark,
)
from brainscore_vision.metrics.distribution_similarity import BIBTEX as MARQUES_2021
from brainscore_vision.metrics.distribution_similarity import NeuronalPropertyCeiling
from brainscore_vision.model_interface import BrainModel

from ..cornet.errors import UserError
from . import NOTE, PREFIX
from .gratings import stimulus_set
from .recorded import de_valois_1982a, de_valois_1982b, schiller_1976c
from .subject import Subject

REGION = "V1"
TIME_BINS = [(70, 170)]  # ms, as in Brain-Score's full protocol
SEED = 0

OFFICIAL_STIMULI = {
    BLANK_STIM_NAME: partial(stimulus_set, "blank"),
    RF_STIM_NAME: partial(stimulus_set, "receptive_field"),
    ORIENTATION_STIM_NAME: partial(stimulus_set, "orientation"),
}
"""Official names that Brain-Score's property functions ask for -> what the light protocol shows instead."""


class LightPropertiesBenchmark(PropertiesBenchmark):
    """A property of V1 neurons, in the light protocol."""

    def __call__(self, model: BrainModel) -> Score:
        with light_protocol(), _subject(model) as subject, numpy_seed(SEED):
            score = super().__call__(subject)
        score.attrs["comment"] = score.attrs["protocol"] = NOTE
        return score


def pref_or() -> LightPropertiesBenchmark:
    return _benchmark("DeValois1982-pref_or", de_valois_1982a, devalois1982a_benchmark, "preferred_orientation")


def peak_sf() -> LightPropertiesBenchmark:
    return _benchmark("DeValois1982-peak_sf", de_valois_1982b, devalois1982b_benchmark, "peak_spatial_frequency")


def sf_bandwidth() -> LightPropertiesBenchmark:
    return _benchmark(
        "Schiller1976-sf_bandwidth", schiller_1976c, schiller1976_benchmark, "spatial_frequency_bandwidth"
    )


def sf_selective() -> LightPropertiesBenchmark:
    return _benchmark(
        "Schiller1976-sf_selective", schiller_1976c, schiller1976_benchmark, "spatial_frequency_selective"
    )


_PROPERTY_FUNCTIONS = {
    devalois1982a_benchmark: devalois1982a_benchmark.devalois1982a_properties,
    devalois1982b_benchmark: devalois1982b_benchmark.devalois1982b_properties,
    schiller1976_benchmark: schiller1976_benchmark.schiller1976_properties,
}


def _benchmark(
    name: str, recorded: Callable[[], PropertyAssembly], source, property_name: str
) -> LightPropertiesBenchmark:
    metric = brainscore_vision.load_metric("ks_similarity", property_name=property_name)
    return LightPropertiesBenchmark(
        identifier=f"{PREFIX}_{name}",
        assembly=recorded(),
        neuronal_property=partial(_measured, _PROPERTY_FUNCTIONS[source]),
        similarity_metric=metric,
        timebins=TIME_BINS,
        ceiling_func=partial(_seeded, NeuronalPropertyCeiling(metric)),
        version=1,
        parent=PREFIX,
        bibtex=f"{source.BIBTEX.strip()}\n\n{MARQUES_2021.strip()}",
    )


def _seeded(ceiling: Callable[[PropertyAssembly], Score], assembly: PropertyAssembly) -> Score:
    """The same ceiling whoever asks for it: no draws of a model's come before it."""
    with numpy_seed(SEED):
        return ceiling(assembly)


def _measured(function: Callable[..., DataAssembly], model_identifier: str, **recordings) -> DataAssembly:
    properties = function(model_identifier=model_identifier, **recordings)
    if len(properties) == 0:
        model_identifier = model_identifier.removesuffix(f"--{PREFIX}")  # the subject's name, for Brain-Score alone
        raise UserError(f"No neuroid of {model_identifier} responds to the gratings, so that none has a property.")
    return properties


_lock = threading.RLock()
_subjects: dict[int, Subject] | None = None


@contextmanager
def shared_recordings() -> Iterator[None]:
    """Inside, one recording of a model serves all of these benchmarks.

    Outside, each benchmark records anew: a model may have changed in between.
    """
    global _subjects
    with _lock:
        outer, _subjects = _subjects, {}
        try:
            yield
        finally:
            _subjects = outer


@contextmanager
def _subject(model: BrainModel) -> Iterator[Subject]:
    if _subjects is None:
        yield Subject(model, REGION, TIME_BINS)
        return
    key = id(model)  # the subject holds the model, so that the id stays its own
    if key not in _subjects:
        _subjects[key] = Subject(model, REGION, TIME_BINS)
    yield _subjects[key]


@contextmanager
def light_protocol() -> Iterator[None]:
    """Inside, the official names stand for the light stimuli, and nothing is read from or written to disk caches.

    Brain-Score's property functions ask for their stimuli by official names, and cache by these and the model's
    identifier: what the light and the full protocol measure must never meet there.
    """
    registry = brainscore_vision.stimulus_set_registry
    with _lock:
        official = {name: registry[name] for name in OFFICIAL_STIMULI}
        disabled = os.environ.get("RESULTCACHING_DISABLE")
        registry.update(OFFICIAL_STIMULI)
        os.environ["RESULTCACHING_DISABLE"] = "1"
        try:
            yield
        finally:
            registry.update(official)
            if disabled is None:
                del os.environ["RESULTCACHING_DISABLE"]
            else:
                os.environ["RESULTCACHING_DISABLE"] = disabled


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """numpy's global random numbers start from `seed` inside, and go on as if nothing had been outside."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
