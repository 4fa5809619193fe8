"""Rules for a plugin's other files: required files, environment, requirements and tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from .finding import Finding
from .layout import REQUIRED, Plugin, parse

PYTHON = "3.11"
"""Python version of Brain-Score."""
_LEFT_OUT = ("slow", "travis_slow", "private_access", "memory_intense", "requires_gpu")
"""Marks of tests that Brain-Score's runs skip, the first one everywhere."""


def check_files(plugin: Plugin) -> list[Finding]:
    return [*_names(plugin), *_syntax(plugin), *_citation(plugin)]


def check_environment(plugin: Plugin) -> list[Finding]:
    return [*_environment_yml(plugin), *_requirements(plugin)]


def check_tests(plugin: Plugin) -> Iterator[Finding]:
    tests = [name for name in plugin.files if re.fullmatch(r"test.*\.py", PurePosixPath(name).name)]
    for name in tests:
        if "/" in name:
            yield Finding(
                "test-too-deep",
                name,
                "Brain-Score finds it, and then looks for its plugin in the wrong folder.",
                "Put tests into test.py, and give other files names that do not begin with test.",
            )
        elif name != "test.py":
            yield Finding("test-unused", name, "Brain-Score runs test.py only.", "Move its tests there.", fatal=False)
    tree = plugin.tree("test.py")
    if tree is None:
        return
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    if not functions:
        yield Finding("test-none", "test.py", "There is no test in it.", "Add one, such as of the identifier.")
    elif all(_is_left_out(function) for function in functions):
        yield Finding(
            "test-all-slow",
            "test.py",
            f"Every test is marked {' or '.join(_LEFT_OUT)}: Brain-Score would run none.",
            "Leave one without a mark.",
        )


def _names(plugin: Plugin) -> Iterator[Finding]:
    if plugin.name.startswith((".", "_")):
        yield Finding("plugin-hidden", plugin.name, "Brain-Score passes over such folders.", "Begin with a letter.")
    elif not re.fullmatch(r"\w+", plugin.name, re.ASCII):
        yield Finding(
            "plugin-name", plugin.name, "Such a folder cannot be imported.", "Use letters, digits and underscores."
        )
    for name in REQUIRED:
        if name not in plugin.files:
            yield Finding("file-missing", f"{plugin.name}/{name}", "It is not there.", "Add it.")


def _syntax(plugin: Plugin) -> Iterator[Finding]:
    for name in plugin.files:
        if not name.endswith(".py"):
            continue
        text = plugin.text(name)
        if text is None:
            yield Finding("encoding", name, "It is not UTF-8.", "Save it as UTF-8.")
            continue
        try:
            parse(text)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            yield Finding("syntax", f"{name}{line}", f"Python cannot read it ({error.args[0]}).", "Correct it.")


def _citation(plugin: Plugin) -> Iterator[Finding]:
    tree = plugin.tree("model.py")
    if tree is not None and not any(getattr(node, "name", None) == "get_bibtex" for node in ast.walk(tree)):
        yield Finding(
            "bibtex",
            "model.py",
            "There is no get_bibtex(identifier): the leaderboard cannot say what to cite.",
            "Add one that returns BibTeX.",
            fatal=False,
        )


def _environment_yml(plugin: Plugin) -> Iterator[Finding]:
    """Yield the broken rules of environment.yml, which brainscore_core 2.5 reads, rewrites and searches as text."""
    import yaml

    where = "environment.yml"
    if where not in plugin.files:
        return
    try:
        text = yaml.dump(yaml.safe_load(plugin.files[where]))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        yield Finding(
            "environment-yaml",
            where,
            f"It is no YAML ({(str(error) or type(error).__name__).splitlines()[0]}).",
            "Correct it.",
        )
        return
    if "name" in text:
        line = next(line for line in text.splitlines() if "name" in line).strip()
        yield Finding(
            "environment-name",
            where,
            f"The word name may be nowhere in it, not even in a package's; found in {line!r}.",
            "Leave out the line `name:` that conda env export writes; move such a package to requirements.txt.",
        )
    specs = [line.strip(" -'\"") for line in text.splitlines() if "python=" in line]
    if len(specs) > 1:
        yield Finding(
            "environment-python-twice",
            where,
            f"Brain-Score takes these for two versions of Python: {' and '.join(specs)}.",
            f"Keep python={PYTHON} alone; move packages such as ipython to requirements.txt.",
        )
    elif specs and not specs[0].split("python=")[1].startswith(PYTHON):
        yield Finding(
            "environment-python", where, f"Brain-Score runs Python {PYTHON}, not {specs[0]}.", f"Write python={PYTHON}."
        )


def _requirements(plugin: Plugin) -> Iterator[Finding]:
    from packaging.requirements import InvalidRequirement, Requirement

    for number, line in enumerate((plugin.text("requirements.txt") or "").splitlines(), 1):
        where, line = f"requirements.txt, line {number}", line.split(" #")[0].strip()
        if not line or line.startswith(("#", "-", "git+", "http://", "https://")):
            continue
        if line.startswith((".", "/", "file:", "~")):
            yield Finding(
                "requirement-local",
                where,
                f"{line} is on your disk.",
                "Name a package, or put its code into the plugin.",
            )
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            yield Finding("requirement", where, f"pip cannot read {line!r}.", "Write name==version.")
            continue
        if (needed := _needed_by_brainscore(requirement.name)) is not None and not _agree(requirement, needed):
            yield Finding(
                "requirement-of-brainscore",
                where,
                f"{line} goes against {needed}, which Brain-Score itself needs.",
                "Leave it out, or allow that version.",
                fatal=False,
            )


def _needed_by_brainscore(name: str):
    """Return the requirement of brainscore_vision or brainscore_core for a package, None if there is none."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for line in [*(requires("brainscore-vision") or ()), *(requires("brainscore-core") or ())]:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) == canonicalize_name(name) and requirement.marker is None:
            return requirement
    return None


def _agree(ours, theirs) -> bool:
    """Return whether a version satisfies both: the installed one, or one that a bound names."""
    from importlib.metadata import version

    named = [specifier.version.removesuffix(".*") for specifier in (*ours.specifier, *theirs.specifier)]
    candidates = [version(theirs.name), *named]
    return any(
        ours.specifier.contains(candidate, prereleases=True) and theirs.specifier.contains(candidate, prereleases=True)
        for candidate in candidates
    )


def _is_left_out(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in _LEFT_OUT
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
    )
