"""Links to this package's plugins in brainscore_vision's folders, for editable installations.

Brain-Score finds plugins by reading folders inside its own installation. `pip install .` copies this package's plugins
there; an editable installation of this package or of brainscore_vision does not, so that `link` creates links.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from .cornet.errors import UserError

KINDS = ("models", "benchmarks", "data")
NAME = "brainscore_cornet"


def plugin_folder(kind: str) -> Path:
    """Return the folder in which brainscore_vision looks for this package's plugins of one kind (`models`, …)."""
    spec = importlib.util.find_spec("brainscore_vision")
    if spec is None or not spec.origin:
        raise UserError("brainscore_vision is not installed in this environment: pip install brainscore-vision")
    return Path(spec.origin).parent / kind / NAME


def source_folder(kind: str) -> Path:
    """Return the folder of this package's plugins of one kind."""
    return Path(__file__).parent / "plugins" / kind


def missing() -> list[str]:
    """Return the kinds of this package's plugins that Brain-Score does not find."""
    return [kind for kind in KINDS if not (plugin_folder(kind) / "__init__.py").is_file()]


def require() -> None:
    """Raise `UserError` if Brain-Score does not find this package's plugins."""
    if absent := missing():
        raise UserError(
            f"brainscore_vision does not know our {' and '.join(absent)} yet, as after an editable installation. "
            "Run: brainscore-cornet link"
        )


def link() -> list[Path]:
    """Create the missing plugin folders with links, and return them.

    Each is a real folder with a link for each file, so that a later installation replaces the links. Through a link to
    the whole folder, pip would write into the checkout.
    """
    made = []
    for kind in missing():
        here = plugin_folder(kind)
        try:
            if here.is_symlink():
                here.unlink()  # its target is gone
            elif here.is_dir():
                shutil.rmtree(here)  # left over from an uninstallation: it has no plugin in it
            here.mkdir()
            for file in source_folder(kind).iterdir():
                if file.is_file():
                    (here / file.name).symlink_to(file)
        except OSError as error:
            raise UserError(
                f"Cannot make {here}: {error.strerror or error}. Do you own brainscore_vision's folder?"
            ) from error
        made.append(here)
    return made


def unlink() -> list[Path]:
    """Remove the folders that `link` made, and return them; what pip installed stays."""
    links = [plugin_folder(kind) for kind in KINDS if (plugin_folder(kind) / "__init__.py").is_symlink()]
    for here in links:
        shutil.rmtree(here)
    return links
