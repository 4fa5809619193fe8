"""What data say about their own axes, beside what the benchmark file says: ids, time bins, and the kind of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers.commands import run_here
from helpers.own_recordings import NEUROIDS, REPETITIONS, STIMULI, TEXT, laboratory, responses

from brainscore_cornet import UserError, neural_benchmark
from brainscore_cornet.own_data import load_benchmark

DIMS = 'dims = ["repetition", "stimulus", "neuroid", "time_bin"]'
BINS = "time_bins = [[70, 170], [170, 270]]"
IDS = [f"{number:02}" for number in range(STIMULI)]


def netcdf(folder, **coords) -> xr.DataArray:
    """Responses with dimensions that have a laboratory's own names, and stimuli in the opposite order."""
    dims = ("repeat", "image", "unit", "window")
    coords = {"image": IDS[::-1], "unit": [f"u{number}" for number in range(NEUROIDS)], **coords}
    return xr.DataArray(responses()[:, ::-1], dims=dims, coords=coords, name="rates")


def test_ids_along_a_renamed_dimension_remain(tmp_path):
    """Ids in a netCDF file whose dimensions `dims` renames say which stimulus and neuroid a position is."""
    expected = load_benchmark(laboratory(tmp_path)).recorded
    netcdf(tmp_path).to_netcdf(tmp_path / "it.nc")
    (tmp_path / "it.toml").write_text(TEXT.replace("it.npy", "it.nc"))
    found = load_benchmark(tmp_path / "it.toml").recorded
    np.testing.assert_array_equal(found.averages(), expected.averages())
    assert found.neuroids["neuroid_id"].tolist() == [f"u{number}" for number in range(NEUROIDS)]


def test_labels_that_are_variables_of_a_netcdf_file(tmp_path):
    """One-dimensional variables beside the array label its axes as coordinates do."""
    laboratory(tmp_path)
    array = netcdf(tmp_path).drop_vars(["image", "unit"])
    labels = {"stimulus_id": ("image", IDS[::-1]), "neuroid_id": ("unit", list("abcdef"))}
    xr.Dataset({"rates": array, **labels}).to_netcdf(tmp_path / "it.nc")
    (tmp_path / "it.toml").write_text(TEXT.replace("it.npy", "it.nc"))
    found = load_benchmark(tmp_path / "it.toml").recorded
    np.testing.assert_allclose(found.averages(), responses().mean(0))
    assert found.neuroids["neuroid_id"].tolist() == list("abcdef")


def test_a_first_file_for_dimensions_with_other_names(tmp_path):
    """`benchmark --new` guesses what each dimension of a netCDF file is, and marks it."""
    laboratory(tmp_path)
    netcdf(tmp_path).to_netcdf(tmp_path / "it.nc")
    done = run_here("benchmark", "new.toml", "--new", "--recordings", "it.nc", "--stimuli", "images", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{DIMS}  # guessed" in (tmp_path / "new.toml").read_text()


def test_dims_that_contradict_the_data(tmp_path):
    """A table and a file that name their dimensions have no others."""
    table = pd.DataFrame(responses()[0, :, :, 0], columns=list("abcdef")).assign(stimulus_id=IDS)
    images = laboratory(tmp_path).parent / "images"
    options = {"stimuli": images, "region": "IT", "visual_degrees": 8, "time_bins": [(70, 170)], "metric": "ridge"}
    assert neural_benchmark("x", table, dims=["stimulus", "neuroid"], **options).recorded.values.shape[1] == NEUROIDS
    with pytest.raises(UserError, match="given as neuroid, presentation, and the data have presentation, neuroid"):
        neural_benchmark("x", table, dims=["neuroid", "presentation"], **options)


def long_table(**columns) -> pd.DataFrame:
    """Responses of all neuroids in the first time bin of two, in rows."""
    rows = pd.MultiIndex.from_product([IDS, list("abcdef")], names=["stimulus_id", "neuroid_id"])
    return pd.DataFrame({"response": responses()[0, :, :, 0].ravel(), **columns}, index=rows).reset_index()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[[70, 170]]", None),
        ("[[80, 180]]", r"it.csv has the time bins \[\[70, 170\]\], and time_bins = \[\[80, 180\]\] are given"),
        ("[[70, 170], [170, 270]]", r"has the time bins \[\[70, 170\]\], and time_bins = "),
    ],
)
def test_time_bins_of_the_data_and_of_the_file_must_agree(tmp_path, given, expected):
    """Those in the benchmark file never replace others in the data's columns."""
    laboratory(tmp_path)
    long_table(time_bin_start=70, time_bin_end=170).to_csv(tmp_path / "it.csv", index=False)
    text = TEXT.replace("it.npy", "it.csv").replace(DIMS, "").replace(BINS, f"time_bins = {given}")
    (tmp_path / "it.toml").write_text(text)
    if expected is None:
        assert load_benchmark(tmp_path / "it.toml").recorded.time_bins == [(70, 170)]
        return
    with pytest.raises(UserError, match=expected):
        load_benchmark(tmp_path / "it.toml")


@pytest.mark.parametrize("kind", ["float16", ">f8", ">f4", "longdouble", "int8"])
def test_any_kind_of_number_is_computed_with_in_single_precision_at_least(tmp_path, kind):
    """The ceiling of responses that are stored in few bits is that of the same numbers in many."""
    images = laboratory(tmp_path).parent / "images"
    options = {"stimuli": images, "region": "IT", "visual_degrees": 8, "time_bins": [(70, 170)], "metric": "ridge"}
    options["dims"] = ["repetition", "stimulus", "neuroid"]
    values = (20 * responses()[..., 0]).astype(kind)
    found, expected = (neural_benchmark("x", each, **options) for each in (values, values.astype(float)))
    assert found.recorded.values.dtype in (np.dtype("float32"), np.dtype("float64"))
    assert float(found.ceiling) == pytest.approx(float(expected.ceiling), abs=1e-6)
    assert len(values) == REPETITIONS
