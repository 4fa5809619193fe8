"""Benchmarks of one's own recordings: reading, checking and building them, and the map."""

from .benchmark_file import load_benchmark
from .dissimilarities import rdm_benchmark
from .neural import neural_benchmark
from .paired_comparison import compare_models
from .time_map import time_map
from .trial_benchmark import behaviour_benchmark

__all__ = ["behaviour_benchmark", "compare_models", "load_benchmark", "neural_benchmark", "rdm_benchmark", "time_map"]
