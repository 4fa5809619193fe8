"""Commitments that are varied: their time bins, and identifiers that tell variants apart."""

from __future__ import annotations

import hashlib
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainscore_cornet.cornet.commitments import COMMITMENTS, vary
from brainscore_cornet.cornet.errors import UserError

REGIONS = ("V1", "V2", "V4", "IT")


@pytest.mark.parametrize(
    ("time_mapping", "expected"),
    [
        ({"V3": {0: (50, 80)}}, "Unknown region in the time mapping 'V3'. Did you mean V"),
        ({"it": {0: (50, 80)}}, "Unknown region in the time mapping 'it'"),
        ({3: {0: (50, 80)}}, "Unknown region in the time mapping '3'"),
        ({"V1": {}}, "no time bin for V1; leave V1 out to keep its bins"),
        ({"V1": {5: (50, 80)}}, "names step 5 of V1, whose steps are 0 to 4"),
        ({"IT": {-1: (50, 80)}}, "names step -1 of IT, whose steps are 0 to 4"),
        ({"V1": {0.5: (50, 80)}}, "names step 0.5 of V1"),
        ({"V1": {"0": (50, 80)}}, "names step '0' of V1"),
        ({"V1": [(50, 80)]}, "Expected a time mapping such as"),
        ([(50, 80)], "Expected a time mapping such as"),
    ],
)
def test_wrong_time_mapping(time_mapping, expected):
    """A time mapping that names what there is not is refused, and the message names what there is."""
    with pytest.raises(UserError, match=expected):
        vary(COMMITMENTS["cornet_rt"], time_mapping=time_mapping)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"resize": "stretch"}, "Unknown way to resize 'stretch'"),
        ({"resize": "CROP"}, "Did you mean crop"),
        *(
            ({"background": given}, "Expected a background such as grey, white, black or 255,0,0")
            for given in ("pink", "1,2", "1,2,256", "1,2,-3", "", "1,2,3,4", (1, 2, 3.5), (True, False, True), 128)
        ),
    ],
)
def test_wrong_ways_to_prepare_images(option, expected):
    """An unknown way to resize, and what is no colour, are refused with what is expected."""
    with pytest.raises(UserError, match=expected):
        vary(COMMITMENTS["cornet_z"], **option)


def test_time_mapping_replaces_the_bins_of_its_regions():
    """The bins of a region in the time mapping take the place of all its committed bins; other regions keep theirs."""
    varied = vary(COMMITMENTS["cornet_rt"], time_mapping={"IT": {2: [90.0, 110], np.int64(4): (130, 170.5)}})
    assert varied.time_bins == {**COMMITMENTS["cornet_rt"].time_bins, "IT": {2: (90, 110), 4: (130, 170.5)}}
    assert varied.time_steps == COMMITMENTS["cornet_rt"].time_steps


@pytest.mark.parametrize(
    ("identifier", "times", "bins"),
    [
        ("cornet_rt", 10, {"V1": range(10), "V2": range(1, 10), "V4": range(2, 10), "IT": range(3, 10)}),
        ("cornet_rt", 3, {"V1": range(3), "V2": range(1, 3), "V4": range(2, 3), "IT": ()}),
        ("cornet_r", 2, {"V1": range(2), "V2": (1,), "V4": (1,), "IT": (1,)}),
        ("cornet_r", 1, {"V1": (0,), "V2": (), "V4": (), "IT": ()}),
        ("cornet_s", {"V4": 6, "IT": 1}, {"V1": (0,), "V2": range(2), "V4": range(6), "IT": (0,)}),
    ],
)
def test_other_time_steps_have_time_bins(identifier, times, bins):
    """More time steps go on at the same pace, fewer have the first bins; steps without the image have none."""
    varied = vary(COMMITMENTS[identifier], times=times)
    usual = COMMITMENTS[identifier].time_bins
    for region in REGIONS:
        assert list(varied.time_bins[region]) == list(bins[region])
        for step, (start, end) in varied.time_bins[region].items():
            if step in usual[region]:
                assert (start, end) == usual[region][step]
            else:
                before = varied.time_bins[region][step - 1]
                assert (start, end - start) == (before[1], before[1] - before[0])


