"""Pictures, and recordings that carry signal about them, from fixed seeds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from PIL import Image

from .files import Stimuli

COARSE = 8  # px: what pictures consist of, and what recordings know of them


def random_of(*names: object) -> np.random.RandomState:
    """A generator that depends on names alone, and is the same in every process."""
    return np.random.RandomState(zlib.crc32(repr(names).encode()))


def draw(*names: object, label: object = None, size: tuple[int, int] | int = 48, mode: str = "RGB") -> Image.Image:
    """A picture of coarse noise from a seed of its names; those of one label have half of it in common.

    Parameters
    ----------
    size
        In px, of both sides or (width, height).
    """
    noise = random_of(*names).uniform(0, 255, (COARSE, COARSE, 3))
    if label is not None:
        noise = (noise + random_of("label", label).uniform(0, 255, (COARSE, COARSE, 3))) / 2
        noise = np.clip(128 + 1.4 * (noise - 128), 0, 255)
    coarse = Image.fromarray(noise.astype(np.uint8))
    return coarse.resize((size, size) if isinstance(size, int) else size, Image.Resampling.BICUBIC).convert(mode)


def stimuli(table: Mapping[str, Sequence] | pd.DataFrame, label: str | None = None, ending: str = "png", **of_all):
    """`Stimuli` from columns, each with a picture of its own that depends on `stimulus_id` (or `image_id`).

    Parameters
    ----------
    label
        Column whose values show in the pictures.
    ending
        Of the file names, where the columns have no `filename`.
    of_all
        Of `draw`, for all pictures.
    """
    table = pd.DataFrame(table)
    identifiers = table["stimulus_id" if "stimulus_id" in table else "image_id"]
    if "filename" not in table:
        table["filename"] = [f"{identifier}.{ending}" for identifier in identifiers]
    labels = table[label] if label else [None] * len(table)
    pictures = [draw(each, label=shown, **of_all) for each, shown in zip(identifiers, labels, strict=True)]
    return Stimuli(table, pictures)


def features(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Standardized coarse pixels, (picture, feature)."""
    coarse = [np.asarray(each.convert("RGB").resize((COARSE, COARSE), Image.Resampling.BOX)) for each in pictures]
    flat = np.stack(coarse).reshape(len(pictures), -1).astype(float)
    return (flat - flat.mean(0)) / (flat.std(0) + 1e-6)


def responses(
    pictures: Sequence[Image.Image],
    neuroids: int,
    *names: object,
    repetitions: int = 1,
    time_bins: int = 1,
    noise: float = 0.5,
    rank: int = 8,
) -> np.ndarray:
    """Rates above 0 as (picture, repetition, neuroid, time bin): a few projections of the pixels, gain, and noise.

    Parameters
    ----------
    names
        The seed.
    noise
        Standard deviation of a single presentation, where that of the signal is 1.
    rank
        Dimensions of the signal.
    """
    random = random_of("responses", *names)
    seen = features(pictures)
    signal = seen @ random.randn(seen.shape[1], rank) @ random.randn(rank, neuroids)
    signal = (signal - signal.mean(0)) / (signal.std(0) + 1e-6)
    gain = 0.5 + 0.5 * np.hanning(time_bins + 2)[1:-1]  # a response rises and falls
    shape = (len(pictures), repetitions, neuroids, time_bins)
    return np.abs(3 + signal[:, None, :, None] * gain + noise * random.randn(*shape))


def recordings(
    of: Stimuli,
    neuroid: Mapping[str, Sequence],
    *names: object,
    time_bins: Sequence[tuple[int, int]] | None = None,
    repetitions: int = 1,
    presentation: Mapping[str, Sequence] | None = None,
    id_name: str = "stimulus_id",
    dtype: type = np.float32,
    **of_responses,
) -> xr.DataArray:
    """Responses to every stimulus, `repetitions` times one after the other, as a file of Brain-Score's holds them.

    Parameters
    ----------
    neuroid
        Coordinates of this dimension.
    time_bins
        Without them there is no such dimension.
    presentation
        Coordinates, one value for each stimulus, beside the identifiers and `repetition`.
    """
    count = len(next(iter(neuroid.values())))
    bins = time_bins or [(0, 0)]
    values = responses(of.pictures, count, *names, repetitions=repetitions, time_bins=len(bins), **of_responses)
    values = values.reshape(-1, count, len(bins)).astype(dtype)
    identifiers = of.table[id_name if id_name in of.table else "stimulus_id"].values
    coords = {
        id_name: ("presentation", np.repeat(identifiers, repetitions)),
        "repetition": ("presentation", np.tile(np.arange(repetitions), len(identifiers))),
        **{name: ("presentation", np.repeat(values, repetitions)) for name, values in (presentation or {}).items()},
        **{name: ("neuroid", list(values)) for name, values in neuroid.items()},
    }
    if time_bins is None:
        return xr.DataArray(values[..., 0], coords=coords, dims=["presentation", "neuroid"])
    coords["time_bin_start"] = ("time_bin", [start for start, _ in time_bins])
    coords["time_bin_end"] = ("time_bin", [end for _, end in time_bins])
    return xr.DataArray(values, coords=coords, dims=["presentation", "neuroid", "time_bin"])
