"""Rules for weights: they must be publicly available and have the stated hash."""

from __future__ import annotations

import ast
import ipaddress
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ...cornet.commitments import COMMITMENTS
from ...cornet.errors import UserError
from ...cornet.weights.download import download
from ...cornet.weights.released import RELEASED, file_hash, url_path
from .finding import Finding
from .layout import WEIGHTS, Plugin

_ENDINGS = "|".join(re.escape(ending[1:]) for ending in (*WEIGHTS, ".gz", ".zip", ".pkl", ".onnx"))
_LOOKS_LIKE_WEIGHTS = re.compile(rf"https?://\S+\.(?:{_ENDINGS})(?:\?\S*)?$")
_ON_A_DISK = re.compile(r"(?:/(?:home|Users|root|mnt|media|data|scratch)/|~/|[A-Za-z]:[\\/])\S.*")
# addresses of pages, which people copy instead of the file's own address
_PAGES = (
    r"drive\.google\.com/(file|open)",
    r"github\.com/[^/]+/[^/]+/blob/",
    r"huggingface\.co/\S+/blob/",
    r"dropbox\.com/\S*[?&]dl=0",
    r"zenodo\.org/records?/\d+/?$",
    r"osf\.io/[a-z0-9]{5}/?$",
)
_TIMEOUT = 20  # s
_MAX_ADDRESS = 2_000  # characters of a text that may be an address


def check_weights(plugin: Plugin, *, online: bool, downloaded: Mapping[str, Path]) -> Iterator[Finding]:
    """Request every weight file that the plugin names, and compare the hash if it states one.

    Parameters
    ----------
    downloaded
        URL -> file that has just been downloaded. Older copies may differ from the file that the address serves now.
    """
    yield from _on_a_disk(plugin)
    for where, url, sha256 in _named(plugin):
        if (finding := _wrong_address(where, url)) is not None:
            yield finding
        elif not online:
            yield _unchecked(where, url, "it was not requested")
        elif (finding := _unreachable(where, url)) is not None:
            yield finding
        elif sha256 is not None and (problem := _differs(url, sha256, downloaded.get(url))):
            yield Finding("weights-hash", where, f"{url}: {problem}.", "Upload the right file, or submit again.")


def fetch_now(url: str) -> Path:
    """Download the file that a URL serves now, replacing an older copy, and return its path."""
    return download((url,), url_path(url), check=lambda part: None, is_complete=lambda path: False)


def models_of(plugin: Plugin) -> dict[str, dict] | None:
    """Return identifier -> base and options of a plugin that this package wrote, None for others."""
    tree = plugin.tree("variants.py")
    try:
        for node in tree.body if tree else ():
            if isinstance(node, ast.AnnAssign) and node.value and getattr(node.target, "id", None) == "MODELS":
                models = ast.literal_eval(node.value)
                if all(each["base"] in COMMITMENTS for each in models.values()):
                    return models
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError):
        pass
    return None


def _named(plugin: Plugin) -> list[tuple[str, str, str | None]]:
    """Yield (place, URL, SHA-256) of each address that looks like weights."""
    if (models := models_of(plugin)) is not None:
        own = [(model["weights"], model.get("weights_sha256")) for model in models.values() if "weights" in model]
        released = {model["base"] for model in models.values() if "weights" not in model}
        urls = [(RELEASED[name].urls[0], None) for name in sorted(released) if name in RELEASED]
        return [("variants.py", url, sha256) for url, sha256 in dict.fromkeys([*own, *urls])]
    found = [(where, text, None) for where, text in _texts(plugin) if _LOOKS_LIKE_WEIGHTS.match(text)]
    return list(dict.fromkeys(found))


def _on_a_disk(plugin: Plugin) -> Iterator[Finding]:
    for where, text in _texts(plugin):
        is_weights = text.endswith(WEIGHTS)
        if _ON_A_DISK.fullmatch(text) and (is_weights or not text.startswith("~")):  # a home folder everybody has
            yield Finding(
                "path-on-your-disk",
                where,
                f"{text} is not there at Brain-Score.",
                "Download it from an address that is public." if is_weights else "Is it needed?",
                fatal=is_weights,
            )


def _texts(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all texts in the code."""
    for name, tree in plugin.trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= _MAX_ADDRESS:
                yield f"{name}, line {node.lineno}", node.value


def _wrong_address(where: str, url: str) -> Finding | None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError as error:  # such as brackets that are not closed
        return Finding("weights-address", where, f"{url} is no address ({error}).", "Correct it.")
    try:
        private = not ipaddress.ip_address(host).is_global
    except ValueError:
        private = "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost"))
    if private:
        return Finding(
            "weights-private",
            where,
            f"{url} can be reached from your network only.",
            "Put the file on a public server.",
        )
    if any(re.search(page, url) for page in _PAGES):
        return Finding(
            "weights-page",
            where,
            f"{url} is a page about the file.",
            "Name the address that downloads the file itself.",
        )
    return None


def _unreachable(where: str, url: str) -> Finding | None:
    import requests

    try:
        # not HEAD, which some file servers refuse
        with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
            if response.ok:
                return None
            answer = f"{response.status_code} {response.reason}"
    except (requests.ConnectionError, requests.Timeout):
        return _unchecked(where, url, "there is no connection")
    except requests.RequestException as error:
        answer = f"an error ({error})"
    return Finding(
        "weights-unreachable",
        where,
        f"{url} answers {answer} to who is not logged in.",
        "Make the file public, and name the address of the file itself.",
    )


def _unchecked(where: str, url: str, why: str) -> Finding:
    remedy = "Check again where there is a network."
    return Finding(
        "weights-unchecked", where, f"Not known whether {url} can be downloaded: {why}.", remedy, fatal=False
    )


def _differs(url: str, sha256: str, downloaded: Path | None) -> str | None:
    """Return how the file at the URL differs from the submitted one, None if it does not."""
    try:
        if downloaded is not None:
            found = file_hash(downloaded)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / url_path(url).name
                found = file_hash(download((url,), path, check=lambda part: None))
    except UserError as error:
        return str(error).rstrip(".")
    return None if found == sha256 else f"expected the SHA-256 {sha256}, it gives a file with {found}"
