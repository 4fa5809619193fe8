"""What each model is committed to, how requested time bins are answered, and what is no time bin."""

from __future__ import annotations

import ssl
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from brainscore_cornet.cornet.commitments import (
    COMMITMENTS,
    get_commitment,
    nearest_step,
    overlaps,
    vary,
)
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.time_bins import check_time_bin

REGIONS = ("V1", "V2", "V4", "IT")
R_AFTER_V2 = {1: (70, 110), 2: (140, 170), 3: (170, 200), 4: (200, 250)}
TIME_BINS = {
    "Z": {"V1": {0: (50, 150)}, "V2": {0: (70, 170)}, "V4": {0: (90, 190)}, "IT": {0: (100, 200)}},
    "R": {
        "V1": {0: (50, 80), 1: (80, 110), 2: (110, 140), 3: (140, 170), 4: (170, 200)},
        "V2": {1: (60, 110), 2: (110, 140), 3: (140, 170), 4: (170, 200)},
        "V4": R_AFTER_V2,
        "IT": R_AFTER_V2,
    },
    "RT": {
        "V1": {0: (50, 70), 1: (70, 90), 2: (90, 110), 3: (110, 130), 4: (130, 150)},
        "V2": {1: (70, 90), 2: (90, 110), 3: (110, 130), 4: (130, 150)},
        "V4": {2: (90, 110), 3: (110, 130), 4: (130, 150)},
        "IT": {3: (110, 130), 4: (130, 150)},
    },
    "S": {
        "V1": {0: (50, 150)},
        "V2": {0: (70, 170), 1: (170, 270)},
        "V4": {0: (90, 140), 1: (140, 190), 2: (190, 240), 3: (240, 290)},
        "IT": {0: (100, 200), 1: (200, 300)},
    },
}
TIME_STEPS = {"Z": (1, 1, 1, 1), "R": (5, 5, 5, 5), "RT": (5, 5, 5, 5), "S": (1, 2, 4, 2)}
IDENTIFIERS = [f"cornet_{name}{ending}" for ending in ("", "_untrained") for name in ("z", "r", "rt", "s")]


def test_every_model_is_committed():
    """The registered identifiers are the four networks, each with released weights and untrained."""
    assert sorted(COMMITMENTS) == sorted(IDENTIFIERS)


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_committed_values(identifier):
    """Layers, steps, time bins, readout layer, degrees and image size are the published ones, trained or not."""
    commitment = get_commitment(identifier)
    architecture = commitment.architecture
    assert identifier == f"cornet_{architecture.lower()}" + ("" if commitment.trained else "_untrained")
    assert commitment.identifier == identifier
    assert commitment.name == f"CORnet-{architecture}"
    assert commitment.layers == {"V1": "V1.output", "V2": "V2.output", "V4": "V4.output", "IT": "IT.output"}
    assert commitment.readout_layer == "decoder.avgpool"
    assert commitment.visual_degrees == 8
    assert commitment.image_size == 224
    assert commitment.time_steps == dict(zip(REGIONS, TIME_STEPS[architecture], strict=True))
    assert commitment.time_bins == TIME_BINS[architecture]


@pytest.mark.parametrize(
    ("identifier", "nearest"),
    [
        ("cornet-s", "cornet_s"),
        ("CORnet-S", "cornet_s"),
        ("CORNET_RT", "cornet_rt"),
        ("cornet_rt_untraned", "cornet_rt_untrained"),
        ("cornetz", "cornet_z"),
    ],
)
def test_unknown_model_names_the_nearest(identifier, nearest):
    """An unknown model's error repeats its name and names the nearest known one first."""
    with pytest.raises(UserError, match=rf"Unknown model '{identifier}'\. Did you mean {nearest}\b"):
        get_commitment(identifier)


def test_unknown_model_with_no_near_name_lists_all():
    """An unknown name without a similar one gives a list of the known names."""
    with pytest.raises(UserError, match=r"Unknown model 'alexnet'\. Known are ") as caught:
        get_commitment("alexnet")
    assert all(identifier in str(caught.value) for identifier in IDENTIFIERS)


