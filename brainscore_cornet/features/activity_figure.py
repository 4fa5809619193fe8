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
from ..palette import REGION_COLOURS
from . import layers
from .early_checks import check_picture
from .extraction import extract_features
from .image_sources import collect, look

IMAGES = 4  # shown at most; the curves are over all images
_SMALL = 8  # pt


def draw(model: CORnetModel, images, path: Path, on_error: str = "fail") -> None:
    """Draw the activity of all images over time, and maps of the first images.

    The curves are, for each region, the mean over units and images with its standard deviation over images, and the
    difference between images: the standard deviation over images, averaged over channels, divided by the mean. Maps of
    one region show one channel and have one scale.

    Parameters
    ----------
    images
        Images as in `extract_features`.
    """
    check_picture(path)
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
    figure = Figure(figsize=(13, 4 + 2.4 * len(few)), layout="constrained")
    FigureCanvasAgg(figure)
    # typed as one, or as an array of several
    parts: Any = figure.subfigures(2, 1, height_ratios=[3.4, 2.4 * len(few)])
    above, below = parts
    _show_courses(above, pooled, regions)
    axes = below.subplots(len(few), 1 + len(REGIONS), squeeze=False)
    for row, source in enumerate(few.sources):
        _show_image(axes[row, 0], source, model.commitment.background)
    for column, region in enumerate(REGIONS, start=1):
        if region in regions:
            _show_maps(below, axes[:, column], features, region)
        else:
            for axis in axes[:, column]:
                axis.set_axis_off()
            axes[0, column].set_title(f"{region}: not reached by the image", fontsize=_SMALL)
    figure.suptitle(model.identifier)
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


def _show_courses(figure, pooled, regions: list[str]) -> None:
    """Draw mean and spread, and the difference between images, as steps in each region's time bins."""
    mean_axis, difference_axis = figure.subplots(1, 2)
    count = pooled.sizes["presentation"]
    timed = all(np.isfinite(pooled[f"{region}.output:time_bin_start"].values).all() for region in regions)
    for region in regions:
        values = pooled[f"{region}.output"].values  # (time_step, image, channel)
        mean, spread = values.mean(axis=(1, 2)), values.mean(axis=2).std(axis=1)
        difference = values.std(axis=1).mean(axis=1) / np.maximum(np.abs(mean), 1e-12)
        times = _times(pooled, region, timed)
        style = {"label": region, "color": REGION_COLOURS[region]}
        mean, spread, difference = (np.repeat(each, 2) for each in (mean, spread, difference))
        mean_axis.plot(times, mean, linewidth=2, **style)
        mean_axis.fill_between(times, mean - spread, mean + spread, color=style["color"], alpha=0.2, linewidth=0)
        if count > 1:
            difference_axis.plot(times, difference, linewidth=2, **style)
    mean_axis.set_title(f"mean activity, ± 1 s.d. over {count} image{'' if count == 1 else 's'}", fontsize=9)
    difference_axis.set_title("difference between images: s.d. over images, of the mean", fontsize=9)
    if count == 1:
        difference_axis.text(0.5, 0.5, "needs two images", transform=difference_axis.transAxes, ha="center")
    for axis in (mean_axis, difference_axis):
        axis.margins(y=0.1)
        axis.set_ylim(bottom=0)
        axis.set_xlabel("time after stimulus onset (ms)" if timed else "time step", fontsize=_SMALL)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=_SMALL)
    mean_axis.legend(fontsize=_SMALL, frameon=False)


def _times(pooled, region: str, timed: bool) -> np.ndarray:
    """Return start and end of each time step: its time bin in ms, or its number where bins are not committed."""
    if timed:
        edges = [pooled[f"{region}.output:time_bin_{edge}"].values for edge in ("start", "end")]
    else:
        steps = pooled[f"{region}.output:time_step"].values
        edges = [steps - 0.5, steps + 0.5]
    return np.stack(edges, axis=1).ravel()


def _show_image(axis, source, background: Colour | None) -> None:
    axis.imshow(np.asarray(read_image(source, background)))
    axis.set_axis_off()
    if isinstance(source, str):
        name = shown(Path(source).name)[:28]
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
    axes[0].set_title(f"{region} channel {channel}{when}", fontsize=_SMALL)
    bar = figure.colorbar(drawn, ax=list(axes), shrink=0.8, aspect=40)
    bar.ax.tick_params(labelsize=7)
