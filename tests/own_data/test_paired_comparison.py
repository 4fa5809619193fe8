"""Differences between models: the scores they are of, their p-values, and the command's files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.own_recordings import STIMULI, laboratory, pictures, responses
from helpers.small_model import small_model

from brainscore_cornet import UserError, compare_models, neural_benchmark, rdm_benchmark
from brainscore_cornet.metrics.exact import exact_metrics
from brainscore_cornet.own_data.output_folder import output_folder
from brainscore_cornet.own_data.paired_comparison import COLUMNS, holm, sentences
from brainscore_cornet.own_data.rdm_resampling import bootstrapped

DIMS = ("repetition", "stimulus", "neuroid", "time_bin")
BINS = [(90, 140), (140, 190), (190, 240)]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of pictures."""
    folder = tmp_path_factory.mktemp("compared") / "images"
    pictures(folder)
    return folder


@pytest.fixture(scope="module")
def models(stand_in):
    """Three models of different architectures."""
    return [small_model(stand_in, f"cornet_{name}", batch_size=20) for name in ("z", "rt", "r")]


def recordings(images, count: int = 3, **options):
    """A benchmark of recordings in several time bins."""
    data = responses(time_bins=count)
    return neural_benchmark(
        "Mylab.V4", data, stimuli=images, dims=DIMS, region="V4", time_bins=BINS[:count], metric="ridge",
        visual_degrees=8, splits=3, **options,
    )  # fmt: skip


def matrices(subjects: int = 4, stimuli: int = STIMULI) -> np.ndarray:
    """Dissimilarities of subjects who agree."""
    random = np.random.RandomState(0)
    signal = random.randn(stimuli, 20)
    return np.stack([1 - np.corrcoef(signal + 0.3 * random.randn(stimuli, 20)) for _ in range(subjects)])


def test_differences_are_of_the_benchmarks_scores(images, models):
    """Each model's score is the benchmark's own, whose time bins come from several steps; the difference is theirs."""
    benchmark = recordings(images)
    table = compare_models(models, benchmark, resamples=50)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 3
    with exact_metrics():
        expected = {model.identifier: benchmark(model) for model in models}
    for row in table.to_dict("records"):
        for name in ("first", "second"):
            signs = np.sign(expected[row[name]].raw.values)
            assert row[f"{name}_score"] == pytest.approx((signs * expected[row[name]].values).mean(), abs=1e-6)
            assert row[f"{name}_low"] < row[f"{name}_score"] < row[f"{name}_high"]
        assert row["difference"] == pytest.approx(row["first_score"] - row["second_score"])
        assert row["low"] < row["difference"] < row["high"]
        assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
        assert (row["comparisons"], row["correction"], row["metric"]) == (3, "Holm", "ridge")
    np.testing.assert_allclose(table["p_corrected"], holm(table["p"].to_numpy()))
    again = compare_models(models[1:], benchmark, resamples=50).iloc[0]
    assert again["difference"] == pytest.approx(table.iloc[2]["difference"])
    assert again["low"] == pytest.approx(table.iloc[2]["low"])
    assert again["comparisons"] == 1


def test_unceiled_and_unreliable_recordings_are_compared(images, models):
    """Raw similarities without repetitions; without any signal there is no difference, and a sentence says so."""
    raw = neural_benchmark(
        "raw", responses()[0], stimuli=images, dims=DIMS[1:], region="IT", time_bins=BINS[:2], metric="rdm",
        visual_degrees=8,
    )  # fmt: skip
    noise = neural_benchmark(
        "noise", np.random.RandomState(0).randn(4, STIMULI, 6), stimuli=images, dims=DIMS[:3], region="IT",
        time_bins=BINS[:1], metric="ridge", visual_degrees=8, splits=2,
    )  # fmt: skip
    table = compare_models(models[:2], [raw, noise], resamples=50)
    assert not table["is_ceiled"][0]
    assert table["first_score"][0] == pytest.approx(float(np.mean(raw(models[0]).values)), abs=1e-6)
    assert np.isnan(table["difference"][1])
    assert np.isnan(table["p_corrected"][1])
    assert table["comparisons"].tolist() == [1, 1]
    assert "no reliable signal" in sentences(table)[1]
    assert "(Holm, 1 comparison)" in sentences(table)[0]


