"""Labels of models: the names under which their scores are kept."""

from __future__ import annotations

import re
from pathlib import Path

from ..cornet.errors import UserError
from . import catalogue


def labelled(text: str) -> tuple[str | None, str]:
    """Return the label before a colon, None if there is none, and the model."""
    label, colon, model = text.partition(":")
    is_label = colon and re.fullmatch(r"[\w .+-]+", label) and not model.startswith("//")
    if not is_label or Path(text).expanduser().exists() or text in catalogue.folders("models"):
        return None, text
    if label in catalogue.folders("models"):
        raise UserError(f"{label} is a model of its own, so that it cannot be a label: give {text} another one.")
    return label.strip(), model
