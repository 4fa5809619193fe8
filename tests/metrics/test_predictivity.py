"""Predictivity of arrays and assemblies, with what Brain-Score does by default."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from brainscore_vision import load_metric
from helpers.made_recordings import activity, assembly, assert_same, halves, pair, theirs

import brainscore_cornet
from brainscore_cornet import UserError, predictivity


@pytest.fixture(scope="module")
def arrays() -> tuple[np.ndarray, np.ndarray]:
    return activity(60, 90, 5)


def test_assemblies():
    """Assemblies are split and stratified as by Brain-Score's metric."""
    source, target = pair(60, 90, 5)
    assert_same(predictivity(source, target), theirs(load_metric("pls"), source, target))


def test_arrays(arrays, tmp_path):
    """Arrays, memory maps and DataArrays of the same numbers give the same score, for each split and neuroid."""
    features, recordings = arrays
    labels = assembly(features)["object_name"].values
    expected = predictivity(assembly(features), assembly(recordings))
    np.save(tmp_path / "features.npy", features)
    for given in (features, np.load(tmp_path / "features.npy", mmap_mode="r"), xr.DataArray(features)):
        score = predictivity(given, recordings, stratify=labels)
        np.testing.assert_allclose(score, expected, atol=1e-12)
        assert score.raw.dims == ("split", "neuroid")
        assert score.raw.shape == (10, 5)
        np.testing.assert_allclose(score.raw.median("neuroid").mean(), score, atol=1e-12)


def test_in_the_order_of_one_assembly(arrays):
    """Where only one side names its stimuli, the other has them in the same order."""
    features, recordings = arrays
    mixed = predictivity(features, assembly(recordings))
    assert_same(mixed, predictivity(assembly(features), assembly(recordings)))


def test_options(arrays):
    """Number and size of splits, their seed, and labels are Brain-Score's own options."""
    source, target = map(assembly, arrays)
    options = {"splits": 3, "train_size": 0.7, "random_state": 5, "stratification_coord": "region_of_stimulus"}
    labels = np.arange(60) % 3
    with_labels = [each.assign_coords(region_of_stimulus=("presentation", labels)) for each in (source, target)]
    expected = theirs(load_metric("ridge", crossvalidation_kwargs=options), *with_labels)
    score = predictivity(source, target, "ridge", splits=3, train_size=0.7, seed=5, stratify=labels)
    assert_same(score, expected)


@pytest.mark.parametrize("metric", ["ridgecv", "reverse_ridge", "neuron_to_neuron"])
def test_test_set(arrays, metric):
    """With a test set there is one score for each neuroid."""
    features, recordings = arrays
    score = predictivity(features[:45], recordings[:45], metric, test=(features[45:], recordings[45:]))
    assert score.raw.dims == ("neuroid",)
    if metric == "ridgecv":
        expected = theirs(load_metric("ridgecv_split"), *halves(features, recordings, 45))
        assert score.raw.alpha == expected.raw.alpha
        np.testing.assert_allclose(score, expected, atol=1e-6)


def test_time_bins():
    """Each time bin has a regression of its own, or all share one."""
    features, recordings = activity(40, 60, 4, 3)
    alone = predictivity(features, recordings, "ridge", splits=2)
    shared = predictivity(features, recordings, "spantime_ridge", splits=2)
    assert alone.dims == shared.dims == ("time_bin",)
    np.testing.assert_allclose(alone[1], predictivity(features[..., 1], recordings[..., 1], "ridge", splits=2))
    assert not np.allclose(alone, shared)


WRONG = {
    "Unknown metric 'plz'. Did you mean pls?": {"metric": "plz"},
    "received 60 and 50": {"recordings": np.ones((50, 3))},
    "received <U1 of shape": {"recordings": np.full((60, 3), "a")},
    r"received float64 of shape \(60,\)": {"features": np.ones(60)},
    "needs as many predictors, received 10": {"features": np.ones((60, 10))},
    "needs time bins": {"metric": "spantime_pls"},
    "no coordinate 'animal'": {"stratify": "animal"},
    "Expected a label for each of 60 stimuli": {"stratify": [1, 2]},
    "Expected a number of splits": {"splits": 0},
    "of 1 of 3 neuroids hold NaN or infinite values: 1": {
        "recordings": np.where(np.arange(3) == 1, np.nan, np.ones((60, 3)))
    },
    "The features hold": {"features": np.full((60, 90), np.inf)},
    "found again stimulus_000": {"recordings": assembly(np.ones((60, 3)), ["stimulus_000"] * 60)},
    "only one of both has other": {
        "features": assembly(np.ones((60, 90))),
        "recordings": assembly(np.ones((60, 3)), ["other", *[f"stimulus_{number:03}" for number in range(1, 60)]]),
    },
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_input(arrays, message):
    """An error names what was received and what was expected."""
    given = {"features": arrays[0], "recordings": arrays[1], **WRONG[message]}
    with pytest.raises(UserError, match=message):
        predictivity(**given)


def test_public():
    """It is among the public names, and imported when it is used."""
    assert "predictivity" in brainscore_cornet.__all__
