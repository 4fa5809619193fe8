"""Weights in folders that a user may not write or not read, as on a cluster whose folders are shared."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

# imported while the folders of the installation can still be read, see ordinary_user
import filelock  # noqa: F401
import pytest
import torch  # noqa: F401

from brainscore_cornet.cornet.weights.download import DestinationError
from brainscore_cornet.cornet.weights.released import (
    FOLDER_VARIABLE,
    RELEASED,
    WeightsError,
    cache_folder,
    fetch,
    locate,
)

CONTENT = b"what the authors released"
OTHER = b"something else"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def record():
    return replace(RELEASED["cornet_z"], filename=f"cornet_z-{SHA256[:8]}.pth", sha256_start=SHA256[:8])


@pytest.fixture
def ordinary_user(monkeypatch):
    """A user whom permissions bind, as they do not bind root, and a folder that this user owns."""
    folder = Path(tempfile.mkdtemp(prefix="brainscore-cornet-"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    nobody = 65534
    root = os.geteuid() == 0
    if root:
        os.chown(folder, nobody, nobody)
        os.setresgid(nobody, nobody, 0)
        os.setresuid(nobody, nobody, 0)
    try:
        if not os.access(folder, os.W_OK):
            pytest.skip("the folder of temporary files is closed to other users")
        yield folder
    finally:
        if root:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
        for path, folders, _ in os.walk(folder):
            for name in (".", *folders):
                os.chmod(os.path.join(path, name), 0o700)
        shutil.rmtree(folder)


def test_read_only_named_folder(record, ordinary_user, monkeypatch, capfd):
    """In a shared folder that cannot be written files are used, and accepted for oneself; the folder stays as it is."""
    folder = ordinary_user / "shared"
    folder.mkdir()
    (folder / record.filename).write_bytes(CONTENT)
    folder.chmod(0o500)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    assert fetch(record) == folder / record.filename
    assert not (ordinary_user / "torch").exists()

    other = replace(record, sha256_start="00000000")
    with pytest.raises(WeightsError, match="--no-verify"):
        fetch(other)
    fetch(other, verify=False)
    assert str(cache_folder()) in capfd.readouterr().err
    assert fetch(other) == folder / record.filename
    assert [path.name for path in folder.iterdir()] == [record.filename]

    folder.chmod(0o700)
    (folder / record.filename).write_bytes(OTHER)
    with pytest.raises(WeightsError, match="--no-verify"):
        fetch(other)


def test_acceptance_that_cannot_be_kept(record, ordinary_user, monkeypatch):
    """Where an acceptance can be kept nowhere, the error says so instead of accepting for this time alone."""
    (ordinary_user / record.filename).write_bytes(OTHER)
    ordinary_user.chmod(0o500)
    monkeypatch.setenv(FOLDER_VARIABLE, str(ordinary_user))
    with pytest.raises(WeightsError, match="Set TORCH_HOME"):
        fetch(record, verify=False)


def test_read_only_torch_home(record, ordinary_user):
    """Downloads that lie in a folder that cannot be written are used; for a new one the error says what to set."""
    cache_folder().mkdir(parents=True)
    (cache_folder() / record.filename).write_bytes(CONTENT)
    cache_folder().chmod(0o500)
    assert fetch(record) == cache_folder() / record.filename
    with pytest.raises(DestinationError, match=r"Permission denied\. Set TORCH_HOME"):
        fetch(replace(record, filename="other.pth"))


@pytest.mark.parametrize("closed", ["file", "folder", "folder above"])
def test_no_right_to_read(record, ordinary_user, monkeypatch, closed):
    """A file or a folder that this user may not read is named in one plain error."""
    path = ordinary_user / "lab" / "shared" / record.filename
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv(FOLDER_VARIABLE, str(path.parent))
    {"file": path, "folder": path.parent, "folder above": path.parent.parent}[closed].chmod(0)
    reason = f"Cannot read {path}: Permission denied" if closed == "file" else "not a folder that can be read"
    with pytest.raises(WeightsError, match=reason):
        fetch(record)
    if closed == "file":
        with pytest.raises(WeightsError, match=f"Cannot read {path}: permission denied"):
            locate(path)
