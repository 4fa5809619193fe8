"""Numbers that stand for a missing response in a laboratory's files, such as -9999, which no metric knows as such."""

from __future__ import annotations

import logging

import numpy as np

from ..cornet.errors import UserError

_NINES = [10.0**digits - 1 for digits in range(3, 10)]
_CODES = np.array(
    [
        *_NINES,
        *(-code for code in (99.0, *_NINES)),
        *(sign * 10.0**power for sign in (-1, 1) for power in range(10, 39)),
        *(-(2.0**bits) for bits in (15, 31, 63)),  # the least integers
        # https://docs.unidata.ucar.edu/netcdf-c/current/netcdf_8h.html: NC_FILL_SHORT, NC_FILL_INT, NC_FILL_FLOAT
        *(-32767.0, -2147483647.0, 9.969209968386869e36),
        *(sign * float(np.finfo(kind).max) for sign in (-1, 1) for kind in ("float32", "float64")),
    ]
)
"""Numbers by which programs and people mark what is missing."""
_SINGLE = 10
"""A code that occurs once lies so many times farther from the other responses than these span."""
_FAR = 10
_FEWEST, _DISTINCT = 3, 10
"""Copies of any other number, and different responses beside it, below which it may be a spike of a silent neuron."""
_RESOLUTION = 6  # decimals, as a share of the number: sums of equal responses differ by rounding alone

_logger = logging.getLogger(__name__)


def check_missing_codes(values: np.ndarray, source: str) -> None:
    """Raise `UserError` for a usual code of missing responses, and warn of another number that looks like one.

    A code is the least or the largest response of a neuroid, and farther from all others than these are from each
    other. Spike counts, standardized responses and clipped signals have no such gap, or no such number.

    Parameters
    ----------
    values
        (presentation, neuroid, time bin); NaN where nothing was recorded.
    source
        What messages call the data.
    """
    if found := missing_code(values, "responses"):
        code, sentence = found
        raise UserError(
            f"{source}: {sentence}. {code:g} is a usual mark of what is missing: write NaN in its place, as with "
            f"values[values == {code:g}] = numpy.nan, or an empty cell in a table."
        )
    for number in map(float, (np.nanmin(values), np.nanmax(values))):
        is_number = values == number
        count = int(is_number.sum())
        if not number or count < _FEWEST:  # 0 is no spike
            continue
        low, high = _limits(values, is_number)
        if not max(low - number, number - high) > _FAR * (high - low):
            continue
        others = values[~is_number & ~np.isnan(values)]
        if len(np.unique(np.round(others / abs(number), _RESOLUTION))) >= _DISTINCT:
            _logger.warning(
                "%s: %s. If it marks missing responses, write NaN in its place.",
                *(source, _found(number, count, values.size, low, high)),
            )


def missing_code(values: np.ndarray, what: str) -> tuple[float, str] | None:
    """Return a usual code of missing values (presentation, neuroid, time bin), with a sentence, or None without any."""
    for extremes in (np.fmin.reduce(values, (0, 2)), np.fmax.reduce(values, (0, 2))):
        for code in _CODES[_are_equal(extremes[np.newaxis], _CODES[:, np.newaxis]).any(1)].tolist():
            if _is_far_from_others(values[:, _are_equal(extremes, code)], code):
                is_code = _are_equal(values, code)
                return code, _found(code, int(is_code.sum()), values.size, *_limits(values, is_code), what)
    return None


def _is_far_from_others(values: np.ndarray, code: float) -> bool:
    """Return whether a code is far from all other values of a neuroid."""
    is_code = _are_equal(values, code)
    low, high = (np.where(is_code, fill, values) for fill in (np.inf, -np.inf))
    low, high = np.fmin.reduce(low, (0, 2)), np.fmax.reduce(high, (0, 2))
    with np.errstate(invalid="ignore"):
        gap, span = np.maximum(low - code, code - high), high - low
    # a neuroid that has nothing but the code shows no gap
    is_known = np.isfinite(span)
    count = int(is_code.sum())
    # where no other response is negative, none should be
    is_far = gap > _SINGLE * span if count == 1 else (gap > span) | ((code < 0) & (low >= 0))
    return bool((is_known & is_far).any())


def _are_equal(values: np.ndarray, code) -> np.ndarray:
    """Return where values are a code, perhaps in single precision."""
    with np.errstate(over="ignore"):
        return np.isclose(values.astype(float, copy=False), code, rtol=1e-6, atol=0)


def _limits(values: np.ndarray, left_out: np.ndarray) -> tuple[float, float]:
    others = np.where(left_out, np.nan, values)
    return float(np.fmin.reduce(others, None)), float(np.fmax.reduce(others, None))


def _found(number: float, count: int, size: int, low: float, high: float, what: str = "responses") -> str:
    verb = "is" if count == 1 else "are"
    return f"{count} of {size} {what} {verb} {number:g}, and the others lie between {low:.4g} and {high:.4g}"
