"""How registrations are read: by three parsers of Brain-Score that do not agree, none of which runs the code."""

from __future__ import annotations

import re

_REGISTRY = "model_registry"


def lines(text: str) -> list[tuple[int, str]]:
    """Number and text of the lines that any of the parsers looks at."""
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if f"{_REGISTRY}[" in line]


def website(text: str) -> list[str]:
    """What the website's validator finds: identifiers in single quotes."""
    return re.findall(rf"{_REGISTRY}\['([^']*)'\]", text)


def loader(text: str) -> list[str]:
    """Identifiers that `brainscore_vision.load_model` would find: in either quote, with no space inside the bracket."""
    return [name for _, line in lines(text) for name in re.findall(rf"{_REGISTRY}\['(.*?)'\]", line.replace('"', "'"))]


def scorer(text: str) -> list[str | None]:
    """What is scored after a pull request: up to the line's last bracket; None for a line that breaks the parser."""
    found: list[str | None] = []
    for _, line in lines(text):
        match = re.search(rf"{_REGISTRY}\[.*\]", line)
        found.append(match and match[0][len(_REGISTRY) + 2 : -2])
    return found
