"""The embedded benchmarks: do they tell V1-like models from others, and leave Brain-Score as it was?"""

from __future__ import annotations

import brainscore_vision
import numpy as np
import pytest
import subjects
from brainscore_vision.benchmark_helpers import properties_common

from brainscore_cornet.errors import UserError
from brainscore_cornet.marques2020light import benchmark as light
from brainscore_cornet.marques2020light.recorded import de_valois_1982a, de_valois_1982b
from brainscore_cornet.marques2020light.subject import Subject

BINS = light.TIME_BINS

BENCHMARKS = {
    "pref_or": light.pref_or,
    "peak_sf": light.peak_sf,
    "sf_bandwidth": light.sf_bandwidth,
    "sf_selective": light.sf_selective,
}
NEUROIDS = 200


def _frequencies(random: np.random.RandomState) -> np.ndarray:
    return random.choice(de_valois_1982b().values[:, 0].clip(0.5, 8), NEUROIDS)


def _gabors(vertical: bool = False) -> subjects.Subject:
    random = np.random.RandomState(0)
    orientations = random.choice(de_valois_1982a().values[:, 0], NEUROIDS)
    name = "gabors_vertical" if vertical else "gabors"
    return subjects.gabors(name, orientations * (not vertical), _frequencies(random))


def _scores(model) -> dict[str, float]:
    with light.shared_recordings():
        return {name: float(make()(model)) for name, make in BENCHMARKS.items()}


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, float]]:
    models = {"pixels": subjects.pixels(), "gabors": _gabors(), "vertical": _gabors(vertical=True)}
    return {name: _scores(model) for name, model in models.items()}


def test_gabor_filters_made_from_the_histograms_score_high(scores):
    """Filters whose orientations and frequencies are drawn from the recordings resemble them in every property."""
    assert scores["gabors"]["pref_or"] > 0.9
    assert scores["gabors"]["peak_sf"] > 0.85
    assert scores["gabors"]["sf_bandwidth"] > 0.6
    assert scores["gabors"]["sf_selective"] > 0.85


def test_pixels_have_no_spatial_frequency(scores):
    """Raw pixels fail where frequency tuning is asked for, not in orientation: they have no bias."""
    for name in ("peak_sf", "sf_bandwidth", "sf_selective"):
        assert scores["pixels"][name] < 0.15, name
    assert scores["vertical"]["pref_or"] + 0.3 < scores["pixels"]["pref_or"] < scores["gabors"]["pref_or"]


def test_vertical_filters_fail_in_orientation_alone(scores):
    """Filters of one orientation are caught by the preferred orientations, and score as before elsewhere."""
    assert scores["vertical"]["pref_or"] < 0.2
    for name in ("peak_sf", "sf_bandwidth", "sf_selective"):
        assert scores["vertical"][name] == pytest.approx(scores["gabors"][name], abs=0.12), name


def test_scores_are_reproducible(scores):
    """Where Brain-Score's functions sample, they start from a fixed seed."""
    np.random.seed(7)
    assert _scores(_gabors()) == scores["gabors"]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_ceiling_is_fixed_and_high(name):
    """The recordings resemble themselves, and the same at every call."""
    np.random.seed(3)
    first = BENCHMARKS[name]().ceiling
    np.random.seed(4)
    assert float(BENCHMARKS[name]().ceiling) == float(first)
    assert 0.9 < float(first) < 1


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "pref_or" else pytest.mark.slow) for name in BENCHMARKS]
)
def test_ceiling_is_that_of_every_score(name):
    """A score is divided by it, whichever model was measured before."""
    assert float(BENCHMARKS[name]()(_gabors()).ceiling) == float(BENCHMARKS[name]().ceiling)


def test_score_says_what_it_is_not():
    """A score carries its raw value, ceiling and error, and says that it cannot stand beside the leaderboard's."""
    score = light.pref_or()(_gabors())
    assert "not comparable" in score.attrs["comment"]
    assert float(score) == pytest.approx(float(score.raw) / float(score.ceiling))
    assert 0 < float(score.attrs["error"]) < 0.2


def test_numpys_global_random_state_is_put_back():
    """A user's own random numbers go on as if no benchmark had run."""
    np.random.seed(5)
    expected = np.random.rand(3)
    np.random.seed(5)
    light.pref_or()(subjects.pixels())
    np.testing.assert_array_equal(np.random.rand(3), expected)


def test_one_recording_serves_all():
    """Scored together, each stimulus set is shown once."""
    together = _gabors()
    with light.shared_recordings():
        for make in BENCHMARKS.values():
            make()(together)
    # the blank before and after neuroids are picked, the localizer (3 x 3 places, 2 orientations, 2 phases), receptive
    # fields, orientations, frequencies
    assert together.seen == 2 + 36 + 676 + 384 + 1056


def test_responses_may_be_bytes():
    """Responses that are not signed, as Brain-Score's own `pixels` model has them, do not wrap around below zero."""

    def scaled(patches):
        return np.round(127.5 * (subjects.pixels()._respond(patches) + 1))

    recorded = []
    for kind in (np.uint8, np.float32):
        subject = Subject(subjects.Subject("pixels", lambda patches, k=kind: scaled(patches).astype(k)), "V1", BINS)
        subject.start_recording("V1", BINS)
        with light.light_protocol():
            recorded.append(subject.look_at(light.stimulus_set("orientation")))
    assert np.issubdtype(recorded[0].dtype, np.floating)
    np.testing.assert_array_equal(*(each.values for each in recorded))


