"""Features of a user's own images: the activity of layers at time steps, in memory or in a labelled file."""

from .extraction import extract_features

__all__ = ["extract_features"]
