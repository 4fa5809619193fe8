"""Unfinished extractions that are damaged, locked or complete: never a traceback, and never other numbers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.small_model import small_model

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.cornet.writing import locked
from brainscore_cornet.features import finished, unfinished
from brainscore_cornet.features.early_checks import Asked
from brainscore_cornet.features.unfinished import Unfinished

FOLDER = ".out.npy.unfinished"


def stop(self, done: int) -> None:
    self.done = done
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def extract(stand_in, pictures):
    return partial(extract_features, small_model(stand_in, "cornet_z"), list(map(str, pictures)), layers=["IT"])


@pytest.fixture(scope="module")
def stopped(extract, tmp_path_factory) -> Path:
    """A folder with an extraction that was interrupted after its first batch, and the array of a complete one."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unfinished, "mark", stop)
        with pytest.raises(KeyboardInterrupt):
            extract(output=folder / "out.npy")
    extract(output=folder / "whole.npy")
    return folder


def replaced(name: str, content: bytes | str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return damage


def saved(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / "0.npy", change(np.load(folder / "0.npy")))


def cut(count: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / "0.npy", count)


def instead(make: Callable[[Path], object], name: str | None = None) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder if name is None else folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return damage


DEEP = '{"done": ' + "[" * 100_000 + "}"
DAMAGES = {
    **{f"request {text[:9]!r}": replaced("request.json", text) for text in ("", "{", "[]", "5", b"\xff\x00", DEEP)},
    **{f"state {text[:9]!r}": replaced("state.json", text) for text in ("", "{", "[]", "null", b"\xff\x00", DEEP)},
    **{
        f"done {done!r}": replaced("state.json", json.dumps({"done": done, "bad": {}}))
        for done in (-1, 7, 4.0, "4", True, None, 10**30)
    },
    **{
        f"bad {bad!r}": replaced("state.json", json.dumps({"done": 4, "bad": bad}))
        for bad in ([], {"9": "x"}, {"a": "x"}, {"1": 3}, {"-1": "x"})
    },
    "no bad": replaced("state.json", '{"done": 4}'),
    "no request": lambda folder: (folder / "request.json").unlink(),
    "no array": lambda folder: (folder / "0.npy").unlink(),
    "empty array": cut(0),
    "half a header": cut(20),
    "half an array": cut(1000),
    "one byte less": lambda folder: cut((folder / "0.npy").stat().st_size - 1)(folder),
    "one byte more": lambda folder: cut((folder / "0.npy").stat().st_size + 1)(folder),
    "not an array": replaced("0.npy", b"\x93NUMPY\x01\x00" + b"\xff" * 500),
    "doubles": saved(lambda array: array.astype(float)),
    "other order": saved(np.asfortranarray),
    "other byte order": saved(lambda array: array.astype(">f4")),
    "fewer rows": saved(lambda array: array[:4]),
    "fewer units": saved(lambda array: array[:, 1:]),
    "objects": replaced("0.npy", b"\x93NUMPY\x01\x00v\x00{'descr':'|O','fortran_order':False,'shape':(6,)}".ljust(128)),
    "a file in place of the folder": instead(lambda path: path.write_text("x")),
    "a link in place of the folder": instead(lambda path: path.symlink_to(os.devnull)),
    "a pipe in place of the request": instead(os.mkfifo, "request.json"),
    "a pipe in place of the state": instead(os.mkfifo, "state.json"),
    "a pipe in place of an array": instead(os.mkfifo, "0.npy"),
    "a folder in place of the state": instead(Path.mkdir, "state.json"),
}


@pytest.mark.parametrize(
    ("damage", "overwrite"),
    [
        *(pytest.param(damage, False, id=name) for name, damage in DAMAGES.items()),
        *(
            pytest.param(DAMAGES[name], True, id=f"{name}, --overwrite")
            for name in ("request '{'", "doubles", "done 7")
        ),
    ],
)
def test_what_cannot_be_trusted_is_not_done(extract, stopped, tmp_path, caplog, damage, overwrite):
    """With a warning, or with --overwrite without one, the result is that of an extraction that was left alone."""
    shutil.copytree(stopped / FOLDER, tmp_path / FOLDER)
    damage(tmp_path / FOLDER)
    extract(output=tmp_path / "out.npy", overwrite=overwrite)
    assert (tmp_path / "out.npy").read_bytes() == (stopped / "whole.npy").read_bytes()
    assert ("the extraction starts anew" in caplog.text) is not overwrite
    assert "Resuming" not in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "out_images.csv"]


