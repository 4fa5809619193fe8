"""Files that are no weights, or more than weights: nothing in them runs, and they are refused plainly."""

from __future__ import annotations

import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.weights.released import WeightsError
from brainscore_cornet.cornet.weights.state_dicts import read_checkpoint

FORMATS = {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}}
WEIGHTS = {"V1.conv.weight": torch.ones(8, 3, 7, 7), "V1.conv.bias": torch.zeros(8)}

each_format = pytest.mark.parametrize("options", FORMATS.values(), ids=FORMATS)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "mine.pth"


def refusal(path, expected: str) -> str:
    """The message, of one line, with which a file is refused."""
    with pytest.raises(WeightsError, match=expected) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Call:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@each_format
@pytest.mark.parametrize("force", [False, True], ids=["", "forced"])
@pytest.mark.parametrize("at", ["alone", "beside"])
def test_code_in_a_file_does_not_run(at, force, options, path, monkeypatch):
    """A file that would run a command when unpickled is refused, the command is named, and it does not run."""
    if force:  # torch's own switch for trusted files does not reach ours
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    harm = path.with_name("harm")
    hostile = Call(os.system, f"touch {harm}")
    torch.save(hostile if at == "alone" else {"state_dict": WEIGHTS, "epoch": hostile}, path, **options)
    message = refusal(path, r"holds \w+\.system, which could run code, so it was not loaded")
    assert "torch.save(model.state_dict()" in message
    assert not harm.exists()
    torch.load(path, weights_only=False)
    assert harm.exists(), "the file was harmless, so that this test shows nothing"


@each_format
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Call(eval, "1"), "eval"),
        (Path("/"), "pathlib"),
        (np.zeros(3), "_reconstruct"),
        (nn.Linear(2, 2), r"torch\.nn\.modules\.linear\.Linear"),
        (build_network, r"brainscore_cornet\.cornet\.architectures\.build_network"),
    ],
    ids=["eval", "path", "array", "module", "function"],
)
def test_anything_but_tensors_and_plain_values_is_refused(content, name, options, path):
    """Whole networks, arrays and other objects are refused by name, with how to write the weights anew."""
    torch.save({"state_dict": WEIGHTS, "extra": content}, path, **options)
    refusal(path, rf"holds [\w.]*{name}[\w.]*, which could run code.* write the weights anew with torch\.save")


def saved(content, path, **options) -> bytes:
    torch.save(content, path, **options)
    return path.read_bytes()


def a_zip(path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes/readme.txt", "no weights in here")
    return path.read_bytes()


DAMAGED = {
    "empty": lambda content, path: b"",
    "text": lambda content, path: b"These are not the weights you are looking for.\n",
    "page": lambda content, path: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "garbage": lambda content, path: random.Random(0).randbytes(10_000),
    "zeros": lambda content, path: bytes(10_000),
    "zip": lambda content, path: a_zip(path),
    "pickle": lambda content, path: b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.",
    "one-byte": lambda content, path: content[:1],
    "head": lambda content, path: content[:50],
    "half": lambda content, path: content[: len(content) // 2],
    "almost": lambda content, path: content[:-100],
    "tail": lambda content, path: content[1000:],
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, about odd pickle protocols
@each_format
@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(damage, options, path):
    """A damaged, cut, empty or foreign file is refused in one line that gives its size, without advice to trust it."""
    path.write_bytes(damage(saved(WEIGHTS, path, **options), path))
    message = refusal(path, rf"\({path.stat().st_size} bytes\) is not a complete file of weights")
    assert "weights_only" not in message


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, about odd pickle protocols
@each_format
def test_no_damage_gets_past(options, path):
    """Whatever bytes of a file are changed, it loads or is refused with a plain message."""
    content = saved({"module.a": torch.ones(3, 4), "best": np.float64(0.5), "flags": {"model": "R"}}, path, **options)
    generator = random.Random(0)
    refused = 0
    for _ in range(400):
        changed = bytearray(content[: generator.choice([len(content), generator.randrange(1, len(content))])])
        for _ in range(generator.choice([1, 1, 2, 8])):
            changed[generator.randrange(len(changed))] = generator.randrange(256)
        path.write_bytes(changed)
        try:
            read_checkpoint(path)
        except WeightsError:
            refused += 1
    assert refused > 200