def test_cornet_r_has_no_times_of_its_own_for_more_steps():
    """More time steps of CORnet-R than were published need a time mapping, and the message shows one."""
    with pytest.raises(UserError, match=r"published time bins for 5 time steps, not for 7.*time_mapping=\{'IT'"):
        vary(COMMITMENTS["cornet_r"], times=7)
    varied = vary(COMMITMENTS["cornet_r"], times=7, time_mapping={"IT": {5: (250, 280), 6: (280, 310)}})
    assert varied.time_steps["IT"] == 7
    assert varied.time_bins["IT"] == {5: (250, 280), 6: (280, 310)}


SOME_HASH = hashlib.sha256(b"some weights").hexdigest()
OTHER_HASH = hashlib.sha256(b"other weights").hexdigest()
MAPPING = {"V1": {0: (50, 80)}, "IT": {3: (90, 120), 4: (120, 150)}}


@pytest.mark.parametrize(
    ("identifier", "variations"),
    [
        (
            "cornet_rt",
            [
                {},
                *({"times": times} for times in (1, 3, 4, 10)),
                {"time_mapping": MAPPING},
                {"time_mapping": {"IT": MAPPING["IT"]}},
                {"time_mapping": {"V4": MAPPING["IT"]}},
                {"time_mapping": {"IT": {3: (90, 120)}}},
                {"time_mapping": {"IT": {3: (90, 120.5), 4: (120.5, 150)}}},
                {"times": 10, "time_mapping": MAPPING},
                *({"image_size": size} for size in (32, 225, 256)),
                *({"weights_hash": value} for value in (SOME_HASH, OTHER_HASH)),
                {"times": 10, "image_size": 256, "weights_hash": SOME_HASH, "time_mapping": MAPPING},
                *({"resize": way} for way in ("crop", "pad")),
                *({"background": colour} for colour in ("grey", "white", "black", "1,2,3", "12,0,3")),
                {"resize": "pad", "background": "grey", "image_size": 256},
            ],
        ),
        (
            "cornet_s",
            [
                {},
                *({"times": {region: steps}} for region in ("V2", "V4", "IT") for steps in (1, 3, 5)),
                {"times": {"V2": 1, "V4": 1, "IT": 1}},
                {"times": {"V2": 1, "IT": 1}},
                {"times": {"V2": 12, "V4": 1}},
                {"times": {"V2": 1, "V4": 12}},
            ],
        ),
    ],
)
def test_every_variation_has_an_identifier_of_its_own(identifier, variations):
    """Whatever changes the numbers is in the identifier, trained or not; without a change it stays."""
    bases = [COMMITMENTS[identifier], COMMITMENTS[f"{identifier}_untrained"]]
    identifiers = [vary(base, **variation).identifier for base in bases for variation in variations]
    assert len(set(identifiers)) == len(identifiers)
    assert all(name.startswith(identifier) and name.isidentifier() for name in identifiers)
    assert identifiers[0] == identifier


@pytest.mark.parametrize(
    ("identifier", "time_mapping", "words"),
    [
        ("cornet_z", {"IT": {0: (120, 220)}}, "bins_ITt0_120_220"),
        ("cornet_s", {"IT": {0: (-20, 80.5), 1: (80.5, 300)}}, "bins_ITt0_minus20_80p5_300"),
        ("cornet_rt", MAPPING, "bins_ITt3_90_120_150_V1t0_50_80"),
        ("cornet_rt", {"IT": {2: (90, 110), 4: (130, 150)}}, "bins_ITt2_90_110_ITt4_130_150"),
        ("cornet_rt", {region: {n: (9 * n, 9 * n + 8) for n in range(5)} for region in REGIONS}, "bins_IT_V1_V2_V4_"),
    ],
)
def test_time_bins_in_identifiers_are_readable(identifier, time_mapping, words):
    """An identifier lists the region, its first time step and the edges in ms; of many bins, the regions and a hash."""
    found = vary(COMMITMENTS[identifier], time_mapping=time_mapping).identifier.removeprefix(f"{identifier}_")
    assert found == words or (words.endswith("_") and found.startswith(words) and len(found) == len(words) + 8)


