"""The networks in the hands of other libraries: feature extractors, exporters, transforms, attribution, storage.

Each is compared with the plain forward pass, or with `unfold` where it records inside the network.
"""

from __future__ import annotations

import copy
import re

import numpy as np
import onnxruntime
import pytest
import torch
import torchlens
from helpers.processes import noise
from helpers.small_model import as_built
from safetensors.torch import load_model, save_model
from torch.func import functional_call, jacrev, vmap
from torchlens.options import CaptureOptions
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from brainscore_cornet.cornet.architectures import Point, build_network
from brainscore_cornet.cornet.errors import UserError

ALONE = CaptureOptions(unwrap_when_done=True)  # torch's own functions afterwards, for the other tests

each_architecture = pytest.mark.parametrize("architecture", ["Z", "R", "RT", "S"])


def assert_close(found, expected: torch.Tensor) -> None:
    """Within 1e-5 of the largest value."""
    error = (torch.as_tensor(found) - expected).abs().max()
    assert error <= 1e-5 * expected.abs().max(), f"{error} of {expected.abs().max()}"


@pytest.fixture(scope="module")
def stand_in(stand_in):
    """Networks whose weights have the layout that the last bits of these tests depend on."""
    return as_built(stand_in)


@pytest.fixture
def logits(stand_in):
    """Returns a network's logits for images."""

    def logits(architecture: str, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return stand_in(architecture)(images)

    return logits


@each_architecture
def test_torchvision_feature_extractor(architecture, stand_in):
    """Nodes are called as layers are, `_1`, `_2` for later time steps, and give the activity of any image exactly."""
    network, images = stand_in(architecture), noise(3, 48)
    names = get_graph_node_names(network)[1]
    outputs = [name for name in names if re.fullmatch(r"(V1|V2|V4|IT)\.output(_\d+)?", name)]
    assert len(outputs) == sum(network.times.values())
    with torch.no_grad():
        found = create_feature_extractor(network, [*outputs, "decoder.output"])(images)
        expected = dict(network.unfold(images))
        assert torch.equal(found.pop("decoder.output"), network(images))
    for name, activity in found.items():
        layer, _, step = name.partition("_")
        assert torch.equal(activity, expected[Point(layer.removesuffix(".output"), int(step or 0))]), name


@each_architecture
def test_torch_fx(architecture, stand_in, logits):
    """torch.fx traces a network once, for images of every size, and the traced module can be pickled."""
    traced = copy.deepcopy(torch.fx.symbolic_trace(stand_in(architecture)))
    for images in (noise(2, 32), noise(1, 47)):
        with torch.no_grad():
            assert torch.equal(traced(images), logits(architecture, images))


@each_architecture
def test_images_are_checked_where_nothing_is_traced(architecture, stand_in):
    """Images of another shape are an error of one line."""
    for shape in ((3, 64, 64), (1, 1, 64, 64), (1, 3, 31, 64)):
        with pytest.raises(UserError, match=re.escape(str(shape))):
            stand_in(architecture)(torch.zeros(shape))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the exporters' own code
@pytest.mark.parametrize("architecture", ["Z", "RT", *(pytest.param(name, marks=pytest.mark.slow) for name in "RS")])
def test_torch_export_and_onnx(architecture, stand_in, logits, tmp_path):
    """A program of torch.export, and its ONNX file in onnxruntime, compute the logits of batches of any size."""
    sizes = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(stand_in(architecture), (noise(2),), dynamic_shapes=(sizes,))
    torch.onnx.export(program, f=tmp_path / "network.onnx", input_names=["images"], verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for images in (noise(1), noise(5, seed=1)):
        expected = logits(architecture, images)
        with torch.no_grad():
            assert_close(program.module()(images), expected)
        assert_close(session.run(None, {"images": images.numpy()})[0], expected)


@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore:Converting a tensor to a Python boolean")
@each_architecture
def test_jit_trace(architecture, stand_in, logits, tmp_path):
    """A trace of TorchScript, written and read, computes the logits of another batch."""
    torch.jit.trace(stand_in(architecture), noise(1), check_trace=False).save(tmp_path / "network.pt")
    images = noise(3, seed=1)
    with torch.no_grad():
        assert_close(torch.jit.load(tmp_path / "network.pt")(images), logits(architecture, images))


@each_architecture
def test_vmap_and_jacrev(architecture, stand_in, logits):
    """torch.func maps a network over images, and the Jacobian of its logits has the gradients as its rows."""
    network, images = stand_in(architecture), noise(3)
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}

    def of_one(image: torch.Tensor) -> torch.Tensor:
        return functional_call(network, weights, (image[None],))[0]

    with torch.no_grad():
        assert_close(vmap(of_one)(images), logits(architecture, images))
    jacobian = jacrev(lambda image: of_one(image)[:2])(images[0])
    image = images[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(image)[0, 1], image)
    assert gradient.any()
    assert_close(jacobian[1], gradient[0])


@each_architecture
def test_captum(architecture, stand_in):
    """Captum's saliency is the gradient's size, and its activation of a layer that of the last time step."""
    from captum.attr import LayerActivation, Saliency  # here: it imports matplotlib

    network, image = copy.deepcopy(stand_in(architecture)), noise(1).requires_grad_()
    (gradient,) = torch.autograd.grad(network(image)[0, 7], image)
    assert_close(Saliency(network).attribute(image, target=7), gradient.abs())
    recorded = LayerActivation(network, network.V4.output).attribute(image)
    with torch.no_grad():
        expected = dict(network.unfold(image))[Point("V4", network.times["V4"] - 1)]
    assert_close(recorded, expected)


@pytest.mark.parametrize("architecture", ["Z", "RT", "S"])
def test_torchlens(architecture, stand_in):
    """TorchLens records each call of a layer, `V4.output:2`, as the activity at that time step."""
    network, images = stand_in(architecture), noise()
    with torch.no_grad():
        recorded = torchlens.trace(network, images, save=torchlens.in_module("V4"), capture=ALONE)
        expected = dict(network.unfold(images))
    assert recorded.modules["V4.output"].num_calls == network.times["V4"]
    for step in range(network.times["V4"]):
        assert torch.equal(recorded[f"V4.output:{step + 1}"].out, expected[Point("V4", step)])


@each_architecture
def test_safetensors(architecture, stand_in, logits, tmp_path):
    """safetensors stores a network, and fills another one with what is stored."""
    save_model(stand_in(architecture), tmp_path / "network.safetensors")
    other = build_network(architecture, seed=9).eval()
    assert load_model(other, tmp_path / "network.safetensors") == (set(), [])
    with torch.no_grad():
        np.testing.assert_array_equal(other(noise()), logits(architecture, noise()))
