"""A picture is the same in a recording, in features, in training and in validation, whatever its file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.png import write_png
from helpers.small_model import SIZE as NETWORK_SIZE
from helpers.small_model import small_model
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from brainscore_cornet import extract_features
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.recording.images import MEAN, STANDARD_DEVIATION, load_image, read_image, resized
from brainscore_cornet.features.image_sources import collect, look
from brainscore_cornet.training.folders import find_images
from brainscore_cornet.training.image_dataset import Key, Views

SIZE = 8  # px
GRAY = np.linspace(10, 240, SIZE * SIZE).astype(np.uint8).reshape(SIZE, SIZE)
COLOURS = np.stack([GRAY, GRAY[::-1], GRAY.T], axis=-1)
DEEP = GRAY.astype(np.uint16) * 256 + 77
ALPHA = (3 * GRAY.T).astype(np.uint8)
LEFT = np.arange(SIZE) < SIZE // 2  # columns


def _pgm(path: Path) -> None:
    path.write_bytes(b"P5 8 8 65535\n" + DEEP.astype(">u2").tobytes())


def _save(pixels: np.ndarray, path: Path, mode: str | None = None, **options) -> None:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)


def _rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _save(COLOURS, path, exif=exif)


def _animated(path: Path) -> None:
    _save(COLOURS, path, save_all=True, append_images=[Image.fromarray(255 - COLOURS)], lossless=True)


def _jpeg(mode: str) -> np.ndarray:
    """What a baseline JPEG shows: other forms of the same file show the same."""
    from io import BytesIO

    file = BytesIO()
    Image.fromarray(COLOURS).convert(mode).save(file, "jpeg")
    return np.asarray(Image.open(file).convert("RGB"))


READ: dict[str, tuple[Callable[[Path], None], np.ndarray]] = {
    "colours.png": (partial(_save, COLOURS), COLOURS),
    "colours.webp": (partial(_save, COLOURS, lossless=True), COLOURS),
    "gray.png": (partial(_save, GRAY), GRAY),
    "gray.bmp": (partial(_save, GRAY), GRAY),
    "deep.png": (partial(_save, DEEP), GRAY),
    "deep.tif": (partial(_save, DEEP), GRAY),
    "deep.pgm": (_pgm, GRAY),
    "deep_colours.png": (lambda path: write_png(path, COLOURS.astype(np.uint16) * 256 + 77), COLOURS),
    "palette.png": (partial(_save, GRAY, mode="P"), GRAY),
    "bits.png": (partial(_save, GRAY > 120), np.where(GRAY > 120, 255, 0)),
    "print.tif": (partial(_save, COLOURS, mode="CMYK"), COLOURS),
    "print.jpg": (partial(_save, COLOURS, mode="CMYK"), _jpeg("CMYK")),
    "rotated.png": (_rotated, COLOURS),
    "animated.png": (_animated, COLOURS),
    "animated.webp": (_animated, COLOURS),
    "interlaced.png": (lambda path: write_png(path, COLOURS, interlaced=True), COLOURS),
    "interlaced_deep.png": (lambda path: write_png(path, DEEP[:, :, None], interlaced=True), GRAY),
    "progressive.jpg": (partial(_save, COLOURS, progressive=True), _jpeg("RGB")),
}
"""File -> how it is made, and the pixels that it shows."""
TRANSPARENT: dict[str, tuple[Callable[[Path], None], np.ndarray, np.ndarray]] = {
    "alpha.png": (partial(_save, np.dstack([COLOURS, ALPHA])), COLOURS, ALPHA),
    "alpha.webp": (partial(_save, np.dstack([COLOURS, ALPHA]), lossless=True, exact=True), COLOURS, ALPHA),
    "alpha.tif": (partial(_save, np.dstack([COLOURS, ALPHA])), COLOURS, ALPHA),
    "gray_and_alpha.png": (lambda path: write_png(path, np.dstack([GRAY, ALPHA])), GRAY, ALPHA),
    "deep_alpha.png": (
        lambda path: write_png(path, np.dstack([COLOURS, ALPHA]).astype(np.uint16) * 256),
        COLOURS,
        ALPHA,
    ),
    "one_gray.png": (partial(_save, GRAY, transparency=int(GRAY[0, 0])), GRAY, np.where(GRAY[0, 0] == GRAY, 0, 255)),
    "one_colour.png": (
        partial(_save, COLOURS, transparency=tuple(map(int, COLOURS[2, 2]))),
        COLOURS,
        np.where((COLOURS[2, 2] == COLOURS).all(-1), 0, 255),
    ),
    "one_deep_gray.png": (
        partial(_save, DEEP, transparency=int(DEEP[3, 3])),
        GRAY,
        np.where(GRAY[3, 3] == GRAY, 0, 255),
    ),
    "palette.png": (
        lambda path: _save(np.where(LEFT, GRAY, 7).astype(np.uint8), path, "P", transparency=7),
        np.where(LEFT, GRAY, 7),
        np.broadcast_to(np.where(LEFT, 255, 0), GRAY.shape),
    ),
}
"""File -> how it is made, its colours, and how opaque they are."""
REFUSED: dict[str, Callable[[Path], None]] = {
    "floats.tif": partial(_save, GRAY / np.float32(255)),
    "wide.tif": partial(_save, GRAY.astype(np.int32) * 1000),
    "cut.png": lambda path: _cut(path),
    "cut.jpg": lambda path: _cut(path),
}


def _cut(path: Path) -> None:
    _save(np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8), path)
    path.write_bytes(path.read_bytes()[:2000])


def _in_colour(pixels: np.ndarray) -> np.ndarray:
    return np.broadcast_to(pixels.reshape(SIZE, SIZE, -1), (SIZE, SIZE, 3)).astype(np.uint8)


def _seen(stand_in, path: Path, **options) -> dict[str, np.ndarray]:
    """Entrance -> what the network sees, or computes from it, of the one file in a class folder."""
    model = small_model(stand_in, "cornet_z", **options)
    model.start_recording("V1", [(50, 150)])
    images, background = find_images(path.parents[1]), model.commitment.background
    found = {
        "recording": model.look_at([path]).values,
        "features": extract_features(model, path, layers=["V1"])["V1.output"].values,
    }
    for entrance, seed in (("training", 0), ("validation", None)):
        batch = Views(images, NETWORK_SIZE, seed, background=background).__getitems__([Key(0, 0)])
        assert not batch.unreadable
        found[entrance] = batch.images.numpy()
    return found


def _check_everywhere(stand_in, path: Path, expected: np.ndarray, folder: Path, **options) -> None:
    """All entrances see in the file what they see in a plain file with the expected pixels."""
    plain = folder / "plain" / "class" / "plain.png"
    plain.parent.mkdir(parents=True)
    _save(expected, plain)
    seen, of_plain = _seen(stand_in, path, **options), _seen(stand_in, plain)
    for entrance, pixels in of_plain.items():
        np.testing.assert_array_equal(seen[entrance], pixels, err_msg=entrance)


@pytest.mark.parametrize("name", READ)
def test_one_picture_everywhere(name, tmp_path, stand_in):
    """All entrances see the pixels that the file shows; of 16 bits the upper 8, and with any background the same."""
    make, pixels = READ[name]
    path = tmp_path / "images" / "class" / name
    path.parent.mkdir(parents=True)
    make(path)
    expected = _in_colour(pixels)
    np.testing.assert_array_equal(np.asarray(read_image(str(path))), expected)
    np.testing.assert_array_equal(np.asarray(read_image(str(path), (9, 8, 7))), expected)
    normalized = (expected.astype(np.float32) / 255 - MEAN) / STANDARD_DEVIATION
    np.testing.assert_allclose(load_image(str(path), SIZE), normalized.transpose(2, 0, 1), atol=1e-6)
    _check_everywhere(stand_in, path, expected, tmp_path)


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparent_pictures_everywhere(name, tmp_path, stand_in, caplog):
    """By default the colours that transparent pixels hide are seen, and a warning counts the files."""
    make, pixels, _ = TRANSPARENT[name]
    path = tmp_path / "images" / "class" / name
    path.parent.mkdir(parents=True)
    make(path)
    expected = _in_colour(pixels)
    np.testing.assert_array_equal(np.asarray(read_image(str(path))), expected)
    _check_everywhere(stand_in, path, expected, tmp_path)
    assert [each.startswith("1 image has transparency") for each in caplog.messages] == [True, True]


@pytest.mark.parametrize("background", ["white", "10,200,90"])
@pytest.mark.parametrize("name", TRANSPARENT)
def test_a_background_everywhere(name, background, tmp_path, stand_in, caplog):
    """A background is what is seen through transparent pixels, in proportion, at every entrance."""
    make, pixels, alpha = TRANSPARENT[name]
    path = tmp_path / "images" / "class" / name
    path.parent.mkdir(parents=True)
    make(path)
    ground = np.array([255, 255, 255] if background == "white" else [10, 200, 90])
    share = alpha[:, :, np.newaxis] / 255
    blended = share * _in_colour(pixels) + (1 - share) * ground
    shown = np.asarray(read_image(str(path), tuple(map(int, ground))))
    np.testing.assert_allclose(shown, blended, atol=1)  # PIL rounds at each of two steps
    _check_everywhere(stand_in, path, shown, tmp_path, background=background)
    assert not caplog.messages


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_everywhere(name, tmp_path):
    """Pixels whose range is unknown, and files that end too early, are errors and never a white or black picture."""
    path = tmp_path / "class" / name
    path.parent.mkdir()
    REFUSED[name](path)
    for background in (None, (0, 0, 0)):
        with pytest.raises(UserError, match=f"Cannot read the image .*{name}"):
            load_image(str(path), SIZE, background=background)
    for seed in (0, None):
        batch = Views(find_images(tmp_path), SIZE, seed).__getitems__([Key(0, 0)])
        assert list(batch.unreadable) == [str(path)]
    if not name.startswith("cut"):  # which only decoding shows
        with pytest.raises(UserError, match=r"its pixels are .*expected 8 bits"):
            look(collect(path), "fail")


@pytest.mark.parametrize("shape", [(40, 60), (61, 33), (50, 50), (224, 7), (1, 9)])
def test_ways_to_resize(shape):
    """`squeeze` and `crop` are torchvision's, and `pad` shows the whole image in its shape on a background."""
    image = Image.fromarray(np.random.RandomState(0).randint(0, 256, (*shape, 3), np.uint8))
    seen = {way: np.asarray(resized(image, 32, way)) for way in ("squeeze", "crop", "pad")}
    np.testing.assert_array_equal(seen["squeeze"], transforms.resize(image, [32, 32], InterpolationMode.BILINEAR))
    whole = transforms.resize(image, [round(32 * 256 / 224)], InterpolationMode.BILINEAR)
    np.testing.assert_array_equal(seen["crop"], transforms.center_crop(whole, [32, 32]))
    height, width = (max(1, round(32 * each / max(shape))) for each in shape)
    top, left = (32 - height) // 2, (32 - width) // 2
    inside = np.zeros((32, 32), bool)
    inside[top : top + height, left : left + width] = True
    shown = transforms.resize(image, [height, width], InterpolationMode.BILINEAR)
    np.testing.assert_array_equal(seen["pad"][inside], np.asarray(shown).reshape(-1, 3))
    assert (seen["pad"][~inside] == 128).all()
    assert (np.asarray(resized(image, 32, "pad", (1, 2, 3)))[~inside] == (1, 2, 3)).all()


