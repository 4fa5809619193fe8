"""Links into a brainscore_vision whose folder holds none of ours, as after an editable installation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import brainscore_vision
import pytest
from helpers.patience import PATIENCE

from brainscore_cornet import plugin_links

ROOT = Path(plugin_links.__file__).parents[1]


@pytest.fixture
def bare_vision(tmp_path) -> Path:
    """A folder to be put first on the path, in which brainscore_vision is as it was before our installation."""
    source, copy = Path(brainscore_vision.__file__).parent, tmp_path / "site" / "brainscore_vision"
    for folder in (copy, *(copy / kind for kind in plugin_links.KINDS)):
        folder.mkdir(parents=True, exist_ok=True)
        for path in (source / folder.relative_to(copy)).iterdir():
            if path.name not in (plugin_links.NAME, *plugin_links.KINDS, "__pycache__") or (
                path.parent != source and path.is_file()
            ):
                (folder / path.name).symlink_to(path)
    return copy


def run(bare_vision: Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join(map(str, (bare_vision.parent, ROOT)))
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=bare_vision.parent,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def command(bare_vision: Path, *arguments: str) -> subprocess.CompletedProcess:
    return run(bare_vision, "-m", "brainscore_cornet", *arguments)


def test_link_makes_the_links_and_unlink_removes_them(bare_vision):
    """Without links a command says what to do; with them Brain-Score finds the model; afterwards nothing is left."""
    before = sorted(path.name for kind in plugin_links.KINDS for path in (bare_vision / kind).iterdir())
    refused = command(bare_vision, "score", "cornet_z_untrained")
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("Run: brainscore-cornet link")
    assert len(refused.stderr.strip().splitlines()) == 1

    linked = command(bare_vision, "link")
    assert linked.returncode == 0, linked.stderr
    assert len(linked.stdout.splitlines()) == 3
    code = "import brainscore_vision; print(brainscore_vision.load_model('cornet_z_untrained').identifier)"
    found = run(bare_vision, "-c", code)
    assert found.stdout.strip() == "cornet_z_untrained", found.stderr
    assert "Nothing to do" in command(bare_vision, "link").stdout

    assert len(command(bare_vision, "unlink").stdout.splitlines()) == 3
    assert sorted(path.name for kind in plugin_links.KINDS for path in (bare_vision / kind).iterdir()) == before


@pytest.mark.parametrize("left_over", ["folder", "broken link"])
def test_link_replaces_what_an_uninstallation_left(bare_vision, left_over, monkeypatch):
    """A folder without a plugin in it, or a link that leads nowhere, is replaced by a link."""
    monkeypatch.setattr(plugin_links, "plugin_folder", lambda kind: bare_vision / kind / plugin_links.NAME)
    here = plugin_links.plugin_folder("models")
    if left_over == "folder":
        (here / "__pycache__").mkdir(parents=True)
    else:
        here.symlink_to(bare_vision / "gone")
    assert len(plugin_links.link()) == 3
    assert (here / "model.py").is_file()
    assert plugin_links.missing() == []


def test_unlink_leaves_what_pip_installed(bare_vision, monkeypatch):
    """Only links are taken away: installed folders are pip's."""
    monkeypatch.setattr(plugin_links, "plugin_folder", lambda kind: bare_vision / kind / plugin_links.NAME)
    installed = plugin_links.plugin_folder("models")
    installed.mkdir()
    (installed / "__init__.py").touch()
    assert plugin_links.missing() == ["benchmarks", "data"]
    plugin_links.link()
    assert len(plugin_links.unlink()) == 2
    assert (installed / "__init__.py").is_file()
