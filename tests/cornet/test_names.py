"""Numbers with their nouns in messages."""

from __future__ import annotations

import pytest

from brainscore_cornet.cornet.names import counted


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1, "image"), "1 image"),
        ((0, "image"), "0 images"),
        ((50000, "image"), "50,000 images"),
        ((1, "image has", "images have"), "1 image has"),
        ((2, "image has", "images have"), "2 images have"),
    ],
)
def test_counted(arguments, expected):
    """One is singular, everything else plural."""
    assert counted(*arguments) == expected
