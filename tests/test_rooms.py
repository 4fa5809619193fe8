"""The structure of the package: what ships needs no tool, arrows point one way, and one word means one thing."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import brainscore_cornet

PACKAGE = Path(brainscore_cornet.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
WRITTEN_FOR_BRAINSCORE = ("plugins/", "submission/template/")  # their names are Brain-Score's to choose


def imported(name: str) -> set[str]:
    """Modules of this package that a module imports, as paths such as `scoring/jobs`."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = Path(name).parents[node.level - 1]
            place = folder.joinpath(*(node.module or "").split("."))
            found |= {place.as_posix()} if node.module else {(place / alias.name).as_posix() for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("brainscore_cornet"):
            found.add("/".join(node.module.split(".")[1:]))
        elif isinstance(node, ast.Import):
            found |= {
                "/".join(alias.name.split(".")[1:])
                for alias in node.names
                if alias.name.startswith("brainscore_cornet")
            }
    return found


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("cornet/")])
def test_what_ships_imports_only_itself(name):
    """A submission is a copy of `cornet/`: what is in it works where the rest of the package is not installed."""
    assert all(module.split("/")[0] == "cornet" for module in imported(name))


def test_nobody_imports_the_command_line():
    """Tools are functions that the command line calls, never the other way round."""
    assert not {
        name
        for name in MODULES
        if not name.startswith(("cli/", "__main__"))
        for module in imported(name)
        if module.split("/")[0] == "cli"
    }


def test_one_word_one_thing():
    """No file name and no public class name stands for two things."""
    ours = [name for name in MODULES if not name.startswith(WRITTEN_FOR_BRAINSCORE)]
    files = Counter(Path(name).name for name in ours if not name.endswith("__init__.py"))
    assert [name for name, count in files.items() if count > 1] == []
    classes = Counter(
        node.name.lstrip("_")
        for name in ours
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_modules_can_be_read_in_one_sitting():
    """Modules stay under 300 lines."""
    assert [name for name, path in MODULES.items() if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []
