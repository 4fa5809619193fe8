"""A self-contained plugin folder: a copy of the package's `cornet/`, and the files in `template/`."""

from __future__ import annotations

import json
import pprint
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..cornet.brain_model import load_model
from .template import stand_in
from .variant import Variant

SHIPPED = Path(__file__).parents[1] / "cornet"
TEMPLATE = Path(__file__).parent / "template"

_CORNET_DOCSTRING = '''\
"""The part of the package brainscore_cornet {version} that its models need, unchanged.

It needs no installation, and every submission brings the same files.
SPDX-License-Identifier: GPL-3.0-or-later
"""
'''


def write_plugin(folder: Path, variants: Sequence[Variant]) -> None:
    """Fill an empty folder with a plugin that registers the variants.

    The reference values of its own tests (`golden.json`) are computed here, with this package and stand-in weights.
    """
    shutil.copytree(SHIPPED, folder / SHIPPED.name, ignore=shutil.ignore_patterns("__pycache__", "*.md", "py.typed"))
    _write(folder / SHIPPED.name / "__init__.py", _CORNET_DOCSTRING.format(version=version("brainscore_cornet")))
    for source in TEMPLATE.glob("*.py"):
        # the location of `cornet/` is the one difference between a template and a plugin's file
        text = source.read_text(encoding="utf-8").replace("brainscore_cornet.cornet", f".{SHIPPED.name}")
        _write(folder / source.name, text)
    registrations = "".join(
        f"model_registry['{variant.identifier}'] = lambda: get_model('{variant.identifier}')\n" for variant in variants
    )
    init = folder / "__init__.py"
    _write(init, f"{init.read_text(encoding='utf-8')}\n{registrations}")
    models = {variant.identifier: {"base": variant.base, **variant.options} for variant in variants}
    empty, shown = "MODELS: dict[str, dict] = {}", pprint.pformat(models, width=110, sort_dicts=False)
    written = folder / "variants.py"
    _write(written, written.read_text(encoding="utf-8").replace(empty, f"MODELS: dict[str, dict] = {shown}"))
    _write(folder / "golden.json", json.dumps(_reference_values(variants)) + "\n")


def _reference_values(variants: Sequence[Variant]) -> dict[str, dict]:
    """Return identifier -> expected values of its tests. With stand-in weights, training makes no difference."""
    measured: list[tuple[tuple, dict]] = []
    found = {}
    for variant in variants:
        network = (variant.commitment.architecture, variant.shape)
        values = next((values for known, values in measured if known == network), None)
        if values is None:
            values = _measure(variant)
            measured.append((network, values))
        found[variant.identifier] = values
    return found


def _measure(variant: Variant) -> dict:
    model = load_model(variant.base, weights=None, named=variant.identifier, device="cpu", **variant.shape)
    stand_in.fill(model.activations_model.network)
    with tempfile.TemporaryDirectory() as folder:
        return stand_in.measure(model, Path(folder))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
