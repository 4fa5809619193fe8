"""The stimuli: sine gratings in circular apertures on grey, as Brain-Score's scripts of Marques et al. 2021 make them.

The scripts are in `brainscore_vision/data/marques2020/data_packaging/`; pixels are theirs, bit for bit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.screen import ImageConverter
from PIL import Image

from ..cornet.errors import UserError
from ..cornet.progress_line import counting
from .protocols import Grating, Gratings, Protocol

GREY, WHITE = 128, 255
BLANK = "blank"
VERSION = 1  # of the rendered files; raise it when a pixel changes


def render(grating: Grating, size: int, pixels_per_degree: float) -> Image.Image:
    """A grating at full contrast: a grey image, `size` px wide."""
    pixels = np.full((size, size), GREY, dtype=np.uint8)
    axis = (np.arange(size) - size / 2) / pixels_per_degree
    y, x = axis - grating.position_y, axis - grating.position_x
    # only the aperture's bounding box is computed
    rows, columns = (np.flatnonzero(np.abs(values) <= grating.radius) for values in (y, x))
    if len(rows) and len(columns):
        y, x = y[rows][:, np.newaxis], x[columns][np.newaxis]
        # the order of operations is that of Brain-Score's scripts: another one changes pixels
        angle, phase = grating.orientation / 180 * np.pi, grating.phase / 180 * np.pi
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * grating.spatial_frequency * 2 * np.pi + phase)
        inside = x**2 + y**2 <= grating.radius**2
        pixels[np.ix_(rows, columns)] = np.where(inside, ((wave + 1) / 2 * WHITE).astype(np.uint8), GREY)
    return Image.fromarray(pixels)


def stimulus_set_names(protocol: Protocol) -> list[str]:
    """The stimulus sets of a protocol."""
    return [BLANK, *protocol.gratings]


def parameters(protocol: Protocol, name: str) -> StimulusSet:
    """One of the stimulus sets without its images."""
    gratings: Sequence[None] | Gratings = [None] if name == BLANK else protocol.gratings[name]
    rows = [{} if grating is None else {"contrast": 1.0, **grating._asdict()} for grating in gratings]
    stimuli = StimulusSet(pd.DataFrame(rows, index=range(len(rows))))
    stimuli["stimulus_id"] = [f"{name}_{index:04d}" for index in range(len(rows))]
    stimuli["degrees"] = protocol.degrees
    stimuli.identifier = f"{protocol.prefix}_{name}"
    return stimuli


def stimulus_set(protocol: Protocol, name: str, visual_degrees: float | None = None) -> StimulusSet:
    """One of the stimulus sets, rendered when it is not there yet.

    The files lie under `BRAINSCORE_HOME` (by default `~/.brain-score`), where Brain-Score keeps its own.

    Parameters
    ----------
    visual_degrees
        Of the model that will see it. Images are cropped or put on grey as Brain-Score's `place_on_screen` does it,
        but before they are written. By default they are as the protocol has them.
    """
    degrees = protocol.degrees if visual_degrees is None else visual_degrees
    stimuli = parameters(protocol, name)
    stimuli["degrees"] = degrees
    folder = _home() / f"{stimuli.identifier}-{degrees:g}deg-v{VERSION}"
    files = [f"{index:04d}.png" for index in range(len(stimuli))]
    if not _are_in(folder, files):
        gratings = [None] if name == BLANK else list(protocol.gratings[name])
        _write(lambda number: _image(protocol, gratings[number], degrees), files, folder)
    stimuli.stimulus_paths = dict(zip(stimuli["stimulus_id"], (folder / file for file in files), strict=True))
    return stimuli


def _image(protocol: Protocol, grating: Grating | None, degrees: float) -> Image.Image:
    """A grating, or grey, as a model with this field of view sees it."""
    if grating is None:
        image = Image.new("L", (protocol.blank_size, protocol.blank_size), GREY)
    else:
        image = render(grating, protocol.size, protocol.pixels_per_degree)
    if degrees == protocol.degrees:
        return image
    screen = ImageConverter(target_dir=_home())
    return screen.apply_ratio(image, degrees / protocol.degrees)  # pyright: ignore[reportArgumentType]  # typed as PIL's module


def _home() -> Path:
    return Path(os.environ.get("BRAINSCORE_HOME", "~/.brain-score")).expanduser() / "stimuli"


def _are_in(folder: Path, files: Sequence[str]) -> bool:
    return folder.is_dir() and set(files) <= set(os.listdir(folder))


def _write(make: Callable[[int], Image.Image], files: Sequence[str], folder: Path) -> None:
    """All files appear at once, also when several processes start together."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            unfinished = Path(temporary) / "images"
            unfinished.mkdir()

            def write(number: int) -> None:
                make(number).save(unfinished / files[number], compress_level=1)

            with counting(f"rendering {folder.name}", len(files)) as add, ThreadPoolExecutor() as pool:
                for _ in pool.map(write, range(len(files))):
                    add(1)
            if folder.exists() and not _are_in(folder, files):
                shutil.rmtree(folder)  # somebody took files out of it
            try:
                unfinished.rename(folder)
            except OSError:
                if not folder.is_dir():  # otherwise another process was faster, with the same pixels
                    raise
    except OSError as error:
        raise UserError(
            f"Cannot render stimuli into {folder}: {error.strerror or error}. Set BRAINSCORE_HOME to another folder."
        ) from error
