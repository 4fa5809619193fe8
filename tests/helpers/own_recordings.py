"""A laboratory's data, made up: pictures, responses with repetitions, and the benchmark file that names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

STIMULI, NEUROIDS, REPETITIONS = 40, 6, 4
TIME_BINS = [(70, 170), (170, 270)]


def pictures(folder: Path, count: int = STIMULI, seed: int = 0) -> list[Path]:
    """Small pictures `00.png`, `01.png`, …, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(seed)
    paths = [folder / f"{number:02}.png" for number in range(count)]
    for path in paths:
        coarse = Image.fromarray(random.randint(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((48, 48), Image.Resampling.BICUBIC).save(path)
    return paths


def responses(stimuli: int = STIMULI, time_bins: int = 2, seed: int = 1, noise: float = 0.7) -> np.ndarray:
    """Responses (repetition, stimulus, neuroid, time bin) with a signal that the repetitions share."""
    random = np.random.RandomState(seed)
    signal = random.randn(stimuli, 5) @ random.randn(5, NEUROIDS)
    return signal[None, :, :, None] + noise * random.randn(REPETITIONS, stimuli, NEUROIDS, time_bins)


TEXT = """identifier = "MyLab2026.IT"
stimuli = "images"
visual_degrees = 8

[recordings]
file = "it.npy"
dims = ["repetition", "stimulus", "neuroid", "time_bin"]
region = "IT"
time_bins = [[70, 170], [170, 270]]

[metric]
name = "ridge"
splits = 3
"""


def laboratory(folder: Path) -> Path:
    """Write the pictures, `it.npy` and `it.toml` into a folder, and return the benchmark file."""
    pictures(folder / "images")
    np.save(folder / "it.npy", responses())
    (folder / "it.toml").write_text(TEXT)
    return folder / "it.toml"
