"""Errors that a user can correct, and the checks that raise them."""

from __future__ import annotations

import errno
import math
from numbers import Integral, Real

from .plain import plain

MAX_SEED = 2**63 - 1
MAX_PROCESSES = 1024  # or threads, or devices
_LISTED = 20  # names in a message, at most
_BRIEF = 200  # characters of a value in a message, at most
_OF_THE_FILE = {
    getattr(errno, name)
    for name in ("ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "EINVAL", "ENXIO", "EFBIG")
}


class UserError(ValueError):
    """An error whose message says what was wrong, what was expected and what to do; shown without a traceback."""


class MachineError(UserError):
    """The machine could not read a file, which itself may be good: out of memory, open files, or a failing disk."""


class WeightsError(UserError):
    """A weight file is unavailable or not the expected one."""


class MissingImages(UserError):
    """The image files of stimuli are not on this machine."""


def whole_number(value, what: str, least: int, most: int = 10**9) -> int:
    """Return `value` as a Python integer; raises `UserError` if it is not one, or not from `least` to `most`."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Integral) or int(number) < least:
        raise UserError(f"Expected {what}, a whole number of at least {least}, received {_brief(value)}.")
    if int(number) > most:
        raise UserError(f"Expected {what}, a whole number of at most {most}, received {_brief(value)}.")
    return int(number)


def positive_number(value, what: str) -> float:
    """Return `value` as a Python float; raises `UserError` if it is not a finite number above 0."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Real) or not 0 < float(number) < math.inf:
        raise UserError(f"Expected {what}, more than 0, received {_brief(value)}.")
    return float(number)


def machine_failure(error: BaseException | None) -> str | None:
    """Return why the machine could not read a file, None if the file itself is at fault."""
    while error is not None:
        if isinstance(error, MemoryError):
            return "not enough memory"
        if isinstance(error, OSError) and error.errno is not None and error.errno not in _OF_THE_FILE:
            return error.strerror or errno.errorcode.get(error.errno, str(error.errno))
        error = error.__cause__ or error.__context__
    return None


def _brief(value) -> str:
    text = repr(value)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"


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
