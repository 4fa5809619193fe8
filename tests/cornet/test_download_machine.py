"""`download` among processes that start together or are killed, and on disks that are full or cannot be written."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import resource
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from helpers.download_server import Reply, nothing_is_left_in, serve_without_proxy
from helpers.patience import PATIENCE

from brainscore_cornet.cornet.weights.download import DestinationError, download

CONTENT = os.urandom(300_000)
GOOD = Reply(CONTENT)
SCRIPT = """
import sys
from pathlib import Path
from brainscore_cornet.cornet.weights.download import download
url, destination, size = sys.argv[1:]

def check(path):
    assert path.stat().st_size == int(size)

print(download([url], Path(destination), check=check))
"""


@pytest.fixture
def server(monkeypatch):
    with serve_without_proxy(monkeypatch) as server:
        yield server


def check(path: Path) -> None:
    assert path.read_bytes() == CONTENT


def start(url: str, destination: Path, **options) -> subprocess.Popen:
    """A process of its own that downloads a file."""
    command = [sys.executable, "-c", SCRIPT, url, str(destination), str(len(CONTENT))]
    return subprocess.Popen(command, **{"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)


def wait_until(happens) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_progress_in_a_terminal(server, tmp_path):
    """In a terminal a bar shows the file's name and how much of it has come, while there is time to read it."""
    slow = threading.Event()
    terminal, end = os.openpty()
    termios.tcsetwinsize(end, (24, 100))
    url = server.url("/file", Reply(CONTENT, hold=slow))
    process = start(url, tmp_path / "file.pth", stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 10_000)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        if re.search(rb"file\.pth: +\d+%.*/300k", shown):
            slow.set()
    os.close(terminal)
    assert process.wait() == 0
    assert slow.is_set()


def test_slow_server(server, tmp_path):
    """While a slow download runs nothing has its final name; then the whole content has."""
    slow = threading.Event()
    process = start(server.url("/file", Reply(CONTENT, hold=slow)), tmp_path / "file.pth")
    wait_until((tmp_path / "file.pth.part").exists)
    assert not (tmp_path / "file.pth").exists()
    slow.set()
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "file.pth").read_bytes() == CONTENT
    assert not (tmp_path / "file.pth.part").exists()


def test_two_processes_at_once(server, tmp_path):
    """Of two processes that want one file, one downloads it, the other says that it waits, and both have it."""
    slow = threading.Event()
    url = server.url("/file", Reply(CONTENT, hold=slow))
    processes = [start(url, tmp_path / "file.pth") for _ in range(2)]
    said = ["", ""]

    def listen(index):
        for line in processes[index].stderr:
            said[index] += line

    listeners = [threading.Thread(target=listen, args=(index,)) for index in range(2)]
    for listener in listeners:
        listener.start()
    wait_until(lambda: any("Waiting for another process that downloads file.pth" in text for text in said))
    slow.set()
    for listener in listeners:
        listener.join()
    for process in processes:
        with process.stdout:
            assert process.stdout.read().strip() == str(tmp_path / "file.pth")
        process.stderr.close()
        assert process.wait() == 0
    assert (tmp_path / "file.pth").read_bytes() == CONTENT
    assert server.requests["/file"] == 1
    assert sorted("Downloading" in text for text in said) == [False, True]


def test_killed_process(server, tmp_path):
    """A process killed half-way leaves no file under the final name, and does not hinder the next one."""
    url = server.url("/file", Reply(CONTENT, hold=threading.Event()), GOOD)
    process = start(url, tmp_path / "file.pth")
    wait_until((tmp_path / "file.pth.part").exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "file.pth").exists()

    download([url], tmp_path / "file.pth", check=check)
    assert (tmp_path / "file.pth").read_bytes() == CONTENT
    assert not (tmp_path / "file.pth.part").exists()


def test_interrupted_process(server, tmp_path):
    """An interruption by Ctrl-C leaves no file behind."""
    url = server.url("/file", Reply(CONTENT, hold=threading.Event()))
    # a shell that runs the tests in the background has them ignore Ctrl-C
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = start(url, tmp_path / "file.pth", **heeding)
    wait_until((tmp_path / "file.pth.part").exists)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT
    assert nothing_is_left_in(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with room for less than the content."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk: mounting is not permitted here ({mounted.stderr.strip()})")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("announced", "reason"),
    [(None, "0 MB needed, 0 MB free"), ("", "No space left on device")],
    ids=["known", "unknown"],
)
def test_full_disk(server, small_disk, announced, reason):
    """A full disk gives one clear error and leaves nothing, whether the size was known before or not."""
    urls = [server.url("/file", Reply(CONTENT, announced=announced)), server.url("/mirror", GOOD)]
    with pytest.raises(DestinationError) as caught:
        download(urls, small_disk / "file.pth", check=check)
    advice = "Set TORCH_HOME to a writable folder with enough free space."
    assert str(caught.value) == f"Cannot write {small_disk / 'file.pth'}: {reason}. {advice}"
    assert nothing_is_left_in(small_disk)
    assert server.requests == {"/file": 1}


def test_size_limit(server, tmp_path):
    """A limit that strikes in the middle of writing, as a quota does, gives the same error and leaves nothing."""
    process = start(
        server.url("/file", GOOD),
        tmp_path / "file.pth",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    _, err = process.communicate()
    assert process.returncode == 1
    assert f"DestinationError: Cannot write {tmp_path / 'file.pth'}: File too large." in err
    assert nothing_is_left_in(tmp_path)


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/none"])
def test_folder_that_cannot_be(server, tmp_path, folder):
    """Where no folder can be made, the error says so before anything is asked of the server."""
    (tmp_path / "file").touch()
    with pytest.raises(DestinationError, match=r"Cannot write .*/file\.pth: .* Set TORCH_HOME"):
        download([server.url("/file", GOOD)], tmp_path / folder / "file.pth", check=check)
    assert not server.requests


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks(server, tmp_path, monkeypatch, code):
    """On a file system that has no locks a file still comes, written under a name that no other process uses."""
    written = []

    def flock(*_):
        raise OSError(code, os.strerror(code))

    def check_and_remember(path):
        written.append(path.name)
        check(path)

    monkeypatch.setattr(fcntl, "flock", flock)
    download([server.url("/file", GOOD)], tmp_path / "file.pth", check=check_and_remember)
    assert (tmp_path / "file.pth").read_bytes() == CONTENT
    assert f"-{os.getpid()}." in written[0]
    (tmp_path / "file.pth").unlink()
    assert nothing_is_left_in(tmp_path)


def test_shared_folder(server, tmp_path):
    """Neither the lock nor what a killed process left keeps out others who may write the folder."""
    (tmp_path / "file.pth.part").write_bytes(b"half")
    os.link(tmp_path / "file.pth.part", tmp_path / "half")
    before = os.umask(0o077)
    try:
        download([server.url("/file", GOOD)], tmp_path / "file.pth", check=check)
    finally:
        os.umask(before)
    assert (tmp_path / ".file.pth.lock").stat().st_mode & 0o777 == 0o666
    assert (tmp_path / "half").read_bytes() == b"half"  # replaced, not written into: it may belong to another user
