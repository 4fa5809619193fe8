"""How many stimuli a metric needs, and what to do with fewer."""

from __future__ import annotations

from ..cornet.errors import UserError

FEWEST_TESTED = 3
FEWEST_COMPARED = 5
"""Stimuli that similarities without a regression need."""
_PLS_COMPONENTS = 25
_SHARES = (0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)
"""Values of `train_size` that messages recommend, the best first."""


def fewest_to_fit(metric: str) -> int:
    """Return the number of stimuli that a regression needs at least."""
    return _PLS_COMPONENTS + 1 if "pls" in metric else 2


def check_compared(metric: str, count: int) -> None:
    """Raise `UserError` for fewer stimuli than a metric without a regression needs."""
    if count < FEWEST_COMPARED:
        raise UserError(
            f"{metric} compares stimuli with each other: expected at least {FEWEST_COMPARED}, received {count}."
        )


def check_fitted(metric: str, train_size: float, count: int) -> None:
    """Raise `UserError` for fewer stimuli than a regression is fitted and tested on, with a remedy that works."""
    if _suffices(metric, train_size, count):
        return
    fitted, ridge = int(count * train_size), metric.replace("pls", "ridge")
    needed = fewest_to_fit(metric)
    share, share_of_ridge = (_share(each, count) for each in (metric, ridge))
    if share is not None:
        remedy = f"Write train_size = {share}."
    elif ridge != metric and _suffices(ridge, train_size, count):
        remedy = f"Choose the metric {ridge}, or give at least {needed + FEWEST_TESTED} stimuli."
    elif ridge != metric and share_of_ridge is not None:
        remedy = f"Choose the metric {ridge} with train_size = {share_of_ridge}."
    else:
        remedy = f"There are too few stimuli: give at least {needed + FEWEST_TESTED}."
    raise UserError(
        f"{metric} with train_size = {train_size} fits on {fitted} of {count} stimuli and tests on {count - fitted}: "
        f"expected at least {needed} and {FEWEST_TESTED}. {remedy}"
    )


def _suffices(metric: str, train_size: float, count: int) -> bool:
    fitted = int(count * train_size)
    return fitted >= fewest_to_fit(metric) and count - fitted >= FEWEST_TESTED


def _share(metric: str, count: int) -> float | None:
    return next((share for share in _SHARES if _suffices(metric, share, count)), None)
