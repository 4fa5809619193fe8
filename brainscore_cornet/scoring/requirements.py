"""Requirements of a benchmark besides its data, read from the source code of its plugin.

Brain-Score is not imported, since loading a benchmark downloads its data first.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from .. import plugin_links
from ..cornet.anatomy import REGIONS, neuroids

_GB = 1024**3


@dataclass(frozen=True)
class Requirements:
    """Requirements of a benchmark besides its data."""

    missing_packages: tuple[str, ...]
    """Packages that the benchmark's code imports or its plugins require, and that are not installed."""
    gpu: bool
    """Whether that code requests CUDA by name."""
    memory_gb: float | None
    """Estimated memory in GB with CORnet-S; None if it is unknown."""


@dataclass(frozen=True)
class _Module:
    """A source file: its top-level definitions, and the origins of the names that it imports."""

    path: Path
    definitions: dict[str, list[ast.AST]] = field(default_factory=dict)
    imported: dict[str, tuple[Path, str]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Packages that are imported at its top level."""


@dataclass(frozen=True)
class _Found:
    """What one definition imports, requests and refers to."""

    packages: tuple[str, ...]
    gpu: bool
    leads_to: tuple[tuple[Path, ast.AST], ...]


def of_benchmark(identifier: str, folder: str, region: str | None, images: int | None) -> Requirements:
    """Return the requirements of a registered benchmark's code, including its metrics.

    Parameters
    ----------
    folder
        Folder of its plugin, inside brainscore_vision's `benchmarks`.
    region, images
        Region that it records from and number of its stimuli, if known.
    """
    start = _root() / "benchmarks" / folder / "__init__.py"
    registered = _registrations(start)
    # an identifier that code composes is not found in any of them
    nodes = registered.get(identifier) or [node for nodes in registered.values() for node in nodes]
    waiting = [(start, node) for node in nodes]
    visited: set[int] = set()
    modules: dict[Path, None] = {start: None}
    packages: dict[str, None] = {}
    gpu = False
    while waiting:
        path, node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        modules[path] = None
        found = _found_in(path, node)
        packages |= dict.fromkeys(name for name in found.packages if name not in _provided(path))
        gpu = gpu or found.gpu
        waiting += found.leads_to
    for path in modules:
        required = [*_module(path).packages, *_required(path.parent)]
        packages |= dict.fromkeys(name for name in required if name not in _provided(path))
    missing = tuple(name for name in packages if not _is_installed(name))
    return Requirements(missing, gpu, _memory_gb(identifier, region, images))


def _memory_gb(benchmark: str, region: str | None, images: int | None) -> float | None:
    """Return the memory in GB of CORnet-S's recording in one time bin, plus the measured overhead of the benchmark.

    The overhead is from Brain-Score's production runs, in the table of its `benchmark_helpers/memory.py`.
    """
    besides = _measured_overheads().get(benchmark)
    recording = images * neuroids(region) * 4 / _GB if images and region in REGIONS else None  # in float32
    if besides is None and recording is None:
        return None
    return (besides or 0.0) + (recording or 0.0)


def _provided(path: Path) -> tuple[str, ...]:
    """Return packages that a file imports but scoring does not need (`metrics/object_solution_times.py`)."""
    return ("tensorflow",) if path.parent == _root() / "metrics" / "ost" else ()


@cache
def _root() -> Path:
    return plugin_links.plugin_folder("benchmarks").parents[1]


@cache  # many benchmarks share the code of their metrics
def _found_in(path: Path, node: ast.AST) -> _Found:
    parts = list(ast.walk(node))
    return _Found(
        tuple(dict.fromkeys(name for part in parts for name in _packages(part))),
        any(map(_asks_for_cuda, parts)),
        tuple(dict.fromkeys(definition for part in parts for definition in _leads_to(part, path))),
    )


def _leads_to(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    """Return the definitions that a name, a loaded metric or an entry of a registry refers to."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield from _defined(path, node.id if isinstance(node, ast.Name) else node.attr)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "load_metric":
        if node.args and isinstance(node.args[0], ast.Constant):
            yield from _metrics().get(str(node.args[0].value), [])
    elif isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "metric_registry":
        yield from _metrics().get(str(getattr(node.slice, "value", "")), [])


def _defined(path: Path, name: str) -> Iterator[tuple[Path, ast.AST]]:
    module = _module(path)
    for node in module.definitions.get(name, []):
        yield path, node
    if name in module.imported:
        source, original = module.imported[name]
        if source != path:
            yield from _defined(source, original)


@cache
def _metrics() -> dict[str, list[tuple[Path, ast.AST]]]:
    return {
        identifier: [(path, node) for node in nodes]
        for path in sorted((_root() / "metrics").glob("[!_.]*/__init__.py"))
        for identifier, nodes in _registrations(path).items()
    }


@cache
def _registrations(path: Path) -> dict[str, list[ast.AST]]:
    """Return identifier -> expression that is assigned to it in a registry."""
    found: dict[str, list[ast.AST]] = {}
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Subscript) and getattr(target.value, "id", "").endswith("_registry"):
                found.setdefault(getattr(target.slice, "value", ""), []).append(node.value)
    return found


@cache
def _tree(path: Path) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escape sequences in other packages' source
            return ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError):  # another package's plugin, which Brain-Score itself reads as text
        return ast.Module([], [])


@cache
def _module(path: Path) -> _Module:
    module = _Module(path)
    packages: list[str] = []
    for node in _tree(path).body:
        packages += _packages(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            module.definitions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    module.definitions.setdefault(target.id, []).append(node)
        elif isinstance(node, ast.ImportFrom) and (source := _source(node, path)) is not None:
            module.imported.update({alias.asname or alias.name: (source, alias.name) for alias in node.names})
    return _Module(path, module.definitions, module.imported, tuple(packages))


def _source(node: ast.ImportFrom, path: Path) -> Path | None:
    """Return the file that names are imported from if it belongs to brainscore_vision, else None."""
    parts = node.module.split(".") if node.module else []
    if node.level:
        folder = path.parents[node.level - 1]
    elif parts[:1] == ["brainscore_vision"]:
        folder, parts = _root(), parts[1:]
    else:
        return None
    place = folder.joinpath(*parts)
    return next((each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()), None)


def _packages(node: ast.AST) -> list[str]:
    """Return the top-level names of the packages that an import statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.split(".")[0]]
    return []


def _asks_for_cuda(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "cuda":
        return True
    return isinstance(node, ast.keyword) and node.arg == "device" and getattr(node.value, "value", "") == "cuda"


@cache
def _required(plugin: Path) -> list[str]:
    path = plugin / "requirements.txt"
    if not path.is_file():
        return []
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    names = [re.split(r"[\s<>=!~;\[@]", line)[0] for line in lines if line and not line.startswith("-")]
    return [name.replace("-", "_") for name in names]


@cache
def _is_installed(name: str) -> bool:
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        return True
    try:
        distribution(name)
    except (PackageNotFoundError, ValueError):
        return False
    return True


@cache
def _measured_overheads() -> dict[str, float]:
    """Return Brain-Score's table of benchmark -> GB, read from its source, since importing it takes seconds."""
    for node in _tree(_root() / "benchmark_helpers" / "memory.py").body:
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        if getattr(node.target, "id", None) == "_BENCHMARK_SCAFFOLDING_OVERHEAD_GB":
            return ast.literal_eval(node.value)
    return {}
