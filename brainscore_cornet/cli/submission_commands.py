"""The command `brainscore-cornet submit`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.early_options import check_options
from ..cornet.errors import UserError
from ..cornet.progress_line import Work, report, showing
from ..submission.destinations import folder_in_clone, zip_paths
from ..submission.request import check_weights, checked_identifier
from .options import (
    Background,
    CommitmentFile,
    ImageSize,
    Json,
    Layers,
    Resize,
    TimeMapping,
    Times,
    commitment_options,
    parse_times,
)
from .printing import say

app = typer.Typer()


@app.command()
def submit(
    model: Annotated[
        list[str] | None, typer.Argument(help="Such as cornet_s; each gets a zip of its own.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the zips.")] = None,
    pull_request: Annotated[
        Path | None, typer.Option(help="A clone of brain-score/vision, to write one folder with all models into.")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="A zip to check, also another tool's.")] = None,
    identifier: Annotated[
        str | None, typer.Option(help="Name on the leaderboard.", show_default="the model's own")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Your weight file on this machine.")] = None,
    weights_url: Annotated[str | None, typer.Option(help="Public address of the weights.")] = None,
    weights_sha256: Annotated[
        str | None, typer.Option(help="SHA-256 of the weights.", show_default="that of --weights")
    ] = None,
    times: Times = None,
    time_mapping: TimeMapping = None,
    layers: Layers = None,
    commitment: CommitmentFile = None,
    image_size: ImageSize = None,
    resize: Resize = None,
    background: Background = None,
    run: Annotated[
        bool | None,
        typer.Option("--run/--no-run", help="Run it in a copy of brainscore_vision.", show_default="not with --check"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not request the weights from their address.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    as_json: Json = False,
) -> None:
    """Make, check and try a submission to brain-score.org.

    It is checked against every rule, and run in a copy of brainscore_vision as Brain-Score will run it.
    """
    # batch systems send it before they kill a job; without a handler, temporary files would remain
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if sum(each is not None for each in (output, pull_request, check)) != 1:
        raise UserError("Name one of --output (zips for the website), --pull-request (a clone) and --check (a zip).")
    options = {
        "identifier": identifier,
        "weights": weights,
        "weights_url": weights_url,
        "weights_sha256": weights_sha256,
        "times": parse_times(times),
        **commitment_options(commitment, layers, time_mapping),
        "image_size": image_size,
        "resize": resize,
        "background": background,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if options and (check is not None or len(model or ()) != 1):
        raise UserError(f"--{next(iter(options)).replace('_', '-')} is for one model: name it, and no zip to check.")
    identifiers = []
    for name in dict.fromkeys(model or ()):
        given = ("times", "image_size", "resize", "background")
        check_options(name, weights=weights, **{each: options[each] for each in given if each in options})
        check_weights(name, weights, weights_url)
        identifiers.append(checked_identifier(identifier, name, has_options=bool(options)))
    if output is not None:
        zip_paths(output, identifiers, overwrite=overwrite)
    if pull_request is not None:
        folder_in_clone(pull_request, overwrite=overwrite)
    if check is not None and not model and not check.expanduser().is_file():
        raise UserError(f"Expected a zip to check, {check} is not a file.")
    if check is None and not model and output is not None:
        raise UserError("Name a model to submit, such as cornet_s.")
    if check is not None and model:
        raise UserError(f"--check takes a zip and no model, received {', '.join(model)}.")
    # the rules of --check read a zip without running it, and need no large library
    with showing("Loading PyTorch and Brain-Score" if check is None else f"Checking {check}"):
        from .. import submission

        if check is not None:
            outcomes = [submission.check(check, run=bool(run), online=not offline, say=_say)]
        else:
            variants = [submission.make_variant(name, **options) for name in dict.fromkeys(model or ())]
            settings = {"run": run is not False, "online": not offline, "overwrite": overwrite, "say": _say}
            if output is not None:
                outcomes = submission.submit(variants, output, **settings)
            else:
                assert pull_request is not None  # one of the three was named
                outcomes = [submission.pull_request(pull_request, variants or submission.REGISTERED, **settings)]
    if check is not None and outcomes[0].passed and not run:
        _say(f"The zip's code was not run. To run it: brainscore-cornet submit --check {check} --run")
    if as_json:
        say(json.dumps([_as_json(outcome) for outcome in outcomes], indent=2))
    else:
        for outcome in outcomes:
            _print(outcome, written=check is None, clone=pull_request)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)


def _say(text: str) -> None:
    """Print a step, and show below it for how long it has been running."""
    say(text, err=True)
    report(Work(text))


def _print(outcome, *, written: bool, clone: Path | None) -> None:
    for finding in outcome.findings:
        say(f"{'Broken rule' if finding.fatal else 'Note'}: {finding}")
    for step in outcome.steps:  # those that passed were printed when they ended
        if not step.passed:
            say(f"{step}\n{step.tail}")
    if not outcome.passed:
        say(f"{outcome.path} {'was not written' if written else 'would not pass'}: see above.")
    elif clone is not None:
        say(f"{outcome.path}\nNext: read its metadata.yaml, and git -C {clone} add {_within(outcome.path, clone)}")
    elif written:
        size = outcome.path.stat().st_size
        say(f"{outcome.path} ({size / 1e3:.0f} kB) holds {', '.join(outcome.identifiers)}, and breaks no rule.")
    else:
        say(f"{outcome.path} holds {', '.join(outcome.identifiers)}, and breaks no rule.")


def _within(path: Path, clone: Path) -> Path:
    return path.relative_to(clone.expanduser())


def _as_json(outcome) -> dict:
    from dataclasses import asdict

    return {
        "path": str(outcome.path),
        "passed": outcome.passed,
        "identifiers": list(outcome.identifiers),
        "findings": [asdict(finding) for finding in outcome.findings],
        "steps": [asdict(step) for step in outcome.steps],
    }
