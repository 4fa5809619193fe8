"""Differences between models on behaviour: the benchmarks' scores, and the errors that other packages find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.own_recordings import pictures
from helpers.small_model import small_model
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from brainscore_cornet import behaviour_benchmark, compare_models
from brainscore_cornet.own_data.trial_resampling import TrialScorer, _right

LABELS = ("car", "cat", "dog")
COUNT, RESAMPLES = 42, 2000
IDS = [f"{number:02}" for number in range(COUNT)]
TRUTHS = [LABELS[number % 3] for number in range(COUNT)]
WITHIN = 0.12
"""Of a standard error: two ways to resample a few stimuli differ by so much."""


@pytest.fixture(scope="module")
def models(stand_in):
    """Two models of different architectures."""
    return [small_model(stand_in, f"cornet_{name}", batch_size=COUNT) for name in ("z", "rt")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Benchmarks of the same pictures, by the name of the metric."""
    folder = tmp_path_factory.mktemp("compared")
    shown, fitting = (
        pd.DataFrame({"stimulus_id": IDS, "stimulus_path": list(map(str, pictures(folder / name, COUNT, seed)))})
        for name, seed in (("shown", 0), ("fitting", 1))
    )
    fitting["image_label"] = TRUTHS
    shown["category"] = TRUTHS
    random = np.random.RandomState(0)
    hard = random.rand(COUNT)
    wrong = np.roll(LABELS, 1)[np.arange(COUNT) % 3]
    labels = pd.concat(
        pd.DataFrame({"stimulus_id": IDS, "subject": name, "choice": np.where(hard + noise > 0.6, wrong, TRUTHS)})
        for name, noise in zip("abc", 0.2 * random.randn(3, COUNT), strict=True)
    )
    pairs = pd.DataFrame(
        [
            (name, distractor, truth if random.rand() < 0.9 - 0.4 * ease else distractor)
            for name, truth, ease in zip(IDS, TRUTHS, hard, strict=True)
            for distractor in LABELS
            if distractor != truth
            for _ in range(30)
        ],
        columns=["stimulus_id", "distractor", "choice"],
    )
    triplets = pd.DataFrame(
        [
            (*random.permutation(three), random.choice(three, p=[0.6, 0.2, 0.2]))
            for three in (random.choice(IDS, 3, replace=False) for _ in range(40))
            for _ in range(4)
        ],
        columns=["stimulus_1", "stimulus_2", "stimulus_3", "choice"],
    )
    trials = {"accuracy": labels, "error_consistency": labels, "i1": pairs, "i2n": pairs, "odd_one_out": triplets}
    return {
        metric: behaviour_benchmark(
            f"Mylab.{metric}", table, stimuli=shown, metric=metric, visual_degrees=8,
            truth=None if metric == "odd_one_out" else "category",
            fitting_stimuli=None if metric == "odd_one_out" else fitting,
        )
        for metric, table in trials.items()
    }  # fmt: skip


def error(draws) -> float:
    return float(np.sqrt(draws.variance()))


def both(made, models, metric: str):
    """Draws of two models, and of their difference."""
    scorer = TrialScorer(made[metric], RESAMPLES, seed=0)
    first, second = map(scorer, models)
    return first, second, first.map(np.subtract, second)


def test_scores_are_the_benchmarks(made, models):
    """In the table, the size of each score is the benchmark's own, and differences have intervals and p-values."""
    table = compare_models(models, list(made.values()), resamples=100)
    assert table["metric"].tolist() == list(made)
    assert (table["comparisons"] == len(made)).all()
    for row in table.to_dict("records"):
        for name, model in zip(("first", "second"), models, strict=True):
            expected = float(made[row["metric"]](model))
            assert abs(row[f"{name}_score"]) == pytest.approx(expected, abs=1e-6) or row[f"{name}_score"] < 0
            assert row[f"{name}_low"] < row[f"{name}_score"] < row[f"{name}_high"]
        assert row["difference"] == pytest.approx(row["first_score"] - row["second_score"])
        assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
        assert row["is_ceiled"]


def test_accuracy_is_a_paired_t_test(made, models):
    """Error and p-value of a difference in accuracy are those of a paired t-test, and nearly McNemar's."""
    difference = both(made, models, "accuracy")[2]
    one, other = (_right(made["accuracy"], model) for model in models)
    only_one, only_other = (one > other).sum(), (other > one).sum()
    assert only_one + only_other > 5
    assert error(difference) == pytest.approx(stats.sem(one - other), rel=WITHIN)
    assert float(difference.p_value()) == pytest.approx(stats.ttest_rel(one, other).pvalue, abs=0.03)
    mcnemar = (only_one - only_other) ** 2 / (only_one + only_other)
    assert float(difference.p_value()) == pytest.approx(stats.chi2.sf(mcnemar, 1), abs=0.05)


