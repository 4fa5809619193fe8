"""Good submissions, made by hand as a stranger would, for tests to break in one place each."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

INIT = """\
from brainscore_vision import model_registry

from .model import get_model

model_registry['stranger_net'] = get_model
"""
MODEL = '''\
"""A model of somebody else's."""

import torch

from .parts.network import build


def get_model():
    return build(torch.nn.Identity())


def get_bibtex(identifier):
    return "@misc{stranger}"
'''
TEST = """\
import pytest


def test_identifier():
    assert "stranger_net"


@pytest.mark.slow
def test_download():
    pass
"""
ROOT, PLUGIN = "stranger", "stranger/models/stranger_net"
GOOD: Mapping[str, str] = {
    f"{PLUGIN}/__init__.py": INIT,
    f"{PLUGIN}/model.py": MODEL,
    f"{PLUGIN}/test.py": TEST,
    f"{PLUGIN}/requirements.txt": "timm>=1.0\n# a comment\n-r more.txt\ngit+https://github.com/somebody/something\n",
    f"{PLUGIN}/environment.yml": "dependencies:\n  - python=3.11\n  - pip\n",
    f"{PLUGIN}/parts/__init__.py": "",
    f"{PLUGIN}/parts/network.py": "import timm\nfrom ..model import get_bibtex\n\n\ndef build(x):\n    return x\n",
}


def write(path: Path, changes: Mapping[str, str | bytes | None] = {}, *, folders: bool = True) -> Path:
    """The good submission with some files replaced, added or (None) left out; paths within the plugin, or from /."""
    contents: dict[str, str | bytes] = dict(GOOD)
    for name, content in changes.items():
        name = name[1:] if name.startswith("/") else f"{PLUGIN}/{name}"
        contents.pop(name, None)
        if content is not None:
            contents[name] = content
    with zipfile.ZipFile(path, "w") as archive:
        if folders:
            parents = {f"{parent}/" for name in contents for parent in Path(name).parents if str(parent) not in ".."}
            for parent in sorted(parents):
                archive.writestr(parent, b"")
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def registered(*lines: str) -> dict[str, str]:
    """A change of the registrations."""
    return {
        "__init__.py": "from brainscore_vision import model_registry\nfrom .model import get_model\n" + "\n".join(lines)
    }
