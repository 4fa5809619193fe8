"""CORnet-S as we record it against CORnet-S as Brain-Score's own helper classes record it."""

from functools import cache

import numpy as np
import pytest
import torch
from helpers.peer import assert_same, brain_score_cornet_s

from brainscore_cornet.cornet.anatomy import REGIONS
from brainscore_cornet.cornet.brain_model import CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment, vary

SMALL = 32  # px: most of their time goes into labelling neuroids one by one
TIME_BINS = {
    "one": [(70, 170)],
    "two, halfway between starts of V4 and of IT": [(115, 125), (150, 160)],
    "18 of 10 ms": [(start, start + 10) for start in range(70, 250, 10)],
    "early": [(0, 20), (20, 40), (40, 60)],
    "late": [(260, 300), (300, 320), (500, 600)],
}
OF_ANY_REGION = {"one", "early", "late"}  # tested in IT; the other regions take the same path
TRIALS = {
    "one varying": {"number_of_trials": 1, "require_variance": True},
    "three varying": {"number_of_trials": 3, "require_variance": True},
    "three alike": {"number_of_trials": 3, "require_variance": False},
}
pytestmark = pytest.mark.filterwarnings("ignore:cornet_s.* has no activity", "ignore:'multi_class' was deprecated")


def marks(region: str, time_bins: str):
    return pytest.mark.slow if region != "IT" and time_bins in OF_ANY_REGION else ()


@pytest.fixture(scope="module")
def shuffled(stimuli):
    """Three pictures that are not in the order of their names, with labels for behavioural readouts."""
    chosen = stimuli.iloc[[4, 0, 3]].copy()
    chosen["image_label"] = ["dog", "cat", "dog"]
    return chosen


@pytest.fixture(scope="module")
def build(stand_in):
    """Makes (ours, theirs) around one network; theirs anew for each test, since it keeps trials and tasks."""

    @cache
    def build_ours(batch_size, image_size):
        commitment = vary(get_commitment("cornet_s"), image_size=image_size)
        return CORnetModel(commitment, stand_in("S"), device=torch.device("cpu"), batch_size=batch_size)

    def build(*, ours_at_a_time, theirs_at_a_time, image_size=SMALL):
        ours = build_ours(ours_at_a_time, image_size)
        return ours, brain_score_cornet_s(stand_in("S"), ours.identifier, image_size, theirs_at_a_time)

    return build


@pytest.mark.parametrize(
    ("region", "time_bins"),
    [
        pytest.param(region, bins, id=f"{region}-{name}", marks=marks(region, name))
        for region in REGIONS
        for name, bins in TIME_BINS.items()
    ],
)
def test_recordings_equal_the_peer(build, shuffled, region, time_bins):
    """Every region in every set of time bins has the peer's values, dimensions and coordinates.

    Of a single time bin ours drop the dimension, as all of Brain-Score's models but this one do.
    """
    ours, theirs = build(ours_at_a_time=2, theirs_at_a_time=3)
    for model in (ours, theirs):
        model.start_recording(region, time_bins)
    recording = ours.look_at(shuffled)
    expected = theirs.look_at(shuffled)
    assert_same(recording, expected.squeeze("time_bin") if len(time_bins) == 1 else expected)
    assert recording.dims == ("time_bin", "presentation", "neuroid")[-2 if len(time_bins) == 1 else 0 :]
    assert set(shuffled.columns) <= set(recording.indexes["presentation"].names)
    first, second = (recording.isel(presentation=index).values for index in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("region", [pytest.param("V1", marks=pytest.mark.slow), "IT"])
def test_recordings_equal_the_peer_at_full_size(build, shuffled, region):
    """Recordings equal the peer's at the committed 224 px, in the lowest region and in the highest."""
    ours, theirs = build(ours_at_a_time=2, theirs_at_a_time=2, image_size=224)
    for model in (ours, theirs):
        model.start_recording(region, [(100, 200)])
    assert_same(ours.look_at(shuffled[:2]), theirs.look_at(shuffled[:2]).squeeze("time_bin"))


@pytest.mark.parametrize("options", TRIALS.values(), ids=TRIALS)
def test_trials_equal_the_peer(build, shuffled, options):
    """Trials vary by the peer's microsaccades where variance is required, and are one presentation where it is not."""
    ours, theirs = build(ours_at_a_time=2, theirs_at_a_time=1)
    for model in (ours, theirs):
        model.start_recording("V2", [(70, 170), (170, 270)])
    recording = ours.look_at(shuffled, **options)
    assert_same(recording, theirs.look_at(shuffled, **options))
    trials = options["number_of_trials"] if options["require_variance"] else 1
    assert recording.sizes["presentation"] == len(shuffled) * trials
    if trials > 1:
        assert not np.array_equal(recording.values[:, 0], recording.values[:, 1])


@pytest.mark.parametrize(
    "options",
    [pytest.param({}, id="once"), pytest.param(TRIALS["three varying"], id="varying", marks=pytest.mark.slow)],
)
def test_probabilities_equal_the_peer(build, stimuli, shuffled, options):
    """A readout fitted on some pictures gives the peer's probabilities for others."""
    ours, theirs = build(ours_at_a_time=1, theirs_at_a_time=1)
    for model in (ours, theirs):
        model.start_task("probabilities", shuffled, **options)
    probabilities = ours.look_at(stimuli[1:3], **options)
    # the readout's solver stops at a gradient of 1e-4, so that the last bits of the features show
    assert_same(probabilities, theirs.look_at(stimuli[1:3], **options), tolerance=5e-3)
    assert np.ptp(probabilities.values) > 1e-3


def test_odd_one_out_equals_the_peer(build, stimuli):
    """The same picture of each triplet is the odd one."""
    triplets = stimuli.iloc[[0, 1, 2, 5, 4, 3, 3, 0, 5, 1, 2, 4]]
    ours, theirs = build(ours_at_a_time=6, theirs_at_a_time=6)
    for model in (ours, theirs):
        model.start_task("odd_one_out")
    choices = ours.look_at(triplets, number_of_trials=2)
    assert_same(choices, theirs.look_at(triplets, number_of_trials=2))
    triplets = triplets["stimulus_id"].values.reshape(-1, 3)
    places = [list(triplet).index(odd) for triplet, odd in zip(triplets, choices.values[0], strict=True)]
    assert len(set(places)) > 1
