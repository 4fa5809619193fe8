"""Stimulus sets, microsaccades, and batches of images."""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.activations.core import MicrosaccadeHelper
from torch import Tensor

from ..errors import MachineError, MissingImages, UserError, whole_number
from ..names import counted
from ..plain import plain
from ..preparation import PATH, Colour
from .images import Source, count_transparent, load_image, say_transparent

_logger = logging.getLogger(__name__)

NO_SHIFT = {"pixels": np.zeros((1, 2)), "degrees": np.zeros((1, 2))}
"""Unit -> shifts (trial, 2), as `Microsaccades.shifts` returns them, for a single trial without a shift."""


def as_stimulus_set(stimuli: StimulusSet | pd.DataFrame | Iterable[str | bytes | os.PathLike]) -> StimulusSet:
    """Return a stimulus set unchanged, and a table or a list of image files as a stimulus set.

    A table has a column `stimulus_path`; where it has no `stimulus_id`, the paths are the ids, as they are of a list.
    """
    if isinstance(stimuli, StimulusSet):
        if "stimulus_id" not in stimuli.columns:
            raise UserError(f"The stimulus set has no column stimulus_id, only {', '.join(map(str, stimuli.columns))}.")
        return stimuli
    if isinstance(stimuli, pd.DataFrame) and PATH in stimuli:
        return _from_table(stimuli)
    paths = [os.fsdecode(path) for path in image_files(stimuli)]
    stimulus_set = StimulusSet({"stimulus_id": paths, PATH: paths})
    stimulus_set.stimulus_paths = {path: path for path in paths}
    stimulus_set.identifier = None
    return stimulus_set


def _from_table(table: pd.DataFrame) -> StimulusSet:
    stimulus_set = StimulusSet(table.reset_index(drop=True))
    paths = [os.fsdecode(path) for path in image_files(table[PATH])]
    if "stimulus_id" not in stimulus_set:
        stimulus_set = StimulusSet(table.reset_index(drop=True).assign(stimulus_id=paths))
    if not stimulus_set["stimulus_id"].is_unique:
        raise UserError("The table names some stimulus_id twice: expected each in one row.")
    stimulus_set.stimulus_paths = dict(zip(stimulus_set["stimulus_id"], paths, strict=True))
    stimulus_set.identifier = None
    return stimulus_set


def image_files(paths: Iterable[str | bytes | os.PathLike]) -> list[str | bytes | os.PathLike]:
    """Return the paths in any container as a list; raises `UserError` for anything that is not a path."""
    given = plain(paths)
    if isinstance(given, str | bytes | os.PathLike):
        path = os.fsdecode(given)
        raise UserError(f"Expected a stimulus set or a list of image files, received {path!r}; write [path].")
    if isinstance(given, pd.DataFrame):
        raise UserError(
            f"Expected a stimulus set or a list of image files, received a {type(given).__name__} without a column "
            f"{PATH}: its rows do not say where their images are."
        )
    files = [plain(path) for path in (given if isinstance(given, Iterable) else [given])]
    others = [type(path).__name__ for path in files if not isinstance(path, str | bytes | os.PathLike)]
    if others:
        raise UserError(f"Expected a stimulus set or a list of image files, received {others[0]}.")
    return files


def stimulus_paths(stimulus_set: StimulusSet) -> list[str]:
    """Return the image file of each row; raises `UserError` if there are no rows or a file does not exist."""
    paths = []
    for stimulus_id in stimulus_set["stimulus_id"]:
        try:
            paths.append(str(stimulus_set.get_stimulus(stimulus_id)))
        except (AttributeError, KeyError, TypeError) as error:
            raise UserError(
                f"The stimulus set does not say where the image of stimulus {stimulus_id!r} is: expected "
                "stimulus_paths, a mapping from each stimulus_id to an image file."
            ) from error
    if not paths:
        raise UserError("The stimulus set is empty.")
    images = dict.fromkeys(paths)
    missing = [path for path in images if not Path(path).is_file()]
    if missing:
        raise MissingImages(f"{len(missing)} of {len(images)} images do not exist, the first is {missing[0]}.")
    return paths


def warn_of_screen(stimulus_set: StimulusSet, background: Colour | None) -> None:
    """Log how many images have lost their transparency on Brain-Score's screen, where a background does not reach.

    `place_on_screen` writes images of other visual degrees than the model's anew, with the colours that transparent
    pixels hide.
    """
    originals = getattr(stimulus_set, "original_paths", None) or {}
    ids = [each for each in stimulus_set["stimulus_id"] if each in originals]
    if not ids:
        return
    lost = count_transparent(str(originals[each]) for each in ids)
    lost -= count_transparent(str(stimulus_set.get_stimulus(each)) for each in ids)
    if background is None:
        say_transparent(lost)
    elif lost > 0:
        _logger.warning(
            "%s when Brain-Score put them on a screen of the model's visual degrees: the network sees the colours that "
            "transparent pixels hide, and no background.",
            counted(lost, "image lost its transparency", "images lost their transparency"),
        )


