"""The noise ceiling of a benchmark whose data can change while its identifier stays the same."""

from __future__ import annotations

import logging
import os

from brainscore_core.metrics import Score
from brainscore_vision.benchmarks import BenchmarkBase

_logger = logging.getLogger(__name__)


class CeilingByVersion(BenchmarkBase):
    """Brain-Score keeps ceilings on disk by the benchmark's identifier; here by its version, too.

    Where the folder cannot be written to, a warning says so, and the ceiling is kept in memory.
    """

    _unwritten: Score | None = None

    @property
    def ceiling(self) -> Score:
        if self._unwritten is not None:
            return self._unwritten
        try:
            return self._ceiling(identifier=f"{self.identifier}-v{self.version}")
        except OSError as error:
            _logger.warning(
                "Noise ceilings are not kept in %s: %s. To keep them elsewhere, set RESULTCACHING_HOME.",
                os.environ.get("RESULTCACHING_HOME", "~/.result_caching"),
                error.strerror or error,
            )
        computed: Score = self._ceiling_func()
        self._unwritten = computed
        return computed
