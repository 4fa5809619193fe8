"""A figure of the dynamics: each region's activity over time for all images, and maps of the first images."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..cornet.anatomy import REGIONS
from ..cornet.brain_model import CORnetModel
from ..cornet.names import shown
from ..cornet.preparation import Colour
from ..cornet.recording.images import read_image
from ..cornet.writing import write_aside, writing
from . import layers
from .early_checks import check_picture
from .extraction import extract_features
from .image_sources import collect, look
from .timecourse_figure import courses_of, draw_courses

IMAGES = 4  # shown at most; the curves are over all images
_WIDTH = 13.0  # inches
_NAME = 28  # characters of a file's name


def draw(model: CORnetModel, images, path: Path, on_error: str = "fail") -> None:
    """Draw the activity of all images over time, and maps of the first images.

    The curves are those of `timecourse_figure.courses_of`, of activities averaged over positions. Maps of one region
    show one channel and have one scale.

    Parameters
    ----------
    images
        Images as in `extract_features`.
    """
    check_picture(path)
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = look(collect(images), on_error, model.commitment.background)
    pooled = extract_features(model, found.sources, layers=REGIONS, pool=True, on_error=on_error)
    assert pooled is not None  # they are returned where no output is named
    regions = [region for region in REGIONS if f"{region}.output" in pooled]
    few = found.first(IMAGES)
    with _said_already():
        features = extract_features(model, few.sources, layers=regions)
    assert features is not None
    with rc_context({"font.size": 8, "axes.titlesize": 8}):
        figure = Figure(figsize=(_WIDTH, 4 + 2.4 * len(few)), layout="constrained")
        FigureCanvasAgg(figure)
        # typed as one, or as an array of several
        parts: Any = figure.subfigures(2, 1, height_ratios=[3.4, 2.4 * len(few)])
        above, below = parts
        axes = above.subplots(1, 2, sharex=True)
        draw_courses(above, axes, courses_of(pooled), _WIDTH)
        axes = below.subplots(len(few), 1 + len(REGIONS), squeeze=False)
        for row, source in enumerate(few.sources):
            _show_image(axes[row, 0], source, model.commitment.background)
        for column, region in enumerate(REGIONS, start=1):
            if region in regions:
                _show_maps(below, axes[:, column], features, region)
            else:
                for axis in axes[:, column]:
                    axis.set_axis_off()
                axes[0, column].set_title(f"{region}: not reached by the image")
        count = pooled.sizes["presentation"]
        figure.suptitle(f"{model.identifier}, {count} image{'' if count == 1 else 's'}", fontsize=11)
        with writing(path):
            write_aside(path, lambda part: figure.savefig(part, format=path.suffix[1:], dpi=120))


@contextmanager
def _said_already() -> Iterator[None]:
    """Leave out messages about layers and time steps, which the extraction from all images has given."""
    logger = logging.getLogger(layers.__name__)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _show_image(axis, source, background: Colour | None) -> None:
    axis.imshow(np.asarray(read_image(source, background)))
    axis.set_axis_off()
    if isinstance(source, str):
        name = shown(Path(source).name)
        name = name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"  # files of a folder differ in their ends
        axis.text(0.5, -0.04, name, transform=axis.transAxes, ha="center", va="top", fontsize=7)


def _show_maps(figure, axes, features, region: str) -> None:
    """Draw the channel that is most active over all images at the last time step, in space, with one scale."""
    activity = features[f"{region}.output"].values[-1]  # (image, channel, row, column)
    channel = int(activity.mean(axis=(0, 2, 3)).argmax())
    maps = activity[:, channel]
    highest = max(float(maps.max()), 1e-12)
    for axis, each in zip(axes, maps, strict=True):
        drawn = axis.imshow(each, cmap="viridis", vmin=0, vmax=highest)
        axis.set_xticks([])
        axis.set_yticks([])
    start, end = (float(features[f"{region}.output:time_bin_{edge}"].values[-1]) for edge in ("start", "end"))
    when = "" if math.isnan(start) else f", {start:g}-{end:g} ms"
    axes[0].set_title(f"{region} channel {channel}{when}")
    figure.colorbar(drawn, ax=list(axes), shrink=0.8, aspect=40, label="activity")
