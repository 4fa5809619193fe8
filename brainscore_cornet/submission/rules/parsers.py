"""Brain-Score's three parsers of registrations, which differ and do not run the code."""

from __future__ import annotations

import re

_REGISTRY = "model_registry"


def lines(text: str) -> list[tuple[int, str]]:
    """Return number and text of the lines that any of the parsers reads."""
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if f"{_REGISTRY}[" in line]


def website(text: str) -> list[str]:
    """Return the identifiers that the website's validator finds, in single quotes."""
    return re.findall(rf"{_REGISTRY}\['([^']*)'\]", text)


def loader(text: str) -> list[str]:
    """Return the identifiers that `brainscore_vision.load_model` finds, in either quote, without spaces in brackets."""
    return [name for _, line in lines(text) for name in re.findall(rf"{_REGISTRY}\['(.*?)'\]", line.replace('"', "'"))]


def scorer(text: str) -> list[str | None]:
    """Return what is scored after a pull request, up to a line's last bracket; None for lines that break the parser."""
    found: list[str | None] = []
    for _, line in lines(text):
        match = re.search(rf"{_REGISTRY}\[.*\]", line)
        found.append(match and match[0][len(_REGISTRY) + 2 : -2])
    return found
