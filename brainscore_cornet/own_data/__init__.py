"""Benchmarks of one's own recordings: reading, checking and building them."""

from .benchmark_file import load_benchmark
from .neural import neural_benchmark

__all__ = ["load_benchmark", "neural_benchmark"]
