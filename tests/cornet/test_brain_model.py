"""Recordings: the right activity in each region and time bin, whatever was recorded before."""

from functools import cache, partial

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision import preallocate_memory
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from helpers.peer import plain_hook
from helpers.small_model import seen, small_model

from brainscore_cornet.cornet.anatomy import REGIONS


@pytest.fixture(scope="module")
def small(stand_in):
    """Identifier -> a model with stand-in weights that sees small images; the same one for all tests."""
    return cache(partial(small_model, stand_in))


@pytest.mark.parametrize(
    ("identifier", "region", "time_bin", "time_step"),
    [
        ("cornet_z", "V1", (50, 150), 0),
        ("cornet_z", "IT", (150, 250), 0),
        ("cornet_s", "V2", (170, 270), 1),
        ("cornet_s", "V4", (190, 240), 2),
        ("cornet_s", "IT", (150, 160), 0),
        ("cornet_r", "V1", (80, 110), 1),
        ("cornet_r", "V2", (110, 140), 2),
        ("cornet_r", "V4", (110, 140), 2),
        ("cornet_r", "IT", (70, 170), 1),
        ("cornet_r", "IT", (200, 250), 4),
        ("cornet_rt", "V1", (50, 70), 0),
        ("cornet_rt", "V2", (70, 90), 1),
        ("cornet_rt", "V4", (120, 130), 3),
        ("cornet_rt", "IT", (70, 170), 3),
        ("cornet_rt", "IT", (130, 150), 4),
    ],
)
@pytest.mark.filterwarnings("ignore:.* has no activity")
def test_a_recording_is_the_regions_output_at_its_time_step(
    small, stand_in, pictures, identifier, region, time_bin, time_step
):
    """What is recorded in a time bin is what a plain hook sees at the time step of the nearest start."""
    model = small(identifier)
    model.start_recording(region, [time_bin])
    expected = plain_hook(stand_in(model.commitment.architecture), f"{region}.output", seen(pictures))[time_step]
    recording = model.look_at(pictures)
    np.testing.assert_allclose(
        recording.values, expected.reshape(len(pictures), -1), rtol=0, atol=1e-5 * np.abs(expected).max()
    )
    assert recording["time_bin"].item() == time_bin


def test_recordings_state_which_bins_answered(small, pictures):
    """A recording has the requested time bins, and beside them the model's own bins that were recorded."""
    model = small("cornet_s")
    model.start_recording("IT", [(70, 170), (180, 290)])
    recording = model.look_at(pictures)
    assert recording["time_bin_start"].values.tolist() == [70, 180]
    assert recording["time_bin_end"].values.tolist() == [170, 290]
    assert recording.attrs["model_time_bins"] == "100-200 200-300"
    model.start_recording("IT", [(70, 170)])
    assert model.look_at(pictures).attrs["model_time_bins"] == "100-200"


def test_recordings_in_a_row_do_not_mix(small, stand_in, stimuli, pictures, monkeypatch):
    """V4, then IT, then other time bins on one stimulus set, with caching on: the right responses each time."""
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    model = small("cornet_s")
    activity = {region: plain_hook(stand_in("S"), f"{region}.output", seen(pictures)) for region in ("V4", "IT")}
    steps = {"V4": {(90, 140): 0, (240, 290): 3}, "IT": {(100, 200): 0, (200, 300): 1}}
    for region, time_bins in [
        ("V4", [(90, 140)]),
        ("IT", [(100, 200)]),
        ("IT", [(200, 300), (100, 200)]),
        ("V4", [(240, 290), (90, 140), (240, 290)]),
    ]:
        model.start_recording(region, time_bins)
        recording = model.look_at(stimuli)
        assert np.atleast_1d(recording["time_bin"].values).tolist() == time_bins
        for values, time_bin in zip(
            recording.values.reshape(len(time_bins), *recording.shape[-2:]), time_bins, strict=True
        ):
            expected = activity[region][steps[region][time_bin]].reshape(len(stimuli), -1)
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * expected.max())


