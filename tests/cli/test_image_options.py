"""`--resize` and `--background` in every command that prepares images, and in what a submission computes."""

from __future__ import annotations

import ast
import json

import pytest
import xarray as xr
from helpers.commands import run_here

from brainscore_cornet import load_model
from brainscore_cornet.scoring.jobs import candidates
from brainscore_cornet.submission.plugin import write_plugin
from brainscore_cornet.submission.variant import make_variant

OPTIONS = {"resize": "pad", "background": "255,255,255"}
ENDING = "_pad_background_ffffff"


def test_features(pictures, tmp_path):
    """The command's file says how images were prepared."""
    arguments = ("features", "cornet_z_untrained", pictures[1], "-l", "V1", "--image-size", "48", "-o", "f.nc")
    result = run_here(*arguments, "--resize", "pad", "--background", "white", folder=tmp_path)
    assert (result.returncode, result.stdout) == (0, "f.nc\n"), result.stderr
    with xr.open_dataset(tmp_path / "f.nc") as written:
        assert written.attrs["model"] == f"cornet_z_untrained_size_48{ENDING}"
        expected = "resized to 48 px (pad), background (255, 255, 255), normalized as for ImageNet"
        assert written.attrs["preprocessing"] == expected


@pytest.mark.parametrize(
    "command",
    [
        ("features", "cornet_z_untrained", "images", "-o", "f.nc"),
        ("score", "cornet_z_untrained"),
        ("submit", "cornet_z_untrained", "-o", "zips", "--identifier", "mine"),
        ("validate", "cornet_z_untrained", "--data_path", "images", "--ngpus", "0"),
    ],
)
@pytest.mark.parametrize(
    ("option", "expected"),
    [(("--resize", "stretch"), "Unknown way to resize 'stretch'"), (("--background", "pink"), "received 'pink'")],
)
def test_mistakes(command, option, expected, pictures, tmp_path):
    """An invalid value is reported in one line by every command, and nothing is written."""
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "0.png").symlink_to(pictures[0])
    result = run_here(*command, *option, folder=tmp_path)
    assert result.returncode == 1
    assert expected in result.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_a_scored_model():
    """A model is scored under the identifier that names how its images are prepared, also in the process it runs in."""
    (candidate,) = candidates("cornet_z_untrained", OPTIONS)
    assert candidate.name == f"cornet_z_untrained{ENDING}"
    assert candidate.make().commitment.background == (255, 255, 255)
    assert json.loads(json.dumps(candidate.settings)) == OPTIONS


def test_a_submitted_model(tmp_path):
    """The options that are written into a plugin make the model that was asked for."""
    variant = make_variant("cornet_z_untrained", identifier="mine", image_size=48, **OPTIONS)
    assert (variant.commitment.resize, variant.commitment.background) == ("pad", (255, 255, 255))
    write_plugin(tmp_path / "plugin", [variant])
    written = (tmp_path / "plugin" / "variants.py").read_text()
    options = ast.literal_eval(written.split(" = ", 1)[1])["mine"]
    model = load_model(options.pop("base"), named="mine", **options)
    assert model.commitment == variant.commitment
    assert (model.activations_model.resize, model.activations_model.background) == ("pad", (255, 255, 255))
