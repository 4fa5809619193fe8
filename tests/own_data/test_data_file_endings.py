"""Every kind of data file is named wherever kinds are listed."""

from __future__ import annotations

import re
from pathlib import Path

import brainscore_cornet
from brainscore_cornet.cli.main import command_line
from brainscore_cornet.early_paths import DATA
from brainscore_cornet.own_data.data_files import READERS, read

README = Path(brainscore_cornet.__file__).parent / "own_data" / "README.md"


def endings_in(text: str) -> set[str]:
    return set(re.findall(r"(?<!\w)\.[a-z0-9]+(?!\w)", text))


def test_every_ending_is_listed():
    """In the help of the command, the docstring of the function and the example of the README."""
    (option,) = (each for each in command_line().commands["benchmark"].params if each.name == "recordings")
    assert endings_in(option.help) == {*READERS, ".nwb"}
    assert set(DATA) == {*READERS, ".nwb"}
    assert endings_in(read.__doc__.split("variable\n")[0]) == set(READERS)
    (example,) = re.findall(r'^file = "it\.npy" +# (.*)$', README.read_text(encoding="utf-8"), re.MULTILINE)
    assert endings_in(example) == {*READERS, ".nwb"}
