"""Brain-Score's registered models and benchmarks, read from the source of its plugins without loading them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import plugin_links
from ..cornet.anatomy import REGIONS
from ..cornet.errors import UserError, unknown_name
from ..early_paths import BENCHMARK_FILE, FROM_DATA
from ..marques2020.protocols import LIGHT, OFFICIAL
from . import requirements
from .requirements import Requirements

EMBEDDED = LIGHT.identifiers
"""Benchmarks that need no download and little time: those that are scored where none is named."""

OFFLINE, PUBLIC, PRIVATE, UNSTATED = "offline", "public download", "private", "download, not stated whether public"
# availability of a benchmark's data -> name of its group
_FREE = {OFFLINE: "offline", PUBLIC: "public", PRIVATE: "private"}
KINDS = ("behavioral", "engineering")  # kinds of benchmarks in the metadata, besides regions
MARQUES = "marques2020"
"""The group of the official V1 property benchmarks that need no download."""
_INSTEAD = {
    "models": "of a checkpoint name both, such as cornet_s={file}",
    "benchmarks": FROM_DATA,
}
"""What to do with a file where a name is expected."""
GROUPS = (*_FREE.values(), *REGIONS, *KINDS, MARQUES)
_OURS = (*LIGHT.identifiers, *OFFICIAL.identifiers)


@dataclass(frozen=True)
class Listed:
    """Properties of a benchmark that are known before it is loaded."""

    benchmark: str
    region: str | None
    kind: str | None
    """`neural`, `behavioral` or `engineering`, as Brain-Score's metadata say."""
    needs: str
    images: int | None
    folder: str
    """Folder of its plugin, inside brainscore_vision's `benchmarks`."""

    @property
    def groups(self) -> set[str]:
        groups = {
            _FREE.get(self.needs),
            self.region,
            self.kind,
            MARQUES if self.benchmark in OFFICIAL.identifiers else None,
        }
        return {name for name in groups if name}

    def requirements(self) -> Requirements:
        """Return what the benchmark needs besides its data, read from its source."""
        return requirements.of_benchmark(self.benchmark, self.folder, self.region, self.images)


@cache
def folders(kind: str, *, commented: bool = False) -> dict[str, str]:
    """Return identifier -> folder of the plugin, for the installed plugins, from `read_folders`."""
    return read_folders(plugin_links.plugin_folder(kind).parent, kind, commented=commented)


def read_folders(plugins: Path, kind: str, *, commented: bool = True) -> dict[str, str]:
    """Return identifier -> folder of the plugin, by reading the plugins' files as Brain-Score does.

    Parameters
    ----------
    commented
        Whether to include registrations in comments. Brain-Score treats their identifiers as registered, too, but
        cannot load anything for them.
    """
    registry = re.compile(rf"{kind[:-1]}_registry\[['\"]([^'\"{{}}<>]+)['\"]\]")
    return {
        identifier: path.parent.name
        for path in sorted(plugins.glob("[!_.]*/__init__.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if commented or not line.lstrip().startswith("#")
        for identifier in registry.findall(line)
    }


def check_known(kind: str, identifier: str) -> None:
    if identifier not in folders(kind):
        if os.path.isfile(identifier):
            raise UserError(
                f"{identifier} is a file, expected a {kind[:-1]}: {_INSTEAD[kind].format(file=identifier)}."
            )
        if os.path.isdir(identifier):
            raise UserError(f"{identifier} is a folder, expected a {kind[:-1]}.")
        raise unknown_name(identifier, folders(kind), kind[:-1])


def check_no_benchmark(models: Iterable[str]) -> None:
    """Raise `UserError` for a benchmark among models, as from a command line with two benchmarks after one -b."""
    for name in models:
        if name in GROUPS or name in folders("benchmarks") or name.endswith(BENCHMARK_FILE):
            raise UserError(f"{name} is a benchmark, expected a model: repeat -b before each benchmark.")


def expand(names: Iterable) -> list:
    """Return benchmarks with groups such as `V1` replaced by their members; anything but text is unchanged.

    The group of a region or kind omits private benchmarks, which fail without credentials.
    """
    chosen = []
    for name in names:
        if not isinstance(name, str) or name not in GROUPS:
            chosen.append(name)
            continue
        members = [each.benchmark for each in benchmarks() if name in each.groups]
        if name in (*REGIONS, *KINDS):
            members = [each.benchmark for each in benchmarks() if name in each.groups and each.needs != PRIVATE]
        chosen += members
    return chosen


def of_groups(names: Sequence[str]) -> list[Listed]:
    """Return the benchmarks that belong to all of the groups."""
    for name in names:
        if name not in GROUPS:
            raise unknown_name(name, GROUPS, "group of benchmarks")
    return [each for each in benchmarks() if each.groups.issuperset(names)]


@cache
def benchmarks() -> tuple[Listed, ...]:
    """Return all registered benchmarks, starting with those that need no download."""
    metadata = _metadata()
    listed = [_listed(identifier, folder, metadata) for identifier, folder in folders("benchmarks").items()]
    order = [OFFLINE, PUBLIC, UNSTATED, PRIVATE]
    return tuple(sorted(listed, key=lambda each: (order.index(each.needs), each.benchmark.lower())))


def _listed(identifier: str, folder: str, metadata: dict[str, dict]) -> Listed:
    entry = metadata.get(identifier, {})
    data = entry.get("data") or {}
    if identifier in _OURS:
        data = {"region": "V1", "benchmark_type": "neural"}
    region = data.get("region") or named_region(identifier)
    kind = data.get("benchmark_type") or ("neural" if region else None)
    public = data.get("data_publicly_available")
    needs = OFFLINE if identifier in _OURS else UNSTATED if public is None else PUBLIC if public else PRIVATE
    images = (entry.get("stimulus_set") or {}).get("num_stimuli")
    return Listed(
        identifier,
        region=region if region in REGIONS else None,
        kind="behavioral" if kind == "behavior" else kind,
        needs=needs,
        images=images,
        folder=folder,
    )


def named_region(identifier: str) -> str | None:
    """Return the region that a benchmark's identifier names, V1 for the embedded ones, None if it names none."""
    if identifier in _OURS:
        return "V1"
    return next((name for name in REGIONS if re.search(rf"[._-]{name}(?![A-Za-z0-9])", identifier)), None)


def _metadata() -> dict[str, dict]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is installed
    found: dict[str, dict] = {}
    for path in sorted(plugin_links.plugin_folder("benchmarks").parent.glob("[!_.]*/metadata.y*ml")):
        try:
            found |= (yaml.load(path.read_text(encoding="utf-8"), loader) or {}).get("benchmarks") or {}
        except (
            yaml.YAMLError,
            AttributeError,
            OSError,
        ):  # another package's plugin; without its metadata less is known
            continue
    return found
