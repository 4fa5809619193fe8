"""The folders inside brainscore_vision through which it finds our plugins, for installations that lack them.

`pip install .` puts them there. An editable installation of this package or of brainscore_vision does not; then `link`
makes links in their place.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from .cornet.errors import UserError

KINDS = ("models", "benchmarks", "data")
NAME = "brainscore_cornet"


def door(kind: str) -> Path:
    """Where brainscore_vision looks for our plugins of one kind."""
    spec = importlib.util.find_spec("brainscore_vision")
    if spec is None or not spec.origin:
        raise UserError("brainscore_vision is not installed in this environment: pip install brainscore-vision")
    return Path(spec.origin).parent / kind / NAME


def room(kind: str) -> Path:
    """The folder of ours that a door leads to."""
    return Path(__file__).parent / "plugins" / kind


def missing() -> list[str]:
    return [kind for kind in KINDS if not (door(kind) / "__init__.py").is_file()]


def require() -> None:
    """`UserError` where Brain-Score would not find our plugins."""
    if absent := missing():
        raise UserError(
            f"brainscore_vision does not know our {' and '.join(absent)} yet, as after an editable installation. "
            "Run: brainscore-cornet link"
        )


def link() -> list[Path]:
    """Make the doors that are missing, and return them.

    A door is a folder of its own with links to our files in it: an installation over it then replaces the links, and
    does not write through one link into the folder that it leads to.
    """
    made = []
    for kind in missing():
        here = door(kind)
        try:
            if here.is_symlink():
                here.unlink()  # it leads nowhere
            elif here.is_dir():
                shutil.rmtree(here)  # left over from an uninstallation: it has no plugin in it
            here.mkdir()
            for file in room(kind).iterdir():
                if file.is_file():
                    (here / file.name).symlink_to(file)
        except OSError as error:
            raise UserError(
                f"Cannot make {here}: {error.strerror or error}. Is brainscore_vision's folder yours?"
            ) from error
        made.append(here)
    return made


def unlink() -> list[Path]:
    """Take away the doors that `link` made, and return them; what pip installed stays."""
    links = [door(kind) for kind in KINDS if (door(kind) / "__init__.py").is_symlink()]
    for here in links:
        shutil.rmtree(here)
    return links
