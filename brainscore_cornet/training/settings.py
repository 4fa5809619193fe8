"""The settings of a run: everything that its weights depend on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..cornet.preparation import Colour
from .recipes import Recipe

OF_IMAGES = ("classes", "training_images", "validation_images")
"""Names of the settings that are known once all images have been found."""


def settings_without_images(
    architecture: str,
    recipe: Recipe,
    *,
    times: int | Mapping[str, int] | None,
    image_size: int,
    seed: int,
    precision: str,
    on_error: str,
    weights: str | os.PathLike | None,
    background: Colour | None,
) -> dict[str, Any]:
    """Return the settings of a run, as JSON, without those of `OF_IMAGES`."""
    return {
        "model": architecture,
        "times": times,
        "image_size": image_size,
        **asdict(recipe),
        "seed": seed,
        "precision": precision,
        "on_error": on_error,
        "weights": None if weights is None else str(weights),
        **({} if background is None else {"background": list(background)}),
    }


def changeable(recipe: Recipe) -> frozenset[str]:
    """Return the settings that a resumed run may change: under the step schedule, no earlier epoch depends on them."""
    return frozenset({"epochs"} if recipe.schedule == "step" else ())
