"""The figure of time courses: its numbers, its size, and files that it cannot be drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers.commands import run_here
from helpers.small_model import small_model
from matplotlib.figure import Figure
from PIL import Image

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.features import timecourse_figure
from brainscore_cornet.features.timecourse_figure import draw_courses, parse_width, time_courses


@pytest.fixture(scope="module")
def written(tmp_path_factory, pictures, stand_in):
    """Features of a recurrent network, and of some layer within a region, as `features` writes them."""
    path = tmp_path_factory.mktemp("courses") / "features.nc"
    layers = ["V1", "V2", "V4", "IT", "V4.conv1", "decoder.avgpool"]
    extract_features(small_model(stand_in, "cornet_rt"), list(map(str, pictures)), layers=layers, output=path)
    return path


def test_courses_are_of_all_images(written, monkeypatch):
    """Mean, spread and dissimilarity at each step are NumPy's, also where a file is read in portions."""
    monkeypatch.setattr(timecourse_figure, "_PORTION", 2**12)
    courses, model = time_courses(written)
    assert model == "cornet_rt_size_48"
    assert set(courses["layer"]) == {"V1.output", "V2.output", "V4.output", "IT.output", "V4.conv1"}
    with xr.open_dataset(written) as features:
        for row in courses.to_dict("records"):
            layer = row["layer"]
            step = features[f"{layer}:time_step"].values.tolist().index(row["time_step"])
            activity = features[layer].values[step].reshape(6, -1).astype(float)
            images = activity.mean(1)
            assert (row["mean"], row["spread"]) == pytest.approx((images.mean(), images.std()))
            r = np.corrcoef(activity)[np.triu_indices(6, 1)]
            assert row["dissimilarity"] == pytest.approx(1 - r.mean(), abs=1e-6)
            assert row["time_bin_start"] == features[f"{layer}:time_bin_start"].values[step]


def test_the_axis_says_what_r_is_over(tmp_path, pictures, stand_in):
    """Features that are averages over positions have another r, and the axis says so."""
    for name, pool, over in (("units.nc", False, "all units"), ("means.nc", True, "channel means")):
        model = small_model(stand_in, "cornet_z")
        extract_features(model, list(map(str, pictures)), layers=["V1"], pool=pool, output=tmp_path / name)
        courses, _ = time_courses(tmp_path / name)
        figure = Figure(figsize=(5, 4))
        panels = figure.subplots(1, 2)
        draw_courses(figure, panels, courses, 5)
        assert panels[1].get_ylabel() == f"mean 1 − r between images\nover {over}"


def test_the_figure_has_the_width_that_is_asked_for(written, tmp_path):
    """85 mm is 85 mm, in a pixel figure and in PDF's points."""
    for name in ("figure.png", "figure.pdf", "figure.svg"):
        done = run_here("plot", "timecourse", written, "-o", name, "--width", "85mm", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size[0] / 300 * 25.4 == pytest.approx(85, abs=0.2)
    media = (tmp_path / "figure.pdf").read_bytes().split(b"/MediaBox [")[1].split(b"]")[0].split()
    assert float(media[2]) / 72 * 25.4 == pytest.approx(85, abs=0.2)
    svg = (tmp_path / "figure.svg").read_text()
    assert "mean 1 − r between images" in svg
    assert "over all units" in svg
    assert "V4.conv1" in svg


def test_small_activities_are_seen_beside_large_ones(tmp_path):
    """The scale is logarithmic where a linear one would flatten a region, and has room above and below otherwise."""
    axes = {}
    for name, means in {"alike": (0.4, 0.41), "apart": (0.2, 8.0), "negative": (-1.0, 8.0)}.items():
        columns = {"layer": ["V1.output", "IT.output"], "time_step": [0, 0], "mean": means, "spread": 0.01}
        edges = {"time_bin_start": [50.0, 100.0], "time_bin_end": [150.0, 200.0], "dissimilarity": [0.5, 0.1]}
        edges["over"] = "all units"
        figure = Figure(figsize=(5, 4), layout="constrained")
        panels = figure.subplots(1, 2)
        draw_courses(figure, panels, pd.DataFrame({**columns, **edges}), 5)
        axes[name] = panels[0]
    assert [axis.get_yscale() for axis in axes.values()] == ["linear", "log", "linear"]
    assert axes["alike"].get_ylim() == (0, pytest.approx(0.42 * 1.08))
    assert axes["negative"].get_ylim()[0] < -1.01


def test_each_layer_of_a_region_has_a_line_of_its_own():
    """Six layers of one region, which share its colour, differ in their dashes."""
    layers = [f"V4.conv{number}" for number in range(6)]
    columns = {"layer": layers, "time_step": 0, "time_bin_start": 50.0, "time_bin_end": 90.0}
    courses = pd.DataFrame({**columns, "mean": 1.0, "spread": 0.1, "dissimilarity": 0.5, "over": "all units"})
    assert len(set(timecourse_figure._dashes(courses))) == 6
    figure = Figure(figsize=(3, 4), layout="constrained")
    draw_courses(figure, figure.subplots(2, 1), courses, 3)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == layers


def test_one_image_has_no_dissimilarity(tmp_path, pictures, stand_in):
    """The panel says that it needs two."""
    model = small_model(stand_in, "cornet_z")
    extract_features(model, [str(pictures[0])], layers=["IT"], output=tmp_path / "one.nc")
    courses, _ = time_courses(tmp_path / "one.nc")
    assert np.isnan(courses["dissimilarity"]).all()
    run_here("plot", "timecourse", "one.nc", "-o", "one.svg", "--width", "18cm", folder=tmp_path)
    assert "needs two images" in (tmp_path / "one.svg").read_text()


def test_mistakes_are_named(tmp_path, pictures, stand_in):
    """Other files, files without regions, and widths that are none."""
    extract_features(small_model(stand_in, "cornet_z"), [str(pictures[0])], layers=["logits"], output=tmp_path / "l.nc")
    (tmp_path / "bad.nc").write_bytes(b"no")
    for name, expected in [
        ("absent.nc", "absent.nc does not exist: expected one that"),
        ("features.csv", "is no netCDF file"),
        ("bad.nc", "Cannot read"),
        ("l.nc", "holds no layer of V1, V2, V4, IT"),
    ]:
        with pytest.raises(UserError, match=expected):
            time_courses(tmp_path / name)
    for width in ("85", "wide", "1mm", "3m"):
        with pytest.raises(UserError, match="Expected a width such as 85mm"):
            parse_width(width)
    done = run_here("plot", "timecourse", "l.nc", "-o", "figure.gif", folder=tmp_path)
    assert "Expected a picture that ends in" in done.stderr
