"""Submissions to brain-score.org: their writing, their check by rules, and a trial run as on Brain-Score."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .making import SubmissionOutcome, check, pull_request, submit
    from .variant import REGISTERED, Variant, make_variant

_PUBLIC = {
    "REGISTERED": "variant",
    "SubmissionOutcome": "making",
    "Variant": "variant",
    "check": "making",
    "make_variant": "variant",
    "pull_request": "making",
    "submit": "making",
}

__all__ = ["REGISTERED", "SubmissionOutcome", "Variant", "check", "make_variant", "pull_request", "submit"]


def __getattr__(name: str):
    # imported when first used: `identifier` should not wait for torch
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