@pytest.mark.parametrize("way", ["crop", "pad"])
def test_resizing_is_one_way_everywhere(way, pictures, stand_in, tmp_path):
    """A recording, features and validation show the network the same part of an image that is not square."""
    (tmp_path / "images" / "class").mkdir(parents=True)
    path = tmp_path / "images" / "class" / "wide.png"
    with Image.open(pictures[1]) as image:
        image.save(path)
        cut = resized(image.convert("RGB"), NETWORK_SIZE, way)
    _save(np.asarray(cut), tmp_path / "square.png")
    model, plain = small_model(stand_in, "cornet_z", resize=way), small_model(stand_in, "cornet_z")
    assert model.identifier == f"{plain.identifier}_{way}"
    for each in (model, plain):
        each.start_recording("V1", [(50, 150)])
    expected = plain.look_at([tmp_path / "square.png"]).values
    np.testing.assert_array_equal(model.look_at([path]).values, expected)
    features = extract_features(model, path, layers=["V1"])
    np.testing.assert_array_equal(features["V1.output"].values.reshape(expected.shape), expected)
    assert f"({way})" in features.attrs["preprocessing"]
    batch = Views(find_images(tmp_path / "images"), NETWORK_SIZE, resize=way).__getitems__([Key(0, 0)])
    np.testing.assert_array_equal(batch.images[0].permute(1, 2, 0), np.asarray(cut))
