"""Features of a user's own images: the activity of layers at time steps, in memory or in a labelled file."""

from typing import TYPE_CHECKING

from .. import lazy_names

if TYPE_CHECKING:
    from .extraction import extract_features

__all__ = ["extract_features"]

__getattr__ = lazy_names(__name__, {"extract_features": "extraction"})
