"""Released weights: what is recorded, found, downloaded, verified and accepted."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.download_server import Reply, serve_without_proxy

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights import download as download_module
from brainscore_cornet.cornet.weights import released as module
from brainscore_cornet.cornet.weights.released import (
    FOLDER_VARIABLE,
    RELEASED,
    WeightsError,
    cache_folder,
    fetch,
    find,
    mismatch,
    released_file,
)

CONTENT = b"what the authors released"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT).hexdigest()
OTHER = b"something else"
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()
MISSING = Reply(status=404)


@pytest.fixture(autouse=True)
def downloads(tmp_path, monkeypatch) -> Path:
    """The folder that downloads go to, empty and this test's own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(download_module, "WAIT", 0.01)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder that BRAINSCORE_CORNET_WEIGHTS names."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def server(monkeypatch):
    """A server in the place of the authors'."""
    with serve_without_proxy(monkeypatch) as server:
        monkeypatch.setattr(module, "ORIGIN", server.url("/origin"))
        yield server


@pytest.fixture
def record(server):
    """A record of CONTENT, with a mirror on the server."""
    return replace(
        RELEASED["cornet_z"],
        filename=f"cornet_z-{SHA256[:8]}.pth",
        sha256_start=SHA256[:8],
        sha1=SHA1,
        mirrors=(server.url("/mirror"),),
    )


@pytest.fixture
def serve(server, record):
    """Set what the origin and the mirror reply."""

    def serve(*replies: Reply, mirror: Reply = MISSING) -> None:
        server.url(f"/origin/{record.filename}", *replies)
        server.url("/mirror", mirror)

    return serve


@pytest.mark.parametrize(
    ("model", "architecture", "url", "sha1", "mirrors", "source"),
    [
        ("cornet_z", "Z", "cornet_z-5c427c9c.pth", None, 0, "10.1101/408385"),
        ("cornet_r", "R", "cornet_r-5930a990.pth", None, 0, "10.1101/408385"),
        ("cornet_rt", "RT", "cornet_rt-933c001c.pth", None, 0, "10.1101/408385"),
        ("cornet_s", "S", "cornet_s-1d3f7974.pth", "a4bfd8eda33b45fd945da1b972ab0b7cad38d60f", 1, "1909.06161"),
    ],
)
def test_records(model, architecture, url, sha1, mirrors, source):
    """Each released file is recorded with URL, hashes, mirrors, contents and citation; no size is invented."""
    file = released_file(model)
    assert (file.model, file.architecture) == (model, architecture)
    assert file.urls[0] == f"https://s3.amazonaws.com/cornet-models/{url}"
    assert file.filename == url
    assert file.sha256_start == url[-12:-4]
    assert file.sha1 == sha1
    assert len(file.urls) == 1 + mirrors
    assert all(mirror.startswith("https://") for mirror in file.urls)
    assert file.size is None
    assert "state dict" in file.holds
    assert source in file.citation


def test_records_are_complete():
    """There are four released files; an unknown one gives the nearest."""
    assert list(RELEASED) == ["cornet_z", "cornet_r", "cornet_rt", "cornet_s"]
    with pytest.raises(UserError, match=r"Unknown released weights 'cornet-s'\. Did you mean cornet_s"):
        released_file("cornet-s")


def test_download_once(record, serve, server, downloads, capfd):
    """A file is downloaded once, to torch.hub's folder, and its full SHA-256 is printed."""
    serve(Reply(CONTENT))
    path = fetch(record)
    assert path == downloads / record.filename == cache_folder() / record.filename
    assert path.read_bytes() == CONTENT
    assert f"{path}: SHA-256 {SHA256}" in capfd.readouterr().err
    assert fetch(record) == find(record) == path
    assert server.requests == {f"/origin/{record.filename}": 1}


@pytest.mark.parametrize(
    "broken",
    [
        MISSING,
        Reply(status=503),
        Reply(CONTENT, breaks_off="close"),
        Reply(b"<html>Log in to the wireless network</html>"),
    ],
    ids=["404", "503", "breaks off", "garbage"],
)
def test_mirror(record, serve, server, broken):
    """Where the authors' server does not give the right file, the mirror does."""
    serve(broken, mirror=Reply(CONTENT))
    assert fetch(record).read_bytes() == CONTENT
    assert server.requests["/mirror"] == 1


@pytest.mark.parametrize("place", ["server", "folder"])
def test_mismatch(record, serve, folder, downloads, place):
    """A file that does not match its hashes is refused with the expected hashes, those found, and how to go on."""
    serve(Reply(OTHER))
    if place == "folder":
        (folder / record.filename).write_bytes(OTHER)
    with pytest.raises(WeightsError) as caught:
        fetch(record)
    message = str(caught.value)
    assert f"expected a SHA-256 that starts with {SHA256[:8]} (its name), found {OTHER_SHA256}" in message
    assert f"expected the SHA-1 {SHA1} (recorded by Brain-Score), found {hashlib.sha1(OTHER).hexdigest()}" in message
    assert "brainscore-cornet weights fetch cornet_z --no-verify" in message
    assert message.count("--no-verify") == 1
    assert "\n" not in message
    assert not (downloads / record.filename).exists()


