"""Submissions to brain-score.org: their writing, their check by rules, and a trial run as on Brain-Score."""

from typing import TYPE_CHECKING

from .. import lazy_names

if TYPE_CHECKING:
    from .making import pull_request, submit
    from .outcome import SubmissionOutcome, check
    from .variant import REGISTERED, Variant, make_variant

_PUBLIC = {
    "REGISTERED": "variant",
    "SubmissionOutcome": "outcome",
    "Variant": "variant",
    "check": "outcome",
    "make_variant": "variant",
    "pull_request": "making",
    "submit": "making",
}

__all__ = ["REGISTERED", "SubmissionOutcome", "Variant", "check", "make_variant", "pull_request", "submit"]

__getattr__ = lazy_names(__name__, _PUBLIC)
