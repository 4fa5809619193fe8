"""What data say about their own axes, beside what the benchmark file says: ids, time bins, and the kind of numbers."""

from __future__ import annotations

import json

import h5py
import netCDF4  # noqa: F401  # before h5py opens files, as the package imports it
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr
from helpers.commands import run_here
from helpers.own_recordings import NEUROIDS, REPETITIONS, STIMULI, TEXT, laboratory, responses

from brainscore_cornet import UserError, neural_benchmark
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.data_files import read_table
from brainscore_cornet.own_data.first_file import Choices, write_first_file

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


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((NEUROIDS, STIMULI), ["neuroid", "stimulus"]),
        ((STIMULI, STIMULI), ["stimulus", "neuroid"]),
        ((STIMULI, NEUROIDS, 3), ["stimulus", "neuroid", "repetition"]),
        ((2, NEUROIDS, 3, STIMULI), ["repetition", "neuroid", "time_bin", "stimulus"]),
    ],
)
def test_dims_are_guessed_from_any_order(tmp_path, shape, expected):
    """The axis of the stimuli is known by its length, and the longest of the others is taken for the neuroids."""
    laboratory(tmp_path)
    np.save(tmp_path / "rates.npy", np.random.RandomState(0).randn(*shape))
    write_first_file(tmp_path / "new.toml", tmp_path / "rates.npy", tmp_path / "images", Choices())
    assert f"dims = {json.dumps(expected)}  # guessed" in (tmp_path / "new.toml").read_text()


def test_dissimilarities_are_no_recordings(tmp_path):
    """`benchmark --new` writes files for recordings alone, and says so."""
    laboratory(tmp_path)
    points = np.random.RandomState(0).randn(STIMULI, 3)
    np.save(tmp_path / "rdm.npy", np.abs(points[:, np.newaxis] - points).sum(2))
    with pytest.raises(UserError, match=r"rdm\.npy holds dissimilarities, .* under \[rdm\] file = "):
        write_first_file(tmp_path / "new.toml", tmp_path / "rdm.npy", tmp_path / "images", Choices())


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


def matlab73(path, values: np.ndarray) -> None:
    """A file as MATLAB writes version 7.3: axes in the opposite order, and text as a matrix of characters."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("session")
        group.create_dataset("rates", data=values.T).attrs["MATLAB_class"] = np.bytes_("double")
        characters = np.array([[ord(each) for each in name] for name in IDS[::-1]], np.uint16)
        group.create_dataset("stimulus_id", data=characters.T).attrs["MATLAB_class"] = np.bytes_("char")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def written(folder, kind: str) -> str:
    """Write responses to stimuli in the opposite order with their ids, and return the file's name."""
    values, names = responses()[:, ::-1], np.array(IDS[::-1])
    if kind == "characters":
        scipy.io.savemat(folder / "it.mat", {"rates": values, "stimulus_id": names, "onsets": np.arange(3)})
    elif kind == "structure":
        cells = names.astype(object).reshape(-1, 1)
        scipy.io.savemat(folder / "it.mat", {"session": {"rates": values, "stimulus_ids": cells, "day": 3.0}})
    elif kind == "7.3":
        matlab73(folder / "it.mat", values)
    else:
        objects = np.array([{"day": 3}], object)
        np.savez(folder / "it.npz", rates=values, stimulus_ids=names, notes=objects)
        return "it.npz"
    return "it.mat"


@pytest.mark.parametrize("kind", ["characters", "structure", "7.3", "objects"])
def test_ids_beside_other_things_in_a_file(tmp_path, kind):
    """Text as characters or cells, structures, and objects that are no data, as laboratories' files have them."""
    expected = load_benchmark(laboratory(tmp_path)).recorded
    (tmp_path / "it.toml").write_text(TEXT.replace("it.npy", written(tmp_path, kind)))
    np.testing.assert_array_equal(load_benchmark(tmp_path / "it.toml").recorded.averages(), expected.averages())


def test_ids_in_the_index_of_a_table(tmp_path):
    """A DataFrame, and a parquet file of it, may have its ids in a named index."""
    images = laboratory(tmp_path).parent / "images"
    options = {"stimuli": images, "region": "IT", "visual_degrees": 8, "time_bins": [(70, 170)], "metric": "ridge"}
    index = pd.Index(IDS[::-1], name="stimulus_id")
    table = pd.DataFrame(responses()[0, ::-1, :, 0], columns=list("abcdef"), index=index)
    table.to_parquet(tmp_path / "it.parquet")
    for given in (table, read_table(tmp_path / "it.parquet")):
        found = neural_benchmark("x", given, **options).recorded
        np.testing.assert_array_equal(found.averages()[..., 0], responses()[0, :, :, 0])
