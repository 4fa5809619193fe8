"""Features are what the plain network does at each layer and time step, in memory and in every kind of file."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from helpers.peer import plain_hooks
from helpers.small_model import seen, small_model
from PIL import Image

from brainscore_cornet import UserError, extract_features, load_model
from brainscore_cornet.cornet.commitments import COMMITMENTS
from brainscore_cornet.cornet.recording.shapes import survey

REACHED = {
    "Z": {"V1": [0], "V2": [0], "V4": [0], "IT": [0]},
    "R": {"V1": [0, 1, 2, 3, 4], "V2": [1, 2, 3, 4], "V4": [1, 2, 3, 4], "IT": [1, 2, 3, 4]},
    "RT": {"V1": [0, 1, 2, 3, 4], "V2": [1, 2, 3, 4], "V4": [2, 3, 4], "IT": [3, 4]},
    "S": {"V1": [0], "V2": [0, 1], "V4": [0, 1, 2, 3], "IT": [0, 1]},
}


@pytest.fixture
def small(stand_in):
    """Identifier -> a new model with stand-in weights that sees small images."""
    return partial(small_model, stand_in)


def close(found, expected) -> None:
    expected = expected.reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("architecture", REACHED)
def test_every_region_at_every_step_that_the_image_has_reached(small, stand_in, pictures, architecture):
    """By default every region is extracted at each time step that the image has reached, as plain hooks see it."""
    pictures = pictures[:3]
    features = extract_features(small(f"cornet_{architecture.lower()}", batch_size=2), pictures)
    plain = plain_hooks(stand_in(architecture), seen(pictures))
    assert set(features) == {"V1.output", "V2.output", "V4.output", "IT.output", "decoder.avgpool"}
    for region, steps in REACHED[architecture].items():
        layer = f"{region}.output"
        assert features[f"{layer}:time_step"].values.tolist() == steps
        close(features[layer].values, np.stack([plain[layer][step] for step in steps]))
    close(features["decoder.avgpool"].values, plain["decoder.avgpool"][0])


def test_layers_inside_regions(small, stand_in, pictures):
    """Sublayers at their steps, also one that works at some of them only, a region's short name, and logits."""
    pictures = pictures[:3]
    features = extract_features(small("cornet_s"), pictures, layers=["IT.conv2", "V4.skip", "V2", "logits"])
    plain = plain_hooks(stand_in("S"), seen(pictures))
    close(features["IT.conv2"].values, np.stack(plain["IT.conv2"]))
    assert features["V4.skip:time_step"].values.tolist() == [0]
    close(features["V4.skip"].values, np.stack(plain["V4.skip"]))
    assert features["V2.output"].shape[:3] == (2, len(pictures), 128)
    close(features["logits"].values, plain["decoder.linear"][0])


def test_features_are_what_is_recorded(small, pictures):
    """Time bins are answered as in recordings, and units come in the same order."""
    model, bins = small("cornet_s"), [(90, 120), (200, 210)]
    model.start_recording("V4", bins)
    recorded = model.look_at(pictures)
    features = extract_features(model, pictures, layers=["V4"], time_bins=bins)["V4.output"]
    np.testing.assert_array_equal(features.values.reshape(recorded.shape), recorded.values)
    assert features["V4.output:time_step"].values.tolist() == [0, 2]
    assert features["V4.output:time_bin_start"].values.tolist() == [90, 190]
    one = features.isel({"V4.output:channel": 7, "V4.output:channel_x": 1, "V4.output:channel_y": 2})
    same = (recorded["channel"] == 7) & (recorded["channel_x"] == 1) & (recorded["channel_y"] == 2)
    np.testing.assert_array_equal(one.values, recorded.values[:, :, same.values][:, :, 0])


def test_pooling_is_the_mean_over_space(small, pictures):
    """Pooling averages layers over space, and leaves layers without space unchanged."""
    model = small("cornet_rt")
    whole = extract_features(model, pictures, layers=["V4", "logits"])
    pooled = extract_features(model, pictures, layers=["V4", "logits"], pool=True)
    close(pooled["V4.output"].values, whole["V4.output"].values.mean(axis=(3, 4)))
    close(pooled["logits"].values, whole["logits"].values)
    assert pooled.attrs["pooled"] != whole.attrs["pooled"]


