"""A whole score on a benchmark of MajajHong2015's shape: 168 sites in IT, `pls`, ten splits and the ceiling."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from speed.sides import Run, Timed

SITES = 168
SPLITS = 10
REPETITIONS = 10  # of the original's 28 to 50
COARSE = 4  # px
FEW = 50  # images, too few for the metric


def _benchmark(paths: Sequence[str]):
    from brainscore_vision import load_metric
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, average_repetition
    from helpers.made_recordings import assembly

    from brainscore_cornet.cornet.recording.stimuli import as_stimulus_set

    stimuli = as_stimulus_set(list(paths))
    stimuli.identifier = "speed"
    stimuli["object_name"] = np.arange(len(paths)) % 8  # splits are stratified by it
    names = np.repeat(stimuli["stimulus_id"].values, REPETITIONS)
    random = np.random.default_rng(0)
    rates = np.repeat(_rates(paths), REPETITIONS, axis=0)
    repeated = assembly(
        (rates + 3 * random.standard_normal(rates.shape))[:, :, np.newaxis],
        names,
        object_name=np.repeat(stimuli["object_name"].values, REPETITIONS),
        repetition=np.tile(np.arange(REPETITIONS), len(paths)),
    )
    repeated = repeated.squeeze("time_bin")
    averaged = average_repetition(repeated)
    averaged.attrs["stimulus_set"] = repeated.attrs["stimulus_set"] = stimuli
    ceiler = load_metric("internal_consistency")
    benchmark = NeuralBenchmark(
        "speed.IT-pls",
        averaged,
        similarity_metric=load_metric("pls"),
        visual_degrees=8,
        number_of_trials=1,
        ceiling_func=lambda: ceiler(repeated),
        version=1,
        parent="IT",
    )
    benchmark.timebins = [(70, 170)]
    return benchmark


def _rates(paths: Sequence[str]) -> np.ndarray:
    """Responses (image, site) to what is seen from afar: of noise alone, predictions would be rounding."""
    from PIL import Image

    seen = np.stack([np.asarray(Image.open(path).convert("RGB").resize((COARSE, COARSE)), float) for path in paths])
    seen = seen.reshape(len(paths), -1) - seen.mean()
    mixed = seen @ np.random.default_rng(1).standard_normal((seen.shape[1], SITES))
    return mixed / mixed.std()


def ours() -> Run:
    """From the command's own scorer."""
    from speed.rows import our_model

    from brainscore_cornet.scoring.jobs import Candidate, Job, Target
    from brainscore_cornet.scoring.scorer import JobScorer

    model, scorer = our_model("S"), JobScorer()

    def run(paths: Sequence[str]) -> np.ndarray | Timed:
        if len(paths) < FEW:
            model.start_recording("IT", [(70, 170)])
            return model.look_at(paths).values
        benchmark = _benchmark(paths)
        start = time.perf_counter()
        job = Job(Candidate("cornet_s", lambda: model), Target("speed", lambda: benchmark, "speed"))
        outcome = scorer.score(job)
        seconds = time.perf_counter() - start
        assert outcome.score is not None, outcome.trace
        return Timed(seconds, outcome.score.raw.raw.isel(split=0).values)

    return run


def theirs() -> Run:
    """Brain-Score's classes; of the metric and of the ceiling the first split is computed and taken ten times."""
    from brainscore_vision.metric_helpers import transformations
    from helpers import peer
    from speed.rows import PEER_BATCH, network

    from brainscore_cornet.cornet.recording.stimuli import as_stimulus_set

    model = peer.brain_score_cornet_s(network("S"), "CORnet-S", batch_size=PEER_BATCH)
    build = transformations.Split.build_splits
    transformations.Split.build_splits = lambda self, given: _first(*build(self, given))

    def run(paths: Sequence[str]) -> np.ndarray | Timed:
        if len(paths) < FEW:
            model.start_recording("IT", [(70, 170)])
            return model.look_at(as_stimulus_set(list(paths))).values
        benchmark = _benchmark(paths)
        metric, in_splits = benchmark._similarity_metric, 0.0

        def timed(call):
            def run(*given):
                nonlocal in_splits
                start = time.perf_counter()
                result = call(*given)
                in_splits += time.perf_counter() - start
                return result

            return run

        benchmark._similarity_metric, benchmark._ceiling_func = timed(metric), timed(benchmark._ceiling_func)
        start = time.perf_counter()
        with peer.result_caching_disabled():
            score = benchmark(model)
        seconds = time.perf_counter() - start + (SPLITS - 1) * in_splits
        return Timed(seconds, score.raw.raw.isel(split=0).values)

    return run


def _first(values, splits: list) -> tuple:
    return values, splits[:1]
