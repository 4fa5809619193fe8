"""`download` against a server that is slow, breaks off, sends garbage, or is not there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from helpers.download_server import Reply, nothing_is_left_in, serve_without_proxy

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights import download as module
from brainscore_cornet.cornet.weights.download import ATTEMPTS, DownloadError, download

CONTENT = os.urandom(300_000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.01)
    with serve_without_proxy(monkeypatch) as server:
        yield server


def check(path: Path) -> None:
    """Refuse anything but the content, as a hash does."""
    if path.read_bytes() != CONTENT:
        raise UserError("another hash")


GOOD = Reply(CONTENT)


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([GOOD], id="normal"),
        pytest.param([Reply(CONTENT, announced="")], id="no length announced"),
        pytest.param([Reply(CONTENT, announced="many")], id="length that is no number"),
        pytest.param([Reply(CONTENT, breaks_off="close")] * (ATTEMPTS - 1) + [GOOD], id="breaks off"),
        pytest.param([Reply(CONTENT, breaks_off="reset")] * (ATTEMPTS - 1) + [GOOD], id="reset"),
        pytest.param([Reply(CONTENT, announced=len(CONTENT) + 1), GOOD], id="less than announced"),
        pytest.param([Reply(status=503)] * (ATTEMPTS - 1) + [GOOD], id="503"),
        pytest.param([Reply(status=429), Reply(CONTENT, breaks_off="close"), GOOD], id="one trouble after another"),
    ],
)
def test_trouble_that_passes(server, tmp_path, replies):
    """A file comes whole where the server gets well within the attempts, with no request more than needed."""
    url = server.url("/file", *replies)
    assert download([url], tmp_path / "new" / "file.pth", check=check) == tmp_path / "new" / "file.pth"
    assert (tmp_path / "new" / "file.pth").read_bytes() == CONTENT
    assert server.requests["/file"] == len(replies)
    (tmp_path / "new" / "file.pth").unlink()
    assert nothing_is_left_in(tmp_path / "new")


@pytest.mark.parametrize(
    ("reply", "reason", "requests"),
    [
        pytest.param(Reply(status=404), "the server answered 404 Not Found", 1, id="404"),
        pytest.param(Reply(status=403), "the server answered 403 Forbidden", 1, id="403"),
        pytest.param(Reply(status=503), "503 Service Unavailable, 3 times", ATTEMPTS, id="503"),
        pytest.param(
            Reply(CONTENT, breaks_off="close"), "the connection broke off, 3 times", ATTEMPTS, id="breaks off"
        ),
        pytest.param(Reply(CONTENT, announced=len(CONTENT) + 9), "broke off, 3 times", ATTEMPTS, id="too little"),
        pytest.param(Reply(CONTENT, announced=len(CONTENT) - 9), "another hash", 1, id="more than announced"),
        pytest.param(Reply(b"<html>Please log in</html>"), "another hash", 1, id="garbage"),
        pytest.param(Reply(CONTENT, announced=0), "another hash", 1, id="announced as empty"),
        pytest.param(
            Reply(status=302, location="/file"), "not a usable URL (Exceeded 30 redirects", 31, id="in circles"
        ),
    ],
)
def test_trouble_that_stays(server, tmp_path, reply, reason, requests):
    """A server that stays bad gives an error with the reason and no half file; then its mirror gives the file."""
    url = server.url("/file", reply)
    destination = tmp_path / "file.pth"
    with pytest.raises(DownloadError) as caught:
        download([url], destination, check=check)
    assert str(caught.value).startswith("Cannot download file.pth: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert server.requests["/file"] == requests
    assert nothing_is_left_in(tmp_path)

    download([url, server.url("/mirror", GOOD)], destination, check=check)
    assert destination.read_bytes() == CONTENT
    assert server.requests["/mirror"] == 1


def test_every_url_is_named_with_its_reason(server, tmp_path):
    """Where neither the first URL nor the mirror gives the file, the error says why for each of them."""
    urls = [server.url("/first", Reply(status=410)), server.url("/mirror", Reply(b"damaged"))]
    with pytest.raises(DownloadError) as caught:
        download(urls, tmp_path / "file.pth", check=check)
    assert f"{urls[0]}: the server answered 410 Gone; {urls[1]}: another hash" in str(caught.value)


def test_redirect(server, tmp_path):
    """A redirect is followed to the file."""
    server.url("/moved", GOOD)
    download([server.url("/file", Reply(status=301, location="/moved"))], tmp_path / "file.pth", check=check)
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("silent", [False, True], ids=["stalls half-way", "never answers"])
def test_silent_server(server, tmp_path, monkeypatch, silent):
    """A server that falls silent is left after a while, and the error says that it was silent."""
    monkeypatch.setattr(module, "TIMEOUT", (5, 0.1))
    url = server.url("/file", Reply(CONTENT, hold=threading.Event(), silent=silent))
    with pytest.raises(DownloadError, match=r"the server was silent for 0\.1 s, 3 times"):
        download([url], tmp_path / "file.pth", check=check)
    assert server.requests["/file"] == ATTEMPTS
    assert nothing_is_left_in(tmp_path)


@pytest.mark.parametrize(
    ("url", "variables", "reason"),
    [
        ("http://127.0.0.1:9/file", {}, "no connection to the server (offline?), 3 times"),
        ("http://192.0.2.1/file", {}, "no connection to the server (offline?), 3 times"),
        ("http://192.0.2.1/file", {"http_proxy": "http://127.0.0.1:9"}, "no connection through the proxy"),
        ("https://127.0.0.1:{port}/file", {}, "no secure connection"),
        ("https://127.0.0.1:{port}/file", {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, "/nowhere.pem"),
        ("http://", {}, "not a usable URL"),
        ("http://no host/file", {}, "not a usable URL"),
    ],
)
def test_no_server(server, tmp_path, monkeypatch, url, variables, reason):
    """Without a network, proxy or usable URL the error says which of them it is."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    url = url.format(port=server.url("").rsplit(":", 1)[1])
    with pytest.raises(DownloadError) as caught:
        download([url], tmp_path / "file.pth", check=check)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert nothing_is_left_in(tmp_path)