@pytest.mark.parametrize(("ending", "open_file"), [("nc", xr.open_dataset), ("zarr", xr.open_zarr)])
def test_labelled_files_hold_the_same(small, pictures, tmp_path, ending, open_file):
    """Plain xarray opens them, and everything says what it is."""
    model = small("cornet_rt")
    table = pd.DataFrame({"stimulus_path": pictures, "category": list("abcabc"), "size": range(6)})
    table.to_csv(tmp_path / "images.csv", index=False)
    expected = extract_features(model, tmp_path / "images.csv")
    assert extract_features(model, tmp_path / "images.csv", output=tmp_path / f"features.{ending}") is None
    with open_file(tmp_path / f"features.{ending}") as written:
        assert set(written) == set(expected)
        assert set(written.coords) == set(expected.coords)
        for name in (*expected, *expected.coords):
            assert written[name].dims == expected[name].dims
            np.testing.assert_array_equal(written[name].values, expected[name].values)
        assert written.attrs == expected.attrs
        assert written["stimulus_path"].values.tolist() == list(map(str, pictures))
        assert written["category"].values.tolist() == list("abcabc")
        assert written["IT.output"].attrs["region"] == "IT"
        assert written["IT.output"].attrs["layer"] == "IT.output"
        assert written["IT.output:time_bin_end"].values.tolist() == [130, 150]
        assert len(written.attrs["weights_sha256"]) == 64
        assert written.attrs["model"] == model.identifier
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"features.{ending}", "images.csv"]


