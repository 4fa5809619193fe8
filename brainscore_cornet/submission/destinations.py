"""Where a submission is written, checked without a large library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import plugin_links
from ..cornet.errors import UserError
from ..cornet.writing import output_path


def zip_paths(folder: Path, identifiers: Sequence[str], *, overwrite: bool) -> dict[str, Path]:
    """Return identifier -> its zip; raises `UserError` if two are the same or one exists that may not be replaced."""
    folder = output_path(folder, "a folder")
    targets = {identifier: folder / f"{identifier}.zip" for identifier in identifiers}
    if len(targets) < len(identifiers):
        raise UserError("Two models would have one identifier.")
    for target in targets.values():
        if target.exists() and not overwrite:
            raise UserError(f"{target} is there already: name another folder, or add --overwrite.")
    return targets


def folder_in_clone(clone: Path, *, overwrite: bool) -> Path:
    """Return the plugin's folder in a clone of brain-score/vision.

    Raises
    ------
    UserError
        If `clone` is not such a clone, or has a folder of this plugin that may not be replaced.
    """
    models = Path(clone).expanduser() / "brainscore_vision" / "models"
    if not (models / "__init__.py").is_file():
        raise UserError(
            f"{clone} is no clone of Brain-Score's repository: expected {models}. Make one with "
            "git clone https://github.com/brain-score/vision"
        )
    target = models / plugin_links.NAME
    if target.exists() and not overwrite:
        raise UserError(f"{target} is there already: add --overwrite to replace it.")
    return target
