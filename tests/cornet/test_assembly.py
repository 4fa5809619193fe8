"""Assemblies: what labels each neuroid and each presentation, and that Brain-Score's tools can work with it."""

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly, walk_coords

from brainscore_cornet.cornet.recording.assembly import (
    layer_activations,
    neuroid_index,
    presentation_coords,
    recordings,
)
from brainscore_cornet.cornet.recording.stimuli import NO_SHIFT

LEVELS = ["neuroid_num", "model", "layer", "region", "channel", "channel_x", "channel_y", "neuroid_id"]


def test_each_neuroid_is_labelled():
    """Number, layer, region, channel and position are those of the flattened activity, (channel, row, column)."""
    shape = (2, 3, 4)
    index = neuroid_index("cornet_z", {"IT.output": shape}, "IT")
    assert index.names == LEVELS
    expected = [
        (number, "cornet_z", "IT.output", "IT", *np.unravel_index(number, shape), f"cornet_z.IT.{number}")
        for number in range(24)
    ]
    assert index.tolist() == expected


def test_layers_are_told_apart():
    """Several layers make one index with unique ids; units of the decoder have a channel and no position."""
    index = neuroid_index("mine", {"V1.output": (2, 2, 2), "V1.conv": (1, 2, 3), "logits": (5,)})
    frame = index.to_frame(index=False)
    assert index.is_unique
    assert frame["neuroid_id"].is_unique
    assert frame["neuroid_num"].tolist() == [*range(8), *range(6), *range(5)]
    assert frame["layer"].tolist() == ["V1.output"] * 8 + ["V1.conv"] * 6 + ["logits"] * 5
    assert "region" not in frame  # Brain-Score's wrappers add it
    assert frame["neuroid_id"].tolist()[8:9] == ["mine.V1.conv.0"]
    logits = frame[frame["layer"] == "logits"]
    assert logits["channel"].tolist() == [*range(5)]
    assert logits[["channel_x", "channel_y"]].isna().all(axis=None)
    assert frame["channel_y"].tolist()[8:14] == [0, 1, 2, 0, 1, 2]


def test_levels_are_distinct():
    """pandas and xarray rely on it, although layers share numbers and positions."""
    for index in (
        neuroid_index("mine", {"V2.a": (2,), "V2.b": (2, 3, 3)}),
        neuroid_index("mine", {"V2.a": (2,)}, "V2"),
    ):
        for level in index.levels:
            assert level.is_unique


def test_presentations_have_the_columns_and_the_shifts(stimuli):
    """Each row of a stimulus set is repeated for each trial, with that trial's shift."""
    shifts = {"pixels": np.array([[0.0, 1.0], [2.0, 3.0]]), "degrees": np.array([[0.0, 0.1], [0.2, 0.3]])}
    coords = presentation_coords({column: stimuli[column].values[:3] for column in stimuli}, shifts)
    assert set(coords) == {*stimuli.columns} | {
        f"microsaccade_shift_{axis}_{unit}" for axis in "xy" for unit in ("pixels", "degrees")
    }
    assert {dim for dim, _ in coords.values()} == {"presentation"}
    assert coords["stimulus_id"][1].tolist() == ["id-0", "id-0", "id-1", "id-1", "id-2", "id-2"]
    assert coords["size"][1].tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert coords["microsaccade_shift_x_pixels"][1].tolist() == [0, 2] * 3
    assert coords["microsaccade_shift_y_degrees"][1].tolist() == [0.1, 0.3] * 3


@pytest.fixture
def recording(stimuli):
    """Three time bins, two of which the same activity answers, of three presentations and 2 x 2 x 3 neuroids."""
    first, second = np.random.RandomState(0).rand(2, 3, 2, 2, 3).astype(np.float32)
    return recordings(
        np.stack([first, second, first]).reshape(3, 3, -1),
        [(200, 300), (0, 100), (100, 200)],
        presentation_coords({column: stimuli[column].values[:3] for column in stimuli}, NO_SHIFT),
        neuroid_index("mine", {"V4.output": (2, 2, 3)}, "V4"),
    ), (first, second)


def test_a_recording_keeps_order_and_type(recording):
    """Time bins stay in the order asked for, values in single precision, and memory is its own."""
    recording, (first, second) = recording
    assert isinstance(recording, NeuroidAssembly)
    assert recording.dims == ("time_bin", "presentation", "neuroid")
    assert recording.dtype == np.float32
    assert recording["time_bin_start"].values.tolist() == [200, 0, 100]
    assert recording["time_bin_end"].values.tolist() == [300, 100, 200]
    np.testing.assert_array_equal(recording.values, np.stack([first, second, first]).reshape(3, 3, 12))
    recording.values[0] = -1
    assert (recording.values[2] >= 0).all()
    assert (first >= 0).all()


def test_brain_score_can_work_with_a_recording(recording, tmp_path):
    """Selecting, grouping and averaging, as benchmarks do, and rebuilding from its coordinates."""
    recording, (first, second) = recording
    early = recording.sel(time_bin_start=0)
    np.testing.assert_array_equal(early.values.reshape(3, 12), second.reshape(3, 12))
    dogs = recording[{"presentation": recording["category"].values == "dog"}]
    assert dogs["stimulus_id"].values.tolist() == ["id-0", "id-2"]
    channel = recording.sel(channel=1, channel_x=0, channel_y=2)
    np.testing.assert_array_equal(channel.values.reshape(3, 3)[0], first[:, 1, 0, 2])
    means = recording.multi_groupby(["category", "stimulus_id"]).mean(dim="presentation")
    assert means.sizes == recording.sizes
    categories = recording.groupby("category").mean(dim="presentation")
    np.testing.assert_allclose(
        categories.sel(category="dog").transpose("time_bin", "neuroid").values, dogs.values.mean(axis=1), rtol=1e-6
    )
    rebuilt = NeuroidAssembly(
        recording.values,
        coords={name: (dims, values) for name, dims, values in walk_coords(recording)},
        dims=recording.dims,
    )
    for name, _, values in walk_coords(recording):
        np.testing.assert_array_equal(rebuilt[name].values, values)


def test_layers_stand_side_by_side(stimuli):
    """Activations of several layers are (presentation, neuroid), each layer under its name."""
    wide, narrow = np.random.RandomState(0).rand(3, 2, 2, 2), np.random.RandomState(1).rand(3, 5)
    index = neuroid_index("mine", {"V1.output": (2, 2, 2), "logits": (5,)})
    coords = presentation_coords({"stimulus_id": stimuli["stimulus_id"].values[:3]}, NO_SHIFT)
    activations = layer_activations(np.concatenate([wide.reshape(3, 8), narrow], axis=1), coords, index)
    assert activations.dims == ("presentation", "neuroid")
    np.testing.assert_array_equal(activations.sel(layer="V1.output").values, wide.reshape(3, 8))
    np.testing.assert_array_equal(activations.sel(layer="logits").values, narrow)