def test_numpy_files(small, pictures, tmp_path):
    """One array for each layer and time step, with a table of images beside them; one alone has the name asked for."""
    model = small("cornet_rt")
    expected = extract_features(model, pictures, layers=["V2", "logits"])
    extract_features(model, pictures, layers=["V2", "logits"], output=tmp_path / "out.npy")
    names = [*(f"out_V2.output_t{step}.npy" for step in range(1, 5)), "out_images.csv", "out_logits_t0.npy"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for place, step in enumerate(range(1, 5)):
        array = np.load(tmp_path / f"out_V2.output_t{step}.npy")
        np.testing.assert_array_equal(array, expected["V2.output"].values[place])
    assert pd.read_csv(tmp_path / "out_images.csv")["stimulus_path"].tolist() == list(map(str, pictures))
    extract_features(model, pictures, layers=["logits"], output=tmp_path / "one.npy", flat=True)
    np.testing.assert_array_equal(np.load(tmp_path / "one.npy"), expected["logits"].values[0])


@pytest.mark.parametrize(("ending", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_a_table(small, pictures, tmp_path, ending, read):
    """One row for each image; what would be too wide is refused with what to do."""
    model = small("cornet_rt")
    requested = {"layers": ["decoder.avgpool", "V2"], "pool": True}
    extract_features(model, pictures, **requested, output=tmp_path / f"out.{ending}")
    table = read(tmp_path / f"out.{ending}")
    assert table.shape == (len(pictures), 1 + 512 + 4 * 128)
    expected = extract_features(model, pictures, layers=["V2"], pool=True)["V2.output"].values
    np.testing.assert_allclose(table["V2.output.t2.5"], expected[1, :, 5], rtol=1e-6)
    with pytest.raises(UserError, match=r"columns would be too large .*average over space"):
        extract_features(model, pictures, output=tmp_path / f"wide.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"out.{ending}"]


@pytest.mark.parametrize(
    ("identifier", "layer", "step", "arrival"), [("cornet_rt", "IT", 2, 3), ("cornet_r", "V2", 0, 1)]
)
def test_what_the_image_has_not_reached(small, pictures, caplog, identifier, layer, step, arrival):
    """Asked for by name it is refused, with the step at which the image arrives, unless it is wanted."""
    model = small(identifier)
    with pytest.raises(UserError, match=rf"has not reached {layer}\.output \(it arrives at {arrival}\)"):
        extract_features(model, pictures, layers=[layer], time_steps=[step])
    options = {"layers": [layer], "time_steps": [step], "allow_uninformative": True}
    values = extract_features(model, pictures, **options)[f"{layer}.output"].values
    assert np.ptp(values, axis=1).max() == 0
    assert "the same for every image" in caplog.text
    with caplog.at_level(logging.WARNING):
        extract_features(model, pictures, layers=[layer])
    early = "time steps 0, 1, 2 are" if arrival == 3 else "time step 0 is"
    assert f"{layer}.output at {early} left out" in caplog.text
    assert f"the image reaches it at {arrival}." in caplog.text


@pytest.mark.parametrize("options", [{}, {"time_bins": [(50, 100)]}])
def test_layers_that_the_image_does_not_reach(pictures, caplog, options):
    """With two steps of RT, V4, IT and the decoder are the same for every image: each is left out with a sentence."""
    model = load_model("cornet_rt_untrained", times=2, image_size=64, device="cpu")
    features = extract_features(model, pictures[:2], **options)
    assert set(features) <= {"V1.output", "V2.output"}
    messages = [record.getMessage() for record in caplog.records if "within" in record.getMessage()]
    assert messages == [
        f"{layer} is left out: the image does not reach it within 2 steps." for layer in ("V4", "IT", "decoder.avgpool")
    ]


@pytest.mark.parametrize("layer", ["IT", "IT.conv1", "decoder.avgpool", "logits"])
def test_nothing_but_layers_that_the_image_does_not_reach(pictures, layer):
    """If no other layer is asked for, the sentence is the error, with what to do; a flag writes it all the same."""
    model = load_model("cornet_rt_untrained", times=2, image_size=64, device="cpu")
    if layer == "IT.conv1":
        layer = next(name for name in survey(model.activations_model.network, 64) if name.startswith("IT.conv"))
    with pytest.raises(UserError, match=rf"^{layer} is left out: .* within 2 steps\. .*--allow-uninformative"):
        extract_features(model, pictures[:2], layers=[layer])
    features = extract_features(model, pictures[:2], layers=[layer], allow_uninformative=True)
    (values,) = (features[name].values for name in features)
    assert np.ptp(values, axis=1).max() == 0
    if layer.startswith("IT"):
        with pytest.raises(UserError, match="no time bins, since the image does not reach it"):
            extract_features(model, pictures[:2], layers=[layer], time_bins=[(70, 170)], allow_uninformative=True)


def test_images_in_memory(small, pictures, tmp_path):
    """PIL images, arrays and a stimulus set give what the files give."""
    model = small("cornet_z")
    rgb = [Image.open(path).convert("RGB") for path in pictures[:3]]
    expected = extract_features(model, pictures[:3], layers=["V4"])["V4.output"].values
    for given in (rgb, [np.asarray(image) for image in rgb], rgb[:1], np.asarray(rgb[0])):
        values = extract_features(model, given, layers=["V4"])["V4.output"].values
        close(values, expected[:, : values.shape[1]])
    extract_features(model, rgb[0], layers=["V4"], output=tmp_path / "one.npy")
    close(np.load(tmp_path / "one.npy"), expected[0, :1])
    with pytest.raises(UserError, match=r"Image 0 is a ndarray of float64 \(5, 5\)"):
        extract_features(model, np.zeros((5, 5)))


def test_stimulus_sets_keep_their_columns(small, stimuli):
    """Each column of a stimulus set becomes a coordinate."""
    features = extract_features(small("cornet_z"), stimuli, layers=["logits"])
    assert features["category"].values.tolist() == stimuli["category"].tolist()
    assert features["stimulus_id"].values.tolist() == stimuli["stimulus_id"].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["V3"]}, "Unknown layer 'V3'"),
        ({"layers": ["IT.conv9"]}, "Unknown layer 'IT.conv9'. Did you mean IT.conv"),
        ({"layers": []}, "No layers"),
        ({"layers": ["IT"], "time_steps": [2]}, "IT.output is not computed at time step 2, only at 0, 1"),
        ({"time_steps": "some"}, "'all' or a list"),
        ({"time_steps": []}, "No time steps"),
        ({"time_steps": [0], "time_bins": [(70, 170)]}, "either time steps or time bins"),
        ({"layers": ["IT"], "time_bins": [(5, 1)]}, "start before end"),
        ({"on_error": "ignore"}, "Unknown on_error 'ignore'"),
        ({"output": "out.doc"}, r"ends in \.nc, \.zarr, \.npy, \.csv, \.parquet, \.h5, \.mat, \.pt"),
        ({"output": "no/folder/out.nc"}, "The folder no/folder for the features does not exist"),
    ],
)
def test_what_cannot_be_had_is_refused(small, pictures, options, message):
    """Before any work, with what can be had."""
    with pytest.raises(UserError, match=message):
        extract_features(small("cornet_s"), pictures, **options)


