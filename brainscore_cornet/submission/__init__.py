"""Submissions to brain-score.org: written, checked by every rule, and run as they will be run there."""

from .making import SubmissionOutcome, check, pull_request, submit
from .variant import REGISTERED, Variant, make_variant

__all__ = ["REGISTERED", "SubmissionOutcome", "Variant", "check", "make_variant", "pull_request", "submit"]
