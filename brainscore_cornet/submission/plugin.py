"""A plugin folder that stands alone: the model half of this package, and the few lines that Brain-Score asks for."""

from __future__ import annotations

import ast
import json
import pprint
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..cornet.brain_model import load_model
from . import stand_in
from .variant import Variant

PACKAGE = Path(__file__).parents[1]
HALF = "cornet"
"""The folder in a plugin that the model half goes into."""
_ENTRANCES = ("brain_model", "citations")  # what a plugin's model.py imports

_INIT = """\
\"\"\"{names} for Brain-Score, which reads these lines as text.

SPDX-License-Identifier: GPL-3.0-or-later
\"\"\"

from brainscore_vision import model_registry

from .model import get_model

{registrations}
"""

_MODEL = """\
\"\"\"{names}: what Brain-Score asks for, written by brainscore_cornet {version}.

SPDX-License-Identifier: GPL-3.0-or-later
\"\"\"

from .cornet.brain_model import load_model
from .cornet.citations import bibtex
from .cornet.commitments import get_commitment

# identifier -> which CORnet it is, and what `load_model` is told beside
MODELS = {models}


def base(identifier):
    return MODELS[identifier]["base"]


def options(identifier, **changed):
    return {{name: value for name, value in {{**MODELS[identifier], **changed}}.items() if name != "base"}}


def get_model_list():
    return list(MODELS)


def get_model(identifier):
    return load_model(base(identifier), named=identifier, **options(identifier))


def get_layers(identifier):
    commitment = get_commitment(base(identifier))
    return [*commitment.layers.values(), commitment.readout_layer]


def get_bibtex(identifier):
    return bibtex(get_commitment(base(identifier)).architecture)
"""

_HALF = """\
\"\"\"What the models need of the package brainscore_cornet {version}, unchanged: all CORnets and their commitments.

Nothing here has to be installed, and every submission brings the same files.
SPDX-License-Identifier: GPL-3.0-or-later
\"\"\"
"""


def write_plugin(folder: Path, variants: Sequence[Variant]) -> None:
    """Fill an empty folder with a plugin that registers the variants.

    What its own tests compare with (`golden.json`) is computed here, with this package and stand-in weights.
    """
    for name in model_half():
        target = folder / HALF / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / name, target)
    _write(folder / HALF / "__init__.py", _HALF.format(version=version("brainscore_cornet")))
    here = Path(__file__).parent
    shutil.copyfile(here / "stand_in.py", folder / "stand_in.py")
    shutil.copyfile(here / "plugin_test.py", folder / "test.py")
    names = ", ".join(variant.identifier for variant in variants)
    registrations = "\n".join(
        f"model_registry['{variant.identifier}'] = lambda: get_model('{variant.identifier}')" for variant in variants
    )
    models = {variant.identifier: {"base": variant.base, **variant.options} for variant in variants}
    shown = pprint.pformat(models, width=110, sort_dicts=False)
    _write(folder / "__init__.py", _INIT.format(names=names, registrations=registrations))
    _write(folder / "model.py", _MODEL.format(names=names, version=version("brainscore_cornet"), models=shown))
    measured: list[tuple[tuple, dict]] = []  # with stand-in weights, trained and untrained are one network
    golden = {}
    for variant in variants:
        network = (variant.commitment.architecture, variant.shape)
        found = next((values for known, values in measured if known == network), None) or _golden(variant)
        measured.append((network, found))
        golden[variant.identifier] = found
    _write(folder / "golden.json", json.dumps(golden) + "\n")


def model_half() -> list[str]:
    """The package's files that a model needs, as paths in the package: those that its imports lead to."""
    found: dict[str, None] = {}
    waiting = list(_ENTRANCES)
    while waiting:
        name = waiting.pop()
        path = PACKAGE / name.replace(".", "/")
        is_package = path.is_dir()
        file = path / "__init__.py" if is_package else path.with_suffix(".py")
        relative = file.relative_to(PACKAGE).as_posix()
        if relative in found:
            continue
        found[relative] = None
        waiting += _imported(file, name if is_package else name.rpartition(".")[0])
    return sorted(found)


def _imported(file: Path, package: str) -> list[str]:
    """Modules of ours that a file imports; `package` is the one that it is in, empty for the topmost."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parents = package.split(".") if package else []
            start = parents[: len(parents) - (node.level - 1)]
            if node.module:
                modules.append(".".join([*start, node.module]))
            else:
                modules += [".".join([*start, alias.name]) for alias in node.names]
    return [name for name in modules if name]


def _golden(variant: Variant) -> dict:
    model = load_model(variant.base, weights=None, named=variant.identifier, device="cpu", **variant.shape)
    stand_in.fill(model.activations_model.network)
    with tempfile.TemporaryDirectory() as folder:
        return stand_in.measure(model, Path(folder))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