def test_missing_labels_stay_missing_and_names_stay_text(small, pictures, tmp_path):
    """An empty cell is no text, and NA may be somebody's label."""
    (tmp_path / "t.csv").write_text(f"stimulus_path,label\n{pictures[0]},NA\n{pictures[1]},\n{pictures[2]},dog\n")
    requested = {"layers": ["logits"], "output": tmp_path / "out.nc"}
    extract_features(small("cornet_z"), tmp_path / "t.csv", **requested)
    with xr.open_dataset(tmp_path / "out.nc") as written:
        assert written.coords["label"].values.tolist() == ["NA", "", "dog"]


@pytest.mark.parametrize("column", ["a/b", "a b", ".", "logits", "logits:channel", "presentation"])
def test_columns_that_a_file_cannot_have(small, pictures, tmp_path, column):
    """Column names that a file format cannot store are refused before any work."""
    table = pd.DataFrame({"stimulus_path": pictures[:2], column: [1, 2]})
    table.to_csv(tmp_path / "t.csv", index=False)
    for ending in ("nc", "zarr"):
        with pytest.raises(UserError, match="column"):
            extract_features(small("cornet_z"), tmp_path / "t.csv", layers=["logits"], output=tmp_path / f"o.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_nothing_that_is_not_ours_is_replaced(small, pictures, tmp_path):
    """Neither the images, nor their list, nor a folder of other files is replaced, even with `overwrite`."""
    extract = partial(extract_features, small("cornet_z"), layers=["logits"], overwrite=True)
    for name in ("images.zarr", "other.zarr", "other.nc"):
        (tmp_path / name).mkdir()
        Image.open(pictures[0]).save(tmp_path / name / "a.png")
    (tmp_path / "t.csv").write_text(f"stimulus_path\n{pictures[0]}\n")
    (tmp_path / "o_images.csv").write_text(f"stimulus_path\n{pictures[0]}\n")
    before = sorted(tmp_path.rglob("*"))
    for given, output in (
        (tmp_path / "images.zarr", "images.zarr"),
        (pictures[0], "other.zarr"),
        (pictures[0], "other.nc"),
        (tmp_path / "t.csv", "t.csv"),
        (tmp_path / "o_images.csv", "o.npy"),
    ):
        with pytest.raises(UserError, match=r"take the place of|no extraction has made"):
            extract(given, output=tmp_path / output)
    assert sorted(tmp_path.rglob("*")) == before


def test_pieces_of_an_earlier_extraction(small, pictures, tmp_path):
    """Count as the output, and go when it is replaced."""
    extract = partial(extract_features, small("cornet_z"), pictures, output=tmp_path / "o.npy")
    extract(layers=["V4", "logits"])
    with pytest.raises(UserError, match="--overwrite"):
        extract(layers=["IT"])
    extract(layers=["IT"], overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.npy", "o_images.csv"]


def test_time_bins_that_nothing_is_committed_to(small, pictures, caplog):
    """The nearest committed time bin answers, with a log line; the file keeps the requested one."""
    features = extract_features(small("cornet_s"), pictures, layers="IT", time_bins=[(0, 1)])
    assert "no activity at 0-1 ms: time step 0, at 100-200 ms, is the nearest" in caplog.text
    assert features.attrs["requested_time_bins"] == "0-1"


def test_the_network_is_left_alone(small, pictures):
    """No hook stays on the network after an extraction."""
    model = small("cornet_s")
    extract_features(model, pictures[:1])
    assert not any(module._forward_hooks for module in model.activations_model.network.modules())


def test_any_model_by_name(pictures, monkeypatch):
    """A model may be given by its identifier."""
    assert "cornet_z_untrained" in COMMITMENTS
    torch.manual_seed(0)
    features = extract_features("cornet_z_untrained", pictures[0], layers=["decoder.avgpool"])
    assert features.attrs["model"] == "cornet_z_untrained"
