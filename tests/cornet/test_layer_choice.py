"""Other layers for regions: part of the identifier, recorded at the committed steps, in scores and submissions."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.commands import run_here

from brainscore_cornet import UserError, load_model
from brainscore_cornet.cornet.varied_commitment import commitment_for
from brainscore_cornet.scoring.jobs import candidates
from brainscore_cornet.submission.variant import make_variant

LAYERS = {"V4": "V4.nonlin3", "IT": "IT.conv2"}


def test_another_layer_is_recorded(pictures):
    """The region's recordings are the layer's activity at the step of the time bin."""
    model = load_model(
        "cornet_s_untrained", layers={"V4": "V4.norm3_1"}, time_mapping={"V4": {1: (70, 170)}}, image_size=32
    )
    plain = load_model("cornet_s_untrained", image_size=32)
    model.start_recording("V4", [(70, 170)])
    recorded = model.look_at(pictures[:2])
    layer = plain.activations_model(pictures[:2], layers=["V4.norm3_1"])
    assert recorded.shape == layer.shape
    assert set(recorded["layer"].values) == {"V4.norm3_1"}
    assert set(recorded["region"].values) == {"V4"}
    np.testing.assert_allclose(recorded.values, layer.values, atol=1e-4)


def test_layers_are_part_of_the_identifier():
    """What changes the numbers has a name of its own, the released layers have none; a region stands for its output."""
    assert commitment_for("cornet_s", layers=LAYERS).identifier.endswith("_layers_IT_conv2_V4_nonlin3")
    assert commitment_for("cornet_s", layers={"V4": "V4"}) == commitment_for("cornet_s")
    (candidate,) = candidates("cornet_z_untrained", {"layers": {"V4": "V4.conv"}})
    assert candidate.name == "cornet_z_untrained_layers_V4_conv"
    assert candidate.make().layer_model.region_layer_map["V4"] == "V4.conv"


def test_a_submission_has_the_layers():
    """The options of a submitted variant name them, and so does its commitment."""
    variant = make_variant("cornet_z_untrained", identifier="mine", layers={"V4": "V4.conv"})
    assert variant.options == {"layers": {"V4": "V4.conv"}}
    assert variant.commitment.layers["V4"] == "V4.conv"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"V4": "V4.nonlin9"}, "No layer 'V4.nonlin9'"),
        ({"V9": "V4.output"}, "Unknown region in the layers 'V9'"),
        ({"V4": "V2.output"}, "V2.output is computed at the time steps 0, 1, and V4 has a time bin at 2"),
        ("V4.conv2", "Expected layers such as"),
    ],
)
def test_layers_that_cannot_be(layers, expected):
    """One line, before anything is downloaded."""
    with pytest.raises(UserError, match=expected):
        commitment_for("cornet_s", layers=layers)


def test_the_option_of_the_command(tmp_path):
    """`--layers` is understood, and what it cannot be is said in one line."""
    done = run_here("score", "cornet_z_untrained", "--layers", "V4", "-o", "out", folder=tmp_path)
    assert "Expected layers such as V4=V4.nonlin3" in done.stderr
    done = run_here("score", "cornet_z_untrained", "--layers", "V4=V4.nowhere", folder=tmp_path)
    assert "No layer 'V4.nowhere'" in done.stderr
