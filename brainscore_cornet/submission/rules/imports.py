"""Rules for imports: modules must be in the plugin's folder, or be installed with Brain-Score or by the plugin."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import PurePosixPath

from .finding import Finding
from .layout import Plugin

_TESTS = {"pytest", "pytest_check", "pytest_mock", "pytest_timeout", "matplotlib"}  # brainscore-vision's extra `test`


def check_imports(plugin: Plugin, models: set[str]) -> list[Finding]:
    """Yield the broken rules of a plugin's imports.

    Parameters
    ----------
    models
        Folders of Brain-Score's model plugins.
    """
    findings = []
    defined_in = cache(partial(_defined, plugin))  # a file is imported from by many
    for name, tree in plugin.trees:
        if name == "setup.py":
            continue
        optional = _optional(tree)
        for node in ast.walk(tree):
            if node in optional:
                continue
            where = f"{name}, line {getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ImportFrom) and node.level:
                findings += _relative(plugin, name, node, where, defined_in)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    findings += _absolute(plugin, name, alias.name, where, models)
            elif isinstance(node, ast.ImportFrom):
                findings += _absolute(plugin, name, node.module or "", where, models)
            elif (module := _imported_by_call(node)) is not None:
                findings += _absolute(plugin, name, module, where, models)
    return list(dict.fromkeys(findings))


def _optional(tree: ast.AST) -> set[ast.AST]:
    """The nodes that may fail: what is within `try:` and has an answer to `ImportError`."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(
            isinstance(handler.type, ast.Name) and handler.type.id in ("ImportError", "ModuleNotFoundError")
            for handler in node.handlers
        ):
            found.update(inner for statement in node.body for inner in ast.walk(statement))
    return found


def _imported_by_call(node: ast.AST) -> str | None:
    """The module of `import_module("…")`."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return None
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
    value = node.args[0].value
    if name in ("import_module", "__import__") and isinstance(value, str) and not value.startswith("."):
        return value
    return None


def _relative(
    plugin: Plugin, file: str, node: ast.ImportFrom, where: str, defined_in: Callable[[str], set[str] | None]
) -> Iterator[Finding]:
    parents = PurePosixPath(file).parent.parts
    if node.level - 1 > len(parents):
        spelled = "." * node.level + (node.module or "")
        yield Finding(
            "import-leaves-folder",
            where,
            f"from {spelled} leads out of the plugin's folder.",
            "Put what is needed into the folder.",
        )
        return
    start = parents[: len(parents) - (node.level - 1)]
    modules = [node.module] if node.module else [alias.name for alias in node.names]
    here = "/".join([*start, "__init__.py"])
    for module in modules:
        path = "/".join([*start, *module.split(".")])
        holds = any(name.startswith(f"{path}/") for name in plugin.files)
        is_name = not node.module and here in plugin.files and module in (defined_in(here) or {module})
        if f"{path}.py" not in plugin.files and not holds and not is_name:
            yield Finding("import-missing", where, f"There is no {path}.py in the plugin's folder.", "Add it.")
        elif node.module:
            file = f"{path}.py" if f"{path}.py" in plugin.files else f"{path}/__init__.py"
            defined = defined_in(file)
            within = {name.removeprefix(f"{path}/").split("/")[0].removesuffix(".py") for name in plugin.files}
            absent = [alias.name for alias in node.names if alias.name not in {*(defined or ()), *within, "*"}]
            if defined is not None and absent:
                problem = f"{', '.join(absent)} is not defined in {file}."
                yield Finding("import-missing-name", where, problem, "Define it, or correct the name.")


def _defined(plugin: Plugin, file: str) -> set[str] | None:
    """Return the names that a file defines, None if they cannot be determined."""
    tree = plugin.tree(file)
    if tree is None:
        return None
    names = {"__file__", "__name__", "__doc__"}
    for node in ast.walk(tree):  # includes definitions in branches; additional names are harmless
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return None if {"*", "__getattr__", "globals"} & names else names


def _absolute(plugin: Plugin, file: str, module: str, where: str, models: set[str]) -> Iterator[Finding]:
    top = module.split(".")[0]
    if match := re.match(r"brainscore_vision\.models\.(\w+)", module):
        if match[1] == plugin.name:
            return
        if match[1] not in models:
            yield Finding(
                "import-leaves-folder",
                where,
                f"Brain-Score has no models/{match[1]}.",
                "Import it from your own folder.",
            )
        else:
            yield Finding(
                "import-other-plugin",
                where,
                f"It needs the plugin {match[1]}, whose owner may change it.",
                "Better copy what is needed.",
                fatal=False,
            )
    elif top == "brainscore_cornet":
        yield Finding(
            "import-not-installed",
            where,
            "brainscore_cornet is not installed at Brain-Score.",
            "Let `brainscore-cornet submit` write the plugin: it brings its own copy.",
        )
    elif f"{top}.py" in plugin.files or any(name.startswith(f"{top}/") for name in plugin.files):
        if top not in _with_brainscore() and top not in sys.stdlib_module_names:
            yield Finding(
                "import-absolute",
                where,
                f"import {top} does not find {top} in the plugin.",
                f"Write from .{top} import …",
            )
    elif not _is_installed(plugin, file, top):
        yield Finding(
            "import-not-installed",
            where,
            f"Nothing installs {top} at Brain-Score.",
            "Add its package to requirements.txt in the plugin's folder.",
        )


def _is_installed(plugin: Plugin, file: str, top: str) -> bool:
    if top in sys.stdlib_module_names or top in _with_brainscore() or (_is_test(file) and top in _TESTS):
        return True
    requirements = " ".join(plugin.text(name) or "" for name in ("requirements.txt", "setup.py", "environment.yml"))
    packages = {top, top.replace("_", "-"), *_owners().get(top, ())}
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", requirements, re.IGNORECASE) for name in packages)


def _is_test(file: str) -> bool:
    return PurePosixPath(file).name.startswith("test")


@cache
def _owners() -> Mapping[str, list[str]]:
    """Return module -> installed packages that may provide it, cached because the search is slow."""
    return packages_distributions()


@cache
def _with_brainscore() -> set[str]:
    """Return the modules of brainscore_vision and of all its requirements."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    packages, waiting = set(), ["brainscore-vision"]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in packages:
            continue
        packages.add(name)
        try:
            needed = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        waiting += [
            requirement.name
            for requirement in map(Requirement, needed)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return {
        module for module, owners in _owners().items() if any(canonicalize_name(owner) in packages for owner in owners)
    }
