"""Errors that a person can mend."""

_LISTED = 20  # names that still fit a message


class UserError(ValueError):
    """Says what was wrong, what was expected, and what to do; the command line shows it without a traceback."""


def one_of(name: str, known, what: str) -> UserError:
    """An error for a name that is not among the known ones; names the nearest of them."""
    import difflib

    known = sorted(known)
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
