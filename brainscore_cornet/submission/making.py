"""Writing of submissions: a zip for the website, or a folder in a clone of Brain-Score's repository."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import plugin_links
from ..cornet.writing import move, output_path, part_of, writing
from ..scoring import catalogue
from .destinations import folder_in_clone, zip_paths
from .metadata import metadata
from .outcome import Say, SubmissionOutcome, check, downloaded_files, try_models
from .plugin import write_plugin
from .rules.archive import write_zip
from .rules.check import check_folder
from .rules.finding import Finding
from .rules.registrations import identifiers
from .variant import REGISTERED, Variant

_ROOT = "submission"  # the one folder at the top of a zip


def submit(
    variants: Sequence[Variant],
    folder: Path,
    *,
    run: bool = True,
    online: bool = True,
    overwrite: bool = False,
    say: Say = lambda text: None,
) -> list[SubmissionOutcome]:
    """Write a zip for the website for each variant, check it, and run it as Brain-Score will.

    A zip that does not pass is not written.

    Parameters
    ----------
    run
        Whether each is unpacked into a copy of brainscore_vision, tested and scored there.
    online
        Whether weights are requested from their addresses.

    Raises
    ------
    UserError
        If a zip cannot be written or exists already.
    """
    folder = output_path(folder, "a folder")
    targets = zip_paths(folder, [variant.identifier for variant in variants], overwrite=overwrite)
    outcomes = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for variant in variants:
            target = targets[variant.identifier]
            with tempfile.TemporaryDirectory() as workspace:
                say(f"Writing {variant.identifier}")
                plugin = Path(workspace) / _ROOT / "models" / variant.folder_name
                plugin.mkdir(parents=True)
                write_plugin(plugin, [variant])
                part = part_of(target)
                try:
                    write_zip(part, Path(workspace) / _ROOT)
                    checked = check(part, run=run, online=online, variants=[variant], say=say)
                    if checked.passed:
                        move(part, target)
                finally:
                    part.unlink(missing_ok=True)
            outcomes.append(SubmissionOutcome(target, checked.findings, checked.steps, [variant.identifier]))
    return outcomes


def pull_request(
    clone: Path,
    variants: Sequence[Variant] = REGISTERED,
    *,
    run: bool = True,
    online: bool = True,
    overwrite: bool = False,
    say: Say = lambda text: None,
) -> SubmissionOutcome:
    """Write one plugin folder with all variants and its metadata.yaml into a clone of brain-score/vision.

    A folder that does not pass is removed.

    Raises
    ------
    UserError
        If `clone` is not such a clone or cannot be written, or has a folder of this plugin already.
    """
    target = folder_in_clone(clone, overwrite=overwrite)
    models = target.parent
    taken = {name: folder for name, folder in catalogue.read_folders(models, "models").items() if folder != target.name}
    with writing(target), tempfile.TemporaryDirectory() as workspace:
        folder = Path(workspace) / plugin_links.NAME
        folder.mkdir()
        say(f"Writing {', '.join(variant.identifier for variant in variants)}")
        write_plugin(folder, variants)
        (folder / "metadata.yaml").write_text(metadata(variants), encoding="utf-8")
        findings, plugin = check_folder(folder, taken, online=online, downloaded=downloaded_files(variants))
        if any(variant.weights_url for variant in variants):
            remedy = "Add creators, organizations, training and data, and check the licence."
            findings.append(Finding("metadata-yours", "metadata.yaml", "Only you know who trained it.", remedy, False))
        names = identifiers(plugin)
        outcome = SubmissionOutcome(target, findings, (), names)
        if outcome.passed and run:
            outcome = SubmissionOutcome(target, findings, try_models(plugin, names, variants, say), names)
        if outcome.passed:
            part, old = part_of(target), target.with_name(f".{target.name}.old")
            for left in (part, old):
                shutil.rmtree(left, ignore_errors=True)
            shutil.copytree(folder, part)
            if target.exists():
                target.rename(old)
            move(part, target)
            shutil.rmtree(old, ignore_errors=True)
    return outcome
