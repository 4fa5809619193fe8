"""Features for h5py, MATLAB and torch: the same numbers and labels as in memory."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.small_model import small_model
from scipy.io import loadmat

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.features.output_files import check_size

LAYERS = ["V2", "decoder.avgpool"]


@pytest.fixture
def model(stand_in):
    return small_model(stand_in, "cornet_r")


@pytest.fixture
def table(pictures) -> pd.DataFrame:
    columns = {"label": ["dog", "", "ü", "a", "b", "c"], "size": np.arange(6) / 2, "seen": [True, False] * 3}
    columns |= {"number": np.arange(6), "day": pd.to_datetime(["2020-01-01"] * 6)}
    return pd.DataFrame({"stimulus_path": list(map(str, pictures)), **columns})


def test_h5(model, table, tmp_path):
    """A dataset for each layer, labelled by attributes, and the images' table beside them."""
    expected = extract_features(model, table, layers=LAYERS)
    extract_features(model, table, layers=LAYERS, output=tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert set(file) == {"V2.output", "decoder.avgpool", "images"}
        np.testing.assert_array_equal(file["V2.output"][:], expected["V2.output"].values)
        found = dict(file["V2.output"].attrs)
        assert found["dimensions"].tolist() == ["time_step", "image", "channel", "row", "column"]
        assert (found["layer"], found["region"], found["time_step"].tolist()) == ("V2.output", "V2", [1, 2, 3, 4])
        np.testing.assert_array_equal(found["time_bin_start"], expected["V2.output:time_bin_start"])
        assert math.isnan(file["decoder.avgpool"].attrs["time_bin_end"][0])
        assert file.attrs["model"] == model.identifier
        images = file["images"]
        assert images["label"].asstr()[:].tolist() == table["label"].tolist()
        assert images["seen"][:].tolist() == table["seen"].tolist()
        np.testing.assert_array_equal(images["size"][:], table["size"])
        assert images["day"].asstr()[0] == "2020-01-01T00:00:00"


@pytest.mark.parametrize("flat", [False, True])
def test_mat(model, table, tmp_path, flat):
    """scipy, and so MATLAB, finds an array for each layer and time step, and structures with the labels."""
    expected = extract_features(model, table, layers=LAYERS)["V2.output"].values
    extract_features(model, table, layers=LAYERS, output=tmp_path / "out.mat", flat=flat)
    found = loadmat(tmp_path / "out.mat", simplify_cells=True)
    names = [*(f"V2_output_t{step}" for step in (1, 2, 3, 4)), "decoder_avgpool_t0"]
    assert [name for name in found if not name.startswith("__")] == ["images", "sites", "attributes", *names]
    for place, name in enumerate(names[:4]):
        values = expected[place].reshape(6, -1) if flat else expected[place]
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == np.float32
    assert found["sites"]["variable"].tolist() == names
    assert found["sites"]["layer"].tolist() == ["V2.output"] * 4 + ["decoder.avgpool"]
    assert found["sites"]["time_step"].tolist() == [1, 2, 3, 4, 0]
    assert found["sites"]["time_bin_start"][:4].tolist() == [60, 110, 140, 170]
    assert found["images"]["stimulus_path"].tolist() == table["stimulus_path"].tolist()
    assert found["images"]["size"].tolist() == table["size"].tolist()
    assert [label if isinstance(label, str) else "" for label in found["images"]["label"]] == table["label"].tolist()
    assert found["attributes"]["model"] == model.identifier


def test_pt(model, table, tmp_path):
    """torch reads it without unpickling code: layer, time step, tensor."""
    expected = extract_features(model, table, layers=LAYERS)
    extract_features(model, table, layers=LAYERS, output=tmp_path / "out.pt")
    found = torch.load(tmp_path / "out.pt", weights_only=True)
    assert {layer: list(steps) for layer, steps in found["features"].items()} == {
        "V2.output": [1, 2, 3, 4],
        "decoder.avgpool": [0],
    }
    for place, tensor in enumerate(found["features"]["V2.output"].values()):
        np.testing.assert_array_equal(tensor.numpy(), expected["V2.output"].values[place])
    assert found["time_bins"]["V2.output"] == {1: (60, 110), 2: (110, 140), 3: (140, 170), 4: (170, 200)}
    assert found["images"]["label"] == table["label"].tolist()
    assert found["images"]["number"] == list(range(6))
    assert found["attributes"]["model"] == model.identifier


def values_of(path: Path) -> np.ndarray:
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["V2.output"][0]
    if path.suffix == ".mat":
        return loadmat(path)["V2_output_t1"]
    return torch.load(path, weights_only=True)["features"]["V2.output"][1].numpy()


@pytest.mark.parametrize("ending", ["h5", "mat", "pt"])
def test_joined_shards_and_images_that_are_left_out(model, pictures, tmp_path, ending):
    """Joined shards have the bytes of a single run, without the images that cannot be read; nothing else is left."""
    bad = tmp_path / "half.jpg"
    bad.write_bytes(Path(pictures[1]).read_bytes()[:2000])
    images = [*pictures[:2], bad, *pictures[2:]]
    options = {"layers": ["V2"], "time_steps": [1], "on_error": "skip"}
    expected = extract_features(model, images, **options)["V2.output"].values[0]
    contents = []
    for folder, runs in (("one", [{}]), ("two", [{"shard": "1/2"}, {"shard": "2/2"}, {"join": True}])):
        (tmp_path / folder).mkdir()
        output = tmp_path / folder / f"out.{ending}"
        for run in runs:
            extract_features(model, images, **options, **run, output=output)
        assert sorted(path.name for path in output.parent.iterdir()) == [output.name, f"{output.name}.skipped.txt"]
        np.testing.assert_array_equal(values_of(output), expected)
        contents.append(output.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("ending", "column", "message"),
    [
        ("mat", "a b", r"\.mat cannot have a column 'a b': name it with letters"),
        ("mat", "_a", "cannot have a column"),
        ("mat", "a" * 64, "cannot have a column"),
        ("h5", "a/b", r"\.h5 cannot have a column 'a/b'"),
    ],
)
def test_columns_that_a_file_cannot_have(model, table, tmp_path, ending, column, message):
    """Names that a format cannot have are refused before any work."""
    with pytest.raises(UserError, match=message):
        extract_features(model, table.assign(**{column: 1}), layers=["V2"], output=tmp_path / f"out.{ending}")


def test_too_large_for_matlab(tmp_path):
    """What MATLAB's format cannot hold is refused before any work, with what holds it."""
    shapes = {Site("V1.output", 0): (64, 56, 56)}
    check_size(shapes, 2600, tmp_path / "out.mat")
    with pytest.raises(UserError, match=r"needs 2\.2 GB .* write \.h5, which MATLAB reads with h5read"):
        check_size(shapes, 2700, tmp_path / "out.mat")
