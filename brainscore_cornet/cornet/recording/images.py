"""One way to read an image, for recordings, features, training and validation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache

import numpy as np
from brainscore_vision.model_helpers.activations import pytorch
from PIL import Image

from ..errors import MachineError, UserError, machine_failure
from ..names import counted
from ..preparation import GREY, Colour

_logger = logging.getLogger(__name__)

# ImageNet's red, green and blue, from Brain-Score's `torchvision_preprocess`, whose import alone takes 150 MB.
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STANDARD_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)

_CONVERTED_MODES = ("1", "L", "CMYK", "HSV", "YCbCr", "RGBA", "LA", "P", "PA")  # modes that PIL converts to RGB
_OPAQUE = (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm")  # endings of formats without transparency
_THREADS = 8  # threads that open files, which mostly wait for the disk

Source = str | Image.Image | Callable[[], Image.Image]
"""The source of an image: a file's path, an image in memory, or a function that reads an image when it is needed."""


def read_image(source: Source, background: Colour | None = None) -> Image.Image:
    """Return an image of 8 bits for each of red, green and blue; of 16-bit images the upper 8 bits.

    Parameters
    ----------
    background
        Colour behind transparent pixels. By default their transparency is ignored, as by Brain-Score.

    Raises
    ------
    MachineError
        If the machine cannot read the file, which may be good.
    UserError
        If the file cannot be read, or its pixels are of another kind, such as floats, whose range is unknown.
    """
    name = source
    try:
        if not isinstance(source, str | Image.Image):
            source = source()
        if background is not None and (composed := _on_background(source, background)) is not None:
            return composed
        image = source.copy() if isinstance(source, Image.Image) else pytorch.load_image(source)
        if image.mode == "I" and isinstance(source, str):
            with Image.open(source) as stored:
                image.format = stored.format  # which Brain-Score's copy no longer says
        image = _of_8_bits(image)
        check_mode(image)
        return image if image.mode == "RGB" else image.convert("RGB")
    except Exception as error:  # PIL raises many kinds for damaged files
        if (reason := machine_failure(error)) is not None:
            raise MachineError(f"The machine cannot read the image {name}: {reason}.") from error
        raise UserError(f"Cannot read the image {name}: {error}") from error


def check_mode(image: Image.Image) -> None:
    """Raise `ValueError` for an image whose pixels cannot be read; it need not be decoded yet."""
    if image.mode != "RGB" and image.mode not in _CONVERTED_MODES and not is_16_bit(image):
        raise ValueError(f"its pixels are {image.mode}, expected 8 bits for each of red, green and blue, or gray")


def is_16_bit(image: Image.Image) -> bool:
    # PIL has the 16 bits of a PGM file in 32
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _of_8_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if is_16_bit(image) else image


def _on_background(source: str | Image.Image, background: Colour) -> Image.Image | None:
    """Return an image with a colour behind its transparent pixels, None for an image without transparency."""
    with nullcontext(source) if isinstance(source, Image.Image) else Image.open(source) as image:
        if not image.has_transparency_data:
            return None
        check_mode(image)
        if is_16_bit(image):  # one of the values is transparent
            opaque = np.asarray(image) != image.info["transparency"]
            gray = _of_8_bits(image)
            seen = Image.merge("RGBA", (gray, gray, gray, Image.fromarray(np.where(opaque, 255, 0).astype(np.uint8))))
        else:
            seen = image.convert("RGBA")
    composed = Image.new("RGBA", seen.size, (*background, 255))
    composed.alpha_composite(seen)
    return composed.convert("RGB")


def warn_of_transparency(paths: Iterable[str]) -> None:
    """Log how the network sees image files with transparency, if there are any."""
    say_transparent(count_transparent(paths))


def count_transparent(paths: Iterable[str]) -> int:
    """Return how many image files have transparency; one that cannot be opened counts as none."""
    candidates = [path for path in dict.fromkeys(paths) if not path.lower().endswith(_OPAQUE)]
    with ThreadPoolExecutor(_THREADS) as executor:
        return sum(executor.map(_is_transparent, candidates))


def say_transparent(count: int) -> None:
    """Log how the network sees images with transparency, if there are any."""
    if count:
        _logger.warning(
            "%s transparency, and the network sees the colours that transparent pixels hide, as in Brain-Score. To "
            "show another colour there: --background grey (in Python, background='grey')",
            counted(count, "image has", "images have"),
        )


def _is_transparent(path: str) -> bool:
    try:
        with Image.open(path) as image:
            return image.has_transparency_data
    except Exception:  # the same file is read later, with an error that names it
        return False


def resized(
    image: Image.Image, image_size: int, resize: str = "squeeze", background: Colour | None = None
) -> Image.Image:
    """Return a square image.

    Parameters
    ----------
    image_size
        Height and width in px.
    resize
        `squeeze` changes the shape. `crop` is torchvision's usual validation: the shorter side becomes 256/224 of the
        size, and the central square is shown. `pad` shows the whole image in its shape in the middle of a background.
    background
        Colour of that background, grey by default.
    """
    width, height = image.size
    if resize == "squeeze":
        return image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    if resize == "crop":
        short = round(image_size * 256 / 224)
        longer = int(short * max(image.size) / min(image.size))
        width, height = (short, longer) if width <= height else (longer, short)
        left, top = round((width - image_size) / 2), round((height - image_size) / 2)
        whole = image.resize((width, height), Image.Resampling.BILINEAR)
        return whole.crop((left, top, left + image_size, top + image_size))
    width, height = (max(1, round(image_size * each / max(image.size))) for each in image.size)
    square = Image.new("RGB", (image_size, image_size), background or GREY)
    shown = image.resize((width, height), Image.Resampling.BILINEAR)
    square.paste(shown, ((image_size - width) // 2, (image_size - height) // 2))
    return square


def load_image(
    source: Source, image_size: int, resize: str = "squeeze", background: Colour | None = None
) -> np.ndarray:
    """Return an image (3, height, width), float32, preprocessed bit for bit as by Brain-Score for ImageNet models.

    Parameters
    ----------
    image_size, resize, background
        As in `resized`, and the background also as in `read_image`.
    """
    pixels = np.asarray(resized(read_image(source, background), image_size, resize, background))
    values = _normalized()
    loaded = np.empty((3, image_size, image_size), dtype=np.float32)
    for channel in range(3):
        np.take(values[channel], pixels[:, :, channel], out=loaded[channel], mode="clip")
    return loaded


@cache
def _normalized() -> np.ndarray:
    """Return a lookup table (channel, value) of the normalized values of a pixel's 256 values.

    It is computed by the same steps in the same precision, and replaces five passes over each image.
    """
    values = np.arange(256, dtype=np.float32) / np.float32(255)
    return (values - MEAN[:, np.newaxis]) / STANDARD_DEVIATION[:, np.newaxis]
