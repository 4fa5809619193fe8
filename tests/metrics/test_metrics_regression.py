"""Regressions from Gram matrices give what Brain-Score's own metrics give."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from brainscore_vision import load_metric
from brainscore_vision.metric_helpers.temporal import PerTime, PerTimeRegression, SpanTimeRegression
from brainscore_vision.metrics.regression_correlation import metric as brainscore
from helpers.made_recordings import activity, assembly, check, halves, ours, pair, theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import _base

from brainscore_cornet.metrics import gram, pls, regressions, samples
from brainscore_cornet.metrics.exact import exact_metrics
from brainscore_cornet.metrics.predictions import Split

SHAPES = {"wide": (50, 200, 6), "narrow": (80, 40, 5), "many targets": (50, 60, 90)}  # stimuli, features, neuroids
QUICK = settings(max_examples=12, deadline=None, derandomize=True, database=None)


@pytest.fixture
def least_squares_cut_off(monkeypatch):
    """scikit-learn's least squares with the cut-off of its pull request 30040: without it they are in part rounding."""

    class Cut:
        @staticmethod
        def lstsq(features, targets):
            cut = max(features.shape) * np.finfo(features.dtype).eps
            return scipy.linalg.lstsq(features, targets, cond=cut)

    monkeypatch.setattr(_base, "linalg", Cut)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ["pls", "ridge", "neuron_to_neuron", "reverse_pls"])
def test_cross_validated(name, shape, dtype):
    """Scores, raw values, errors, dtypes and coordinates are Brain-Score's, whichever side is the wide one."""
    source, target = pair(*shape, dtype=dtype)
    if name == "reverse_pls":
        source, target = pair(shape[0], shape[1], 30, dtype=dtype)
    # scikit-learn's ridge regression of single-precision features rounds in single precision, ours does not
    rounding = {"score": 1e-5, "raw": 1e-4} if name == "ridge" and dtype == np.float32 else {}
    check(load_metric(name, crossvalidation_kwargs={"splits": 2}), source, target, **rounding)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_groups_of_targets_are_fitted_by_themselves(shape, monkeypatch):
    """Groups that are fitted together, in several threads, have scikit-learn's predictions of each alone."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    stimuli, features, neuroids = shape
    predictors, _ = activity(stimuli, features, neuroids)
    groups = [activity(stimuli, features, neuroids, seed=seed)[1] for seed in range(5)]
    splits = [Split(rows[10:], (rows[:10],)) for rows in (np.arange(stimuli), np.roll(np.arange(stimuli), 7))]
    estimator = PLSRegression(n_components=5, scale=False)
    fitted = regressions.Regression(estimator).fit_each(
        samples.Samples([predictors]), [samples.Samples([each]) for each in groups], splits, gram.Grams()
    )
    for targets, own in zip(groups, fitted, strict=True):
        for split, prediction in zip(splits, own.predictions, strict=True):
            found = prediction.columns(0, torch.from_numpy(targets[split.train]).double())
            expected = (
                clone(estimator).fit(predictors[split.train], targets[split.train]).predict(predictors[split.test])
            )
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_least_squares(shape, least_squares_cut_off):
    """Least squares are those of least norm, as scikit-learn has them since its rounding is cut off."""
    check(load_metric("linear_predictivity", crossvalidation_kwargs={"splits": 2}), *pair(*shape))


def test_least_squares_before_the_cut_off():
    """Without the cut-off, Brain-Score's own score changes with the order of the features: there is nothing to hold."""
    source, target = pair(*SHAPES["wide"])
    metric = load_metric("linear_predictivity", crossvalidation_kwargs={"splits": 2})
    turned = source.isel(neuroid=slice(None, None, -1))
    if abs(theirs(metric, source, target) - theirs(metric, turned, target)) < 1e-5:
        pytest.skip("this scikit-learn cuts off")
    assert abs(ours(metric, source, target) - ours(metric, turned, target)) < 1e-12


@pytest.mark.parametrize("features", [30, 200])
@pytest.mark.parametrize(
    "name", ["pls", "ridge", "neuron_to_neuron", "linear_predictivity", "ridgecv", "dual_ridge", "dual_ridgecv"]
)
def test_with_test_set(name, features, least_squares_cut_off):
    """With a training and a test set the score is Brain-Score's, and so is the chosen alpha."""
    check(load_metric(f"{name}_split"), *halves(*activity(60, features, 7), 45))


def test_reverse_with_test_set():
    """Recordings predict features of a test set."""
    predictors, targets = activity(60, 90, 30)
    metric = load_metric("reverse_pls_split")
    names = ("source_train", "source_test", "target_train", "target_test")
    sets = dict(zip(names, (predictors[:45], predictors[45:], targets[:45], targets[45:]), strict=True))
    sets = {name: assembly(values) for name, values in sets.items()}
    check(lambda: metric(**sets))


@pytest.mark.parametrize("name", ["pls", "ridge", "single"])
@pytest.mark.parametrize("time", [SpanTimeRegression, PerTimeRegression])
def test_time_bins(time, name):
    """One regression for all time bins and one for each; bins may come in any order."""
    source, target = (each.isel(time_bin=[2, 0, 1]) for each in pair(40, 90, 4, 3))
    regression = getattr(brainscore, f"{name}_regression")()
    kwargs = {"splits": 2}
    check(
        brainscore.CrossRegressedCorrelation(time(regression), PerTime(brainscore.pearsonr_correlation()), kwargs),
        source,
        target,
    )