def test_a_good_one_is_resumed(extract, stopped, tmp_path, caplog):
    """What is resumed gives the bytes of what was left alone, and --overwrite starts anew."""
    shutil.copytree(stopped / FOLDER, tmp_path / FOLDER)
    extract(output=tmp_path / "out.npy")
    assert "Resuming after 4 of 6 images" in caplog.text
    assert (tmp_path / "out.npy").read_bytes() == (stopped / "whole.npy").read_bytes()
    caplog.clear()
    shutil.copytree(stopped / FOLDER, tmp_path / FOLDER)
    extract(output=tmp_path / "out.npy", overwrite=True)
    assert "Resuming" not in caplog.text


@pytest.mark.parametrize("text", ["", "mine", "[" * 10**5, "[1]", "{}", '{"layers": 3}', '{"layers": [[]]}'])
def test_a_note_of_something_else(tmp_path, text):
    """What is in the place of a note and is none says nothing about the output."""
    (tmp_path / "out.npy").write_text("")
    (tmp_path / f".out.npy{finished.FINISHED}").write_text(text)
    assert not finished.is_noted(tmp_path / "out.npy", {})
    assert not finished.is_of_another(tmp_path / "out.npy", Asked("cornet_z", frozenset(), True, False, ""))


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("ending", ["npy", "nc", "zarr", "csv"])
def test_a_complete_request_is_repeated_without_an_error(extract, tmp_path, monkeypatch, caplog, ending, attributes):
    """Also when it was killed while its folder was removed; after a change of the file, the output exists."""
    if not attributes:  # as on a file system without extended attributes
        monkeypatch.delattr(finished.os, "setxattr", raising=False)
    output = tmp_path / f"out.{ending}"
    ask = partial(extract, pool=True, output=output)
    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "remove", lambda self: (self.folder / "request.json").unlink())
        ask()
    before = output.stat().st_mtime_ns
    for left in (True, False):
        assert (tmp_path / f".out.{ending}.unfinished").exists() is left
        ask()
        ask(shard="1/2")
        assert output.stat().st_mtime_ns == before
    assert "is complete" in caplog.text
    with pytest.raises(UserError, match=r"exists\. To replace it: --overwrite"):
        ask(flat=True)
    os.utime(output / ".zmetadata" if output.is_dir() else output)
    with pytest.raises(UserError, match=r"exists\. To replace it: --overwrite"):
        ask()
    ask(overwrite=True)
    assert not list(tmp_path.glob("*.lock")) + list(tmp_path.glob(".out*unfinished*"))


def test_two_at_once(extract, tmp_path):
    """The second one is refused with what to do, also for a shard and for a join of it."""
    output = tmp_path / "out.npy"
    with locked(tmp_path / f"{FOLDER}.lock", ""), pytest.raises(UserError, match="Another process is extracting into"):
        extract(output=output)
    extract(output=output, shard="1/2")
    extract(output=output, shard="2/2")
    with locked(tmp_path / ".out.npy.shard-1-of-2.lock", ""):
        for options in ({"shard": "1/2"}, {"join": True}):
            with pytest.raises(UserError, match="Another process is extracting into"):
                extract(output=output, **options)
    extract(output=output, join=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "out_images.csv"]


def test_an_empty_shard_is_no_whole_extraction(extract, tmp_path):
    """As from a variable that a batch system has not set."""
    with pytest.raises(UserError, match=r"Expected a shard such as 3/16, .*received ''"):
        extract(output=tmp_path / "out.npy", shard="")
    assert not list(tmp_path.iterdir())


def test_progress_is_recorded_after_what_is_done(extract, tmp_path, monkeypatch):
    """Arrays are on the disk before the state that counts them."""
    done: list[str] = []
    monkeypatch.setattr(unfinished, "SYNC_EVERY", 0)
    sync, write = unfinished.sync, unfinished.write_text
    monkeypatch.setattr(unfinished, "sync", lambda path: (done.append(path.name), sync(path)))
    monkeypatch.setattr(unfinished, "write_text", lambda path, text: (done.append(path.name), write(path, text)))
    extract(output=tmp_path / "out.nc")
    assert done == ["request.json", "0.npy", "state.json", "0.npy", "state.json", "0.npy", "state.json", "writing"]
