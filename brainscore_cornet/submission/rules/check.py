"""The check of a submission by all rules, which runs none of its code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from ... import plugin_links
from ...scoring import catalogue
from .finding import Finding
from .imports import check_imports
from .layout import Plugin, read_folder, read_zip
from .reachable import check_weights
from .registrations import check_registrations
from .surroundings import check_environment, check_files, check_tests


def check_zip(
    path: Path, *, online: bool = True, downloaded: Mapping[str, Path] = MappingProxyType({})
) -> tuple[list[Finding], Plugin | None]:
    """Return every broken rule of a zip for the website, and the plugin in it, if any.

    Parameters
    ----------
    online
        Whether weights are requested; if not, there is a finding that is not fatal.
    downloaded
        URL -> file of weights that have just been downloaded.
    """
    findings, plugin = read_zip(path)
    if plugin is None:
        return findings, None
    taken = taken_identifiers()
    if plugin.name in taken.values():
        findings.append(
            Finding(
                "plugin-taken", plugin.name, "Brain-Score has a plugin in a folder of this name.", "Rename the folder."
            )
        )
    return [*findings, *_check(plugin, taken, one=True, online=online, downloaded=downloaded)], plugin


def check_folder(
    folder: Path,
    taken: Mapping[str, str],
    *,
    online: bool = True,
    downloaded: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[list[Finding], Plugin]:
    """Return every broken rule of a plugin's folder in a clone with other models `taken` (identifier -> folder)."""
    plugin = read_folder(folder)
    return _check(plugin, taken, one=False, online=online, downloaded=downloaded), plugin


def taken_identifiers() -> dict[str, str]:
    """Return identifier -> folder of the installed brainscore_vision's models, without this package's."""
    found = catalogue.folders("models", commented=True)
    return {name: folder for name, folder in found.items() if folder != plugin_links.NAME}


def _check(
    plugin: Plugin, taken: Mapping[str, str], *, one: bool, online: bool, downloaded: Mapping[str, Path]
) -> list[Finding]:
    rules: list[Callable[[], Iterable[Finding]]] = [
        lambda: check_files(plugin),
        lambda: check_registrations(plugin, taken, one=one),
        lambda: check_environment(plugin),
        lambda: check_tests(plugin),
        lambda: check_imports(plugin, set(taken.values())),
        lambda: check_weights(plugin, online=online, downloaded=downloaded),
    ]
    return [finding for rule in rules for finding in rule()]
