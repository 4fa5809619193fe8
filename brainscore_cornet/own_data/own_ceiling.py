"""The noise ceiling of a benchmark whose data can change while its identifier stays the same."""

from __future__ import annotations

from brainscore_core.metrics import Score
from brainscore_vision.benchmarks import BenchmarkBase


class CeilingByVersion(BenchmarkBase):
    """Brain-Score keeps ceilings on disk by the benchmark's identifier; here by its version, too."""

    @property
    def ceiling(self) -> Score:
        return self._ceiling(identifier=f"{self.identifier}-v{self.version}")
