"""Colours of models and regions, as people with each kind of colour vision see them."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from brainscore_cornet import charts
from brainscore_cornet.palette import MODEL_COLOURS, REGION_COLOURS
from brainscore_cornet.report import page

VISION = {
    "three kinds of cones": np.eye(3),
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""Matrices for linear RGB of Machado, Oliveira & Fernandes 2009, table 1, severity 1."""
DARK = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", (page._FOLDER / "page.css").read_text().partition("dark")[2]))
"""The colours of the style sheet for dark pages."""


def lab(colour: str, vision) -> np.ndarray:
    """CIELAB of a colour, such as #0072B2, as it is seen."""
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(vision @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_differ_for_everybody(vision, dark):
    """Each two models, and each two regions, are at least 13 units of CIELAB apart, of which 2 are just noticeable."""
    models = [f"m{number}" for number in range(len(MODEL_COLOURS))]
    for names in (models, list(REGION_COLOURS)):
        colours = [{**charts.COLOURS, **(DARK if dark else {})}[name] for name in names]
        seen = [lab(colour, VISION[vision]) for colour in colours]
        assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 13
