"""Submissions to brain-score.org: their writing, their check by rules, and a trial run as on Brain-Score."""

from .making import SubmissionOutcome, check, pull_request, submit
from .variant import REGISTERED, Variant, make_variant

__all__ = ["REGISTERED", "SubmissionOutcome", "Variant", "check", "make_variant", "pull_request", "submit"]
