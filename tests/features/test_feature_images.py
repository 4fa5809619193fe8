"""Images as people have them: every way to name them, every form they come in, and those that cannot be used."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.small_model import small_model
from PIL import Image
from sklearn.datasets import load_sample_images

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.features.image_sources import collect, look


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Real pictures: a flower and a temple, in pieces of different shapes."""
    pieces = []
    for image in load_sample_images().images:
        pieces += [image, image[:200, :300], image[100:400, 250:], image[::2, ::2]]
    return pieces


@pytest.fixture
def folder(tmp_path, photographs) -> Path:
    """Pictures in two folders, two of them of one name, with spaces and other alphabets."""
    (tmp_path / "b").mkdir()
    names = ["Blume 1.jpg", "寺院.png", "b/x.jpg", "x.jpg", "b/z.PNG", "q.gif"]
    for name, pixels in zip(names, photographs, strict=False):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.md").write_text("not an image, and not taken for one")
    return tmp_path


@pytest.fixture
def model(stand_in):
    return small_model(stand_in, "cornet_z")


extract = partial(extract_features, layers=["V2"])


def values(model, given, **options) -> np.ndarray:
    return extract(model, given, **options)["V2.output"].values[0]


def test_folders_patterns_and_lists(model, folder):
    """Each way finds the same images, each image its own features."""
    every = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".gif"))
    assert collect(folder).table["stimulus_path"].tolist() == every
    assert len(every) == 6
    (folder / "list.txt").write_text("b/x.jpg\n\nx.jpg\n")
    (folder / "table.csv").write_text("number,stimulus_path\n1,b/x.jpg\n2,x.jpg\n")
    both = [str(folder / "b/x.jpg"), str(folder / "x.jpg")]
    for given in (both, folder / "list.txt", [str(folder / "table.csv")], str(folder / "**/x.jpg")):
        assert sorted(collect(given).table["stimulus_path"]) == both
    assert extract(model, folder / "table.csv")["number"].values.tolist() == [1, 2]
    first, second = values(model, both)
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(values(model, both[1:])[0], second, atol=1e-5 * second.max())


def test_tables_keep_their_text(folder):
    """Identifiers and numbers with zeros before them are text; what is a number or a truth value is one."""
    table = "\ufeffstimulus_path\tstimulus_id\tsession\tsize\tseen\tcount\nx.jpg\t0001\t007\t0.50\tTrue\t3\n"
    (folder / "bids.tsv").write_text(table + "b/x.jpg\t0002\t010\t1e-3\tFalse\t-4\n", encoding="utf-8")
    found = collect(folder / "bids.tsv").table
    assert found["stimulus_id"].tolist() == ["0001", "0002"]
    assert found["session"].tolist() == ["007", "010"]
    assert found["size"].tolist() == [0.5, 0.001]
    assert found["seen"].tolist() == [True, False]
    assert found["count"].tolist() == [3, -4]
    assert found["stimulus_path"].tolist() == [str(folder / "x.jpg"), str(folder / "b/x.jpg")]


def test_links_and_hidden_files(folder, tmp_path, caplog):
    """Linked folders are searched, once each and not in circles; files of other programs are left out, and counted."""
    expected = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".gif"))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "all").symlink_to(folder)
    (folder / "circle").symlink_to(folder)
    (folder / ".ipynb_checkpoints").mkdir()
    for hidden in (".ipynb_checkpoints/x.jpg", "._x.jpg"):
        shutil.copy(folder / "x.jpg", folder / hidden)
    inside = str(tmp_path / "linked" / "all")
    assert collect(tmp_path / "linked").table["stimulus_path"].tolist() == [
        path.replace(str(folder), inside) for path in expected
    ]
    assert "2 hidden images" in caplog.text


def test_nothing_found(folder):
    """The error says that nothing was found, and what was looked for."""
    (folder / "empty").mkdir()
    (folder / "nothing.txt").write_text("\n")
    (folder / "other.csv").write_text("path\na.png\n")
    for given, message in (
        (folder / "empty", "holds no images"),
        (folder / "*.bmp", "nothing at .*bmp"),
        (folder / "nothing.txt", "names no image"),
        (folder / "other.csv", "no column stimulus_path, only path"),
        ([], "No images"),
    ):
        with pytest.raises(UserError, match=message):
            collect(given)


