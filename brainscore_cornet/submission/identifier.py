"""Identifiers of submitted models, whose check needs no large library."""

from __future__ import annotations

import re

from ..cornet.commitments import COMMITMENTS
from ..cornet.errors import UserError


def checked_identifier(identifier: str | None, model: str, *, has_options: bool) -> str:
    """Return the identifier of a submitted model, by default that of the registered one.

    Raises
    ------
    UserError
        If there is none although options make another model, if it is another model's, or if Brain-Score cannot
        take it.
    """
    if identifier is None and has_options:
        raise UserError(
            f"This is not {model} as it is registered: give it an identifier of its own, such as "
            f"--identifier {model}_mylab"
        )
    identifier = model if identifier is None else identifier
    if identifier in COMMITMENTS and (identifier != model or has_options):
        raise UserError(
            f"{identifier} is the identifier of a model as it is registered, whose scores are others: give this one "
            f"its own, such as --identifier {model}_mylab"
        )
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.]*", identifier):
        better = re.sub(r"[^A-Za-z0-9_.]+", "_", identifier).strip("._") or "cornet_s_mylab"
        raise UserError(
            f"{identifier!r} cannot be an identifier: Brain-Score's website takes no hyphen, and its scripts no space, "
            f"quote or bracket. Use letters, digits and underscores, such as {better}."
        )
    return identifier
