"""Errors that a person can mend."""

from __future__ import annotations

from numbers import Integral

from .plain import plain

_LISTED = 20  # names that still fit a message


class UserError(ValueError):
    """Says what was wrong, what was expected, and what to do; the command line shows it without a traceback."""


class MissingImages(UserError):
    """Stimuli whose image files are not on this machine."""


def whole_number(value, what: str, least: int) -> int:
    """`value` as Python's own integer; `UserError` where it is none, or less than `least`."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Integral) or number < least:
        raise UserError(f"Expected {what}, a whole number of at least {least}, received {value!r}.")
    return int(number)


def unknown_name(name, known, what: str) -> UserError:
    """An error for a name that is not among the known ones; names the nearest of them."""
    import difflib

    known = sorted(known)
    if not isinstance(name, str):
        return UserError(f"Expected the name of a {what} such as {known[0]!r}, received {name!r}.")
    by_folded = {folded(candidate): candidate for candidate in known}
    near = [by_folded[match] for match in difflib.get_close_matches(folded(name), by_folded, n=3, cutoff=0.5)]
    near = near or [candidate for candidate in known if folded(name) in folded(candidate)][:3]
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif len(known) <= _LISTED:
        hint = f"Known are {', '.join(known)}."
    else:
        hint = f"None of the {len(known)} known ones has a similar name."
    return UserError(f"Unknown {what} {name!r}. {hint}")


def folded(name: str) -> str:
    """CORnet-S and cornet_s are one name to a person."""
    return name.lower().replace("-", "_")
