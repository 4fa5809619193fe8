"""Features of a user's own images: the activity of layers at time steps, in memory or in a labelled file."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .extraction import extract_features

__all__ = ["extract_features"]


def __getattr__(name: str):
    # imported when first used: `early_checks` should not wait for torch
    if name != "extract_features":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .extraction import extract_features

    return extract_features
