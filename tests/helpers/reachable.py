"""Which functions of the package a function may call, from the text of the modules alone.

More than are called: a name stands for each function of that name in the modules that its module imports, an attribute
for each method of that name in classes that are named on the way.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import brainscore_cornet

PACKAGE = Path(brainscore_cornet.__file__).parent
TREES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
}

# name under which modules import a function, such as `from .training import train as run` -> its own names
_ALIASES: dict[str, set[str]] = defaultdict(set)
for _tree in TREES.values():
    for _node in ast.walk(_tree):
        if isinstance(_node, ast.ImportFrom) and _node.level:
            for _alias in _node.names:
                _ALIASES[_alias.asname or _alias.name].add(_alias.name)


class Function(NamedTuple):
    module: str
    """Such as `scoring/jobs`."""
    name: str
    """With those of its classes, such as `Job.packed`."""


class _Class(NamedTuple):
    module: str
    name: str


def _names_in(node: ast.AST) -> set[str]:
    """Names and attributes in a part of a module, without those of its type hints."""
    if isinstance(node, ast.Name):
        return {node.id} | _ALIASES.get(node.id, set())
    found = {node.attr} if isinstance(node, ast.Attribute) else set()
    for field, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST) and field not in ("annotation", "returns"):
                found |= _names_in(each)
    return found


def _imported(module: str) -> set[str]:
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = Path(module).parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for path in (place, *(place / alias.name for alias in node.names)):
                found |= {path.as_posix(), (path / "__init__").as_posix()} & TREES.keys()
    return found


_IMPORTED = {module: _imported(module) for module in TREES}
# what a package's own __init__ imports is imported from the package
_VISIBLE = {
    module: {module}
    | direct
    | {each for package in direct if package.endswith("__init__") for each in _IMPORTED[package]}
    for module, direct in _IMPORTED.items()
}

FUNCTIONS: dict[Function, ast.FunctionDef] = {}
_OWNER: dict[Function, _Class | None] = {}
_BASES: dict[_Class, set[str]] = {}


def _collect(module: str, node: ast.AST, prefix: str, owner: _Class | None) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            function = Function(module, prefix + child.name)
            FUNCTIONS[function], _OWNER[function] = child, owner
            _collect(module, child, f"{prefix}{child.name}.", None)
        elif isinstance(child, ast.ClassDef):
            inner = _Class(module, child.name)
            _BASES[inner] = set().union(*map(_names_in, child.bases)) if child.bases else set()
            _collect(module, child, f"{prefix}{child.name}.", inner)
        else:
            _collect(module, child, prefix, owner)


for _module, _tree in TREES.items():
    _collect(_module, _tree, "", None)

# another library calls the methods of classes that are derived from its own
_OF_OTHERS = {each for each, bases in _BASES.items() if bases - {known.name for known in _BASES}}
_NAMED: dict[str, list[Function]] = defaultdict(list)
for _function in FUNCTIONS:
    _NAMED[_function.name.rpartition(".")[2]].append(_function)
_USED = {function: _names_in(node) for function, node in FUNCTIONS.items()}


def _used_on_import(module: str) -> set[str]:
    """Names that a module uses outside of its functions."""
    found: set[str] = set()
    todo = list(ast.iter_child_nodes(TREES[module]))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef):
            todo += node.body
        elif not isinstance(node, ast.FunctionDef):
            found |= _names_in(node)
    return found


_ON_IMPORT = {module: _used_on_import(module) for module in TREES}


def reachable(start: Function) -> set[Function]:
    """Return the functions that one may call, itself among them."""
    found, classes = {start}, set()
    while True:
        size = len(found), len(classes)
        users = [(function.module, _USED[function]) for function in found]
        users += [(module, _ON_IMPORT[module]) for module in {module for module, _ in users}]
        for module, names in users:
            visible = _VISIBLE[module]
            classes |= {each for each in _BASES if each.name in names and each.module in visible}
            for name in names:
                found |= {each for each in _NAMED.get(name, ()) if _OWNER[each] is None and each.module in visible}
        classes |= {each for each in _BASES if any(each.name in _BASES[derived] for derived in classes)}
        used = set().union(*(names for _, names in users))
        for function, owner in _OWNER.items():
            name = function.name.rpartition(".")[2]
            if owner in classes and (name in used or name.startswith("__") or owner in _OF_OTHERS):
                found.add(function)
        if size == (len(found), len(classes)):
            return found


def texts_of(function: Function) -> Iterator[str]:
    """Yield the strings in a function but its documentation, `{}` in place of what is formatted."""
    node = FUNCTIONS[function]
    skipped = set()
    for each in ast.walk(node):
        if isinstance(each, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(each) is not None:
            skipped.add(each.body[0].value)
        if isinstance(each, ast.JoinedStr):
            skipped |= set(each.values)
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in each.values)
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each not in skipped:
            yield each.value
