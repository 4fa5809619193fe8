"""Submissions to brain-score.org: written, checked by every rule, and run as they will be run there."""

from .variant import REGISTERED, Variant, make_variant
from .writing import Outcome, check, pull_request, submit

__all__ = ["REGISTERED", "Outcome", "Variant", "check", "make_variant", "pull_request", "submit"]
