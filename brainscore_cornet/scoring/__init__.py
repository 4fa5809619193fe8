"""Many models on many benchmarks, through Brain-Score's own functions: one table, of which nothing is lost."""

from .catalogue import EMBEDDED
from .results import read_scores, read_table
from .scoring_run import score_models

__all__ = ["EMBEDDED", "read_scores", "read_table", "score_models"]
