"""Names of images with any character, and errors of the machine that are not the image's."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers.small_model import small_model
from helpers.trainings import pictures as class_folders
from PIL import Image

from brainscore_cornet import extract_features
from brainscore_cornet.cornet.errors import MachineError, UserError
from brainscore_cornet.cornet.names import cell, encodable, for_spreadsheets, shown
from brainscore_cornet.cornet.recording.stimuli import batches
from brainscore_cornet.features.activity_figure import draw
from brainscore_cornet.features.image_sources import collect, look
from brainscore_cornet.training.folders import find_images
from brainscore_cornet.training.image_dataset import Key, Views

NAMES = ["=1+1.png", "-2.png", "@x.png", "caf\udce9.png", "new\nline.png", "\x1b[31mred.png", "寺院.png"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder, with pictures of such names, and an unreadable one."""
    place = tmp_path / "images"
    place.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40, 40), (30 * number, 0, 0)).save(os.path.join(place, name), format="png")
    (place / "bad\n\x1b\t.png").write_text("no image")
    monkeypatch.chdir(place)
    return tmp_path


@pytest.mark.parametrize("ending", ["nc", "zarr", "npy", "csv", "parquet"])
def test_every_format_takes_every_name(folder, stand_in, ending):
    """Undecodable bytes become escapes, formulas in CSV files get an apostrophe, and a skipped file has one line."""
    output = folder / f"out.{ending}"
    extract_features(small_model(stand_in, "cornet_z"), ".", layers=["IT"], pool=True, output=output, on_error="skip")
    if ending in ("nc", "zarr"):
        with xr.open_dataset(output, engine="zarr" if ending == "zarr" else "netcdf4") as found:
            names = list(found["stimulus_path"].values)
    elif ending == "parquet":
        names = pd.read_parquet(output)["stimulus_path"].tolist()
    else:
        names = pd.read_csv(folder / "out_images.csv" if ending == "npy" else output)["stimulus_path"].tolist()
    expected = [name.replace("\udce9", "\\xe9") for name in sorted(NAMES)]
    if ending in ("npy", "csv"):
        expected = [f"'{name}" if name[0] in "=-@" else name for name in expected]
    assert names == expected
    (line,) = (folder / f"out.{ending}.skipped.txt").read_text().splitlines()
    assert line.split("\t")[0] == r"bad\n\x1b\t.png"


def test_figures_and_messages(folder, stand_in):
    """A figure is drawn of such images, and messages are one line of printable text."""
    draw(small_model(stand_in, "cornet_z"), NAMES[3:6], folder / "a.png")
    with pytest.raises(UserError) as raised:
        collect("gone\x1b")
    assert shown(raised.value).isprintable()


@pytest.mark.parametrize(
    ("text", "for_people", "for_tables"),
    [
        ("plain", "plain", "plain"),
        ("=1", "=1", "'=1"),
        ("+x", "+x", "'+x"),
        ("-0.5", "-0.5", "-0.5"),
        ("-1e3", "-1e3", "-1e3"),
        ("@a", "@a", "'@a"),
        ("\ta", r"\ta", "'\ta"),
        ("a\nb\x9b\u202e", r"a\nb\x9b\u202e", "a\nb\x9b\u202e"),
        ("\udcff\ud800", r"\xff\ud800", r"\xff\ud800"),
    ],
)
def test_one_function_for_each_reader(text, for_people, for_tables):
    """People see one line of printable text, tables hold UTF-8 that a spreadsheet shows as it is."""
    assert shown(text) == for_people
    assert cell(text) == for_tables
    encodable(text).encode()
    table = for_spreadsheets(pd.DataFrame({text: [text], "number": [-1.5]}))
    assert table.columns[0] == table.iloc[0, 0] == for_tables
    assert table["number"].tolist() == [-1.5]


@contextmanager
def no_more_files() -> Iterator[None]:
    """A limit on open files that is reached."""
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files(pictures, tmp_path):
    """It stops the command, also where unreadable images are left out: these images are good."""
    paths = list(map(str, pictures))
    found = collect(paths)
    views = Views(find_images(class_folders(tmp_path, 1, 1) / "train"), 32)
    bad: list[int] = []
    views.__getitems__([Key(0, 0)])  # what Pillow imports for a format, it imports once
    list(batches(paths, 32, 4))
    with no_more_files():
        with pytest.raises(MachineError, match="Too many open files"):
            look(found, "skip")
        with pytest.raises(MachineError, match="Too many open files"):
            list(batches(paths, 32, 4, on_error=lambda row, _: bad.append(row)))
        batch = views.__getitems__([Key(0, 0)])
    assert not bad
    assert "Too many open files" in batch.failure
    assert np.isfinite(next(iter(batches(paths, 32, 4))).numpy()).all()
