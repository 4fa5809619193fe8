"""Stimuli and data of the embedded benchmarks, held against Brain-Score's own packaging of Marques et al. 2021."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import brainscore_vision
import numpy as np
import pytest
from brainscore_vision.benchmark_helpers.screen import place_on_screen
from helpers.patience import PATIENCE
from helpers.processes import preloaded, render_in
from PIL import Image

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.marques2020 import recorded
from brainscore_cornet.marques2020.gratings import parameters, render, stimulus_set, stimulus_set_names
from brainscore_cornet.marques2020.protocols import LIGHT, OFFICIAL, Grating, Gratings

COUNTS = {
    LIGHT.prefix: {"blank": 1, "receptive_field": 676, "orientation": 384, "spatial_frequency": 1056},
    # as Brain-Score's tests of the official stimulus sets have them
    OFFICIAL.prefix: {
        "blank": 1,
        "receptive_field": 3528,
        "orientation": 1152,
        "spatial_frequency": 2112,
        "size": 2304,
    },
}
PROTOCOLS = {protocol.prefix: protocol for protocol in (LIGHT, OFFICIAL)}
SETS = [(prefix, name) for prefix, counts in COUNTS.items() for name in counts]
GRATINGS = [(prefix, name) for prefix, name in SETS if name != "blank"]


@pytest.fixture
def packaging(monkeypatch):
    """Brain-Score's scripts that packaged the official data; they import each other as scripts do."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    folder = Path(brainscore_vision.__file__).parent / "data" / "marques2020" / "data_packaging"
    monkeypatch.syspath_prepend(folder)
    return import_module


def _official(packaging, name: str) -> list[tuple]:
    """Rows of y, x, contrast, radius, spatial frequency, orientation, phase, in the scripts' order."""
    return [tuple(row) for row in packaging("marques_gen_stim").GRAT_PARAMS[f"Marques2020_{name}"]]


def _rows(prefix: str, name: str) -> list[tuple]:
    return [(y, x, 1, *others) for y, x, *others in PROTOCOLS[prefix].gratings[name]]


@pytest.mark.parametrize(("prefix", "name"), GRATINGS)
def test_gratings_are_the_official_ones(packaging, prefix, name):
    """The official protocol has the scripts' gratings, to the last bit of each parameter, and the light one some."""
    official, ours = _official(packaging, name), _rows(prefix, name)
    assert len(ours) == len(set(ours)) == COUNTS[prefix][name]
    if prefix == LIGHT.prefix:
        assert set(ours) < set(official)
    elif name == "receptive_field":  # the scripts' order is not the one that Brain-Score's functions accept
        assert ours == sorted(official)
    else:
        assert ours == official