@pytest.mark.parametrize("region", REGIONS)
def test_batch_size_does_not_change_the_numbers(small, stimuli, region):
    """One by one, in uneven portions and all at once, with microsaccades, the same responses in the same order."""
    recordings = []
    for batch_size in (1, 4, 12):
        model = small("cornet_rt", batch_size)
        model.start_recording(region, [(110, 130), (130, 150)])
        recordings.append(model.look_at(stimuli, number_of_trials=2, require_variance=True))
    for recording in recordings[1:]:
        tolerance = 1e-5 * recordings[0].values.max()
        np.testing.assert_allclose(recording.values, recordings[0].values, rtol=0, atol=tolerance)
        for dim in recording.dims:
            assert recording.indexes[dim].equals(recordings[0].indexes[dim])


@pytest.mark.parametrize(
    ("identifier", "region", "time_bins", "warned", "time_steps"),
    [
        ("cornet_s", "IT", [(0, 50), (100, 150)], "at 0-50 ms: committed are 100-200 ms, 200-300 ms", [0, 0]),
        ("cornet_s", "IT", [(300, 310), (90, 100)], "at 300-310 ms, 90-100 ms: committed are", [1, 0]),
        ("cornet_rt", "IT", [(70, 90)], "committed are 110-130 ms, 130-150 ms", [3]),
        ("cornet_r", "V4", [(115, 120)], "committed are 70-110 ms, 140-170 ms, 170-200 ms, 200-250 ms", [2]),
    ],
)
def test_a_time_bin_without_activity_is_warned_of(
    small, stand_in, pictures, identifier, region, time_bins, warned, time_steps
):
    """The warning names the committed time bins, and the nearest start answers."""
    model = small(identifier)
    with pytest.warns(UserWarning, match=f"has no activity in {region} .*{warned}"):
        model.start_recording(region, time_bins)
    activity = plain_hook(stand_in(model.commitment.architecture), f"{region}.output", seen(pictures[:2]))
    recorded = model.look_at(pictures[:2]).values.reshape(len(time_bins), 2, -1)
    for values, time_step in zip(recorded, time_steps, strict=True):
        expected = activity[time_step].reshape(2, -1)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * expected.max())


@pytest.mark.filterwarnings("error")
def test_a_time_bin_with_activity_is_not_warned_of(small):
    """Any overlap with a committed time bin is enough, and numpy's numbers are numbers."""
    model = small("cornet_s")
    for time_bins in ([(0, 101), (299, 400)], np.array([[70, 170], [170, 270]])):
        model.start_recording("IT", time_bins)


@pytest.mark.parametrize("region", REGIONS)
def test_memory_is_estimated_before_scoring(small, stimuli, region, capsys):
    """Brain-Score's estimate finds the layers and the number of neuroids that will be recorded."""
    model = small("cornet_z")
    assert model.layer_model.region_layer_map == {region: f"{region}.output" for region in REGIONS}
    assembly = NeuroidAssembly(
        np.ones((len(stimuli), 2, 1)),
        coords={
            "stimulus_id": ("presentation", stimuli["stimulus_id"]),
            "category": ("presentation", stimuli["category"]),
            "neuroid_id": ("neuroid", [0, 1]),
            "region": ("neuroid", [region] * 2),
            "time_bin_start": ("time_bin", [100]),
            "time_bin_end": ("time_bin", [150]),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    assembly.attrs["stimulus_set"] = stimuli
    benchmark = NeuralBenchmark(
        f"test.{region}-pls",
        assembly,
        None,
        ceiling_func=None,
        visual_degrees=8,
        number_of_trials=1,
        version=1,
        parent=region,
    )
    estimate = preallocate_memory(model, benchmark)
    model.start_recording(region, benchmark.timebins)
    recording = model.look_at(stimuli)
    assert (estimate.num_stimuli, estimate.num_features, estimate.num_timebins) == (
        recording.sizes["presentation"],
        recording.sizes["neuroid"],
        len(benchmark.timebins),
    )
    assert "BRAINSCORE_PREFLIGHT" in capsys.readouterr().out
