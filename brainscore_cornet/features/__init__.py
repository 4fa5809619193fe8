"""Features of one's own images: what each layer does at each time step, in memory or in a labelled file."""

from .extraction import extract_features

__all__ = ["extract_features"]
