"""One way to read an image, for recordings, features, training and validation."""

from __future__ import annotations

from functools import cache

import numpy as np
from brainscore_vision.model_helpers.activations import pytorch
from PIL import Image

from ..errors import MachineError, UserError, machine_failure

# ImageNet's red, green and blue, from Brain-Score's `torchvision_preprocess`, whose import alone takes 150 MB.
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STANDARD_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)

_CONVERTED_MODES = ("1", "L", "CMYK", "HSV", "YCbCr", "RGBA", "LA", "P", "PA")  # modes that PIL converts to RGB

Source = str | Image.Image
"""The source of an image: a file's path, or an image in memory."""


def read_image(source: Source) -> Image.Image:
    """Return an image of 8 bits for each of red, green and blue; of 16-bit images the upper 8 bits.

    Raises
    ------
    MachineError
        If the machine cannot read the file, which may be good.
    UserError
        If the file cannot be read, or its pixels are of another kind, such as floats, whose range is unknown.
    """
    try:
        image = source.copy() if isinstance(source, Image.Image) else pytorch.load_image(source)
        if image.mode == "I" and isinstance(source, str):
            with Image.open(source) as stored:
                image.format = stored.format  # which Brain-Score's copy no longer says
        if is_16_bit(image):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        check_mode(image)
        return image if image.mode == "RGB" else image.convert("RGB")
    except Exception as error:  # PIL raises many kinds for damaged files
        if (reason := machine_failure(error)) is not None:
            raise MachineError(f"The machine cannot read the image {source}: {reason}.") from error
        raise UserError(f"Cannot read the image {source}: {error}") from error


def check_mode(image: Image.Image) -> None:
    """Raise `ValueError` for an image whose pixels cannot be read; it need not be decoded yet."""
    if image.mode != "RGB" and image.mode not in _CONVERTED_MODES and not is_16_bit(image):
        raise ValueError(f"its pixels are {image.mode}, expected 8 bits for each of red, green and blue, or gray")


def is_16_bit(image: Image.Image) -> bool:
    # PIL has the 16 bits of a PGM file in 32
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def load_image(source: Source, image_size: int) -> np.ndarray:
    """Return an image (3, height, width), float32, preprocessed bit for bit as by Brain-Score for ImageNet models."""
    pixels = np.asarray(read_image(source).resize((image_size, image_size), Image.Resampling.BILINEAR))
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
