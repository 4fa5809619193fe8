"""Photographs of ImageNet's classes: ImageNet itself, ImageNet-C and ObjectNet.

ImageNet-C has the columns that its benchmarks read, and ImageNet's for the rest, which is written nowhere.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from .files import Stimuli, entrance, stimulus_set
from .making import stimuli

READ_IN = {
    "imagenet": ("benchmarks/imagenet/benchmark.py", "benchmarks/imagenet/imagenet2012.csv"),
    "imagenet_c": (
        "data/hendrycks2019/__init__.py",
        "data/hendrycks2019/test.py",
        "benchmarks/imagenet_c/benchmark.py",
    ),
    "objectnet": ("data/barbumayo2019/BarbuMayo2019.py", "benchmarks/objectnet/benchmark.py"),
}
REPRESENTATIVES = {
    "imagenet": ("ImageNet-top1",),
    "imagenet_c": ("ImageNet-C-noise-top1", "ImageNet-C-blur-top1"),  # all are alike
    "objectnet": ("ObjectNet-top1",),
}

# Those that untrained networks name are among them, so that scores are above 0.
SYNSETS = {0: "n01440764", 152: "n02085782", 385: "n02504013", 633: "n03692522", 840: "n04367480", 976: "n09399592"}
"""Class, as the readouts count them -> its WordNet identifier."""

CORRUPTIONS = {
    "imagenet_c.noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "imagenet_c.blur": ("glass_blur", "motion_blur", "zoom_blur", "defocus_blur"),
    "imagenet_c.weather": ("snow", "frost", "fog", "brightness"),
    "imagenet_c.digital": ("pixelate", "contrast", "elastic_transform", "jpeg_compression"),
}


@stimulus_set(*CORRUPTIONS)
def corrupted(identifier: str) -> Stimuli:
    """Two photographs with each corruption in each of its five strengths; all classes within three strengths."""
    rows = [
        {
            "image_id": f"{corruption}_{level}_ILSVRC2012_val_{label:08}",
            "label": label,
            "synset": synset,
            "noise_type": corruption,
            "noise_level": level,
        }
        for corruption in CORRUPTIONS[identifier]
        for level in range(1, 6)
        for label, synset in list(SYNSETS.items())[level % 3 :: 3]
    ]
    return stimuli(pd.DataFrame(rows), label="synset", ending="JPEG")


@stimulus_set("BarbuMayo2019")
def objectnet(identifier: str) -> Stimuli:
    """Two photographs of each class, numbered."""
    synsets = sorted(SYNSETS.values()) * 2
    return stimuli(
        {
            "image_id": range(len(synsets)),  # written as text, read as numbers
            "filepath": [f"images_no_border/{number:015x}.png" for number in range(len(synsets))],
            "synset": synsets,
        },
        label="synset",
    )


@entrance
def imagenet(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A table of photographs that lie in a folder, in place of the one beside the benchmark's code."""
    from brainscore_vision.benchmarks.imagenet import benchmark

    folder = folder / "imagenet"
    if not folder.exists():
        folder.mkdir()
        names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 2 * len(SYNSETS) + 1)]
        drawn = stimuli(
            {
                "filename": names,
                "filepath": [folder / name for name in names],
                "image_file_sha1": ["0" * 40] * len(names),
                "image_id": names,
                "label": [*SYNSETS] * 2,
                "synset": [*SYNSETS.values()] * 2,
            },
            label="synset",
        )
        for path, picture in zip(drawn.table["filepath"], drawn.pictures, strict=True):
            picture.save(path, "jpeg")
        drawn.table.to_csv(folder / "imagenet2012.csv")
    patch.setattr(benchmark, "__file__", str(folder / "benchmark.py"))
