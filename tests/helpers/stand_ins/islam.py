"""Shapes with other textures of Islam et al. (2021)."""

from __future__ import annotations

from itertools import product

from .files import Stimuli, stimulus_set
from .making import stimuli

READ_IN = {
    "islam2021": ("data/islam2021/data_packaging.py", "data/islam2021/test.py", "benchmarks/islam2021/benchmark.py"),
}
REPRESENTATIVES = {
    "islam2021": (
        "Islam2021-shape_v1_dimensionality",
        "Islam2021-texture_v2_dimensionality",
        "Islam2021-shape_v4_dimensionality",
        "Islam2021-texture_it_dimensionality",
    ),
}

SHAPES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
TEXTURES = ("cracked", "marbled", "pleated", "potholed", "woven")


@stimulus_set("Islam2021")
def stylized(identifier: str) -> Stimuli:
    """Every shape once in every texture."""
    rows = list(product(range(len(SHAPES)), range(len(TEXTURES))))
    return stimuli(
        {
            "stimulus_id": [f"{texture}_{shape + 1}_2008_{shape:06}" for shape, texture in rows],
            "original_image_id": [f"2008_{shape:06}" for shape, _ in rows],
            "texture_class": [texture for _, texture in rows],
            "texture": [TEXTURES[texture] for _, texture in rows],
            "shape_class": [shape for shape, _ in rows],
            "shape": [SHAPES[shape] for shape, _ in rows],
        },
        label="shape",
        ending="jpg",
    )
