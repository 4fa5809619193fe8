"""Rules for the lines that register models, which each of Brain-Score's parsers must understand."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from ...cornet.errors import folded
from . import parsers
from .finding import Finding
from .layout import Plugin

_FILE = "__init__.py"
_WRITE = "Write model_registry['my_model'] = lambda: get_model('my_model') in one line."


def check_registrations(plugin: Plugin, taken: Mapping[str, str], *, one: bool = True) -> list[Finding]:
    """Yield the broken rules of a plugin's registrations.

    Parameters
    ----------
    taken
        Identifier -> folder of the existing models.
    one
        Whether only one model may be registered, as in a zip for the website.
    """
    text = plugin.text(_FILE)
    if text is None:
        return []  # another rule says so
    assignments = _assignments(text, plugin.tree(_FILE))
    return [
        *_lines(text, *assignments),
        *_of_others(plugin.tree(_FILE)),
        *_elsewhere(plugin),
        *_identifiers(text, taken, one, registers=any(assignments)),
    ]


def identifiers(plugin: Plugin) -> list[str]:
    """Return the identifiers that Brain-Score would load, each once."""
    return list(dict.fromkeys(parsers.loader(plugin.text(_FILE) or "")))


def _lines(text: str, literal: set[int], computed: set[int]) -> Iterator[Finding]:
    for number, line in parsers.lines(text):
        where = f"{_FILE}, line {number}"
        if number in computed:
            yield Finding(
                "registration-computed", where, "Brain-Score reads this line, it does not run it.", f"No loop. {_WRITE}"
            )
        elif parsers.scorer(line) == [None]:
            yield Finding(
                "registration-spread", where, "The bracket is not closed in this line, which stops a parser.", _WRITE
            )
        elif number not in literal:
            yield Finding(
                "registration-mentioned",
                where,
                "A comment or text that looks like a registration counts as one.",
                "Reword or remove it.",
            )
        elif re.search(r"model_registry\[\s*[rbufRBUF]*\"", line):
            yield Finding("registration-quotes", where, "The website reads identifiers in single quotes only.", _WRITE)
        elif not parsers.loader(line):
            yield Finding("registration-bracket-space", where, "No parser takes a space in the bracket.", _WRITE)
        elif parsers.scorer(line) != parsers.loader(line):
            yield Finding(
                "registration-brackets",
                where,
                f"A parser reads up to the line's last bracket, and finds {parsers.scorer(line)[0]!r}.",
                "Let the line have no other ].",
            )


def _assignments(text: str, tree: ast.Module | None) -> tuple[set[int], set[int]]:
    """Return the lines of assignments to the registry: with a literal identifier, and with a computed one."""
    literal, computed = set(), set()
    if tree is None:
        return {number for number, _ in parsers.lines(text)}, computed  # another rule says so
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While | ast.FunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", None) == "model_registry":
            looped = any(loop.lineno < node.lineno <= (loop.end_lineno or 0) for loop in loops)
            is_text = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
            (literal if is_text and not looped else computed).add(node.lineno)
    return literal, computed


def _of_others(tree: ast.Module | None) -> Iterator[Finding]:
    """Yield findings for registrations that load a model with another identifier."""
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Subscript) or getattr(target.value, "id", None) != "model_registry":
            continue
        loaded = [
            argument.value
            for call in ast.walk(node.value)
            if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "get_model"
            for argument in call.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        name = getattr(target.slice, "value", None)
        if loaded and isinstance(name, str) and name not in loaded:
            yield Finding(
                "registration-of-another",
                f"{_FILE}, line {node.lineno}",
                f"{name} is made as {loaded[0]!r}.",
                "Are both meant to be one name?",
                fatal=False,
            )


def _elsewhere(plugin: Plugin) -> Iterator[Finding]:
    for name in plugin.files:
        if name != _FILE and name.endswith(".py") and _registers(plugin.text(name) or ""):
            yield Finding(
                "registration-elsewhere", name, "Brain-Score looks for registrations in __init__.py only.", "Move it."
            )


def _registers(text: str) -> bool:
    return re.search(r"^[ \t]*model_registry\[[^\n]*\][ \t]*=", text, re.MULTILINE) is not None


def _identifiers(text: str, taken: Mapping[str, str], one: bool, registers: bool) -> Iterator[Finding]:
    found = parsers.loader(text)
    if not registers:
        yield Finding("registration-missing", _FILE, "No model is registered.", _WRITE)
    for name, count in Counter(found).items():
        if count > 1:
            yield Finding("registration-twice", _FILE, f"{name} is registered {count} times.", "Keep one line.")
    if one and len(set(found)) > 1:
        yield Finding(
            "one-model", _FILE, f"There is one model to a zip, found are {', '.join(found)}.", "Write a zip for each."
        )
    similar = {_alike(name): name for name in taken}
    for name in dict.fromkeys(found):
        if "-" in name:
            remedy = f"Call it {name.replace('-', '_')}."
            yield Finding("identifier-hyphen", _FILE, f"The website takes no hyphen, as in {name}.", remedy)
        if not name or re.search(r"[\s'\"\[\]{}/\\;&|$]", name):
            yield Finding(
                "identifier-characters",
                _FILE,
                f"Brain-Score's scripts cannot take {name!r}.",
                "Use letters, digits, underscores and dots.",
            )
        if name in taken:
            yield Finding(
                "identifier-taken",
                _FILE,
                f"{name} is registered by models/{taken[name]}.",
                "Choose a name of your own.",
            )
        elif (other := similar.get(_alike(name))) is not None:
            yield Finding(
                "identifier-similar",
                _FILE,
                f"{name} looks like {other}, another model.",
                "Is it meant to?",
                fatal=False,
            )


def _alike(name: str) -> str:
    return folded(name).replace("_", "")
