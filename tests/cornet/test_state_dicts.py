"""Weight files that others wrote: in which forms they load, and what is said where they do not fit."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from brainscore_cornet.cornet.anatomy import TIME_STEPS
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.weights.released import RELEASED, WeightsError
from brainscore_cornet.cornet.weights.state_dicts import load_checkpoint, read_checkpoint
from brainscore_cornet.cornet.weights.stated import check_held, stated_architecture

FORMATS = {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}}

each_format = pytest.mark.parametrize("options", FORMATS.values(), ids=FORMATS)


@pytest.fixture(scope="module")
def weights() -> OrderedDict:
    """The state dict of a CORnet-Z that is not the initialization of seed 0."""
    return build_network("Z", seed=4).state_dict()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "mine.pth"


def prefixed(state) -> dict:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def assert_loads(content, expected, path, options=FORMATS["zip"], architecture: str = "Z") -> None:
    torch.save(content, path, **options)
    network = build_network(architecture)
    assert load_checkpoint(network, path, architecture) is network
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0, equal_nan=True, msg=name)


def assert_refused(path, expected: str, architecture: str = "Z") -> None:
    """The file is refused in one line that names it, and the network stays as it was."""
    network = build_network(architecture)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(WeightsError, match=expected) as caught:
        load_checkpoint(network, path, architecture)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    for name, tensor in network.state_dict().items():
        assert torch.equal(before[name], tensor), name


@each_format
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        dict,
        prefixed,
        lambda state: OrderedDict(prefixed(state)),
        lambda state: {"state_dict": state},
        lambda state: {"state_dict": prefixed(state), "epoch": 25, "flags": {"model": "Z", "lr": 0.01}},
        lambda state: {"state_dict": state, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}}},
        lambda state: {name: nn.Parameter(tensor) for name, tensor in state.items()},
        lambda state: {"model_state_dict": state},
        lambda state: {f"module._orig_mod.{name}": tensor for name, tensor in state.items()},
        lambda state: {"state_dict": {f"model.{name}": tensor for name, tensor in state.items()}},
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"net": state, "network": prefixed(state)},
        lambda state: {name.replace("conv.", "_orig_mod.conv."): tensor for name, tensor in state.items()},
        lambda state: {f"encoder.net.{name}": tensor for name, tensor in state.items()},
    ],
    ids=[
        *("bare", "dict", "module", "ordered", "wrapped", "released", "optimizer", "parameters"),
        *("tutorial", "compiled", "lightning"),
        *("torchvision", "network", "parts compiled", "deeper"),
    ],
)
def test_forms_of_a_file(wrap, options, weights, path):
    """A state dict loads bare or under a usual key, with or without prefixes, as torch.save writes and wrote it."""
    assert_loads(wrap(weights), weights, path, options)


def test_modules_beside_the_network(weights, path, caplog):
    """Of a model with an attack around it, as the robustness library saves it, the network is taken, and it is said."""
    model = {
        **{f"module.attacker.model.{name}": tensor + 1 for name, tensor in weights.items()},
        **{f"module.model.{name}": tensor for name, tensor in weights.items()},
        "module.normalizer.new_mean": torch.ones(3, 1, 1),
    }
    assert_loads({"model": model, "schedule": None}, weights, path)
    assert "taken from the entries that begin with model.; 11 others are left out (attacker.model.V1" in caplog.text


def test_a_module_inside_the_network_is_named(weights, path):
    """An entry beside the network's own is no reason to misunderstand the prefix, and is named."""
    torch.save(prefixed({**weights, "criterion.weight": torch.ones(3)}), path)
    assert_refused(path, r"of its entries are 1 unexpected \(criterion\.weight\)")


def test_safetensors(weights, path):
    """A file of safetensors loads like one of torch.save, and a damaged one is refused."""
    path = path.with_suffix(".safetensors")
    save_file({name: tensor.contiguous() for name, tensor in prefixed(weights).items()}, path)
    network = load_checkpoint(build_network("Z"), path, "Z")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    path.write_bytes(path.read_bytes()[:-9])
    assert_refused(path, "not a complete file of safetensors")


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_precisions(dtype, weights, path):
    """Weights in another precision become single precision."""
    stored = {name: tensor.to(dtype) for name, tensor in weights.items()}
    assert_loads(stored, {name: tensor.float() for name, tensor in stored.items()}, path)


def test_not_a_number_is_loaded_as_it_is(weights, path):
    """Values are not judged: a network that diverged in training can be looked at."""
    stored = {**weights, "V2.conv.bias": torch.full((128,), float("nan"))}
    assert_loads(stored, stored, path)


