"""Layers of CORnet-S whose size differs between time steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from helpers.peer import plain_hook
from helpers.small_model import SIZE, seen, small_model

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.cornet.brain_model import CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment, vary

LAYERS = ("V2.conv1", "V4.nonlin1")
VARIABLES = {"V2.conv1_12x12": [0], "V2.conv1_6x6": [1], "V4.nonlin1_6x6": [0], "V4.nonlin1_3x3": [1, 2, 3]}


def opened(path) -> xr.Dataset:
    with (xr.open_dataset if path.suffix == ".nc" else xr.open_zarr)(path) as found:
        return found.load()


@pytest.mark.parametrize("ending", ["nc", "zarr", "memory"])
def test_a_variable_for_each_size(stand_in, pictures, tmp_path, ending, caplog):
    """Each variable has the time steps of one size, with the values of plain hooks, which is said before any work."""
    model, few = small_model(stand_in, "cornet_s"), pictures[:1]
    output = None if ending == "memory" else tmp_path / f"out.{ending}"
    found = extract_features(model, few, layers=LAYERS, output=output)
    found = found if output is None else opened(output)
    assert set(found) == set(VARIABLES)
    for layer in LAYERS:
        plain = plain_hook(stand_in("S"), layer, seen(few))
        for name in (name for name in VARIABLES if name.startswith(layer)):
            assert found[f"{name}:time_step"].values.tolist() == VARIABLES[name]
            assert found[name].attrs["layer"] == layer
            for values, step in zip(found[name].values, VARIABLES[name], strict=True):
                np.testing.assert_allclose(values, plain[step], rtol=0, atol=1e-5 * np.abs(plain[step]).max())
    expected = (
        "V2.conv1 changes its size between time steps: it is in V2.conv1_12x12 (time step 0) and V2.conv1_6x6 "
        "(time step 1).",
        "V4.nonlin1 changes its size between time steps: it is in V4.nonlin1_6x6 (time step 0) and V4.nonlin1_3x3 "
        "(time step 1, 2, 3).",
    )
    assert tuple(caplog.messages[-2:]) == expected


def test_one_variable_without_space(stand_in, pictures, caplog):
    """Averaged over space, or at steps of one size, a layer has one variable."""
    model = small_model(stand_in, "cornet_s")
    assert set(extract_features(model, pictures[:1], layers=["IT.conv1"], pool=True)) == {"IT.conv1"}
    found = extract_features(model, pictures[:1], layers=["V4.conv1"], time_steps=[1, 3])
    assert found["V4.conv1"].shape == (2, 1, 1024, 3, 3)
    assert not caplog.messages


def test_recordings_have_one_size(stand_in, pictures):
    """A recording at steps of several sizes is refused when it is started, with the sizes."""
    commitment = vary(get_commitment("cornet_s"), image_size=SIZE, layers={"IT": "IT.conv1"})
    model = CORnetModel(commitment, stand_in("S"), device=torch.device("cpu"), batch_size=2)
    with pytest.raises(
        UserError, match=r"IT\.conv1 has 3x3 positions at time step 0, 2x2 positions at time step 1, and"
    ):
        model.start_recording("IT", [(100, 200), (200, 300)])
    for time_bin, positions in (((100, 200), 9), ((200, 300), 4)):
        model.start_recording("IT", [time_bin, (time_bin[0] + 10, time_bin[1])])
        assert model.look_at(pictures[:1]).shape == (2, 1, 2048 * positions)
