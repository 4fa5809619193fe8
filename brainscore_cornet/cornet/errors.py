"""Errors that a user can correct, and the checks that raise them."""

from __future__ import annotations

from numbers import Integral

from .plain import plain

_LISTED = 20  # names in a message, at most


class UserError(ValueError):
    """An error whose message says what was wrong, what was expected and what to do; shown without a traceback."""


class MissingImages(UserError):
    """The image files of stimuli are not on this machine."""


def whole_number(value, what: str, least: int) -> int:
    """Return `value` as a Python integer; raises `UserError` if it is not one, or less than `least`."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Integral) or number < least:
        raise UserError(f"Expected {what}, a whole number of at least {least}, received {value!r}.")
    return int(number)


def unknown_name(name, known, what: str) -> UserError:
    """Return a `UserError` for a name that is not among the known ones, with the nearest of them as a hint."""
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
    """Return a name in lower case and with one kind of separator, so that CORnet-S and cornet_s are equal."""
    return name.lower().replace("-", "_")
