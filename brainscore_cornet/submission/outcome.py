"""What the rules and the trial find in a submission; without a trial, no large library is imported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .rules.check import check_zip
from .rules.finding import Finding
from .rules.layout import Plugin
from .rules.reachable import models_of
from .rules.registrations import identifiers

if TYPE_CHECKING:
    from .trial import Step
    from .variant import Variant

Say = Callable[[str], None]


@dataclass(frozen=True)
class SubmissionOutcome:
    """The result of a submission: the written or checked path, broken rules, and the steps of its trial."""

    path: Path
    findings: Sequence[Finding]
    steps: Sequence[Step] = ()
    identifiers: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        return not any(finding.fatal for finding in self.findings) and all(step.passed for step in self.steps)


def check(
    path: Path,
    *,
    run: bool = False,
    online: bool = True,
    variants: Sequence[Variant] = (),
    say: Say = lambda text: None,
) -> SubmissionOutcome:
    """Check any zip for the website by every rule and, if it passes, optionally run it.

    A run executes the zip's code.
    """
    findings, plugin = check_zip(path, online=online, downloaded=downloaded_files(variants))
    names = [] if plugin is None else identifiers(plugin)
    if not run or plugin is None or any(finding.fatal for finding in findings):
        return SubmissionOutcome(path, findings, (), names)
    return SubmissionOutcome(path, findings, try_models(plugin, names, variants, say), names)


def downloaded_files(variants: Sequence[Variant]) -> dict[str, Path]:
    """Return URL -> file of the variants' weights that have just been downloaded."""
    return {
        variant.weights_url: variant.file
        for variant in variants
        if variant.downloaded and variant.weights_url is not None and variant.file is not None
    }


def try_models(plugin: Plugin, names: Sequence[str], variants: Sequence[Variant], say: Say) -> list[Step]:
    """Run a plugin's models in a copy of brainscore_vision, and return the steps up to the first that fails."""
    from .trial import Model, run_trial

    written = models_of(plugin) or {}
    files = {variant.identifier: variant.file for variant in variants}
    models = []
    for name in names:
        options = dict(written.get(name, {}))
        base = options.pop("base", None)
        models.append(Model(name, base, options if base else None, files.get(name)))
    with tempfile.TemporaryDirectory() as workspace:
        return run_trial(plugin, models, Path(workspace), say)
