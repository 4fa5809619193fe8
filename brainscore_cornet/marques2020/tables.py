"""The tables of scores in the README beside this file: `python -m brainscore_cornet.marques2020.tables`.

It takes half an hour on two cores. A table's first row names benchmarks; columns are light, then official.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ..cornet.brain_model import DEFAULT_BATCH_SIZE, CORnetModel
from ..cornet.commitments import get_commitment
from ..cornet.device import pick_device
from ..cornet.network import load_network
from .benchmark import V1PropertyBenchmark, shared_recordings
from .protocols import LIGHT, OFFICIAL, Protocol

SEEDS = range(3)
DRAWS = 100
MODELS = ("cornet_z_untrained", "cornet_r_untrained", "cornet_rt_untrained", "cornet_s_untrained")


def untrained(identifier: str, seed: int) -> CORnetModel:
    """A model with its own initialization from a seed; 0 is that of the registered one."""
    network = load_network(identifier, weights=None, seed=seed)
    return CORnetModel(get_commitment(identifier), network, device=pick_device(), batch_size=DEFAULT_BATCH_SIZE)


def benchmarks(*protocols: Protocol) -> list[V1PropertyBenchmark]:
    return [V1PropertyBenchmark(protocol, name) for protocol in protocols for name in protocol.properties]


def main(identifiers: Iterable[str]) -> None:
    """Print a row of scores for each model: of seed 0, with the lowest and the highest of all seeds.

    A second row has the standard deviations of the official scores of seed 0 over draws of data and resampling.
    """
    _row("untrained model", [benchmark.identifier for benchmark in benchmarks(LIGHT, OFFICIAL)])
    for identifier in identifiers:
        scores = []
        for seed in SEEDS:
            model = untrained(identifier, seed)
            with shared_recordings():
                scores.append([float(benchmark(model)) for benchmark in benchmarks(LIGHT, OFFICIAL)])
                if seed == 0:
                    draws = [benchmark.over_draws(model, DRAWS).std() for benchmark in benchmarks(OFFICIAL)]
        columns = zip(*scores, strict=True)
        _row(
            identifier,
            [f"{first:.2f} ({min(first, *others):.2f}–{max(first, *others):.2f})" for first, *others in columns],
        )
        _row(f"{identifier}, over draws", [f"{deviation:.4f}" for deviation in draws])


def _row(name: str, cells: Iterable[str]) -> None:
    print("|", " | ".join([name, *cells]), "|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or MODELS)
