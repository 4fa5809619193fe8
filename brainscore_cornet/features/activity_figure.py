"""A figure of the dynamics: images, each region's activity over time, and its strongest channel in space."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..cornet.anatomy import REGIONS
from ..cornet.brain_model import CORnetModel
from ..cornet.names import shown
from ..cornet.recording.images import read_image
from ..cornet.writing import write_aside, writing
from ..palette import REGION_COLOURS
from .early_checks import check_picture
from .extraction import extract_features
from .image_sources import collect, look

IMAGES = 4  # shown at most


def draw(model: CORnetModel, images, path: Path, on_error: str = "fail") -> None:
    """Draw the first images' activity in all regions.

    Parameters
    ----------
    images
        Images as in `extract_features`.
    """
    check_picture(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = look(collect(images).first(IMAGES), on_error)
    features = extract_features(model, found.sources, layers=REGIONS)
    assert features is not None  # they are returned where no output is named
    figure = Figure(figsize=(15, 0.9 + 2.6 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(found), 2 + len(REGIONS), squeeze=False, width_ratios=[1, 2, 1, 1, 1, 1])
    means = {region: features[f"{region}.output"].mean(axis=(2, 3, 4)).values for region in REGIONS}
    for row, source in enumerate(found.sources):
        _show_image(axes[row, 0], source)
        _show_course(axes[row, 1], features, means, row)
        for column, region in enumerate(REGIONS, start=2):
            _show_map(axes[row, column], features, region, row)
    axes[0, 0].set_title("image", fontsize=9)
    axes[0, 1].set_title("mean activity, of the region's largest", fontsize=9)
    axes[0, 1].legend(loc="lower right", fontsize=8, frameon=False)
    axes[-1, 1].set_xlabel("time after stimulus onset (ms)")
    figure.suptitle(model.identifier)
    with writing(path):
        write_aside(path, lambda part: figure.savefig(part, format=path.suffix[1:], dpi=120))


def _show_image(axis, source) -> None:
    axis.imshow(np.asarray(read_image(source)))
    axis.set_axis_off()
    if isinstance(source, str):
        name = shown(Path(source).name)[:28]
        axis.text(0.5, -0.04, name, transform=axis.transAxes, ha="center", va="top", fontsize=7)


def _show_course(axis, features, means: dict[str, np.ndarray], row: int) -> None:
    """Draw the activity of each region as a step in each of its time bins."""
    for region in REGIONS:
        starts, ends = (features[f"{region}.output:time_bin_{edge}"].values for edge in ("start", "end"))
        values = means[region][:, row] / max(np.abs(means[region]).max(), 1e-12)
        times = np.stack([starts, ends], axis=1).ravel()
        axis.plot(times, np.repeat(values, 2), label=region, color=REGION_COLOURS[region], linewidth=2)
    axis.set_ylim(0, 1.05)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)


def _show_map(axis, features, region: str, row: int) -> None:
    """Draw the channel that is most active at the last time step, in space."""
    activity = features[f"{region}.output"].values[-1, row]
    channel = int(activity.mean(axis=(1, 2)).argmax())
    axis.imshow(activity[channel], cmap="viridis", vmin=0)
    axis.set_xticks([])
    axis.set_yticks([])
    start, end = (float(features[f"{region}.output:time_bin_{edge}"].values[-1]) for edge in ("start", "end"))
    when = "" if math.isnan(start) else f", {start:g}-{end:g} ms"
    axis.set_title(f"{region} channel {channel}{when}", fontsize=8)
