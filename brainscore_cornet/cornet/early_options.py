"""Checks of a model's options that need no large library, so that a mistake is reported at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from .anatomy import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE, PRECISIONS, check_times
from .commitments import get_commitment
from .errors import UserError, whole_number
from .preparation import checked_background, checked_resize
from .weights.own_files import check_own_file


def check_options(
    identifier: str,
    *,
    weights: str | os.PathLike | None = None,
    times: int | Mapping[str, int] | None = None,
    image_size: int | None = None,
    precision: str = "fp32",
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
) -> int | None:
    """Return the image size in px as a Python integer; raises `UserError` for an option that cannot be right.

    Parameters
    ----------
    identifier
        As in `load_model`, like the other parameters. Nothing is downloaded for `weights`.
    """
    check_times(get_commitment(identifier).architecture, times)
    if precision not in PRECISIONS:
        raise UserError(f"Expected the precision {' or '.join(PRECISIONS)}, received {precision!r}.")
    checked_resize(resize)
    checked_background(background)
    if weights is not None and weights != "released":
        check_own_file(weights)
    if image_size is None:
        return None
    return whole_number(image_size, "an image size in px", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)
