"""Numbers as text."""

from __future__ import annotations


def three(value: float | None) -> str:
    """Return a score as text with three decimals and a true minus sign, or a dash for None."""
    if value is None:
        return "–"
    return (f"{value:.3f}" if 5e-4 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}").replace("-", "−")


def with_error(value: float | None, error: float | None) -> str:
    """Return a score as text with its error, if there is one."""
    return three(value) if error is None else f"{three(value)} ± {three(error)}"


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