def test_batches_need_not_be_counted(path, stand_in):
    """Files from before torch counted batches lack `num_batches_tracked`, which only training uses."""
    state = stand_in("S").state_dict()
    stored = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert len(stored) < len(state)
    assert_loads({"state_dict": prefixed(stored)}, state, path, architecture="S")


SCALARS = [
    *(kind(1) for kind in (np.float16, np.float32, np.float64, np.int32, np.int64, np.uint8)),
    np.bool_(True),
]


@each_format
@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: type(scalar).__name__)
def test_numpy_scalars_are_allowed(scalar, options, path):
    """A numpy scalar, such as the best accuracy so far, does not keep a file from being read."""
    torch.save({"best": scalar, "history": [scalar]}, path, **options)
    read = read_checkpoint(path)
    assert read["best"] == scalar
    assert type(read["history"][0]) is type(scalar)


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpy_scalars_of_any_numpy(module, path):
    """numpy before and after 2.0 names what rebuilds a scalar differently; files of both load."""
    torch.save({"best": np.float64(0.25)}, path, **FORMATS["legacy"])
    content = path.read_bytes()
    names = {name: f"c{name}\nscalar\n".encode() for name in ("numpy.core.multiarray", "numpy._core.multiarray")}
    (written,) = (name for name in names.values() if name in content)
    path.write_bytes(content.replace(written, names[module]))
    assert read_checkpoint(path)["best"] == 0.25


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([1, 2], "holds a list, expected a state dict"),
        (torch.ones(3), "holds a Tensor, expected a state dict"),
        (None, "holds a NoneType, expected a state dict"),
        ("weights", "holds a str, expected a state dict"),
        ({}, "holds no weights.*found nothing"),
        ({"state_dict": {}}, "holds no weights.*found state_dict"),
        ({"state_dict": [torch.ones(3)]}, "holds no weights"),
        ({"epoch": 3, "lr": 0.1}, r"holds no weights: expected a state dict .* found epoch, lr\."),
        ({"net": {"a": torch.ones(3)}}, "holds no weights.*found net"),
        ({0: torch.ones(3)}, "holds no weights.*found 0"),
        ({f"x{i}": i for i in range(9)}, "found x0, x1, x2, … 6 more"),
    ],
)
def test_files_without_a_state_dict(content, expected, path):
    """A file that holds something else than a state dict is refused, and what it holds is named."""
    torch.save(content, path)
    assert_refused(path, expected)


def without(state, *names):
    return {name: tensor for name, tensor in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: without(state, "V2.conv.bias"), r"1 missing \(V2\.conv\.bias\)\."),
        (lambda state: {**state, "V5.conv.bias": torch.ones(1)}, r"1 unexpected \(V5\.conv\.bias\)\."),
        (
            lambda state: {**state, "V1.conv.weight": torch.ones(64, 3, 5, 5)},
            r"1 of another shape \(V1\.conv\.weight \(64, 3, 5, 5\) instead of \(64, 3, 7, 7\)\)\.",
        ),
        (
            lambda state: {
                **state,
                "decoder.linear.weight": torch.ones(10, 512),
                "decoder.linear.bias": torch.ones(10),
            },
            r"2 of another shape \(decoder\.linear\.weight \(10, 512\) instead of \(1000, 512\), "
            r"decoder\.linear\.bias \(10,\) instead of \(1000,\)\)\.",
        ),
        (
            lambda state: {name.replace("conv", "layer"): tensor for name, tensor in state.items()},
            r"8 missing \(V1\.conv\.weight, V1\.conv\.bias, V2\.conv\.weight, … 5 more\), "
            r"8 unexpected \(V1\.layer\.weight, V1\.layer\.bias, V2\.layer\.weight, … 5 more\)\.",
        ),
        (
            lambda state: {**without(state, "V1.conv.bias"), "x": torch.ones(1), "V4.conv.bias": torch.ones(2)},
            r"1 missing \(V1\.conv\.bias\), 1 unexpected \(x\), 1 of another shape \(V4\.conv\.bias \(2,\) instead",
        ),
        (
            lambda state: {name: tensor.to("meta") for name, tensor in state.items()},
            r"10 not dense and real \(V1\.conv",
        ),
        (
            lambda state: {**state, "V1.conv.bias": state["V1.conv.bias"] * 1j},
            r"1 not dense and real \(V1\.conv\.bias\)",
        ),
        (
            lambda state: {**state, "V1.conv.bias": state["V1.conv.bias"].to_sparse()},
            r"1 not dense and real \(V1\.conv\.bias\)",
        ),
    ],
    ids=["missing", "unexpected", "kernel", "classes", "names", "all", "meta", "complex", "sparse"],
)
@pytest.mark.filterwarnings("ignore:Validating sparse:UserWarning")
def test_entries_that_do_not_fit(change, expected, weights, path):
    """Missing, unexpected and misshapen entries are counted, and the first few of each are named."""
    torch.save(change(weights), path)
    assert_refused(path, f"does not fit CORnet-Z: of its entries are {expected}")


