"""The architecture that a weight file states or whose entries it has, read without torch and without the tensors."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..anatomy import TIME_STEPS
from ..errors import WeightsError
from .released import RELEASED

_MOST_BYTES = 2**24  # of names and plain values: those of CORnet-S take less than 0.1 MB
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # of torch.save's format before 2020
_FIRST_BYTES = (b"PK", b"\x80")  # of the zips and pickles that torch.save writes
_ONLY_IN = {
    ("Z",): re.compile(r"(^|\.)V1\.conv\.weight$"),
    ("R", "RT"): re.compile(r"(^|\.)V1\.norm_input\.weight$"),
    ("S",): re.compile(r"(^|\.)V2\.norm_skip\.weight$"),
}
"""Architectures -> an entry that only their networks have."""


def check_held(path: Path, architecture: str) -> None:
    """Raise `WeightsError` if a file without doubt holds another network, or no weights; takes milliseconds.

    A damaged file may pass: the check that loads it says what is wrong.
    """
    if path.suffix != ".safetensors" and not _begins_as_saved(path):
        raise WeightsError(incomplete(path))
    contents = _without_tensors(path)
    check_stated(contents, path, architecture)
    if stated_architecture(contents, path) is not None:
        return
    names = [name for part in (contents, *contents.values()) if isinstance(part, Mapping) for name in part]
    held = [
        those
        for those, entry in _ONLY_IN.items()
        if any(isinstance(name, str) and entry.search(name) for name in names)
    ]
    if len(held) == 1 and architecture not in held[0]:
        spelled = " or ".join(f"CORnet-{each}" for each in held[0])
        raise WeightsError(f"{path} has the entries of {spelled}: it cannot be loaded into CORnet-{architecture}.")


def check_stated(contents: Mapping[str, Any], path: Path, architecture: str) -> None:
    """Raise `WeightsError` if a file states that it holds another network."""
    says = stated_architecture(contents, path)
    if says is not None and says != architecture:
        holds = f"CORnet-{says}" if says in TIME_STEPS else says
        raise WeightsError(f"{path} says that it holds {holds}: it cannot be loaded into CORnet-{architecture}.")


def stated_architecture(checkpoint: Mapping[str, Any], path: Path) -> str | None:
    """Return the architecture that a file's contents or its released name state, such as `RT`, else None."""
    flags = checkpoint.get("flags")
    for name in ("architecture", "arch", "model", "model_name"):
        stated = checkpoint.get(name, flags.get(name) if isinstance(flags, Mapping) else None)
        if isinstance(stated, str):
            found = re.fullmatch(r"(?:CORNET[_-]?)?(\w+?)(?:_UNTRAINED)?", stated.upper())
            if found and found[1] in TIME_STEPS:
                return found[1]
            if name.startswith("arch"):  # some other network; `model` may be a user's name for a run
                return stated
    return next((file.architecture for file in RELEASED.values() if file.filename == path.name), None)


def incomplete(path: Path) -> str:
    """Return what is wrong with a file that does not hold all that torch.save writes."""
    return (
        f"{path} ({path.stat().st_size} bytes) is not a complete file of weights: it is damaged, broken off, or was "
        "not written by torch.save."
    )


def _begins_as_saved(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2).startswith(_FIRST_BYTES)


class _Anything:
    """An object in place of whatever a file would make, such as a tensor."""

    def __init__(self, *_) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """An unpickler that imports nothing, and so runs no code of a file or of a library."""

    def find_class(self, module: str, name: str) -> type:
        return OrderedDict if (module, name) == ("collections", "OrderedDict") else _Anything

    def persistent_load(self, pid: object) -> _Anything:
        return _Anything()


def _without_tensors(path: Path) -> Mapping[str, Any]:
    """Return a file's contents with `_Anything` in place of tensors, nothing if it cannot be read in this way."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                (entry,) = (each for each in archive.infolist() if each.filename.endswith("data.pkl"))
                if entry.file_size > _MOST_BYTES:
                    return {}
                found = _Unpickler(io.BytesIO(archive.read(entry))).load()
        else:
            with open(path, "rb") as file:
                found = _of_2018(file)
    except Exception:  # damaged bytes raise nearly any exception
        return {}
    return found if isinstance(found, Mapping) else {}


def _of_2018(file: BinaryIO) -> object:
    """Return the contents of a file in the form before 2020: several pickles, one after the other."""
    if _Unpickler(file).load() != _MAGIC_NUMBER:
        return None
    for _ in ("version of the protocol", "sizes of integers"):
        _Unpickler(file).load()
    return _Unpickler(file).load()
