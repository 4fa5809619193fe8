"""Axes with round ends, and the formatting of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FARTHEST = 1e15  # beyond it, steps of an axis are not exact; measured values are far smaller
SCORES_SHOWN = (-1.0, 2.0)  # an outlier is drawn at the edge, so that the other scores keep their space


@dataclass(frozen=True)
class Tick:
    at: float
    """Position in percent of the axis."""
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high` in `intervals` of equal and round width."""

    low: float
    high: float
    intervals: int

    def at(self, value: float) -> float:
        """Return the position of a value in percent; values beyond the axis are at its nearer end."""
        return round(100 * min(max((value - self.low) / (self.high - self.low), 0), 1), 2)

    def beyond(self, value: float) -> bool:
        return not self.low <= value <= self.high

    @property
    def ticks(self) -> list[Tick]:
        step = (self.high - self.low) / self.intervals
        values = [self.low + index * step for index in range(self.intervals + 1)]
        return [Tick(round(100 * index / self.intervals, 2), plain(value)) for index, value in enumerate(values)]


def axis_over(values: Iterable[float], at_most: int = 6) -> Axis:
    """Return the shortest axis with round steps that contains all values, with at most one interval more than given."""
    values = [min(max(value, -_FARTHEST), _FARTHEST) for value in values]
    low, high = min(values), max(values)
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-9):
        high = low + max(abs(low), 1.0)
    rough = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(first * step, last * step, last - first)


def score_axis(scores: Sequence[float], errors: Sequence[float | None]) -> Axis:
    """Return an axis from 0 to 1, extended to the scores within `SCORES_SHOWN`."""
    least, most = SCORES_SHOWN
    ends = [0.0, 1.0]
    for score, error in zip(scores, errors, strict=True):
        if least <= score <= most:
            ends += [max(score - (error or 0), least), min(score + (error or 0), most)]
        else:
            ends.append(min(max(score, least), most))
    return axis_over(ends)


def three(value: float | None) -> str:
    """Return a score as text with three decimals and a true minus sign, or a dash for None."""
    if value is None:
        return "–"
    return (f"{value:.3f}" if 5e-4 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}").replace("-", "−")


def significant(value: float | None) -> str:
    """Return a quantity as text with three significant digits (0.0123, 4.56, 1,230), or a dash for None."""
    if value is None:
        return "–"
    if 100 <= abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def plain(value: float) -> str:
    """Return the shortest text of a round number."""
    return f"{round(value, 9):.10g}".replace("-", "−")


def span(start: float, end: float) -> str:
    """Return a span as `70–170`, or with `to` if a number is negative."""
    return f"{plain(start)} to {plain(end)}" if start < 0 or end < 0 else f"{plain(start)}–{plain(end)}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, such as `1 score` or `2 scores`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