STATED = [
    ({"flags": {"model": "RT", "lr": 0.1}}, "RT"),
    ({"flags": {"model": "CORnet-R"}}, "R"),
    ({"model": "cornet_s"}, "S"),
    ({"arch": "CORNET_Z"}, "Z"),
    ({"architecture": "rt"}, "RT"),
    ({"model": "resnet50"}, None),
    ({"arch": "resnet50"}, "resnet50"),
    ({"flags": {"arch": "VOneNet"}}, "VOneNet"),
    ({"arch": "cornet_s_untrained"}, "S"),
    ({"model_name": "cornet-rt"}, "RT"),
    ({"model": "r2d2"}, None),
    ({"arch": 3, "model": {"r": 1}}, None),
    ({"flags": "R"}, None),
    ({"flags": {}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("says", "expected"), STATED)
def test_what_a_file_says_it_holds(says, expected):
    """Training code names the architecture in several places; what names no CORnet says nothing."""
    assert stated_architecture({"state_dict": {}, **says}, Path("mine.pth")) == expected


@pytest.mark.parametrize("file", RELEASED.values(), ids=RELEASED)
def test_a_released_name_says_what_it_holds(file):
    """The name of a released file tells its architecture; what is inside is believed first."""
    assert stated_architecture({}, Path("folder") / file.filename) == file.architecture
    assert stated_architecture({"flags": {"model": "S"}}, Path(file.filename)) == "S"


def test_one_flipped_bit_is_found(weights, path):
    """Files as torch writes them now have a checksum for each tensor."""
    torch.save(weights, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert_refused(path, r"it is damaged, broken off, .* What is wrong is mine/data/")


def test_another_network_is_refused(weights, path):
    """Weights of another network are refused, also of one that is no CORnet, if the file says so."""
    torch.save({"state_dict": weights, "arch": "resnet50"}, path)
    assert_refused(path, r"says that it holds resnet50: it cannot be loaded into CORnet-Z\.")


def test_a_file_of_another_architecture_is_refused(tmp_path, path, stand_in):
    """R and RT have the same entries: RT refuses a file that says it holds R, and takes one that does not say."""
    state = stand_in("R").state_dict()
    refused = r"says that it holds CORnet-R: it cannot be loaded into CORnet-RT\."
    assert_loads({"state_dict": prefixed(state), "flags": {"model": "R"}}, state, path, architecture="R")
    assert_refused(path, refused, architecture="RT")
    assert_refused(path, "says that it holds CORnet-R")  # the reason given, and not the entries that differ
    assert_loads(state, state, path, architecture="RT")
    assert_refused(path.rename(tmp_path / RELEASED["cornet_r"].filename), refused, architecture="RT")


@each_format
@pytest.mark.parametrize("architecture", TIME_STEPS)
def test_other_networks_are_refused_without_torch(stand_in, path, architecture, options):
    """By what a file states, in a file of 2018, too, or by its entries, which R and RT share."""
    state = stand_in(architecture).state_dict()
    alike = {"R", "RT"} if architecture in ("R", "RT") else {architecture}
    for contents, fitting in (
        ({"epoch": 43, "state_dict": prefixed(state), "flags": {"model": architecture}}, {architecture}),
        ({"optimizer": {"lr": 0.1, "momentum": torch.zeros(2)}, "state_dict": prefixed(state)}, alike),
        (state, alike),
    ):
        torch.save(contents, path, **options)
        for other in TIME_STEPS:
            if other in fitting:
                check_held(path, other)
            else:
                with pytest.raises(WeightsError, match=f"it cannot be loaded into CORnet-{other}"):
                    check_held(path, other)


def test_what_cannot_be_read_without_torch(path, weights, tmp_path):
    """Nothing in a file runs; damaged and dangerous files pass this check, since loading them is the error."""

    class Dangerous:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"state_dict": weights, "more": Dangerous()}, path)
    whole = path.read_bytes()
    for contents in (whole, whole[:1000], pickle.dumps(Dangerous()), pickle.dumps([1])):
        path.write_bytes(contents)
        check_held(path, "Z")
    for contents in (b"", b"text", b"\x89PNG"):  # of another kind without doubt
        path.write_bytes(contents)
        with pytest.raises(WeightsError, match=r"mine\.pth \(\d bytes\) is not a complete file of weights"):
            check_held(path, "Z")
    assert not (tmp_path / "ran").exists()
