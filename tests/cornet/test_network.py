"""From an identifier to a network with weights: released ones, a user's own, or none."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.commitments import get_commitment
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.network import find_weights, load_network
from brainscore_cornet.cornet.weights.released import (
    FOLDER_VARIABLE,
    WeightsError,
    fetch,
    file_hash,
    released_file,
)

MODELS = ("cornet_z", "cornet_r", "cornet_rt", "cornet_s")
NETWORK_Z = functools.partial(load_network, "cornet_z")


@pytest.fixture
def folder(released_folder, tmp_path, monkeypatch):
    """A folder of one's own with files of the released form, which nobody has accepted yet."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in released_folder.iterdir():
        if file.suffix != ".accepted":  # which another test may have done
            (folder / file.name).symlink_to(file)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return folder


@pytest.fixture
def accept(folder):
    """Accepts a model's file in this folder, as a person would: its stand-in weights have not the published hash."""
    return lambda identifier: fetch(released_file(identifier), verify=False)


@pytest.fixture
def without_files(tmp_path, monkeypatch):
    """A machine with no weights on it."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))


def state_file(network, path):
    torch.save(network.state_dict(), path)
    return path


def assert_same_entries(network, other) -> None:
    mine, theirs = network.state_dict(), other.state_dict()
    assert list(mine) == list(theirs)
    for name in mine:
        assert torch.equal(mine[name], theirs[name]), name


@pytest.mark.parametrize("identifier", MODELS)
def test_released_weights(identifier, accept, stand_in):
    """By default a model has the weights of its released file, and is in evaluation mode on the CPU."""
    path = accept(identifier)
    network = load_network(identifier)
    assert_same_entries(network, stand_in(released_file(identifier).architecture))
    assert not any(module.training for module in network.modules())
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    assert find_weights(identifier, "released") == path


def test_released_file_with_another_hash(folder):
    """A released file that does not match its hash is refused; both hashes and the way to go on are shown."""
    with pytest.raises(WeightsError) as caught:
        load_network("cornet_z")
    for part in ("5c427c9c", file_hash(folder / released_file("cornet_z").filename), "fetch cornet_z --no-verify"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("identifier", "options"),
    [
        *((identifier, {"weights": None}) for identifier in ("cornet_z", "cornet_r", "cornet_rt")),
        *((f"{identifier}_untrained", {}) for identifier in ("cornet_z", "cornet_rt")),
    ],
)
def test_own_initialization(identifier, options, without_files):
    """Without weights, and in the untrained models, a network starts from its own initialization of seed 0."""
    network = load_network(identifier, **options)
    assert_same_entries(network, build_network(get_commitment(identifier).architecture, seed=0))
    assert not network.training


def test_untrained_models_have_no_weights(accept):
    """An untrained model keeps its initialization also where there are released weights, and may be given its own."""
    path = accept("cornet_z")
    network = load_network("cornet_z_untrained", weights="released")
    assert_same_entries(network, build_network("Z"))
    assert find_weights("cornet_z_untrained", "released") is None
    own = load_network("cornet_z_untrained", weights=path)
    assert_same_entries(own, load_network("cornet_z"))


def test_seeds(without_files):
    """A seed fixes the initialization, and torch's random numbers go on undisturbed."""
    before = torch.random.get_rng_state()
    first, again, other = (NETWORK_Z(weights=None, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert_same_entries(first, again)
    assert_same_entries(first, build_network("Z", seed=7))
    assert not torch.equal(first.V1.conv.weight, other.V1.conv.weight)


@pytest.mark.parametrize("as_given", [lambda path: path, str, lambda path: f"~/{path.name}"], ids=["Path", "str", "~"])
def test_own_file(as_given, tmp_path, monkeypatch, without_files):
    """A user's own file is given by its path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    mine = build_network("Z", seed=3)
    path = state_file(mine, tmp_path / "mine.pth")
    assert_same_entries(NETWORK_Z(weights=as_given(path)), mine)
    assert find_weights("cornet_z", as_given(path)) == path


def test_own_url(tmp_path, monkeypatch, without_files):
    """A user's own file may be given by a URL."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    mine = build_network("Z", seed=3)
    state_file(mine, tmp_path / "mine.pth")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        network = NETWORK_Z(weights=f"http://127.0.0.1:{server.server_port}/mine.pth")
        server.shutdown()
    assert_same_entries(network, mine)


def test_no_file_at_a_path(tmp_path):
    """A path without a file is named, and so is what could be given instead."""
    for path in (tmp_path / "absent.pth", tmp_path):
        with pytest.raises(
            WeightsError, match=r"Expected weights as 'released', None .*, the path of a file, or a URL"
        ) as caught:
            NETWORK_Z(weights=path)
        assert f"No weight file at {path}." in str(caught.value)


@pytest.mark.parametrize(("identifier", "times"), [("cornet_r", 1), ("cornet_rt", 8)])
def test_other_time_steps_of_r_and_rt(identifier, times, accept, stand_in):
    """The released weights of R and RT serve any number of time steps."""
    accept(identifier)
    network = load_network(identifier, times=times)
    assert set(network.times.values()) == {times}
    assert_same_entries(network, stand_in(released_file(identifier).architecture))


def test_fewer_time_steps_of_cornet_s(released_folder, stand_in):
    """CORnet-S with fewer steps takes from the released weights what it needs."""
    path = released_folder / released_file("cornet_s").filename
    network = load_network("cornet_s", weights=path, times={"V2": 1, "V4": 3, "IT": 1})
    released = stand_in("S").state_dict()
    assert len(network.state_dict()) == len(released) - 3 * 15
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, released[name]), name


def test_more_time_steps_of_cornet_s(released_folder):
    """CORnet-S with more steps than released names what the released weights lack: normalizations of those steps."""
    expected = r"CORnet-S: .* 24 missing \(V4\.norm1_4\.weight, V4\.norm1_4\.bias, .*, … 21 more\)\."
    with pytest.raises(WeightsError, match=expected):
        load_network("cornet_s", weights=released_folder / released_file("cornet_s").filename, times={"V4": 6})


@pytest.mark.parametrize(
    ("identifier", "options", "expected"),
    [
        ("cornet_q", {}, r"Unknown model 'cornet_q'\. Did you mean cornet_"),
        ("CORnet-S", {}, r"Unknown model 'CORnet-S'\. Did you mean cornet_s"),
        ("cornet_z", {"times": 2}, "CORnet-Z is feedforward"),
        ("cornet_s", {"times": 2}, "a number of time steps for each region"),
        ("cornet_rt_untrained", {"times": {"V1": 2}}, "one number of time steps for all regions"),
    ],
)
def test_wrong_requests(identifier, options, expected, without_files):
    """An unknown model and impossible time steps are refused before any weights are looked for."""
    with pytest.raises(UserError, match=expected):
        load_network(identifier, **options)


def test_rt_does_not_take_the_file_of_r(folder):
    """R and RT have the same entries, but the file of one is refused by the other."""
    path = folder / released_file("cornet_r").filename
    with pytest.raises(WeightsError, match=r"says that it holds CORnet-R: it cannot be loaded into CORnet-RT\."):
        load_network("cornet_rt", weights=path)
