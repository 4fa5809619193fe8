"""Axes with round numbers at their ends, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FARTHEST = 1e15  # beyond it, steps of an axis are no longer exact; nothing measured comes near
SCORES_SHOWN = (-1.0, 2.0)  # one wild score does not press all others together; it is drawn at the edge


@dataclass(frozen=True)
class Tick:
    at: float
    """In percent of the axis."""
    text: str


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` in `intervals` of equal and round width."""

    low: float
    high: float
    intervals: int

    def at(self, value: float) -> float:
        """Where a value is in percent; beyond the axis it is at its nearer end."""
        return round(100 * min(max((value - self.low) / (self.high - self.low), 0), 1), 2)

    def beyond(self, value: float) -> bool:
        return not self.low <= value <= self.high

    @property
    def ticks(self) -> list[Tick]:
        step = (self.high - self.low) / self.intervals
        values = [self.low + index * step for index in range(self.intervals + 1)]
        return [Tick(round(100 * index / self.intervals, 2), plain(value)) for index, value in enumerate(values)]


def axis_over(values: Iterable[float], at_most: int = 6) -> Axis:
    """The tightest axis with round steps that holds all values, with at most so many intervals and one more."""
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
    """From 0 to 1, and further where scores are, within `SCORES_SHOWN`."""
    least, most = SCORES_SHOWN
    ends = [0.0, 1.0]
    for score, error in zip(scores, errors, strict=True):
        if least <= score <= most:
            ends += [max(score - (error or 0), least), min(score + (error or 0), most)]
        else:
            ends.append(min(max(score, least), most))
    return axis_over(ends)


def three(value: float | None) -> str:
    """A score with three digits after the point, with a real minus sign; a dash for none."""
    if value is None:
        return "–"
    return (f"{value:.3f}" if 5e-4 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}").replace("-", "−")


def significant(value: float | None) -> str:
    """A quantity to three digits: 0.0123, 4.56, 1,230; a dash for none."""
    if value is None:
        return "–"
    if 100 <= abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def plain(value: float) -> str:
    """The shortest text of a round number."""
    return f"{round(value, 9):.10g}".replace("-", "−")


def span(start: float, end: float) -> str:
    """`70–170`; with words where a minus sign would meet the dash."""
    return f"{plain(start)} to {plain(end)}" if start < 0 or end < 0 else f"{plain(start)}–{plain(end)}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 score`, `2 scores`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
