"""Stimuli of other visual degrees than a model's, which Brain-Score writes anew into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from brainscore_vision.benchmark_helpers.screen import place_on_screen

from ..cornet.errors import UserError, machine_failure

_VARIABLES = ("BRAINSCORE_HOME", "RESULTCACHING_HOME")
"""Name the folders of the images and of the stimulus sets that list them."""


def on_screen(stimuli, target: float, source: float | None):
    """Return what Brain-Score's `place_on_screen` does, for visual degrees of the model and of the stimuli.

    Raises
    ------
    UserError
        If Brain-Score's folder cannot be written to.
    """
    with placing_on_screen():
        return place_on_screen(stimuli, target_visual_degrees=target, source_visual_degrees=source)


@contextmanager
def placing_on_screen() -> Iterator[None]:
    """Convert an `OSError` inside this context, in which Brain-Score writes stimuli, into a `UserError`."""
    try:
        yield
    except OSError as error:
        if error.filename is None or machine_failure(error) is not None:
            raise
        raise UserError(
            f"Brain-Score cannot write the stimuli in the model's visual degrees to {error.filename}: {error.strerror}."
            f" Set {' and '.join(_VARIABLES)} to folders that can be written to."
        ) from error
