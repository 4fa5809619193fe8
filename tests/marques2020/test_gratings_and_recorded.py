"""Stimuli and data of the embedded benchmarks, held against Brain-Score's own packaging of Marques et al. 2021."""

from __future__ import annotations

import multiprocessing
from importlib import import_module
from pathlib import Path

import brainscore_vision
import numpy as np
import pytest
from helpers.processes import render_in
from PIL import Image

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.marques2020 import recorded
from brainscore_cornet.marques2020.gratings import STIMULI, Grating, render, stimulus_set

COUNTS = {"blank": 1, "localizer": 36, "receptive_field": 676, "orientation": 384, "spatial_frequency": 1056}


@pytest.fixture
def packaging(monkeypatch):
    """Brain-Score's scripts that packaged the official data; they import each other as scripts do."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    folder = Path(brainscore_vision.__file__).parent / "data" / "marques2020" / "data_packaging"
    monkeypatch.syspath_prepend(folder)
    return import_module


def _official(packaging, name: str) -> np.ndarray:
    return packaging("marques_gen_stim").GRAT_PARAMS[f"Marques2020_{name}"]


@pytest.mark.parametrize("name", ["receptive_field", "orientation", "spatial_frequency"])
def test_gratings_are_among_the_official_ones(packaging, name):
    """Every grating of the light protocol is one of the official, by all of its parameters."""
    official = {tuple(np.round(row, 9)) for row in _official(packaging, name)}
    # official rows: y, x, contrast, radius, spatial frequency, orientation, phase
    ours = {tuple(np.round([g[0], g[1], 1, *g[2:]], 9)) for g in STIMULI[name]()}
    assert ours <= official
    assert len(ours) == COUNTS[name] == len(list(STIMULI[name]()))


@pytest.mark.parametrize("index", range(0, 1056, 97))
def test_pixels_are_the_official_ones(packaging, index):
    """An image is the centre of 8 degrees of what Brain-Score's scripts render at 12 degrees, pixel for pixel."""
    grating = list(STIMULI["spatial_frequency"]())[index]
    official = packaging("marques_stim_common").Grating(
        width=12,
        pos=[grating.position_y, grating.position_x],
        contrast=1,
        rad=grating.radius,
        sf=grating.spatial_frequency,
        orientation=grating.orientation,
        phase=grating.phase,
        size_px=[672, 672],
    )
    official.update_stimulus()
    ours = np.asarray(render(grating)).astype(int)
    # where a wave passes through a whole number, rounding in the last bit may give either neighbour
    difference = np.abs(ours - official.stimulus[112:-112, 112:-112].astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    assert ours.std() > 1


def test_a_grating_outside_the_image_leaves_it_grey():
    """An aperture beyond the border shows nothing, and a blank is uniform grey."""
    outside = Grating(20, 20, 1, 3, 0, 0)
    assert np.unique(np.asarray(render(outside))).tolist() == np.unique(np.asarray(render(None))).tolist() == [128]


@pytest.mark.parametrize("name", COUNTS)
def test_stimulus_sets(name):
    """Each set has its number of images, 448 px wide, with parameters in the order that Brain-Score expects."""
    stimuli = stimulus_set(name)
    assert len(stimuli) == COUNTS[name]
    assert stimuli["stimulus_id"].is_unique
    assert set(stimuli["degrees"]) == {8}
    with Image.open(stimuli.get_stimulus(stimuli["stimulus_id"].iloc[-1])) as image:
        assert image.size == (448, 448)
    if name != "blank":
        rows = stimuli[["position_y", "position_x", "spatial_frequency", "orientation", "phase"]]
        if name == "orientation":  # its radius follows the frequency
            rows = rows[["spatial_frequency", "orientation", "phase"]]
        assert rows.values.tolist() == sorted(rows.values.tolist())


def test_two_processes_render_at_once(tmp_path):
    """Both get all images, and nothing unfinished is left."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=render_in, args=(str(tmp_path), "localizer", results)) for _ in range(2)]
    for process in processes:
        process.start()
    sizes = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(sizes) == 1
    assert [path.name for path in (tmp_path / "stimuli").iterdir()] == ["Marques2020light_localizer-v1"]


def test_missing_images_are_rendered_again(monkeypatch, tmp_path):
    """A folder that somebody took files out of is made whole."""
    monkeypatch.setenv("BRAINSCORE_HOME", str(tmp_path))
    lost = Path(stimulus_set("localizer").get_stimulus("localizer_0003"))
    pixels = lost.read_bytes()
    lost.unlink()
    assert Path(stimulus_set("localizer").get_stimulus("localizer_0003")).read_bytes() == pixels


def test_no_room_for_the_images_is_said(monkeypatch, tmp_path):
    """Where nothing can be written, the error names the folder and the variable that moves it."""
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("BRAINSCORE_HOME", str(file))
    with pytest.raises(UserError, match="BRAINSCORE_HOME"):
        stimulus_set("blank")


@pytest.mark.parametrize(
    ("ours", "script"),
    [
        (recorded.de_valois_1982a, "marques_devalois1982a"),
        (recorded.de_valois_1982b, "marques_devalois1982b"),
        (recorded.schiller_1976c, "marques_schiller1976c"),
    ],
)
def test_recordings_are_the_published_histograms(packaging, ours, script):
    """The same numbers of cells in every bin of every property as Brain-Score packaged, and the same every time."""
    official, mine = packaging(script).collect_data(), ours()
    np.testing.assert_array_equal(mine.values, ours().values)
    assert mine.dims == official.dims
    assert mine.attrs["number_of_trials"] == official.attrs["number_of_trials"]
    for name in mine["neuronal_property"].values:
        bins = official.attrs[f"{name}_bins"]
        np.testing.assert_allclose(mine.attrs[f"{name}_bins"], bins)
        counts = [np.histogram(data.sel(neuronal_property=name).values, bins=bins)[0] for data in (mine, official)]
        np.testing.assert_array_equal(*counts)
    assert len(mine) == len(official)


def test_preferred_orientations():
    """De Valois et al. 1982 counted 110, 83, 100 and 92 cells around four orientations."""
    counts, _ = np.histogram(recorded.de_valois_1982a().values, bins=np.linspace(-22.5, 157.5, 5))
    assert counts.tolist() == [110, 83, 100, 92]
