"""A picture is the same in a recording, in features, in training and in validation, whatever its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.recording.images import MEAN, STANDARD_DEVIATION, load_image, read_image
from brainscore_cornet.features.image_sources import collect, look
from brainscore_cornet.training.folders import find_images
from brainscore_cornet.training.image_dataset import Key, Views

SIZE = 8  # px
GRAY = np.linspace(10, 240, SIZE * SIZE).astype(np.uint8).reshape(SIZE, SIZE)
COLOURS = np.stack([GRAY, GRAY[::-1], GRAY.T], axis=-1)
DEEP = GRAY.astype(np.uint16) * 256 + 77


def _transparent(path: Path) -> None:
    Image.fromarray(np.dstack([COLOURS, np.full_like(GRAY, 99)])).save(path)


def _pgm(path: Path) -> None:
    path.write_bytes(b"P5 8 8 65535\n" + DEEP.astype(">u2").tobytes())


READ: dict[str, tuple[Callable[[Path], None], np.ndarray]] = {
    "colours.png": (lambda path: Image.fromarray(COLOURS).save(path), COLOURS),
    "gray.png": (lambda path: Image.fromarray(GRAY).save(path), GRAY),
    "deep.png": (lambda path: Image.fromarray(DEEP).save(path), GRAY),
    "deep.tif": (lambda path: Image.fromarray(DEEP).save(path), GRAY),
    "deep.pgm": (_pgm, GRAY),
    "palette.png": (lambda path: Image.fromarray(GRAY).convert("P").save(path), GRAY),
    "transparent.png": (_transparent, COLOURS),
    "gray_and_alpha.png": (lambda path: Image.fromarray(GRAY).convert("LA").save(path), GRAY),
    "bits.png": (lambda path: Image.fromarray(GRAY > 120).save(path), np.where(GRAY > 120, 255, 0)),
    "print.tif": (lambda path: Image.fromarray(COLOURS).convert("CMYK").save(path), COLOURS),
}
"""File -> how it is made, and the pixels that it shows."""
REFUSED: dict[str, Callable[[Path], None]] = {
    "floats.tif": lambda path: Image.fromarray(GRAY / np.float32(255)).save(path),
    "wide.tif": lambda path: Image.fromarray(GRAY.astype(np.int32) * 1000).save(path),
    "cut.png": lambda path: _cut(path),
}


def _cut(path: Path) -> None:
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize("name", READ)
def test_one_picture_everywhere(name, tmp_path):
    """All entrances see the pixels that the file shows; of 16 bits the upper 8."""
    make, pixels = READ[name]
    path = tmp_path / "class" / name
    path.parent.mkdir()
    make(path)
    expected = np.broadcast_to(pixels.reshape(SIZE, SIZE, -1), (SIZE, SIZE, 3)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(read_image(str(path))), expected)
    normalized = (expected.astype(np.float32) / 255 - MEAN) / STANDARD_DEVIATION
    np.testing.assert_allclose(load_image(str(path), SIZE), normalized.transpose(2, 0, 1), atol=1e-6)
    assert look(collect(path), "fail").sources == [str(path)]
    batch = Views(find_images(tmp_path), SIZE).__getitems__([Key(0, 0)])
    assert not batch.unreadable
    # validation resizes to 256/224 and takes the centre
    as_rgb = tmp_path / "plain" / "class" / "plain.png"
    as_rgb.parent.mkdir(parents=True)
    Image.fromarray(expected).save(as_rgb)
    plain = Views(find_images(as_rgb.parent.parent), SIZE).__getitems__([Key(0, 0)])
    np.testing.assert_array_equal(batch.images.numpy(), plain.images.numpy())


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_everywhere(name, tmp_path):
    """Pixels whose range is unknown, and files that end too early, are errors and never a white or black picture."""
    path = tmp_path / "class" / name
    path.parent.mkdir()
    REFUSED[name](path)
    with pytest.raises(UserError, match=f"Cannot read the image .*{name}"):
        load_image(str(path), SIZE)
    batch = Views(find_images(tmp_path), SIZE).__getitems__([Key(0, 0)])
    assert list(batch.unreadable) == [str(path)]
    if not name.startswith("cut"):  # which only decoding shows
        with pytest.raises(UserError, match=r"its pixels are .*expected 8 bits"):
            look(collect(path), "fail")
