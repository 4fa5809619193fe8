"""Checks of what is to be submitted that need no large library."""

from __future__ import annotations

import os
import re

from ..cornet.commitments import COMMITMENTS, get_commitment
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


def check_weights(model: str, file: str | os.PathLike | None, url: str | None) -> None:
    """Raise `UserError` for weights that Brain-Score could not download, or that are not a trained model's.

    Parameters
    ----------
    model
        Identifier of the registered model that they are loaded into.
    file, url
        The weights on this machine and their public address, None if not given.
    """
    if url is not None and not re.match(r"https?://[^\s'\"\\]+$", url):
        raise UserError(f"Expected --weights-url to be a URL that anybody can download (https://…), received {url!r}.")
    if file is None and url is None:
        return
    if not get_commitment(model).trained:
        trained = model.removesuffix("_untrained")
        raise UserError(f"{model} starts from its initialization: submit weights as {trained}.")
    if url is None:
        raise UserError(
            f"Brain-Score cannot see {file}: put it where anybody can download it, and add --weights-url https://…"
        )