def test_every_benchmark_names_what_a_model_lacks():
    """Where nothing responds at the gratings' place, each benchmark that shares the recordings says so."""
    silent = subjects.Subject("silent", lambda patches: np.zeros((len(patches), 5)))
    with light.shared_recordings():
        for make in BENCHMARKS.values():
            with pytest.raises(UserError, match="Of silent's neuroids in V1, 0 have their receptive field"):
                make()(silent)


@pytest.mark.slow
def test_a_changed_model_is_recorded_anew():
    """Nothing is remembered between two calls outside `shared_recordings`, not even for the same identifier."""
    vertical, all_orientations = _gabors(vertical=True), _gabors()
    vertical._identifier = all_orientations._identifier
    assert float(light.pref_or()(vertical)) < 0.2 < float(light.pref_or()(all_orientations))


class Broken(Exception):
    pass


def test_official_stimuli_come_back_after_an_error():
    """The official names stand for the light stimuli only while a light benchmark runs, whatever happens in it."""
    registry = brainscore_vision.stimulus_set_registry
    before = {name: registry[name] for name in light.OFFICIAL_STIMULI}

    def fail(patches):
        assert registry[properties_common.RF_STIM_NAME] is not before[properties_common.RF_STIM_NAME]
        raise Broken

    with pytest.raises(Broken):
        light.pref_or()(subjects.Subject("broken", fail))
    assert {name: registry[name] for name in light.OFFICIAL_STIMULI} == before


def test_official_caches_are_neither_read_nor_written(monkeypatch, tmp_path):
    """What the full protocol kept of a model of the same name is not read, and nothing is kept for it to read."""
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    model = _gabors()
    identifiers = (model.identifier, f"{model.identifier}--{light.PREFIX}")

    def poison(model_identifier, model, region):
        raise AssertionError("never called: only its cache is written")

    for function in ("map_receptive_field_locations", "firing_rates_affine"):
        for identifier in identifiers:
            path = tmp_path / f"brainscore_vision.benchmark_helpers.properties_common.{function}"
            path.mkdir(exist_ok=True)
            (path / f"model_identifier={identifier},region=V1.pkl").write_bytes(b"not what the light protocol measures")
    before = sorted(tmp_path.rglob("*"))
    light.pref_or()(model)
    assert sorted(tmp_path.rglob("*")) == before


def test_caching_is_as_before_afterwards(monkeypatch):
    """The environment's switch for Brain-Score's caches is put back, set or not."""
    import os

    for value in (None, "0"):
        if value is None:
            monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
        else:
            monkeypatch.setenv("RESULTCACHING_DISABLE", value)
        with light.light_protocol():
            assert os.environ["RESULTCACHING_DISABLE"] == "1"
        assert os.environ.get("RESULTCACHING_DISABLE") == value


@pytest.mark.parametrize(
    "respond",
    [
        lambda patches: np.zeros((len(patches), 5), dtype=np.float32),
        lambda patches: patches[:, :1, :1].reshape(len(patches), -1),  # far from the gratings
        lambda patches: patches[:, 112:113, 112:113].reshape(len(patches), -1),  # one alone
    ],
    ids=["silent", "elsewhere", "one"],
)
def test_too_few_neuroids_are_said(respond):
    """Where fewer than two neuroids look at the gratings' place, the error says so, and what may be the reason."""
    with pytest.raises(UserError, match="at least two are needed"):
        light.pref_or()(subjects.Subject("blind", respond))


def _spread(patches: np.ndarray) -> np.ndarray:
    """Local contrast at many places: rectified differences of neighbouring pixels."""
    return np.abs(patches[:, ::6, 4::6] - patches[:, ::6, :-4:6]).reshape(len(patches), -1)


def test_localizer_loses_no_neuroid():
    """The neuroids that are kept are those that Brain-Score's rule alone picks among all."""
    model = subjects.Subject("spread", _spread)
    model.start_recording("V1", light.TIME_BINS)
    with light.light_protocol():
        expected = properties_common.filter_receptive_fields("spread", model, "V1", np.array([0.5, 0.5]))
        subject = Subject(model, "V1", light.TIME_BINS)
        subject._find_neuroids()
    np.testing.assert_array_equal(subject._kept, expected)
    assert 2 < len(expected) < _spread(np.zeros((1, 224, 224), np.float32)).shape[1] / 10


def test_portions_do_not_change_the_recording(monkeypatch):
    """Shown in small portions, which spares memory, stimuli are recorded the same."""
    recorded = []
    for portion in (2**29, 2**20):
        monkeypatch.setattr("brainscore_cornet.marques2020light.subject.PORTION", portion)
        subject = Subject(model := subjects.Subject("spread", _spread), "V1", light.TIME_BINS)
        model.start_recording("V1", light.TIME_BINS)
        with light.light_protocol():
            recorded.append(
                subject.look_at(brainscore_vision.load_stimulus_set(properties_common.ORIENTATION_STIM_NAME))
            )
    np.testing.assert_array_equal(recorded[0].values, recorded[1].values)
    assert list(recorded[0].presentation.values) == list(recorded[1].presentation.values)


def test_most_neuroids_are_drawn_by_a_fixed_seed(monkeypatch):
    """Of too many neuroids a sample is kept, the same one each time."""
    monkeypatch.setattr("brainscore_cornet.marques2020light.subject.MOST_NEUROIDS", 40)
    kept = []
    for _ in range(2):
        model = subjects.Subject("spread", _spread)
        model.start_recording("V1", light.TIME_BINS)
        subject = Subject(model, "V1", light.TIME_BINS)
        with light.light_protocol():
            subject._find_neuroids()
        kept.append(list(subject._kept))
    assert kept[0] == kept[1]
    assert 2 <= len(kept[0]) <= 40
