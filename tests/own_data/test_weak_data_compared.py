"""Data that are mostly noise: scoring, describing and comparing give the same warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.own_recordings import pictures

from brainscore_cornet import load_model, neural_benchmark, rdm_benchmark
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.description import described_any
from brainscore_cornet.own_data.paired_comparison import cautions

COUNT = 12
NAMES = [f"{number:02}" for number in range(COUNT)]
TRIALS = """identifier = "Mylab.odd"
stimuli = "images"
visual_degrees = 8

[behaviour]
file = "trials.csv"

[metric]
name = "odd_one_out"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Triplets of which subjects choose any stimulus, each equally often."""
    folder = tmp_path_factory.mktemp("weak")
    pictures(folder / "images", COUNT)
    random = np.random.RandomState(0)
    shown = [random.choice(NAMES, 3, replace=False) for _ in range(20)]
    rows = [(*three, odd) for three in shown for odd in three]
    columns = ["stimulus_1", "stimulus_2", "stimulus_3", "choice"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "trials.csv", index=False)
    (folder / "odd.toml").write_text(TRIALS)
    return folder


def test_a_comparison_on_behaviour_near_chance_is_warned_of(folder):
    """`compare` prints the warning of `benchmark`, and names which of the files it is about."""
    warning = "the ceiling is near chance, 0.333: scores are divided by noise."
    assert f"Beware: {warning}" in run_here("benchmark", "odd.toml", folder=folder).stdout
    done = run_here(
        "compare", "cornet_rt_untrained", "-b", "odd.toml", "--image-size", 32, "--resamples", 50,
        "--times", "released", "--times", 4,
        folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"Beware: Mylab.odd: {warning}" in done.stdout


def test_a_score_on_behaviour_near_chance_has_a_note(folder):
    """The score has the warning where those of other data have it."""
    score = load_benchmark(folder / "odd.toml")(load_model("cornet_z_untrained", image_size=32))
    assert score.attrs["protocol"] == "the ceiling is near chance, 0.333: scores are divided by noise"


def test_all_kinds_of_data_have_one_warning(folder):
    """Recordings and dissimilarities of noise, too; data with a signal have none."""
    random = np.random.RandomState(0)
    responses = random.randn(4, COUNT, 6)
    noise, signal = (
        neural_benchmark(
            "noise", values, stimuli=folder / "images", dims=("repetition", "stimulus", "neuroid"), region="IT",
            time_bins=[(70, 170)], metric="ridge", train_size=0.7, visual_degrees=8,
        )
        for values in (responses, responses + 5 * random.randn(COUNT, 6))
    )  # fmt: skip
    subjects = np.abs(random.randn(3, COUNT, COUNT))
    subjects = subjects + subjects.transpose(0, 2, 1)
    subjects[:, np.arange(COUNT), np.arange(COUNT)] = 0
    strangers = rdm_benchmark(
        "strangers", subjects, stimuli=folder / "images", region="IT", time_bin=(70, 170), visual_degrees=8
    )
    found = cautions([noise, signal, strangers])
    assert found == [
        f"Beware: noise: {noise.weakness}; such time bins are left out here.",
        f"Beware: strangers: {strangers.weakness}.",
    ]
    for benchmark in (noise, strangers):
        assert described_any(benchmark)[-1] == f"Beware: {benchmark.weakness}."
    assert not described_any(signal)[-1].startswith("Beware")