@pytest.mark.parametrize(
    ("architecture", "region", "time_bin", "step"),
    [
        ("S", "IT", (70, 170), 0),
        ("S", "IT", (149, 200), 0),
        ("S", "IT", (150, 200), 0),  # a tie between 100 and 200
        ("S", "IT", (151, 200), 1),
        ("S", "V4", (165, 215), 1),  # a tie between 140 and 190
        ("S", "V4", (0, 10), 0),
        ("S", "V4", (5000, 6000), 3),
        ("R", "V4", (105, 106), 1),  # a tie between 70 and 140
        ("R", "V2", (50, 70), 1),
        ("RT", "IT", (120, 130), 3),  # a tie between 110 and 130
        ("RT", "IT", (121, 130), 4),
        ("Z", "V1", (-100, 0), 0),
    ],
)
def test_answering_step(architecture, region, time_bin, step):
    """The bin of the nearest start answers, the earlier one on a tie; where a bin ends does not matter."""
    assert nearest_step(TIME_BINS[architecture][region], time_bin) == step


starts = st.integers(-50, 400) | st.floats(-50, 400).map(lambda start: round(start, 1))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    committed=st.dictionaries(st.integers(0, 12), starts, min_size=1, max_size=8),
    start=starts,
    width=st.integers(1, 300),
)
def test_answering_step_is_the_nearest_of_all(committed, start, width):
    """Going through all bins in order of their start, none is nearer, and none before the answer is as near."""
    step = nearest_step({number: (begin, begin + 10) for number, begin in committed.items()}, (start, start + width))
    best = None
    for begin in sorted(committed.values()):
        if best is None or abs(begin - start) < abs(best - start):
            best = begin
    assert committed[step] == best
    assert step == min(number for number, begin in committed.items() if begin == best)


@pytest.fixture
def peer(monkeypatch):
    """Brain-Score's own commitment class for CORnet-S, imported without what its import does to the whole process."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_default_https_context)
    from brainscore_vision.models.cornet_s.helpers.helpers import CORnetCommitment

    return CORnetCommitment


@pytest.mark.parametrize("architecture", TIME_BINS)
@pytest.mark.parametrize("region", REGIONS)
def test_time_bins_are_answered_as_by_brain_score(architecture, region, peer, stimuli):
    """Brain-Score's plugin, given activity that tells its time step, answers every requested bin with ours."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    committed = TIME_BINS[architecture][region]

    def steps_as_activity(stimulus_set, layers, **_):
        coords = {
            "stimulus_id": ("presentation", stimulus_set["stimulus_id"].values),
            "category": ("presentation", stimulus_set["category"].values),
            "neuroid_id": ("neuroid", ["a", "b"]),
            "region": ("neuroid", [region] * 2),
            "time_step": list(committed),
        }
        values = np.broadcast_to(np.array(list(committed))[:, None, None], (len(committed), len(stimulus_set), 2))
        return NeuroidAssembly(values.copy(), coords=coords, dims=["time_step", "presentation", "neuroid"])

    model = peer("peer", steps_as_activity, layers=[f"{region}.output-t0"], time_mapping=TIME_BINS[architecture])
    requested = [(start, start + 10) for start in range(0, 330, 15)]
    model.start_recording(region, requested)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the old xarray that Brain-Score pins
        recording = model.look_at(stimuli)
    answered = {
        (int(start), int(end)): set(recording.values[index].ravel())
        for index, (start, end) in enumerate(
            zip(recording["time_bin_start"].values, recording["time_bin_end"].values, strict=True)
        )
    }
    assert answered == {time_bin: {nearest_step(committed, time_bin)} for time_bin in requested}


@pytest.mark.parametrize(
    ("time_bin", "expected"),
    [((0, 50), False), ((0, 51), True), ((149, 150), True), ((150, 400), False), ((60, 70), True), ((0, 400), True)],
)
def test_overlaps(time_bin, expected):
    """A bin overlaps a committed one when they share more than an end."""
    assert overlaps({0: (50, 100), 1: (100, 150)}, time_bin) == expected


