"""Who computes the metrics of a job: this package, Brain-Score, or both, with the same score."""

from __future__ import annotations

import numpy as np
import pytest
from brainscore_vision import load_metric
from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
from brainscore_vision.models.pixels.model import PixelModel
from helpers.made_recordings import HALVES, small_benchmark
from helpers.small_model import small_model
from helpers.stand_ins import stand_ins_installed
from helpers.stand_ins.scored import scorer

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.metrics import WAYS, exact
from brainscore_cornet.scoring import score_models

IT = "MajajHong2015public.IT-pls"


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")  # a ceiling that one way computed would be the other's
    with stand_ins_installed(tmp_path):
        yield


def test_each_way_has_the_same_score(stand_ins):
    """A benchmark of Brain-Score's scores the same, its Score has the same parts, and the row says who computed it."""
    outcomes = {metrics: scorer("cornet_z_untrained", metrics, image_size=32)(IT) for metrics in WAYS}
    assert not [outcome.row.reason for outcome in outcomes.values() if outcome.row.reason]
    assert {metrics: outcome.row.metric for metrics, outcome in outcomes.items()} == {
        "exact": "exact",
        "stock": "stock",
        "checked": "exact",
    }
    first, *others = (outcome.row for outcome in outcomes.values())
    for other in others:
        for column in ("score", "error", "raw", "ceiling"):
            assert getattr(first, column) == pytest.approx(getattr(other, column), abs=1e-6)
    ours, theirs = (outcomes[metrics].score for metrics in ("exact", "stock"))
    assert set(ours.attrs) == set(theirs.attrs)
    np.testing.assert_allclose(ours.raw.raw.values, theirs.raw.raw.values, atol=1e-5)


def test_another_packages_model(stand_ins):
    """A model that is not this package's is scored in the same way."""
    model = ModelCommitment("pixels", PixelModel(), layers=["pixels"], region_layer_map={"IT": "pixels"})
    row = scorer({"pixels": model})(IT).row
    assert (row.status, row.metric) == ("scored", "exact")


def test_a_difference_is_a_failure_with_both_numbers(stand_ins, monkeypatch):
    """What is computed in two ways and differs is no score, and Brain-Score's metrics are themselves afterwards."""
    before = CrossRegressedCorrelation.__call__
    monkeypatch.setattr(exact, "TOLERANCE", -1.0)
    row = scorer("cornet_z_untrained", "checked", image_size=32)(IT).row
    assert row.status == "failed"
    assert "by this package and" in row.reason
    assert "score with --stock-metrics" in row.reason
    assert CrossRegressedCorrelation.__call__ is before


@pytest.mark.usefixtures("forked_children")
def test_in_the_process_that_scores(stimuli, stand_in):
    """The choice reaches the child process; one that does not exist is refused before any work."""
    metric = load_metric("ridge", crossvalidation_kwargs=HALVES)
    benchmark = small_benchmark(stimuli, metric)
    with pytest.raises(UserError, match="one of exact, stock, checked, received 'fast'"):
        score_models("cornet_z_untrained", benchmark, metrics="fast")
    table = score_models({"small": small_model(stand_in, "cornet_z")}, benchmark, metrics="checked")
    assert table.loc[0, ["status", "metric"]].tolist() == ["scored", "exact"], table.loc[0, "reason"]
