"""Scoring of many models on many benchmarks with Brain-Score's own functions, into one table that can be resumed."""

from .catalogue import EMBEDDED
from .results import read_scores, read_table
from .scoring_run import score_models

__all__ = ["EMBEDDED", "read_scores", "read_table", "score_models"]
