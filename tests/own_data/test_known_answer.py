"""The map of neurons that are made of CORnet-S itself finds where and when they are from."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.own_recordings import pictures
from helpers.small_model import small_model

from brainscore_cornet import neural_benchmark, time_map
from brainscore_cornet.cornet.recording.record import Site

STIMULI, NEUROIDS, NOISE, REPETITIONS = 300, 30, 5, 20
BINS = [(40, 70), (90, 140), (150, 200)]
SOURCES = {1: Site("V4.output", 2), 2: Site("IT.output", 1)}
"""Number of the time bin -> site whose activity the neurons mix then; in the first one they are noise."""
RATE = 20.0  # spikes


@pytest.fixture(scope="module")
def found(stand_in, tmp_path_factory):
    """The map of Poisson counts whose rates are random mixtures of a site's components; the last neurons are noise."""
    images = list(map(str, pictures(tmp_path_factory.mktemp("images"), STIMULI)))
    model = small_model(stand_in, "cornet_s", batch_size=20)
    random = np.random.RandomState(0)
    rates = np.full((STIMULI, NEUROIDS, len(BINS)), RATE)
    for number, site in SOURCES.items():
        portions = model.activations_model.stream(images, [site])
        activity = np.concatenate([portion.activities[site].flatten(1).numpy() for portion in portions])
        left, values, _ = np.linalg.svd(activity - activity.mean(0), full_matrices=False)
        mixed = left[:, :8] * values[:8] @ random.randn(8, NEUROIDS - NOISE)
        rates[:, : NEUROIDS - NOISE, number] += 0.3 * RATE * (mixed / mixed.std(0)).clip(-3, 3)
    counts = random.poisson(np.broadcast_to(rates, (REPETITIONS, *rates.shape)))
    benchmark = neural_benchmark(
        "known", counts.astype(float), stimuli=images, dims=("repetition", "stimulus", "neuroid", "time_bin"),
        region="IT", time_bins=BINS, metric="pls", visual_degrees=8,
    )  # fmt: skip
    return time_map(model, benchmark, resamples=100)


@pytest.mark.slow
def test_the_map_finds_site_and_time(found):
    """The site that the neurons are made of is the best one, in its time bin, in most resamples."""
    dataset = found.dataset
    sites = list(zip(dataset["layer"].values, dataset["time_step"].values, strict=True))
    scores = dataset["score"].values
    assert np.isnan(scores[:, 0]).all()
    for number, site in SOURCES.items():
        assert sites[int(scores[:, number].argmax())] == site
        assert dataset["best_share"].values[sites.index(site), number] > 0.5
    assert "No reliable signal at 40-70 ms" in found.sentences[0]


@pytest.mark.slow
def test_the_ceiled_score_is_one(found):
    """At the true site, the score is 1 within its interval, or nearly so: a finite sample leaves some to be fitted."""
    dataset = found.dataset
    sites = list(zip(dataset["layer"].values, dataset["time_step"].values, strict=True))
    for number, site in SOURCES.items():
        row = sites.index(site)
        score, high = (float(dataset[name].values[row, number]) for name in ("score", "high"))
        print(f"{site.layer} at step {site.time_step}: {score:.3f}, up to {high:.3f}")
        assert score == pytest.approx(1, abs=0.05)
        assert high > 0.97


@pytest.mark.slow
def test_noise_is_not_explained(found):
    """Neurons that are noise have a correlation of .0, at every site and time."""
    r = found.dataset["raw_by_neuroid"].values[..., NEUROIDS - NOISE :]
    print(f"noise: {r.mean():.3f}, {np.abs(r).max():.3f}")
    assert abs(r.mean()) < 0.03
    assert np.abs(r).max() < 0.35  # of one neuron, over 30 stimuli in each split
