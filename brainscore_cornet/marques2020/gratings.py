"""The stimuli: sine gratings in circular apertures on grey, as in Brain-Score's specification of Marques et al. 2021.

Every value with a source below is from `brainscore_vision/data/marques2020/data_packaging/marques_gen_stim.py`; the
field of view is the centre of the official one, with the same number of pixels a degree.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from PIL import Image

from ..cornet.errors import UserError
from . import PREFIX

DEGREES = 8  # of 12
SIZE = 448  # px, of 672
PIXELS_PER_DEGREE = SIZE / DEGREES
GREY, WHITE = 128, 255
POSITION = 0.5  # degrees right of and below the centre, POS
SPATIAL_FREQUENCIES = np.logspace(-1.375, 3.875, 22, base=2)  # cycles a degree, SF
ORIENTATIONS = np.linspace(0, 165, 12)  # degrees, ORIENTATION
PHASES = np.linspace(0, 315, 8)  # degrees, PHASE
RF_STEP = 0.25  # degrees between positions, POS_rf
RF_POSITIONS = 13  # a side, of 21, around the centre of the image: what responds everywhere has its field there,
RF_CENTER = 0.0  # and not, by mistake, at the stimulus' place
RF_RADIUS, RF_SPATIAL_FREQUENCY = 1 / 6, 3  # RADIUS_rf, SF_rf
VERSION = 1  # of the rendered files; raise it when a pixel changes


class Grating(NamedTuple):
    """Positions and radius in degrees, spatial frequency in cycles a degree, orientation and phase in degrees."""

    position_y: float
    position_x: float
    radius: float
    spatial_frequency: float
    orientation: float
    phase: float


def render(grating: Grating | None) -> Image.Image:
    """A grating at full contrast, or a blank for None: a grey image of 448 px that covers 8 degrees."""
    pixels = np.full((SIZE, SIZE), GREY, dtype=np.uint8)
    if grating is not None:
        axis = (np.arange(SIZE) - SIZE / 2) / PIXELS_PER_DEGREE
        y, x = axis - grating.position_y, axis - grating.position_x
        # only the aperture's bounding box is computed
        rows, columns = (np.flatnonzero(np.abs(values) <= grating.radius) for values in (y, x))
        if len(rows) and len(columns):
            box = np.ix_(rows, columns)
            y, x = y[rows][:, np.newaxis], x[columns][np.newaxis]
            angle, phase = np.deg2rad([grating.orientation, grating.phase])
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * grating.spatial_frequency * 2 * np.pi + phase)
            inside = x**2 + y**2 <= grating.radius**2
            pixels[box] = np.where(inside, ((wave + 1) / 2 * WHITE).astype(np.uint8), GREY)
    return Image.fromarray(pixels)


def _blank() -> Iterable[Grating | None]:
    return [None]


def _grid(count: int, center: float) -> np.ndarray:
    return center + (np.arange(count) - count // 2) * RF_STEP


def _at_positions(positions: np.ndarray) -> Iterable[Grating]:
    # two of the official four orientations, ORIENTATION_rf, and both phases, PHASE_rf
    return itertools.starmap(
        Grating,
        itertools.product(
            positions, positions, [RF_RADIUS], [RF_SPATIAL_FREQUENCY], ORIENTATIONS[[0, 6]], PHASES[[0, 4]]
        ),
    )


def _receptive_field() -> Iterable[Grating]:
    return _at_positions(_grid(RF_POSITIONS, RF_CENTER))


def _localizer() -> Iterable[Grating]:
    """What drives every neuroid whose receptive field is at the stimulus' place."""
    return _at_positions(_grid(3, POSITION))


def _orientation() -> Iterable[Grating]:
    # three cycles in diameter, the middle one of MULT_RADIUS_or; SF_or
    for frequency in SPATIAL_FREQUENCIES[[4, 8, 12, 16]]:
        for orientation, phase in itertools.product(ORIENTATIONS, PHASES):
            yield Grating(POSITION, POSITION, 3 / 2 / frequency, frequency, orientation, phase)


def _spatial_frequency() -> Iterable[Grating]:
    # the smaller one of RADIUS_sf; ORIENTATION_sf
    for frequency, orientation, phase in itertools.product(SPATIAL_FREQUENCIES, ORIENTATIONS[::2], PHASES):
        yield Grating(POSITION, POSITION, 0.75, frequency, orientation, phase)


STIMULI = {
    "blank": _blank,
    "localizer": _localizer,
    "receptive_field": _receptive_field,
    "orientation": _orientation,
    "spatial_frequency": _spatial_frequency,
}
"""Name -> gratings in the order that Brain-Score's functions expect: phase fastest, then orientation, and so on."""


def stimulus_set(name: str) -> StimulusSet:
    """One of the stimulus sets, rendered when it is not there yet.

    The files lie under `BRAINSCORE_HOME` (by default `~/.brain-score`), where Brain-Score keeps its own.
    """
    gratings = list(STIMULI[name]())
    folder = _home() / f"{PREFIX}_{name}-v{VERSION}"
    files = [f"{index:04d}.png" for index in range(len(gratings))]
    if not all((folder / file).is_file() for file in files):
        _render_all(gratings, files, folder)
    parameters = [{} if grating is None else {"contrast": 1.0, **grating._asdict()} for grating in gratings]
    stimuli = StimulusSet(pd.DataFrame(parameters, index=range(len(gratings))))
    stimuli["stimulus_id"] = [f"{name}_{index:04d}" for index in range(len(gratings))]
    stimuli["degrees"] = DEGREES
    stimuli.stimulus_paths = dict(zip(stimuli["stimulus_id"], (folder / file for file in files), strict=True))
    stimuli.identifier = f"{PREFIX}_{name}"
    return stimuli


def _home() -> Path:
    return Path(os.environ.get("BRAINSCORE_HOME", "~/.brain-score")).expanduser() / "stimuli"


def _render_all(gratings: list[Grating | None], files: list[str], folder: Path) -> None:
    """All files appear at once, also when several processes start together."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            unfinished = Path(temporary) / "images"
            unfinished.mkdir()
            for grating, file in zip(gratings, files, strict=True):
                render(grating).save(unfinished / file, compress_level=1)
            if folder.exists() and not all((folder / file).is_file() for file in files):
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
