"""Time bins of data of one's own: those that are given, and those that the data have themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..cornet.errors import UserError
from ..cornet.time_bins import TimeBin, check_time_bin
from .data_files import Labelled

_EDGES = ("time_bin_start", "time_bin_end")
_LAST = 60_000  # ms: no response to a stimulus is measured a minute after its onset
_FIRST = 5  # ms: nor does one end so early, but in seconds it does


def recorded_bins(labelled: Labelled, given, count: int, source: str) -> list[TimeBin]:
    """Return (start, end) in ms for each of `count` positions along the dimension time_bin.

    Parameters
    ----------
    given
        Time bins of the user, or None. They must be those of the data, if these have any.

    Raises
    ------
    UserError
        If there are no time bins, or they do not fit the data, each other, or a unit of ms.
    """
    own = None
    if all(name in labelled.labels for name in _EDGES):
        own = list(zip(*(np.ravel(labelled.labels[name]).tolist() for name in _EDGES), strict=True))
    if given is None:
        given = own
    if given is None:
        raise UserError(
            f"No time bins are given for {source}: expected time_bins such as [[70, 170]], in ms after stimulus onset."
        )
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise UserError(f"Expected time_bins of {source} as a list such as [[70, 170]], received {given!r}.")
    given = list(given)
    if np.ndim(given) == 1 and len(given) == 2 and count == 1:
        given = [given]
    if (text := first_text(given)) is not None:
        raise UserError(f"Expected time_bins of {source} as numbers in ms, received the text {text!r}.")
    bins = [named_bin(each, f"time_bins of {source}") for each in given]
    if own is not None and bins != own:
        raise UserError(
            f"{source} has the time bins {_listed(own)}, and time_bins = {_listed(bins)} are given: leave out "
            "time_bins, or correct those in the data."
        )
    if len(bins) != count:
        axis = "time_bin" in (labelled.dims or ())
        what = f"{count} along the dimension time_bin" if axis else "no dimension time_bin"
        raise UserError(f"{len(bins)} time_bins are given, and {source} has {what}: expected {count}.")
    if len(set(bins)) < len(bins):
        raise UserError(f"The time_bins of {source} name {next(each for each in bins if bins.count(each) > 1)} twice.")
    starts = [start for start, _ in bins]
    if len(set(starts)) < len(starts):
        start = next(each for each in starts if starts.count(each) > 1)
        raise UserError(f"Two time_bins of {source} start at {start:g} ms: expected different starts.")
    check_unit(bins, source)
    return bins


def first_text(time_bins: Iterable) -> str | None:
    """Return the first of the edges of time bins that is text, None without any."""
    edges = (edge for each in time_bins for edge in (each if isinstance(each, list | tuple | np.ndarray) else [each]))
    return next((edge for edge in edges if isinstance(edge, str)), None)


def named_bin(time_bin, name: str) -> TimeBin:
    """Return a time bin as `check_time_bin` does; the error says which setting it is."""
    try:
        return check_time_bin(time_bin)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def check_unit(bins: Sequence[TimeBin], source: str) -> None:
    """Raise `UserError` for time bins that cannot be in ms after stimulus onset."""
    edges = np.array(bins, float)
    if np.abs(edges).max() > _LAST:
        start, end = next(each for each in bins if max(map(abs, each)) > _LAST)
        raise UserError(
            f"The time bin {start:g}-{end:g} of {source} is more than a minute from stimulus onset: expected ms."
        )
    if edges.any() and np.abs(edges).max() < _FIRST:
        start, end = bins[0]
        raise UserError(
            f"The time bins of {source} lie within {_FIRST} ms of stimulus onset, such as {start:g}-{end:g}: expected "
            f"ms; if these are seconds, {1000 * start:g}-{1000 * end:g}."
        )


def _listed(bins: Sequence[TimeBin]) -> str:
    more = ", …" if len(bins) > 3 else ""
    return "[" + ", ".join(f"[{start:g}, {end:g}]" for start, end in bins[:3]) + more + "]"
