"""Rules for weights: everybody must be able to download them, and they must be the ones that were meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..commitments import COMMITMENTS
from ..errors import UserError
from ..weights import RELEASED, locate
from .finding import Finding
from .layout import Plugin

_LOOKS_LIKE_WEIGHTS = re.compile(r"https?://\S+\.(?:pth|pt|ckpt|tar|gz|zip|bin|safetensors|h5|npz|pkl|onnx)(?:\?\S*)?$")
_TIMEOUT = 20  # s


def check_weights(plugin: Plugin) -> Iterator[Finding]:
    """Ask for every file of weights that the plugin names, and compare hashes where it states one."""
    for where, url, sha256 in _named(plugin):
        if (finding := _unreachable(where, url)) is not None:
            yield finding
        elif sha256 is not None:
            try:
                locate(url, sha256)
            except UserError as error:
                yield Finding("weights-hash", where, f"{url}: {error}", "Upload the right file, or submit anew.")


def models_of(plugin: Plugin) -> dict[str, dict] | None:
    """Identifier -> base and options, of a plugin that this package wrote; None for others."""
    try:
        tree = ast.parse(plugin.text("model.py") or "")
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "MODELS":
                models = ast.literal_eval(node.value)
                if all(each["base"] in COMMITMENTS for each in models.values()):
                    return models
    except (SyntaxError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


def _named(plugin: Plugin) -> list[tuple[str, str, str | None]]:
    """(where, URL, SHA-256) of what looks like weights."""
    if (models := models_of(plugin)) is not None:
        released = {model["base"] for model in models.values() if "weights" not in model}
        return [
            *(
                ("model.py", model["weights"], model.get("weights_sha256"))
                for model in models.values()
                if "weights" in model
            ),
            *(("model.py", RELEASED[name].urls[0], None) for name in sorted(released) if name in RELEASED),
        ]
    found = []
    for name in plugin.files:
        try:
            tree = ast.parse(plugin.text(name) or "") if name.endswith(".py") else None
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _LOOKS_LIKE_WEIGHTS.match(node.value):
                found.append((f"{name}, line {node.lineno}", node.value, None))
    return list(dict.fromkeys(found))


def _unreachable(where: str, url: str) -> Finding | None:
    import requests

    try:
        # not HEAD, which some stores of files refuse
        with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
            if response.ok:
                return None
            answer = f"{response.status_code} {response.reason}"
    except (requests.ConnectionError, requests.Timeout):
        return Finding(
            "weights-unchecked",
            where,
            f"{url} could not be asked for: there is no connection.",
            "Check again where there is a network.",
            fatal=False,
        )
    except requests.RequestException as error:
        answer = f"an error ({error})"
    return Finding(
        "weights-unreachable",
        where,
        f"{url} answers {answer} to who is not logged in.",
        "Make the file public, and name the address of the file itself.",
    )
