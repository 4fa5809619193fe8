"""Options of how an image becomes a network's input: how it is made square, and what is behind transparent pixels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from .errors import UserError, unknown_name
from .plain import plain, plain_list

PATH = "stimulus_path"
"""Column of a table of images that says where each is."""
RESIZINGS = ("squeeze", "crop", "pad")
"""Squeezed or stretched to a square; its central square; or all of it, on a square background."""
Colour = tuple[int, int, int]
"""Red, green and blue, from 0 to 255."""
GREY: Colour = (128, 128, 128)  # the background on which Brain-Score's `place_on_screen` puts images
_COLOURS: dict[str, Colour] = {"grey": GREY, "gray": GREY, "white": (255, 255, 255), "black": (0, 0, 0)}


def checked_resize(resize: str | None) -> str:
    """Return the name of a way to resize, by default `squeeze`; raises `UserError` for an unknown one."""
    resize = "squeeze" if resize is None else plain(resize)
    if resize not in RESIZINGS:
        raise unknown_name(resize, RESIZINGS, "way to resize")
    return resize


def checked_background(background: str | Iterable[int] | None) -> Colour | None:
    """Return a colour from its name, from text such as `255,0,0`, or from three numbers.

    Raises
    ------
    UserError
        If it is none of these.
    """
    if background is None:
        return None
    given = plain(background)
    if isinstance(given, str):
        if given.lower() in _COLOURS:
            return _COLOURS[given.lower()]
        numbers = [int(each) if re.fullmatch(r"\s*\d{1,3}\s*", each) else -1 for each in given.split(",")]
    else:
        numbers = plain_list(given) if isinstance(given, Iterable) else []
    whole = all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= 255 for each in numbers)
    if len(numbers) != 3 or not whole:
        raise UserError(
            f"Expected a background such as grey, white, black or 255,0,0 (from 0 to 255), received {background!r}."
        )
    return cast("Colour", tuple(numbers))
