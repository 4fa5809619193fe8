"""Images in arrays of HDF5 and MATLAB files, which are read one by one."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
from helpers.commands import run_here
from helpers.small_model import small_model
from PIL import Image

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.features.image_sources import collect, look

COLOURS = np.random.RandomState(0).randint(0, 256, (5, 10, 12, 3), np.uint8)  # (image, row, column, colour)
GRAY = COLOURS[..., 0]
OPAQUE = np.concatenate([COLOURS, np.full_like(COLOURS[..., :1], 200)], axis=-1)
# name -> the array in an HDF5 file, and the images
HDF5 = {
    "colours": (COLOURS, COLOURS),
    "torch": (COLOURS.transpose(0, 3, 1, 2), COLOURS),
    "gray": (GRAY, GRAY),
    "gray_with_an_axis": (GRAY[..., None], GRAY),
    "one": (COLOURS[0], COLOURS[:1]),
    "one_gray": (GRAY[0], GRAY[:1]),
    "deep": (COLOURS.astype(np.uint16) * 256 + 99, COLOURS),
    "deep_gray": (GRAY.astype(np.uint16) * 256 + 99, GRAY),
    "bits": (GRAY > 99, np.where(GRAY > 99, 255, 0).astype(np.uint8)),
    "opaque": (OPAQUE, COLOURS),
    "group/inside": (COLOURS, COLOURS),
}
# the same as MATLAB has them: (row, column, colour, image)
MATLAB = {
    "colours": (COLOURS.transpose(1, 2, 3, 0), COLOURS),
    "first": (COLOURS, COLOURS),
    "gray": (GRAY.transpose(1, 2, 0), GRAY),
    "one": (COLOURS[0], COLOURS[:1]),
    "one_gray": (GRAY[0], GRAY[:1]),
    "deep": (COLOURS.transpose(1, 2, 3, 0).astype(np.uint16) * 256, COLOURS),
    "bits": ((GRAY > 99).transpose(1, 2, 0), np.where(GRAY > 99, 255, 0).astype(np.uint8)),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """An HDF5 file, and one as MATLAB writes it with -v7.3: axes in the reverse order, with its classes."""
    folder = tmp_path_factory.mktemp("stored")
    with h5py.File(folder / "images.h5", "w") as file:
        for name, (array, _) in HDF5.items():
            file.create_dataset(name, data=array, compression="gzip" if name == "colours" else None)
        file["floats"], file["text"], file["line"], file["five"] = GRAY / 255, "text", GRAY[0, 0], COLOURS[None]
        file["none"] = COLOURS[:0]
    with h5py.File(folder / "images.mat", "w", userblock_size=512) as file:
        for name, (array, _) in MATLAB.items():
            whole = array.astype(np.uint8) if array.dtype == bool else array
            stored = file.create_dataset(name, data=whole.transpose())
            stored.attrs["MATLAB_class"] = np.bytes_("logical" if array.dtype == bool else array.dtype.name)
    return folder


extract = partial(extract_features, layers=["V1"])


@pytest.mark.parametrize(
    ("file", "name"), [("images.h5", name) for name in HDF5] + [("images.mat", name) for name in MATLAB]
)
def test_orders_of_axes(files, file, name):
    """Images come as PIL has them, whatever the order of axes, the depth and who has written the file."""
    _, expected = (HDF5 if file == "images.h5" else MATLAB)[name]
    found = look(collect(f"{files / file}:/{name}"), "fail")
    assert found.table["stimulus_path"].tolist() == [f"{files / file}:/{name}[{n}]" for n in range(len(expected))]
    for source, pixels in zip(found.sources, expected, strict=True):
        read = np.asarray(source())
        np.testing.assert_array_equal(read[..., :3] if name == "opaque" else read, pixels)


def test_features_are_those_of_the_images(files, stand_in, tmp_path):
    """Features of stored images are those of arrays in memory; one image and some in a table are as easily named."""
    model = small_model(stand_in, "cornet_z")
    expected = extract(model, list(COLOURS))["V1.output"].values
    found = extract(model, f"{files / 'images.h5'}:/colours")
    np.testing.assert_array_equal(found["V1.output"].values, expected)
    one = extract(model, f"{files / 'images.mat'}:/colours[3]")["V1.output"].values
    np.testing.assert_allclose(one[:, 0], expected[:, 3], atol=1e-5 * expected.max())
    (tmp_path / "images.h5").symlink_to(files / "images.h5")
    (tmp_path / "shown.csv").write_text("stimulus_path,trial\nimages.h5:/colours[4],1\nimages.h5:/colours[0],2\n")
    table = extract(model, tmp_path / "shown.csv")
    assert table["trial"].values.tolist() == [1, 2]
    np.testing.assert_allclose(table["V1.output"].values, expected[:, [4, 0]], atol=1e-5 * expected.max())
    frame = pd.DataFrame({"stimulus_path": [f"{files / 'images.h5'}:/colours[4]"], "trial": [7]})
    row = extract(model, frame)
    assert row["trial"].values.tolist() == [7]
    np.testing.assert_allclose(row["V1.output"].values, expected[:, [4]], atol=1e-5 * expected.max())
    (tmp_path / "all.txt").write_text("images.h5:/gray\nimages.h5:/one\n")
    assert len(collect(tmp_path / "all.txt")) == 6


def test_opacity_and_folders(files, tmp_path, caplog):
    """Images with opacity are counted as files are, and files of arrays in a folder are not taken for images."""
    look(collect(f"{files / 'images.h5'}:/opaque"), "fail")
    assert "5 images have transparency" in caplog.text
    (tmp_path / "images.h5").symlink_to(files / "images.h5")
    Image.fromarray(GRAY[0]).save(tmp_path / "a.png")
    assert collect(tmp_path).sources == [str(tmp_path / "a.png")]


def test_folders_of_images_in_a_new_process(tmp_path):
    """A folder's images are found before PIL has opened any, as in a command's process."""
    Image.fromarray(GRAY[0]).save(tmp_path / "a.png")
    code = (
        "import sys; from brainscore_cornet.image_folders import readable_images; print(readable_images(sys.argv[1]))"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert found.strip() == str([str(tmp_path / "a.png")])


def test_the_command(files, tmp_path, caplog):
    """The command takes an array, writes an array for h5py, and does nothing when it is repeated."""
    arguments = ("features", "cornet_z_untrained", f"{files / 'images.h5'}:/colours", "-o", "f.h5", "-l", "V1")
    for _ in range(2):
        result = run_here(*arguments, "--image-size", "48", folder=tmp_path)
        assert (result.returncode, result.stdout) == (0, "f.h5\n"), result.stderr
    assert "f.h5 is complete" in caplog.text
    with h5py.File(tmp_path / "f.h5") as written:
        assert written["V1.output"].shape[:2] == (1, 5)
        assert written["images/stimulus_path"].asstr()[2].endswith("images.h5:/colours[2]")


def test_nothing_is_read_before_it_is_needed(tmp_path, stand_in):
    """A hundred thousand large images are found at once, since only those that are computed are read."""
    with h5py.File(tmp_path / "large.h5", "w") as file:
        bricks = file.create_dataset("imgBrick", (100_000, 425, 425, 3), np.uint8, chunks=(1, 425, 425, 3))
        bricks[77_777] = 200
    found = collect(f"{tmp_path / 'large.h5'}:/imgBrick")
    assert len(found) == 100_000
    values = extract(small_model(stand_in, "cornet_z"), [found.sources[77_777], found.sources[5]])["V1.output"].values
    plain = extract(small_model(stand_in, "cornet_z"), [np.full((425, 425, 3), value, np.uint8) for value in (200, 0)])
    np.testing.assert_array_equal(values, plain["V1.output"].values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("images.h5:/nothing", r"has no array /nothing: its arrays are .*/colours \(5, 10, 12, 3\)"),
        ("images.h5:/group", "has no array /group"),
        ("images.h5:/colours[5]", "has 5 images, counted from 0: there is no 5"),
        ("images.h5:/floats", "are float64, expected images of 8 or 16 bits"),
        ("images.h5:/text", "are object, expected images"),
        ("images.h5:/line", r"has the shape \(12,\), expected images"),
        ("images.h5:/five", r"has the shape \(1, 5, 10, 12, 3\), expected images"),
        ("images.h5:/none", r"has the shape \(0, 10, 12, 3\), expected images"),
        ("images.h5", r"name the one of the images, such as images\.h5:/imgBrick\. It has .*/bits"),
        ("old.mat:/x", r"-v7\.3"),
        ("old.mat", r"cannot be read as HDF5, which MATLAB writes with -v7\.3"),
        ("missing.h5:/x", "Cannot read .*missing"),
    ],
)
def test_what_is_no_image(files, given, message):
    """What cannot be images is refused with what is there, before any work."""
    (files / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(128))
    with pytest.raises(UserError, match=message):
        collect(str(files / given))


def test_a_file_that_matlab_wrote():
    """The arrays of a file of MATLAB's own are listed, and their type is read."""
    path = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data" / "testhdf5_7.4_GLNX86.mat"
    if not path.is_file():
        pytest.skip("scipy is installed without its tests")
    with pytest.raises(UserError, match=r"It has /testdouble \(9, 1\)"):
        collect(path)
    with pytest.raises(UserError, match="are float64, expected images"):
        collect(f"{path}:/testdouble")


def test_mistakes_of_the_command(files, tmp_path, stand_in):
    """A missing file is reported before anything is loaded, and the images' file is never replaced."""
    arguments = ("features", "cornet_z_untrained", f"{tmp_path / 'no.h5'}:/x", "-o", "f.nc")
    assert "There is nothing at" in run_here(*arguments, folder=tmp_path).stderr
    own = tmp_path / "own.h5"
    own.write_bytes((files / "images.h5").read_bytes())
    with pytest.raises(UserError, match="take the place of what it is made from"):
        extract(small_model(stand_in, "cornet_z"), f"{own}:/one", output=own, overwrite=True)