def test_error_consistency_as_scipy_resamples_it(made, models):
    """The error of a difference in kappa is that of SciPy's paired bootstrap with scikit-learn's kappa."""
    benchmark = made["error_consistency"]
    difference = both(made, models, "error_consistency")[2]
    table = benchmark.trials.table
    subjects = [
        (own.set_index("stimulus_id")["choice"] == own.set_index("stimulus_id")["truth"])[IDS].to_numpy(float)
        for _, own in table.groupby("subject")
    ]

    def kappas(one, other, *of_subjects):
        values = [[cohen_kappa_score(model, each) for each in of_subjects] for model in (one, other)]
        return (np.mean(values[0]) - np.mean(values[1])) / float(benchmark.ceiling)

    data = (*(_right(benchmark, model) for model in models), *subjects)
    assert float(difference.point) == pytest.approx(kappas(*data))
    found = stats.bootstrap(
        data, kappas, paired=True, vectorized=False, n_resamples=300, method="percentile", random_state=0
    )
    assert error(difference) == pytest.approx(found.standard_error, rel=2 * WITHIN)


def test_discriminability_as_scipy_resamples_it(made, models):
    """The error of a correlation of d' is that of SciPy's paired bootstrap over Brain-Score's own values of d'."""
    benchmark = made["i1"]
    draws = both(made, models, "i1")[0]
    metric, trials = benchmark._metric, benchmark.trials.assembly()
    probabilities = benchmark.probabilities(models[0])
    metric.add_source_meta(probabilities, trials)
    own = metric.collapse_distractors(metric.dprimes(metric.target_distractor_scores(probabilities)))
    random = np.random.RandomState(0)
    halves = [metric.generate_halves(trials, random)[0] for _ in range(2)]
    theirs = [
        metric.collapse_distractors(metric.dprimes(metric.build_response_matrix_from_responses(each)))
        for each in halves
    ]
    data = [each.sortby("stimulus_id").values for each in (own, *theirs)]
    reach = np.sqrt(benchmark.ceiling.raw.values)

    def correlation(source, *targets):
        return np.mean([np.corrcoef(source, each)[0, 1] for each in targets] / reach)

    assert float(draws.point) == pytest.approx(correlation(*data))
    found = stats.bootstrap(data, correlation, paired=True, vectorized=False, n_resamples=1000, random_state=0)
    assert error(draws) == pytest.approx(found.standard_error, rel=2 * WITHIN)


def test_trials_of_a_triplet_are_resampled_together(made, models):
    """The error of odd-one-out is that of a mean over triplets, not over trials that repeat them."""
    benchmark = made["odd_one_out"]
    draws = both(made, models, "odd_one_out")[0]
    by_triplet = pd.Series(benchmark.agrees(models[0])).groupby(benchmark.triplets).mean()
    reach = float(benchmark.ceiling) - 1 / 3
    assert error(draws) == pytest.approx(stats.sem(by_triplet) / reach, rel=WITHIN)


def test_a_score_above_the_ceiling_is_bounded_as_the_benchmarks(made, models):
    """A model that agrees with subjects more than they do with each other has the score 1, here as there."""
    model, trials = models[0], made["error_consistency"].trials
    right = _right(made["error_consistency"], model)
    shown, random = trials.stimuli, np.random.RandomState(0)
    wrong = np.roll(LABELS, 1)[np.arange(COUNT) % 3]
    table = pd.concat(
        pd.DataFrame(
            {
                "stimulus_id": IDS,
                "subject": name,
                "choice": np.where(right != (random.rand(COUNT) < 0.25), TRUTHS, wrong),
            }
        )
        for name in "ab"
    )
    benchmark = behaviour_benchmark(
        "Mylab.above", table, stimuli=shown, metric="error_consistency", visual_degrees=8, truth="truth",
        fitting_stimuli=made["error_consistency"].fitting,
    )  # fmt: skip
    score = benchmark(model)
    assert float(score.raw) > float(score.ceiling)
    row = compare_models(models, benchmark, resamples=100).iloc[0]
    assert row["first_score"] == float(score) == 1
    assert row["second_score"] <= 1


def test_models_that_choose_alike_do_not_differ(made, models):
    """Without any difference, the interval has no width and p is 1."""
    draws = both(made, [models[0], models[0]], "accuracy")[2]
    assert float(draws.p_value()) == 1
    assert [float(edge) for edge in draws.interval()] == [0, 0]