def as_trials(number_of_trials) -> int:
    """Return a number of trials as an integer, also from an array of one number or from a float such as 30.0."""
    one = isinstance(number_of_trials, np.ndarray) and number_of_trials.size == 1
    number = number_of_trials.item() if one else plain(number_of_trials)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return whole_number(number, "a number of trials", 1)


@dataclass(frozen=True)
class Microsaccades:
    """Small shifts of each image, one per trial, so that a deterministic model varies between trials.

    The shifts are Brain-Score's spiral (`MicrosaccadeHelper`), up to 0.05 degrees from the centre.
    """

    trials: int
    visual_degrees: float

    def shift(self, image: np.ndarray, path: str, trial: int) -> np.ndarray:
        """Return the image (channel, height, width) as shifted in one trial."""
        (shifted,) = self._helper().translate_images([image], [path], trial_number=trial, require_variance=True)
        return np.ascontiguousarray(
            shifted
        )  # Brain-Score's has the channels last in memory, which changes the last bits

    def shifts(self, image_size: int) -> dict[str, np.ndarray]:
        """Return unit -> shifts (trial, 2) in x and y, which are the same for every image."""
        helper = self._helper()
        helper.build_microsaccades("any", (image_size, image_size))
        return {unit: np.array(helper.microsaccades[unit]["any"]) for unit in ("pixels", "degrees")}

    def _helper(self) -> MicrosaccadeHelper:
        # a new one each time: Brain-Score's helper keeps its number of trials between recordings
        helper = MicrosaccadeHelper()
        helper.number_of_trials = self.trials
        helper.visual_degrees = self.visual_degrees  # pyright: ignore[reportAttributeAccessIssue]  # typed as int
        return helper


def batches(
    paths: Sequence[Source],
    image_size: int,
    batch_size: int,
    microsaccades: Microsaccades | None = None,
    *,
    workers: int = 1,
    pinned: bool = False,
    resize: str = "squeeze",
    background: Colour | None = None,
    on_error: Callable[[int, UserError], None] | None = None,
) -> Iterator[Tensor]:
    """Yield batches (presentation, 3, height, width), float32, with all trials of an image before the next image.

    Threads decode and preprocess images in advance, since PIL releases Python's global lock. At most two batches are
    ready at a time.

    Parameters
    ----------
    batch_size
        Presentations in a batch. A batch contains all trials of its images, so that it may be larger.
    workers
        Number of threads.
    pinned
        Whether batches are in pinned memory, from which a CUDA device copies asynchronously.
    resize, background
        As in `images.load_image`.
    on_error
        Callback for an unreadable image, which receives its index in `paths` and the error. Zeros replace the image.
        By default the error is raised.
    """
    trials = 1 if microsaccades is None else microsaccades.trials
    count = max(1, batch_size // trials)

    def load(batch: np.ndarray, start: int, index: int, path: Source) -> None:
        try:
            image = load_image(path, image_size, resize, background)
        except UserError as error:
            if on_error is None or isinstance(error, MachineError):
                raise
            on_error(start + index, error)
            image = np.zeros((3, image_size, image_size), dtype=np.float32)
        for trial in range(trials):
            batch[index * trials + trial] = (
                image if microsaccades is None else microsaccades.shift(image, str(path), trial)
            )

    def begin(start: int) -> tuple[Tensor, list[Future]]:
        portion = paths[start : start + count]
        batch = torch.empty((len(portion) * trials, 3, image_size, image_size), pin_memory=pinned)
        return batch, [executor.submit(load, batch.numpy(), start, index, path) for index, path in enumerate(portion)]

    starts = iter(range(0, len(paths), count))
    with ThreadPoolExecutor(workers, thread_name_prefix="stimuli") as executor:
        begun = deque(begin(start) for start in itertools.islice(starts, 2))
        try:
            while begun:
                batch, loading = begun.popleft()
                for future in loading:
                    future.result()  # raises what the thread raised
                for start in itertools.islice(starts, 1):
                    begun.append(begin(start))
                yield batch
        finally:  # also after an error, or when the consumer stops early
            executor.shutdown(wait=True, cancel_futures=True)