def test_each_hash_counts(record, tmp_path):
    """A file that matches one of its two hashes alone does not match."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert mismatch(record, path) is None
    assert "SHA-1" not in mismatch(replace(record, sha256_start="00000000"), path)
    assert "SHA-256" not in mismatch(replace(record, sha1="0" * 40), path)


def test_no_network(record, server):
    """Where the file cannot be downloaded, the error says why and what works without a network."""
    with pytest.raises(WeightsError) as caught:
        fetch(record)
    assert "Cannot download" in str(caught.value)
    assert "404" in str(caught.value)
    assert FOLDER_VARIABLE in str(caught.value)
    assert "cornet_z_untrained" in str(caught.value)
    assert "--no-verify" not in str(caught.value)


def test_damaged_download(record, serve, downloads):
    """A damaged file among the downloads is replaced; while no right one can be had, it is refused and left alone."""
    downloads.mkdir(parents=True)
    (downloads / record.filename).write_bytes(OTHER)
    serve(MISSING)
    with pytest.raises(WeightsError) as caught:
        fetch(record)
    for part in (str(downloads / record.filename), OTHER_SHA256, "Cannot download", "404", "--no-verify"):
        assert part in str(caught.value)
    assert (downloads / record.filename).read_bytes() == OTHER
    serve(Reply(CONTENT))
    assert fetch(record).read_bytes() == CONTENT


@pytest.mark.parametrize("place", ["server", "downloads", "folder"])
def test_acceptance(record, serve, request, downloads, place, capfd):
    """A file accepted as it is stays accepted, with its full hash printed; changed again, it is refused again."""
    serve(Reply(OTHER))
    path = downloads / record.filename
    if place != "server":
        folder = request.getfixturevalue(place)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / record.filename
        path.write_bytes(OTHER)
        with pytest.raises(WeightsError):
            fetch(record)
    capfd.readouterr()
    assert fetch(record, verify=False) == path
    assert path.read_bytes() == OTHER
    assert f"{path}: accepted with the SHA-256 {OTHER_SHA256}" in capfd.readouterr().err
    assert fetch(record) == path
    path.write_bytes(OTHER + b"!")
    with pytest.raises(WeightsError, match="expected a SHA-256"):
        fetch(record)
    path.write_bytes(OTHER)
    assert fetch(record) == path


def test_nothing_to_accept(record, serve, downloads):
    """Of a file that matches its hashes nothing is accepted, even where it would be."""
    serve(Reply(CONTENT))
    fetch(record, verify=False)
    fetch(record, verify=False)
    (downloads / record.filename).write_bytes(OTHER)
    serve(MISSING)
    with pytest.raises(WeightsError):
        fetch(record)
    assert not list(downloads.glob("*.accepted"))


def test_damaged_acceptance(record, folder, serve):
    """A damaged note of an acceptance accepts nothing."""
    (folder / record.filename).write_bytes(OTHER)
    (folder / f"{record.filename}.accepted").write_bytes(b"\xff\n" + OTHER_SHA256[:63].encode())
    with pytest.raises(WeightsError):
        fetch(record)


def test_named_folder_comes_first(record, serve, server, folder, downloads):
    """The folder that BRAINSCORE_CORNET_WEIGHTS names is looked in first, then the downloads, then the network."""
    serve(Reply(CONTENT))
    assert find(record) is None
    assert fetch(record) == downloads / record.filename
    assert find(record) == downloads / record.filename
    (folder / record.filename).write_bytes(CONTENT)
    assert find(record) == fetch(record) == folder / record.filename
    assert server.requests.total() == 1


def test_named_folder_of_home(record, tmp_path, monkeypatch):
    """A ~ in BRAINSCORE_CORNET_WEIGHTS is the home folder, also where no shell has expanded it."""
    (tmp_path / record.filename).write_bytes(CONTENT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(FOLDER_VARIABLE, "~")
    assert fetch(record) == tmp_path / record.filename


@pytest.mark.parametrize("name", ["missing", "file"])
def test_named_folder_is_none(record, tmp_path, monkeypatch, name):
    """Where BRAINSCORE_CORNET_WEIGHTS names no folder, the error says so, before anything is downloaded."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / name))
    with pytest.raises(WeightsError, match=f"{FOLDER_VARIABLE} names {tmp_path / name}, which is not a folder"):
        fetch(record)


def test_torch_home(tmp_path, monkeypatch):
    """Downloads go where torch.hub keeps its own, whichever way that folder is set."""
    assert cache_folder() == Path(torch.hub.get_dir()) / "checkpoints" == tmp_path / "torch" / "hub" / "checkpoints"
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "torch" / "hub" / "checkpoints"


@pytest.mark.parametrize(
    "variables", [{"TORCH_HOME": "~/torch"}, {"XDG_CACHE_HOME": "/a"}, {"XDG_CACHE_HOME": ""}, {}], ids=str
)
def test_torch_home_without_torch(monkeypatch, variables):
    """The folder is torch.hub's also where torch, whose import takes seconds, is not imported yet."""
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    expected = Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delitem(sys.modules, "torch")
    assert cache_folder() == expected