@pytest.mark.parametrize("subjects", [1, 4])
def test_dissimilarities_are_compared_by_rsatoolbox(images, models, subjects):
    """Scores are the benchmark's, and p-values are those of rsatoolbox's t-test over the same bootstraps."""
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.inference import Result
    from rsatoolbox.inference.evaluate import eval_bootstrap, eval_bootstrap_pattern, eval_bootstrap_rdm
    from rsatoolbox.model import ModelFixed

    benchmark = rdm_benchmark("rdms", matrices(subjects), stimuli=images, region="IT", visual_degrees=8)
    table = compare_models(models[:2], benchmark, resamples=50)
    row = table.iloc[0]
    assert row["first_score"] == pytest.approx(float(benchmark(models[0])), abs=1e-9)
    assert bool(row["is_ceiled"]) == (subjects > 1)
    own = [ModelFixed(str(number), benchmark.model_rdm(model)) for number, model in enumerate(models[:2])]
    ways = [eval_bootstrap, eval_bootstrap_rdm, eval_bootstrap_pattern] if subjects > 1 else [eval_bootstrap_pattern]
    evaluations = []
    for way in ways:
        np.random.seed(0)
        found = way(own, benchmark.rdms(), method="spearman", N=50, boot_noise_ceil=False)
        evaluations.append(found.evaluations.reshape(50, 2))
    variances = np.array([np.cov(each.T) for each in evaluations])
    points = np.array([[row["first_score"], row["second_score"]]]) * (float(benchmark.ceiling) if subjects > 1 else 1)
    peer = Result(
        own, points, "spearman", "bootstrap", np.zeros(2), dof=row_freedom(subjects), n_pattern=STIMULI,
        variances=np.pad(variances, ((0, 0), (0, 2), (0, 2))) if subjects > 1 else np.pad(variances[0], (0, 2)),
        n_rdm=subjects if subjects > 1 else None,
    )  # fmt: skip
    assert row["p"] == pytest.approx(peer.test_pairwise()[0, 1], abs=1e-6)


def row_freedom(subjects: int) -> int:
    return min(subjects, STIMULI) - 1 if subjects > 1 else STIMULI - 1


def test_spread_over_resamples_is_that_over_samples():
    """The error of a difference of two models is that over samples of stimuli, within a factor of 1.5."""
    rsatoolbox = pytest.importorskip("rsatoolbox")
    points, errors = [], []
    for number in range(20):
        random = np.random.RandomState(number)
        signal = random.randn(30, 10)
        sampled = [1 - np.corrcoef(signal + noise * random.randn(30, 10)) for noise in (0.5, 0.5, 1, 2)]
        rdms = [rsatoolbox.rdm.RDMs(each[np.newaxis]) for each in sampled]
        found = bootstrapped(rdms[2:], rdms[0], "spearman", 50)
        difference, variance = found.of_pair(0, 1)
        points.append(difference)
        errors.append(np.sqrt(variance))
    assert np.std(points) / 1.5 < np.mean(errors) < 1.5 * np.std(points)


def test_holms_correction():
    """As in a textbook's example; what is missing stays missing and is not counted."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, np.nan, 0.005])), [0.03, 0.06, 0.06, np.nan, 0.02])
    np.testing.assert_allclose(holm(np.array([0.7, 0.6])), [1, 1])


def test_lesions_are_compared_in_one_command(tmp_path):
    """A labelled model and its lesion: scores, the difference with interval and p, a table and a figure."""
    laboratory(tmp_path)
    done = run_here(
        "compare", "mine:cornet_rt_untrained", "-b", "it.toml", "-o", "out", "--image-size", 48, "--resamples", 50,
        "--times", "released", "--times", 4,
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "comparisons.csv")
    assert table.loc[0, ["first", "second"]].tolist() == ["mine", "mine (4)"]
    identifiers = ["cornet_rt_untrained_size_48", "cornet_rt_untrained_times_4_size_48"]
    assert table.loc[0, ["first_identifier", "second_identifier"]].tolist() == identifiers
    assert f"mine (4) is {identifiers[1]}." in done.stdout
    assert "mine - mine (4) on MyLab2026.IT: " in done.stdout
    assert f"{table['difference'][0]:+.3f} ({table['low'][0]:.3f} to {table['high'][0]:.3f}), p " in done.stdout
    assert "(Holm, 1 comparison)" in done.stdout
    for ending in ("png", "pdf"):
        assert (tmp_path / "out" / f"comparisons.{ending}").stat().st_size > 5000


def test_what_cannot_be_compared(images, models, tmp_path):
    """One model, the same model twice, other models and benchmarks, few resamples: one line each."""
    benchmark = recordings(images, 1)
    for given, on, options, expected in [
        (models[:1], benchmark, {}, "needs two models, received cornet_z"),
        ([models[0], models[0]], benchmark, {}, "Two models are called cornet_z"),
        (["cornet_z", "cornet_s"], benchmark, {}, "needs CORnets from load_model"),
        (models, [], {}, "needs a benchmark"),
        (models, "it.toml", {}, "dissimilarities or behaviour of your own, received it.toml"),
        (models, benchmark, {"resamples": 2}, "number of resamples"),
    ]:
        with pytest.raises(UserError, match=expected):
            compare_models(given, on, **options)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Expected a folder"), output_folder(tmp_path / "file", "the comparison"):
        pass