FORMS = {
    "grey": lambda image: image.convert("L"),
    "palette": lambda image: image.convert("P"),
    "alpha": lambda image: image.convert("RGBA"),
    "grey and alpha": lambda image: image.convert("LA"),
    "black and white": lambda image: image.convert("1"),
    "one pixel": lambda image: image.resize((1, 1)),
    "wide": lambda image: image.resize((20_000, 3)),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_forms(model, tmp_path, photographs, name, ending):
    """An image of each form is seen as PIL shows it in colour."""
    image = FORMS[name](Image.fromarray(photographs[1]))
    image.save(tmp_path / f"one.{ending}")
    with Image.open(tmp_path / f"one.{ending}") as stored:
        expected = Image.new("RGB", stored.size)
        expected.paste(stored.convert("RGB") if stored.mode == "1" else stored)
    np.testing.assert_array_equal(values(model, tmp_path / f"one.{ending}"), values(model, expected))


def test_printers_colours_and_16_bits(model, tmp_path, photographs):
    """CMYK is converted, and of 16 bits the upper eight are seen."""
    Image.fromarray(photographs[1]).convert("CMYK").save(tmp_path / "cmyk.jpg")
    with Image.open(tmp_path / "cmyk.jpg") as stored:
        np.testing.assert_array_equal(values(model, tmp_path / "cmyk.jpg"), values(model, stored.convert("RGB")))
    grey = photographs[1][:, :, 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(values(model, tmp_path / "deep.png"), values(model, grey))


def test_rotated_and_animated_are_counted(model, tmp_path, photographs, caplog):
    """Rotation is not applied, of an animation the first frame is seen, and both are said."""
    image, other = (Image.fromarray(photographs[place]) for place in (1, 5))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "rotated.png", exif=exif)
    image.save(tmp_path / "plain.png")
    image.convert("P").save(tmp_path / "moving.gif", save_all=True, append_images=[other.convert("P")])
    np.testing.assert_array_equal(values(model, tmp_path / "rotated.png"), values(model, tmp_path / "plain.png"))
    assert "1 image says that it is rotated" in caplog.text
    image.convert("P").save(tmp_path / "still.gif")
    np.testing.assert_array_equal(values(model, tmp_path / "moving.gif"), values(model, tmp_path / "still.gif"))
    assert "1 image has several frames" in caplog.text


@pytest.fixture
def bad(tmp_path, photographs) -> list[Path]:
    """A good image, an empty file, text, half an image, and another good one."""
    for name, place in (("a.png", 1), ("half.jpg", 0), ("z.png", 2)):
        Image.fromarray(photographs[place]).save(tmp_path / name)
    half = tmp_path / "half.jpg"
    half.write_bytes(half.read_bytes()[:20_000])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not an image")
    return [tmp_path / name for name in ("a.png", "empty.jpg", "text.jpg", "half.jpg", "z.png")]


def test_bad_images_fail_first(model, bad, tmp_path):
    """Files that are obviously no images are named before any work; those that fail to decode, when they are read."""
    with pytest.raises(UserError, match=r"2 of 5 images cannot be used: .*empty\.jpg \(it is empty\); .*text\.jpg"):
        extract(model, bad, output=tmp_path / "out.nc")
    with pytest.raises(UserError, match=r"Cannot read the image .*half\.jpg"):
        extract(model, [bad[0], bad[3]], output=tmp_path / "out.nc")
    assert not (tmp_path / "out.nc").exists()


def test_bad_images_are_skipped_and_listed(model, bad, tmp_path):
    """The others' features are theirs; the bad ones are listed with reasons."""
    expected = values(model, [bad[0], bad[4]])
    features = extract(model, bad, on_error="skip")
    assert features["stimulus_path"].values.tolist() == [str(bad[0]), str(bad[4])]
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * expected.max())
    close(features["V2.output"].values[0], expected)
    extract(model, bad, on_error="skip", output=tmp_path / "out.npy")
    close(np.load(tmp_path / "out.npy"), expected)
    listed = (tmp_path / "out.npy.skipped.txt").read_text().splitlines()
    assert [Path(line.split("\t")[0]).name for line in listed] == ["empty.jpg", "text.jpg", "half.jpg"]
    with pytest.raises(UserError, match=r"2 of 2 images cannot be used: [^.]*\.jpg \(it is empty\); .*\)\.$"):
        extract(model, bad[1:3], on_error="skip")
    with pytest.raises(UserError, match="None of the 1 images can be used"):
        extract(model, bad[3], on_error="skip")


def test_a_file_without_permission(tmp_path, photographs):
    """A file that may not be read is named as unusable."""
    path = tmp_path / "secret.png"
    Image.fromarray(photographs[1]).save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("may read everything")
    with pytest.raises(UserError, match=r"secret\.png \(.*Permission denied"):
        look(collect(path), "fail")
