"""Every output format of features has its writer, and is named wherever formats are listed."""

from __future__ import annotations

import re
from pathlib import Path

import brainscore_cornet
from brainscore_cornet import extract_features
from brainscore_cornet.cli.main import command_line
from brainscore_cornet.features.early_checks import ENDINGS, LABELLED, NEEDED, TABLES
from brainscore_cornet.features.output_files import _WRITERS

README = Path(brainscore_cornet.__file__).parent / "features" / "README.md"


def endings_in(text: str) -> set[str]:
    return set(re.findall(r"(?<!\w)\.[a-z0-9]+(?=[`,.|\s])", text))


def test_every_ending_has_a_writer():
    """Arrays of numpy, one file for each layer, are written apart from the others."""
    assert {*_WRITERS, ".npy"} == set(ENDINGS)
    assert {*TABLES, *LABELLED, *NEEDED} <= set(ENDINGS)


def test_every_ending_is_listed():
    """In the help of the command, the docstring of the function and the table of the README."""
    (output,) = (each for each in command_line().commands["features"].params if each.name == "output")
    assert endings_in(output.help) == set(ENDINGS)
    described = re.search(r"A file to write to: (.*?)Memory", extract_features.__doc__, re.DOTALL)[1]
    assert endings_in(described) == set(ENDINGS)
    table = README.read_text(encoding="utf-8").split("| ending | content |")[1].split("\n\n")[0]
    rows = " ".join(line.split("|")[1] for line in table.splitlines()[2:])
    assert endings_in(rows) == set(ENDINGS)