@pytest.mark.parametrize(
    ("identifier", "spellings"),
    [
        (
            "cornet_rt",
            [
                {},
                {"times": 5},
                {"image_size": 224},
                {"time_mapping": {}},
                {"resize": "squeeze"},
                {"resize": None, "background": None},
                {"time_mapping": COMMITMENTS["cornet_rt"].time_bins},
            ],
        ),
        (
            "cornet_z",
            [
                {"background": background, "resize": "pad"}
                for background in ("grey", "Gray", "128,128,128", " 128, 128,128", (128, 128, 128), np.full(3, 128))
            ],
        ),
        ("cornet_s", [{}, {"times": {"V4": 4}}, {"times": {"IT": 2, "V2": 2}}, {"times": {}}]),
        (
            "cornet_s",
            [{"times": {"V4": 6, "V2": 1}}, {"times": {"V2": 1, "V4": 6}}, {"times": {"V4": 6, "V2": 1, "IT": 2}}],
        ),
        (
            "cornet_rt",
            [
                {"time_mapping": MAPPING},
                {"time_mapping": dict(reversed(MAPPING.items()))},
                {"time_mapping": {"V1": {0: [50, 80.0]}, "IT": {4: (120, 150), 3: (90.0, 120.0)}}},
                {
                    "time_mapping": {
                        "V1": {np.int64(0): np.array([50, 80])},
                        "IT": {3: np.array([90.0, 120]), 4: [120, 150]},
                    }
                },
                {"time_mapping": {**COMMITMENTS["cornet_rt"].time_bins, **MAPPING}},
                {"time_mapping": MAPPING, "times": 5, "image_size": 224},
            ],
        ),
    ],
)
def test_one_variant_has_one_identifier(identifier, spellings):
    """The same variant spelled in different ways is the same commitment, identifier included."""
    first, *others = [vary(COMMITMENTS[identifier], **spelling) for spelling in spellings]
    for other in others:
        assert other == first


bins = st.tuples(st.sampled_from([50, 50.0, 60, 70.5]), st.sampled_from([100, 100.0, 110])).map(tuple)
mappings = st.dictionaries(
    st.sampled_from(REGIONS), st.dictionaries(st.sampled_from([0, np.int64(0)]), bins, min_size=1), max_size=2
)
times = {
    "Z": st.none(),
    "R": st.none() | st.integers(1, 5),
    "RT": st.none() | st.integers(1, 12),
    "S": st.none() | st.dictionaries(st.sampled_from(["V2", "V4", "IT"]), st.sampled_from([1, 2, 4, 12]), max_size=3),
}


@st.composite
def variants(draw):
    """A variant, and everything that its numbers depend on."""
    base = COMMITMENTS[draw(st.sampled_from(list(COMMITMENTS)))]
    weights_hash = draw(st.none() | st.sampled_from([SOME_HASH, OTHER_HASH]))
    varied = vary(
        base,
        times=draw(times[base.architecture]),
        time_mapping=draw(st.none() | mappings),
        image_size=draw(st.sampled_from([None, 224, 32, 322])),
        resize=draw(st.sampled_from([None, "squeeze", "crop", "pad"])),
        background=draw(st.sampled_from([None, "grey", "128,128,128", "8,0,80"])),
        weights_hash=weights_hash,
    )
    decisive = (base.identifier, weights_hash, varied.time_steps, varied.time_bins, varied.image_size)
    decisive += (varied.resize, varied.background)
    return varied, decisive


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(variants(), min_size=2, max_size=8))
def test_identifiers_are_the_same_exactly_when_the_numbers_are(drawn):
    """Two variants share an identifier if and only if nothing that their numbers depend on differs."""
    for varied, decisive in drawn:
        for other, other_decisive in drawn:
            assert (varied.identifier == other.identifier) == (decisive == other_decisive)


def test_commitments_cannot_be_changed():
    """A commitment is a frozen record, and varying it leaves it as it was."""
    base = COMMITMENTS["cornet_s"]
    before = deepcopy(base)
    with pytest.raises(AttributeError):
        base.image_size = 256
    vary(base, times={"V4": 6}, time_mapping={"V1": {0: (0, 10)}}, image_size=64)
    assert base == before
