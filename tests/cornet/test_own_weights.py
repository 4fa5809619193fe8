"""Users' own weights, given as a path or as a URL."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import torch
from helpers.download_server import Reply, nothing_is_left_in, serve_without_proxy
from PIL import Image

from brainscore_cornet import load_model, load_network
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights.download import DownloadError
from brainscore_cornet.cornet.weights.released import WeightsError, file_hash, locate


def saved(value=0.0, **options) -> bytes:
    """A file of weights as torch.save writes it."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.tensor([value])}, buffer, **options)
    return buffer.getvalue()


def named_by_hash(content: bytes, length: int = 8) -> str:
    return f"/mine-{hashlib.sha256(content).hexdigest()[:length]}.pth"


SAVED_SHA256 = hashlib.sha256(saved()).hexdigest()


@pytest.fixture(autouse=True)
def downloads(tmp_path, monkeypatch) -> Path:
    """The folder that downloads go to, empty and this test's own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(monkeypatch):
    with serve_without_proxy(monkeypatch) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/mine.pth", saved()),
        ("/mine.pth", saved(_use_new_zipfile_serialization=False)),
        ("/mine.pth?version=2&key=a/b.c", saved()),
        ("/checkpoints/", saved()),
        (named_by_hash(saved()), saved()),
        (named_by_hash(saved(), 64), saved()),
        ("/mine-20240131.pth", saved()),
    ],
    ids=["zip", "legacy", "query", "no name", "hash", "full hash", "date"],
)
def test_own_weights_by_url(server, downloads, path, content):
    """A user's own file is downloaded once from its URL, and keeps its name; a date in it is no hash."""
    url = server.url(path, Reply(content))
    found = locate(url)
    assert found == locate(url)
    assert found.read_bytes() == content
    assert found.is_relative_to(downloads)
    if path.count("/") == 1:
        assert found.name == path[1:]
    assert server.requests == {path: 1}


def test_own_weights_of_one_name(server):
    """Files of the same name at different URLs are different files."""
    first = locate(server.url("/one/mine.pth", Reply(saved(1.0))))
    second = locate(server.url("/two/mine.pth", Reply(saved(2.0))))
    assert file_hash(first) != file_hash(second)


@pytest.mark.parametrize(
    ("path", "reply", "reason"),
    [
        ("/mine-00000000.pth", Reply(saved()), f"expected a SHA-256 that starts with 00000000, .*{SAVED_SHA256}"),
        ("/mine.pth", Reply(b"<html>Log in</html>"), "not a complete file of weights"),
        ("/mine.pth", Reply(saved()[:-100], announced=""), "not a complete file of weights"),
        ("/mine.pth", Reply(), "not a complete file of weights"),
        ("/mine.pth", Reply(status=404), "the server answered 404 Not Found"),
    ],
    ids=["hash", "web page", "half", "empty", "404"],
)
def test_wrong_own_weights(server, downloads, path, reply, reason):
    """What is not the promised file is refused with the reason, and not kept."""
    url = server.url(path, reply)
    with pytest.raises(DownloadError, match=reason):
        locate(url)
    assert all(nothing_is_left_in(folder) for folder in downloads.iterdir())


def test_own_weights_by_path(tmp_path, monkeypatch):
    """A path is taken as it is, text or not, and ~ is the home folder."""
    (tmp_path / "mine.pth").write_bytes(saved())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert locate(tmp_path / "mine.pth") == locate("~/mine.pth") == tmp_path / "mine.pth"
    assert locate("mine.pth") == Path("mine.pth")


@pytest.mark.parametrize("weights", ["missing.pth", "~nobody-of-this-name/mine.pth", "."])
def test_missing_own_weights(tmp_path, monkeypatch, weights):
    """A path at which there is no file is named, with what could be given instead."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"No weight file at .*\. Expected weights as 'released', None .* or a URL"):
        locate(weights)


def test_another_number_of_classes(tmp_path):
    """A network that was trained on other classes can be recorded from and read out; ImageNet's labels it has none."""
    path = tmp_path / "ten.pth"
    state = build_network("Z", seed=4, classes=10).state_dict()
    torch.save({"state_dict": state, "architecture": "Z"}, path)
    model = load_model("cornet_z", weights=path, image_size=32)
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    model.start_recording("V4", [(90, 190)])
    assert model.look_at([str(tmp_path / "red.png")]).size == 256 * 2 * 2
    assert model.activations_model([str(tmp_path / "red.png")], layers=["logits"]).shape == (1, 10)
    with pytest.raises(UserError, match="has 10 classes, and labels are those of ImageNet's 1000"):
        model.start_task("label", "imagenet")


def test_what_a_file_states_about_its_training_is_used(tmp_path, caplog):
    """The image size and the time steps of the training are the model's, unless others are given."""
    path = tmp_path / "rt.pth"
    network = build_network("RT", times=7, seed=4)
    stated = {"architecture": "RT", "times": dict(network.times), "image_size": 64}
    torch.save({"state_dict": network.state_dict(), **stated}, path)
    model = load_model("cornet_rt", weights=path)
    assert model.identifier == f"cornet_rt_weights_{file_hash(path)[:8]}_times_7_size_64"
    assert (model.activations_model.image_size, model.activations_model.network.times["IT"]) == (64, 7)
    assert load_network("cornet_rt", weights=path).times["IT"] == 7
    other = load_model("cornet_rt", weights=path, times=5, image_size=224)
    assert other.identifier == f"cornet_rt_weights_{file_hash(path)[:8]}"
    assert (other.activations_model.image_size, other.activations_model.network.times["IT"]) == (224, 5)
    assert not caplog.records


@pytest.mark.parametrize("stated", [{}, {"image_size": "64"}, {"image_size": 7}, {"image_size": True, "times": 5}])
def test_a_file_without_an_image_size_is_warned_of(tmp_path, caplog, stated):
    """Where a file does not state a valid one, the message names the file, the size that is used and the option."""
    path = tmp_path / "z.pth"
    torch.save({"state_dict": build_network("Z").state_dict(), **stated}, path)
    assert load_model("cornet_z", weights=path).activations_model.image_size == 224
    (record,) = caplog.records
    assert record.message.startswith(f"{path} does not state the image size")
    assert "224 px" in record.message
    assert "--image-size" in record.message
    load_model("cornet_z", weights=path, image_size=64)
    assert len(caplog.records) == 1
