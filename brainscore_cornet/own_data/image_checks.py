"""A look at the images of a benchmark of one's own before any model sees them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.errors import UserError
from ..cornet.progress_line import counting
from ..cornet.recording.images import read_image
from .dissimilarities import DissimilarityBenchmark
from .neural import RecordingsBenchmark
from .trial_metrics import BehaviourBenchmark

SECONDS = 60.0
_THREADS = 4


def checked_images(
    benchmark: RecordingsBenchmark | DissimilarityBenchmark | BehaviourBenchmark, seconds: float = SECONDS
) -> list[str]:
    """Decode the images of a benchmark, and return what is remarkable about them in sentences.

    Parameters
    ----------
    seconds
        After this time the images that are left are not decoded, and a sentence says how many were.

    Raises
    ------
    UserError
        If a file is empty or cannot be decoded.
    """
    sets = _stimuli(benchmark)
    paths = list(dict.fromkeys(path for each in sets for path in each.stimulus_paths.values()))
    if empty := [path for path in paths if not os.path.getsize(path)]:
        raise UserError(f"The image {empty[0]} is an empty file ({len(empty)} of {len(paths)} are).")
    deadline, checked = time.monotonic() + seconds, 0
    with counting("check images", len(paths)) as add, ThreadPoolExecutor(_THREADS) as executor:
        for start in range(0, len(paths), _THREADS):
            if time.monotonic() > deadline:
                break
            portion = paths[start : start + _THREADS]
            list(executor.map(read_image, portion))
            checked += len(portion)
            add(len(portion))
    sentences = [each for stimuli in sets for each in _same(stimuli)]
    if checked < len(paths):
        sentences.append(f"{checked} of {len(paths)} images were decoded within {seconds:g} s, and can be read.")
    return sentences


def _stimuli(benchmark) -> list[StimulusSet]:
    if isinstance(benchmark, RecordingsBenchmark):
        return [benchmark.recorded.stimuli]
    fitting = benchmark.fitting if isinstance(benchmark, BehaviourBenchmark) else None
    return [benchmark.stimulus_set] if fitting is None else [benchmark.stimulus_set, fitting]


def _same(stimuli: StimulusSet) -> Sequence[str]:
    """Return a sentence on stimuli that are the same image, none if all differ."""
    by_content: dict[bytes, list[str]] = {}
    for name, path in stimuli.stimulus_paths.items():
        by_content.setdefault(hashlib.sha256(Path(path).read_bytes()).digest(), []).append(str(name))
    same = [names for names in by_content.values() if len(names) > 1]
    if not same:
        return []
    count = sum(map(len, same))
    return [
        f"Beware: {count} stimuli have an image that another one has, too, such as {same[0][0]} and {same[0][1]}: a "
        "model cannot tell them apart."
    ]