def test_what_is_there_already(server, tmp_path):
    """A complete file is not downloaded again, one that will not do is replaced, and kept where no better one comes."""
    destination = tmp_path / "file.pth"
    destination.write_bytes(b"old")
    good, bad = server.url("/good", GOOD), server.url("/bad", Reply(b"worse"))

    def is_complete(path):
        return path.read_bytes() == CONTENT

    download([good], destination, check=check)
    assert server.requests["/good"] == 0
    with pytest.raises(DownloadError):
        download([bad], destination, check=check, is_complete=is_complete)
    assert destination.read_bytes() == b"old"
    download([good], destination, check=check, is_complete=is_complete)
    assert destination.read_bytes() == CONTENT
    download([good], destination, check=check, is_complete=is_complete)
    assert server.requests["/good"] == 1


def test_announcements(server, tmp_path, capfd):
    """In a log file the URL and every further attempt are announced, on stderr alone, and no progress bar is drawn."""
    url = server.url("/file", Reply(status=503), Reply(CONTENT, breaks_off="close"), GOOD)
    download([url], tmp_path / "file.pth", check=check)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"Downloading {url}",
        "file.pth: the server answered 503 Service Unavailable; trying again in 0.01 s",
        "file.pth: the connection broke off; trying again in 0.02 s",
    ]


def test_one_step(server, tmp_path):
    """The file that was checked is the very one that then gets the final name, in one step and without a copy."""
    checked = []
    path = download([server.url("/file", GOOD)], tmp_path / "file.pth", check=lambda part: checked.append(part.stat()))
    assert [stat.st_ino for stat in checked] == [path.stat().st_ino]


def test_attempts_without_a_connection_are_not_announced(tmp_path, capfd, monkeypatch):
    """Where nothing answers, the log has the URL alone, and the error says how often it was tried."""
    monkeypatch.setattr("brainscore_cornet.cornet.weights.download.WAIT", 0)
    url = "http://127.0.0.1:9/file.pth"
    with pytest.raises(DownloadError, match=r"no connection .*, 3 times"):
        download([url], tmp_path / "file.pth", check=check)
    assert capfd.readouterr().err.splitlines() == [f"Downloading {url}"]