def _sample(every: int) -> list[tuple[str, int]]:
    return [
        (name, index) for name in OFFICIAL.gratings for index in range(every // 3, len(OFFICIAL.gratings[name]), every)
    ]


@pytest.mark.parametrize("every", [307, pytest.param(7, marks=pytest.mark.slow)])
def test_pixels_are_the_official_ones(packaging, every):
    """Each image is bit for bit what Brain-Score's script renders at 12 degrees and 672 px."""
    for name, index in _sample(every):
        grating = list(OFFICIAL.gratings[name])[index]
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
        ours = np.asarray(render(grating, OFFICIAL.size, OFFICIAL.pixels_per_degree))
        np.testing.assert_array_equal(ours, official.stimulus, err_msg=f"{name} {index}")


def test_the_light_protocol_shows_the_centre():
    """A light image is the centre of 8 degrees of the official one."""
    for grating in list(LIGHT.gratings["spatial_frequency"])[::211]:
        light, official = (np.asarray(render(grating, p.size, p.pixels_per_degree)) for p in (LIGHT, OFFICIAL))
        np.testing.assert_array_equal(light, official[112:-112, 112:-112])
        assert light.std() > 1


def test_blank_is_the_official_one(packaging):
    """Uniform grey, of the scripts' value and size."""
    with Image.open(stimulus_set(OFFICIAL, "blank").get_stimulus("blank_0000")) as image:
        np.testing.assert_array_equal(np.asarray(image), packaging("marques_stim_common").Stimulus().stimulus)


def test_a_grating_outside_the_image_leaves_it_grey():
    """An aperture beyond the border shows nothing."""
    assert np.unique(np.asarray(render(Grating(20, 20, 1, 3, 0, 0), 448, 56))).tolist() == [128]


@pytest.mark.parametrize(("prefix", "name"), SETS)
def test_rows_of_stimulus_sets(prefix, name):
    """Each set has its number of rows, with parameters in the order that Brain-Score's functions expect."""
    stimuli = parameters(PROTOCOLS[prefix], name)
    assert stimuli.identifier == f"{prefix}_{name}"
    assert len(stimuli) == COUNTS[prefix][name]
    assert stimuli["stimulus_id"].is_unique
    assert set(stimuli["degrees"]) == {PROTOCOLS[prefix].degrees}
    if name != "blank":
        rows = stimuli[["position_y", "position_x", "radius", "spatial_frequency", "orientation", "phase"]]
        if name == "orientation":  # its radius follows the frequency
            rows = rows.iloc[: 4 * 12 * 8][["spatial_frequency", "orientation", "phase"]]
        assert rows.values.tolist() == sorted(rows.values.tolist())
    assert stimulus_set_names(PROTOCOLS[prefix]) == list(COUNTS[prefix])


@pytest.mark.parametrize("name", ["blank", "orientation"])
def test_images_of_stimulus_sets(name):
    """Images are 448 px wide, as many as there are rows."""
    stimuli = stimulus_set(LIGHT, name)
    paths = [Path(stimuli.get_stimulus(stimulus_id)) for stimulus_id in stimuli["stimulus_id"]]
    assert all(path.is_file() for path in paths)
    assert len(set(paths)) == COUNTS[LIGHT.prefix][name]
    with Image.open(paths[-1]) as image:
        assert image.size == (448, 448)


FEW = replace(LIGHT, prefix="few", gratings={"large": Gratings([2], [30], [45], radii=[0.5, 2, 4])})


@pytest.mark.parametrize("degrees", [4, 6.5, 10])
def test_images_are_placed_on_a_screen_as_brainscore_does(degrees, monkeypatch):
    """Images rendered for a model's visual degrees are those that `place_on_screen` makes of the protocol's."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    theirs = place_on_screen(stimulus_set(FEW, "large"), target_visual_degrees=degrees)
    ours = stimulus_set(FEW, "large", degrees)
    assert ours["degrees"].tolist() == theirs["degrees"].tolist() == [degrees] * 3
    for stimulus_id in ours["stimulus_id"]:
        with Image.open(ours.get_stimulus(stimulus_id)) as mine, Image.open(theirs.get_stimulus(stimulus_id)) as other:
            assert mine.mode == other.mode
            np.testing.assert_array_equal(np.asarray(mine), np.asarray(other))


def test_two_processes_render_at_once(tmp_path):
    """Both get all images, and nothing unfinished is left."""
    context = preloaded()
    results = context.Queue()
    some = replace(LIGHT, prefix="some", gratings={"orientation": Gratings([2], cycles=[3])})
    arguments = (str(tmp_path), some, "orientation", results)
    processes = [context.Process(target=render_in, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    sizes = {results.get(timeout=PATIENCE) for _ in processes}
    for process in processes:
        process.join()
    assert len(sizes) == 1
    assert [path.name for path in (tmp_path / "stimuli").iterdir()] == ["some_orientation-8deg-v1"]


def test_missing_images_are_rendered_again(monkeypatch, tmp_path):
    """A folder that somebody took files out of is made whole."""
    monkeypatch.setenv("BRAINSCORE_HOME", str(tmp_path))
    lost = Path(stimulus_set(FEW, "large").get_stimulus("large_0001"))
    pixels = lost.read_bytes()
    lost.unlink()
    assert Path(stimulus_set(FEW, "large").get_stimulus("large_0001")).read_bytes() == pixels


def test_no_room_for_the_images_is_said(monkeypatch, tmp_path):
    """Where nothing can be written, the error names the folder and the variable that moves it."""
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("BRAINSCORE_HOME", str(file))
    with pytest.raises(UserError, match="BRAINSCORE_HOME"):
        stimulus_set(LIGHT, "blank")


@pytest.mark.parametrize("name", recorded.DATA)
def test_recordings_are_the_published_histograms(packaging, name):
    """The same numbers of cells in every bin of every property as Brain-Score packaged, and the same every time."""
    official, mine = packaging(f"marques_{name.lower()}").collect_data(), recorded.assembly(name)
    np.testing.assert_array_equal(mine.values, recorded.assembly(name).values)
    assert mine.dims == official.dims
    assert mine.shape == official.shape
    assert mine.attrs["number_of_trials"] == official.attrs["number_of_trials"]
    assert list(mine["neuronal_property"].values) == list(official["neuronal_property"].values)
    for property_name in mine["neuronal_property"].values:
        bins = official.attrs[f"{property_name}_bins"]
        np.testing.assert_array_equal(mine.attrs[f"{property_name}_bins"], bins)
        values = [each.sel(neuronal_property=property_name).values for each in (mine, official)]
        np.testing.assert_array_equal(*(np.histogram(each, bins=bins)[0] for each in values))
        np.testing.assert_array_equal(*(np.isnan(each) for each in values))


def test_seeds_are_draws_of_the_same_histogram():
    """Another seed gives other values in the same bins."""
    first, second = (recorded.assembly("DeValois1982a", seed).values for seed in (0, 1))
    bins = np.linspace(-22.5, 157.5, 5)
    assert (first != second).all()
    assert [np.histogram(each, bins=bins)[0].tolist() for each in (first, second)] == [[110, 83, 100, 92]] * 2