def test_registered_temporal_metrics():
    """The metrics of temporal benchmarks, on bins of which two are the same as a network without dynamics has them."""
    predictors, targets = activity(40, 90, 4, 3)
    predictors[..., 2] = predictors[..., 0]
    for name in ("spantime_pls", "spantime_ridge"):
        check(load_metric(name, crossvalidation_kwargs={"splits": 2}), assembly(predictors), assembly(targets))


@pytest.mark.parametrize(
    "options",
    [
        {"stratification_coord": None},
        {"stratification_coord": "object_name", "kfold": True, "splits": 3},
        {"train_size": 0.5, "random_state": 3},
        {"preprocess_indices": lambda train, test, source: (train[: len(train) // 2 + 5], test)},
    ],
    ids=["not stratified", "k-fold", "half, another seed", "indices chosen"],
)
def test_splits(options):
    """Splits are those of Brain-Score's own objects, with all of their options."""
    check(load_metric("ridge", crossvalidation_kwargs={"splits": 2, **options}), *pair(40, 60, 3))


def test_repeated_stimuli():
    """Presentations of the same stimulus are matched in their order, and fall into the same part of a split or both."""
    predictors, targets = activity(60, 90, 4)
    stimuli = [f"stimulus_{number // 2:02}" for number in range(60)]
    source, target = assembly(predictors, stimuli), assembly(targets, stimuli)
    target = target.isel(presentation=np.random.RandomState(1).permutation(60))
    for name in ("ridge", "pls", "neuron_to_neuron"):
        check(load_metric(name, crossvalidation_kwargs={"splits": 2}), source, target)


def test_other_stimuli_are_left_to_brain_score():
    """What does not fit together raises what Brain-Score raises, and counts as its own."""
    source, _ = pair(40, 60, 3)
    target = assembly(np.random.rand(40, 3), [f"other_{number}" for number in range(40)])
    with exact_metrics() as computed, pytest.raises(AssertionError):
        load_metric("ridge")(source, target)
    assert computed.metric == "stock"


def test_read_in_portions(monkeypatch, tmp_path):
    """Features on disk are read in portions of a few columns, and products are made of tiles: the numbers stay."""
    monkeypatch.setattr(samples, "PORTION", 8 * 60 * 7)
    monkeypatch.setattr(gram, "_TILE", 16)
    predictors, targets = activity(60, 90, 40, dtype=np.float32)
    np.save(tmp_path / "features.npy", predictors)
    source, target = assembly(np.load(tmp_path / "features.npy", mmap_mode="r")), assembly(targets)
    for name in ("pls", "ridgecv_split", "neuron_to_neuron", "reverse_pls"):
        if name.endswith("split"):
            given = (source[:45], source[45:], target[:45], target[45:])
            check(load_metric(name), *given)
        else:
            check(load_metric(name, crossvalidation_kwargs={"splits": 2}), source, target)


def test_products_in_single_precision(monkeypatch):
    """Where there are very many, products are in single precision; what is lost is far below the tolerance."""
    monkeypatch.setattr(pls, "_LARGE", 0)
    given = pair(80, 300, 6, dtype=np.float32)
    check(load_metric("pls", crossvalidation_kwargs={"splits": 2}), *given)


def test_one_gram_matrix_for_several_calls(monkeypatch):
    """Features that are compared with one group of neuroids after the other are multiplied once."""
    made = []
    make = gram.Gram.__init__
    monkeypatch.setattr(gram.Gram, "__init__", lambda self, *given: made.append(given) or make(self, *given))
    predictors, targets = activity(60, 90, 6)
    train, test = assembly(predictors[:45]), assembly(predictors[45:])
    metric = load_metric("dual_ridgecv_split")
    with exact_metrics():
        for neuroids in (slice(3), slice(3, 6)):
            metric(train, test, *(assembly(each[:, neuroids]) for each in (targets[:45], targets[45:])))
    assert len(made) == 1


@QUICK
@given(
    stimuli=st.integers(12, 70),
    features=st.integers(1, 120),
    neuroids=st.integers(1, 40),
    train_size=st.sampled_from([0.5, 0.8, 0.9]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
    name=st.sampled_from(["pls", "neuron_to_neuron", "ridge"]),
)
def test_any_shape(stimuli, features, neuroids, train_size, dtype, seed, name):
    """For few and many stimuli, features and neuroids, the numbers are Brain-Score's."""
    if name == "ridge":
        dtype = np.float64
    if name == "pls":
        features += 25
    kwargs = {"splits": 2, "train_size": train_size, "stratification_coord": None, "random_state": seed}
    check(load_metric(name, crossvalidation_kwargs=kwargs), *pair(stimuli, features, neuroids, dtype=dtype, seed=seed))


@QUICK
@given(
    stimuli=st.integers(12, 60),
    features=st.integers(1, 100),
    neuroids=st.integers(1, 50),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
def test_any_alpha(stimuli, features, neuroids, scale, dtype, seed):
    """Ridge regression chooses the alpha that scikit-learn chooses, whatever the scale of the features."""
    predictors, targets = activity(stimuli + 10, features, neuroids, seed=seed)
    predictors = (predictors * scale).astype(dtype)
    check(load_metric("ridgecv_split"), *halves(predictors, targets, stimuli))
