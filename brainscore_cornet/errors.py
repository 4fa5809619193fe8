"""Errors that a person can mend."""


class UserError(ValueError):
    """Says what was wrong, what was expected, and what to do; the command line shows it without a traceback."""


def one_of(name: str, known, what: str) -> UserError:
    """An error for a name that is not among the known ones; names the nearest of them."""
    import difflib

    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known are {', '.join(known)}."
    return UserError(f"Unknown {what} {name!r}. {hint}")
