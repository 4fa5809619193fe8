"""Brain-Score's own Marques2020 benchmarks, fed with the stimuli and data that are made here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import brainscore_vision
import brainscore_vision.data.marques2020
from brainscore_core.metrics import Score

from brainscore_cornet.marques2020 import recorded
from brainscore_cornet.marques2020.benchmark import SEED, numpy_seed
from brainscore_cornet.marques2020.gratings import stimulus_set, stimulus_set_names
from brainscore_cornet.marques2020.protocols import Protocol


@contextmanager
def in_place_of_downloads(protocol: Protocol) -> Iterator[None]:
    """Inside, Brain-Score's data sets and stimulus sets have the official identifiers and a protocol's contents."""

    def stimuli(name: str):
        found = stimulus_set(protocol, name)
        found.identifier = f"Marques2020_{name}"
        return found

    def data(name: str):
        assembly = recorded.assembly(name)
        assembly.attrs["stimulus_set"] = stimuli(recorded.DATA[name].stimuli)
        return assembly

    registries = (brainscore_vision.stimulus_set_registry, brainscore_vision.data_registry)
    before = [dict(registry) for registry in registries]
    registries[0].update({f"Marques2020_{name}": partial(stimuli, name) for name in stimulus_set_names(protocol)})
    registries[1].update({name: partial(data, name) for name in recorded.DATA})
    try:
        yield
    finally:
        for registry, entries in zip(registries, before, strict=True):
            registry.update(entries)


def stock_score(name: str, model) -> tuple[Score, Score]:
    """The similarity and the ceiling of Brain-Score's benchmark `Marques2020_<name>`, each with our seed."""
    benchmark = brainscore_vision.load_benchmark(f"Marques2020_{name}")
    with numpy_seed(SEED):
        similarity = benchmark(model).raw
    with numpy_seed(SEED):
        return similarity, benchmark.ceiling
