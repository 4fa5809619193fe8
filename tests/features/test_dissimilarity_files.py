"""Dissimilarities of images: the distances of scipy, in files that xarray and rsatoolbox open."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from helpers.commands import run_here
from helpers.small_model import small_model
from scipy.spatial.distance import pdist, squareform

from brainscore_cornet import extract_features
from brainscore_cornet.features.dissimilarity_files import dissimilarities
from brainscore_cornet.features.early_checks import DISTANCES


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_are_scipys(pictures, stand_in, distance):
    """For every layer and time step what scipy computes from the features."""
    model = small_model(stand_in, "cornet_rt")
    found = dissimilarities(model, pictures, distance, layers=["V4", "IT"])
    features = extract_features(model, pictures, layers=["V4", "IT"])
    assert len(found["site"]) == 5
    for number in range(len(found["site"])):
        layer, step = str(found["layer"].values[number]), int(found["time_step"].values[number])
        activity = features[layer].values[features[f"{layer}:time_step"].values.tolist().index(step)]
        expected = squareform(pdist(activity.reshape(len(pictures), -1).astype(float), distance))
        np.testing.assert_allclose(found["rdm"].values[number], expected, atol=1e-6 * expected.max())


def test_the_command_writes_what_rsatoolbox_opens(pictures, tmp_path):
    """A netCDF file, and an HDF5 file with the same matrices that `load_rdm` reads."""
    rsatoolbox = pytest.importorskip("rsatoolbox")
    for name in ("rdm.nc", "rdm.hdf5"):
        done = run_here(
            "features", "cornet_z_untrained", pictures[0].parent, "--rdm", "correlation", "-o", name,
            "--image-size", 48,
            folder=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    rdms = rsatoolbox.rdm.load_rdm(str(tmp_path / "rdm.hdf5"))
    with xr.open_dataset(tmp_path / "rdm.nc") as dataset:
        assert dataset.attrs["model"] == "cornet_z_untrained_size_48"
        np.testing.assert_allclose(rdms.get_matrices(), dataset["rdm"].values, atol=1e-12)
        assert list(rdms.rdm_descriptors["layer"]) == dataset["layer"].values.tolist()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--rdm", "correlatoin", "-o", "rdm.nc"], "Did you mean correlation"),
        (["--rdm", "cosine", "-o", "rdm.csv"], "ends in .nc or .hdf5"),
        (["--rdm", "cosine", "-o", "rdm.nc", "--shard", "1/2"], "and no shards"),
        (["--rdm", "cosine", "-o", "nowhere/rdm.nc"], "does not exist"),
    ],
)
def test_mistakes(pictures, tmp_path, arguments, expected):
    """One line, before a model is made."""
    done = run_here("features", "cornet_z_untrained", pictures[0], *arguments, folder=tmp_path)
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
