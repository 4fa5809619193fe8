"""The comparison of a submitted model with this package's own model, inside a trial.

`python -m brainscore_cornet.submission.comparison "{'identifier': …}"`, where brainscore_vision is the copy.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import brainscore_vision
import numpy as np

from ..cornet.brain_model import CORnetModel, load_model
from .template import stand_in


def compare(identifier: str, benchmark: str, base: str | None, options: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Return whether both models give the same, and the result as text."""
    score = brainscore_vision.score(identifier, benchmark)
    found = f"score {float(score):.4f}"
    if not np.isfinite(float(score)):
        return False, f"{found}: a score must be a number"
    if base is None:
        return True, found
    ours = load_model(base, named=identifier, **(options or {}))
    own_score = float(brainscore_vision.load_benchmark(benchmark)(ours))
    different = [] if own_score == float(score) else [f"the package's own score, {own_score:.4f},"]
    different += different_regions(brainscore_vision.load_model(identifier), ours)
    if different:
        return False, f"{found}; {' and '.join(different)} differ from it"
    return True, f"{found}, and every recording and label is that of the package's own model"


def different_regions(theirs, ours: CORnetModel) -> list[str]:
    """Return in what two models differ: recordings of regions at all committed time bins, labels."""
    different = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = stand_in.draw_pictures(Path(folder), 256)
        for region, bins in ours.commitment.time_bins.items():
            if not bins:
                continue
            recordings = []
            for model in (theirs, ours):
                model.start_recording(region, time_bins=list(bins.values()))
                recordings.append(model.look_at(pictures))
            if not recordings[0].identical(recordings[1]):
                different.append(f"recordings of {region}")
        labels = []
        for model in (theirs, ours):
            model.start_task("label", "imagenet")
            labels.append(np.asarray(model.look_at(pictures)))
        if not np.array_equal(*labels):
            different.append("labels")
    return different


if __name__ == "__main__":
    same, found = compare(**ast.literal_eval(sys.argv[1]))
    print(found)
    sys.exit(not same)
