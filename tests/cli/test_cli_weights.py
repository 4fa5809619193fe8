"""`brainscore-cornet weights` list, fetch, verify and path, as a user runs them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from helpers.commands import run_here
from helpers.download_server import Reply, nothing_is_left_in, serve_without_proxy

from brainscore_cornet import load_network
from brainscore_cornet.cli import main
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights import released
from brainscore_cornet.cornet.weights.released import FOLDER_VARIABLE, RELEASED

Z, S = RELEASED["cornet_z"].filename, RELEASED["cornet_s"].filename


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has CORnet-Z in the folder of BRAINSCORE_CORNET_WEIGHTS, CORnet-S among its downloads, no network.

    Both files have other contents than were released.
    """
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("brainscore_cornet.cornet.weights.download.WAIT", 0)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "shared"))
    downloads = tmp_path / "torch" / "hub" / "checkpoints"
    for path in (tmp_path / "shared" / Z, downloads / S):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"other contents")
    return tmp_path


def run(*arguments: str) -> subprocess.CompletedProcess:
    return run_here("weights", *arguments)


def error_of(process: subprocess.CompletedProcess) -> str:
    """The one line with which a command has failed, the last on stderr."""
    lines = process.stderr.splitlines()
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]
    return lines[-1]


def test_list(machine):
    """`list` shows for each released file whether it is here, and where."""
    process = run("list")
    assert (process.returncode, process.stderr) == (0, "")
    rows = {line.split()[0]: line for line in process.stdout.splitlines()}
    assert list(rows) == ["model", *RELEASED]
    assert rows["cornet_z"].endswith(str(machine / "shared" / Z))
    assert rows["cornet_s"].endswith(str(machine / "torch" / "hub" / "checkpoints" / S))
    for model in ("cornet_r", "cornet_rt"):
        assert rows[model].split() == [model, RELEASED[model].filename, RELEASED[model].sha256_start, "no"]


def test_list_for_machines(machine):
    """`list --json` gives all that is recorded of each file, and its path or null."""
    process = run("list", "--json")
    assert (process.returncode, process.stderr) == (0, "")
    files = {file["model"]: file for file in json.loads(process.stdout)}
    assert list(files) == list(RELEASED)
    assert files["cornet_z"]["path"] == str(machine / "shared" / Z)
    assert files["cornet_r"]["path"] is None
    for model, file in RELEASED.items():
        assert files[model]["urls"] == list(file.urls)
        assert files[model]["sha1"] == file.sha1
        assert files[model]["citation"] == file.citation


def test_path(machine):
    """`path` prints the path alone, for use in a shell."""
    process = run("path", "cornet_s")
    path = machine / "torch" / "hub" / "checkpoints" / S
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{path}\n", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("path", "cornet_r"),
            "The weights of cornet_r are not on this machine: brainscore-cornet weights fetch cornet_r",
        ),
        (("path", "cornet_zz"), "Unknown released weights 'cornet_zz'. Did you mean cornet_z"),
        (("fetch", "CORnet-S"), "Unknown released weights 'CORnet-S'. "),
        (("fetch", "cornet_s_untrained"), "cornet_s_untrained keeps its initialization and has no file of weights."),
        (("verify", "cornet-rt"), "Did you mean cornet_rt"),
    ],
)
def test_what_is_not_there(machine, arguments, expected):
    """A file that is not here, and a model that there is none of, give one line with what to do and nothing else."""
    process = run(*arguments)
    assert expected in error_of(process)
    assert process.stdout == ""
    assert len(process.stderr.splitlines()) == 1


def test_verify(machine):
    """`verify` tells of each file its full hash and how it differs, and names in the end those that are not right."""
    process = run("verify", "cornet_z", "cornet_rt", "cornet_s")
    wrong = "Error: Not as published: cornet_z, cornet_s. Not on this machine: cornet_rt."
    assert error_of(process) == f"{wrong} To download: brainscore-cornet weights fetch cornet_rt"
    z, rt, s = process.stdout.splitlines()
    found = hashlib.sha256(b"other contents").hexdigest()
    assert z.startswith(f"cornet_z  {machine / 'shared' / Z}  SHA-256 {found}  expected a SHA-256 that starts with ")
    assert rt == "cornet_rt  not on this machine"
    assert s.endswith(f"found {hashlib.sha1(b'other contents').hexdigest()}")


def test_fetch_without_network(machine):
    """Without a network `fetch` says so in one line, with what works without one, and leaves nothing behind."""
    process = run("fetch", "cornet_r")
    error = error_of(process)
    assert "no connection through the proxy" in error
    assert f"copy the file from another machine into a folder that {FOLDER_VARIABLE} names" in error
    assert "cornet_r_untrained" in error
    assert process.stdout == ""
    downloads = machine / "torch" / "hub" / "checkpoints"
    (downloads / S).unlink()
    assert nothing_is_left_in(downloads)


def test_accept(machine, stand_in):
    """A file with another hash is refused until `fetch --no-verify` accepts it; then networks use it."""
    path = machine / "shared" / Z
    torch.save({"state_dict": stand_in("Z").state_dict()}, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UserError, match="weights fetch cornet_z --no-verify"):
        load_network("cornet_z")
    assert f"found {found}" in error_of(run("fetch", "cornet_z"))

    process = run("fetch", "cornet_z", "--no-verify")
    assert (process.returncode, process.stdout) == (0, f"cornet_z  {path}  SHA-256 {found}\n")
    assert f"accepted with the SHA-256 {found}" in process.stderr
    loaded, expected = load_network("cornet_z").state_dict(), stand_in("Z").state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())
    assert run("verify", "cornet_z").stdout.endswith(f"found {found}; accepted with `weights fetch --no-verify`\n")


def test_fetch_and_verify(tmp_path, monkeypatch, capfd):
    """What `fetch` downloads has its full hash printed, `verify` finds it as published, and `path` finds it."""
    content = b"released"
    found = hashlib.sha256(content).hexdigest()
    with serve_without_proxy(monkeypatch) as server:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        monkeypatch.setattr(released, "ORIGIN", server.url(""))
        monkeypatch.setitem(RELEASED, "cornet_z", replace(RELEASED["cornet_z"], sha256_start=found[:8]))
        server.url(f"/{Z}", Reply(content))
        path = tmp_path / "hub" / "checkpoints" / Z
        absent = "".join(f"{model}  not on this machine\n" for model in ("cornet_r", "cornet_rt", "cornet_s"))
        for arguments, printed in [
            (["fetch", "cornet_z"], f"cornet_z  {path}  SHA-256 {found}\n"),
            (["verify"], f"cornet_z  {path}  SHA-256 {found}  matches its published hash\n{absent}"),
            (["path", "cornet_z"], f"{path}\n"),
        ]:
            monkeypatch.setattr(sys, "argv", ["brainscore-cornet", "weights", *arguments])
            with pytest.raises(SystemExit) as ended:
                main.main()
            assert ended.value.code == 0
            assert capfd.readouterr().out == printed
    assert server.requests.total() == 1
