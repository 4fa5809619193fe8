"""What `look_at` returns is saved and loaded without a difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from helpers.small_model import small_model

from brainscore_cornet import UserError, load_recording, save_recording

COLUMNS = {
    "stimulus_id": ["0001", "b", "ü"],
    "number": [1, 2, 3],
    "small": np.array([1, 2, 3], np.int8),
    "size": [0.1, np.nan, 3],
    "truth": [True, False, True],
    "mixed": ["a", None, 3],
    "empty": ["", "NA", "nan"],
    "missing": pd.array([1, None, 3], dtype="Int64"),
    "truth_or_not": pd.array([True, None, False], dtype="boolean"),
    "date": np.array(["2020-01-01T00:00:00.123456789", "1700-01-01", "NaT"], "M8[ns]"),
    "zoned": pd.to_datetime(["2020-01-01", "2021-02-03T04:05:06.000000007", None], utc=True, format="ISO8601"),
    "duration": np.array([1, -5, "NaT"], "m8[ns]"),
    "not_utf8": ["a\udcff", "a\0b", "\n"],
    "place": [(1, 2.5), (3, "x"), ()],
    "data": ["a", "name", "taken"],
    "a/b c": [1.5, 2, 3],
    "image_label": ["x", "y", "x"],
}


@pytest.fixture
def shown(pictures) -> StimulusSet:
    stimuli = StimulusSet(pd.DataFrame(COLUMNS))
    stimuli.stimulus_paths = dict(zip(COLUMNS["stimulus_id"], map(str, pictures), strict=False))
    stimuli.identifier = None
    return stimuli


def check(recording, path) -> None:
    """Saving and loading makes the same: class, values, types, indexes, and what Brain-Score's loader makes of it."""
    save_recording(recording, path)
    loaded = load_recording(path)
    assert type(loaded) is type(recording)
    np.testing.assert_array_equal(loaded.values, recording.values)
    assert (loaded.dims, loaded.dtype, loaded.attrs) == (recording.dims, recording.dtype, recording.attrs)
    assert set(loaded.coords) == set(recording.coords)
    for name, coord in recording.coords.items():
        if not coord.dims:
            assert loaded[name].item() == coord.item()
    for dim in recording.dims:
        if dim in recording.coords:
            # xarray takes missing values in an index of several levels for different
            ours, theirs = loaded.indexes[dim], recording.indexes[dim]
            pd.testing.assert_index_equal(ours, theirs)
            assert ours.names == theirs.names
            for name in ours.names:
                found, expected = ours.get_level_values(name), theirs.get_level_values(name)
                assert (found.dtype, type(found)) == (expected.dtype, type(expected)), name
                for one, other in zip(found, expected, strict=True):
                    assert type(one) is type(other), name
                    assert one is other or one == other or (pd.isna(one) and pd.isna(other)), name
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_recordings(stand_in, shown, tmp_path):
    """Recordings of several time bins, of one with trials that differ, and of a list of files."""
    model = small_model(stand_in, "cornet_z")
    model.start_recording("IT", [(100, 200), (150, 250)])
    results = {"bins": model.look_at(shown)}
    model.start_recording("IT", [(100, 200)])
    results["trials"] = model.look_at(shown[["stimulus_id", "size"]], 2, True)
    results["files"] = model.look_at([str(path) for path in shown.stimulus_paths.values()])
    for name, recording in results.items():
        (tmp_path / name).mkdir()
        check(recording, tmp_path / name / "one.nc")


def test_behaviour_and_activations(stand_in, shown, tmp_path):
    """Labels, probabilities, an odd one out, and activations of layers, some without positions."""
    model = small_model(stand_in, "cornet_z")
    plain = shown[["stimulus_id", "size", "image_label"]]
    results = {"activations": model.activations_model(plain, ["V2.output", "logits"])}
    for task, options in (("label", ["dog", "cat"]), ("probabilities", plain), ("odd_one_out", None)):
        model.start_task(task, *([] if options is None else [options]))
        results[task] = model.look_at(plain)
    for name, result in results.items():
        (tmp_path / name).mkdir()
        check(result, tmp_path / name / "saved.nc")


def test_plain_arrays(tmp_path):
    """A DataArray with a name, attributes and coordinates that are no indexes stays one."""
    array = xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        coords={"a": ["x", "y"], "b": ("c", [1, 2, 3]), "one": 5, "pair": (("a", "c"), np.ones((2, 3), bool))},
        dims=["a", "c"],
        name="mine",
        attrs={"text": "ü", "number": 3, "list": [1, None], "nested": {"a": (1.5, "b")}},
    )
    save_recording(array, tmp_path / "array.nc")
    xr.testing.assert_identical(load_recording(tmp_path / "array.nc"), array)
    assert load_recording(tmp_path / "array.nc").attrs == array.attrs


def test_brainscores_loader_reads_it(stand_in, stimuli, tmp_path):
    """Brain-Score's own loader makes the same assembly of the file."""
    model = small_model(stand_in, "cornet_z")
    model.start_recording("V4", [(90, 190), (100, 190)])
    recording = model.look_at(stimuli)
    save_recording(recording, tmp_path / "v4.nc")
    theirs = NeuroidAssembly.from_files(tmp_path / "v4.nc")
    assert type(theirs) is type(recording)
    np.testing.assert_array_equal(theirs.values, recording.values)
    for dim in recording.dims:
        for name in recording.indexes[dim].names:
            np.testing.assert_array_equal(theirs[name].values, recording[name].values)


def test_mistakes(stand_in, pictures, tmp_path):
    """Each mistake is one line, and a file that is there stays."""
    array = xr.DataArray([1.0], dims=["a"])
    save_recording(array, tmp_path / "a.nc")
    before = (tmp_path / "a.nc").read_bytes()
    (tmp_path / "text.nc").write_text("no netCDF")
    array.to_netcdf(tmp_path / "other.nc")
    for call, message in (
        (lambda: save_recording(array, tmp_path / "a.nc"), r"a\.nc exists"),
        (lambda: save_recording(array, tmp_path / "a.h5"), r"ends in \.nc"),
        (lambda: save_recording([1, 2], tmp_path / "b.nc"), "received list"),
        (lambda: save_recording(array.astype(complex), tmp_path / "b.nc"), "type complex128"),
        (lambda: save_recording(array.assign_attrs(model=object()), tmp_path / "b.nc"), "the attributes has a value"),
        (lambda: save_recording(array, tmp_path / "no" / "b.nc"), "Cannot write"),
        (lambda: load_recording(tmp_path / "none.nc"), r"Cannot read the recording .*none\.nc"),
        (lambda: load_recording(tmp_path / "text.nc"), r"Cannot read the recording .*text\.nc"),
        (lambda: load_recording(tmp_path / "other.nc"), "not written by save_recording"),
    ):
        with pytest.raises(UserError, match=message):
            call()
    assert (tmp_path / "a.nc").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "other.nc", "text.nc"]
    save_recording(array + 1, tmp_path / "a.nc", overwrite=True)
    assert load_recording(tmp_path / "a.nc").values == [2.0]