def _squeezed(time_bin):
    """A zero-dimensional object array, which is what xarray makes of a time bin once its dimension is squeezed."""
    held = np.empty((), dtype=object)
    held[()] = time_bin
    return held


SAME_BIN = {
    "tuple": (50, 80),
    "list": [50, 80],
    "array": np.array([50, 80]),
    "scalars": (np.int64(50), np.float64(80)),
    "zero-dimensional numbers": (np.array(50), np.array(80)),
    "squeezed": _squeezed((50, 80)),
    "squeezed, of numpy numbers": _squeezed((np.int64(50), np.int64(80))),
    "two dimensions": np.array([[50, 80]]),
    "xarray": xr.DataArray([50, 80], dims=["edge"]),
    "squeezed xarray": xr.DataArray(_squeezed((50, 80))),
    "row of a table": pd.DataFrame({"start": [50], "end": [80]}).iloc[0],
}


@pytest.mark.parametrize("time_bin", SAME_BIN.values(), ids=SAME_BIN)
def test_time_bins_become_plain_numbers(time_bin):
    """Two numbers in any container are a time bin, and become plain numbers that json and netCDF can hold."""
    checked = check_time_bin(time_bin)
    assert checked == (50, 80)
    assert {type(value) for value in checked} <= {int, float}


def test_a_requested_bin_may_be_an_instant():
    """Benchmarks of fMRI ask for (0, 0), as Zerbe2026_fmri does; a committed bin has to last."""
    assert check_time_bin(_squeezed((0, 0))) == (0, 0)
    with pytest.raises(UserError, match=r"start before end, received \(50, 50\)"):
        vary(COMMITMENTS["cornet_rt"], time_mapping={"V1": {0: (50, 50)}})


WRONG_BINS = [
    *((80, 50), (50,), (50, 80, 90), 50, None, "50-80", ("50", "80"), (None, 80)),
    *((float("nan"), 80), (50, float("nan")), (50, float("inf")), (np.array([1, 2]), 80), "58"),
]


@pytest.mark.parametrize("time_bin", WRONG_BINS, ids=repr)
def test_wrong_time_bins(time_bin):
    """A value that is no time bin (start, end) in ms is refused, and the message repeats it."""
    with pytest.raises(UserError, match="start before end, received") as caught:
        check_time_bin(time_bin)
    assert str(caught.value).endswith(f"received {time_bin!r}.")
    with pytest.raises(UserError, match="start before end, received"):
        vary(COMMITMENTS["cornet_rt"], time_mapping={"V1": {0: time_bin}})


def test_several_time_bins_of_a_step():
    """Each is answered by its step, as far as its start is the nearest; a step lasts from the first to the last."""
    bins = {0: [(50, 60), (60, 70), (80, 90)], 1: [[70, 80.0], [90, 100]]}
    varied = vary(COMMITMENTS["cornet_s"], time_mapping={"IT": bins})
    requested = [(50, 60), (60, 70), (70, 80), (80, 90), (90, 100), (0, 10), (64, 70), (95, 100), (500, 510)]
    assert [varied.step_at("IT", each) for each in requested] == [0, 0, 1, 0, 1, 0, 0, 1, 1]
    assert varied.time_bins["IT"] == {0: (50, 90), 1: (70, 100)}
    others = [{**bins, 1: [(70, 80)]}, {0: (50, 90), 1: (70, 100)}, {0: [(50, 90)], 1: (70, 100)}]
    names = [vary(COMMITMENTS["cornet_s"], time_mapping={"IT": each}).identifier for each in others]
    assert names[1] == names[2] == "cornet_s_bins_ITt0_50_90_ITt1_70_100"
    assert len({varied.identifier, *names}) == 3
    with pytest.raises(UserError, match="start before end, received"):
        vary(COMMITMENTS["cornet_s"], time_mapping={"IT": {0: [(50, 60), (70, 60)]}})
