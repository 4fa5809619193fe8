"""The command line, brainscore-cornet; large libraries are imported only when they are needed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import cache
from typing import Annotated, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from . import (
    cornet_commands,
    data_commands,
    feature_commands,
    scoring_commands,
    submission_commands,
    training_commands,
    weight_commands,
)
from .options import Json, print_table
from .printing import exit_code, say

app = typer.Typer(
    help="CORnet-Z, -R, -RT and -S as models of the primate ventral stream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(weight_commands.app, name="weights")
app.add_typer(scoring_commands.app)
app.add_typer(data_commands.app)
app.add_typer(feature_commands.app)
app.add_typer(cornet_commands.app)
app.add_typer(training_commands.app)
app.add_typer(submission_commands.app)


@cache
def command_line() -> TyperGroup:
    """Return the command line with all its commands."""
    return cast(TyperGroup, get_command(app))


def main() -> None:
    """Run the command line, and end with its exit code."""
    sys.exit(exit_code(command_line(), sys.argv[1:]))


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"brainscore_cornet {version('brainscore_cornet')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def models(as_json: Json = False) -> None:
    """List the models with their regions, layers and time steps.

    Time bins of the time steps are in ms after stimulus onset.
    """
    from ..cornet.commitments import COMMITMENTS

    if as_json:
        say(json.dumps([asdict(commitment) for commitment in COMMITMENTS.values()], indent=2))
        return
    rows = [("model", "region", "layer", "steps", "time bins in ms (time step: start-end)")]
    for commitment in COMMITMENTS.values():
        for region, layer in commitment.layers.items():
            bins = commitment.time_bins[region].items()
            rows.append(
                (
                    commitment.identifier,
                    region,
                    layer,
                    str(commitment.time_steps[region]),
                    "  ".join(f"{step}: {start}-{end}" for step, (start, end) in bins),
                )
            )
    print_table(rows)
    say(
        "\nEvery model has the readout layer decoder.avgpool, 8 visual degrees and images of 224 px. For a requested "
        "time bin,\nthe committed bin with the nearest start is used. '_untrained' models keep their initialization."
    )


@app.command()
def link() -> None:
    """Link the plugins of an editable installation for Brain-Score.

    Brain-Score finds plugins in the folders of brainscore_vision, where such an installation puts none.
    """
    from .. import plugin_links

    made = plugin_links.link()
    for path in made:
        say(f"{path} -> {plugin_links.source_folder(path.parent.name)}")
    if not made:
        say("Nothing to do: brainscore_vision finds this package's models, benchmarks and data.")


@app.command()
def unlink() -> None:
    """Remove the links that `link` made."""
    from .. import plugin_links

    removed = plugin_links.unlink()
    for path in removed:
        say(f"Removed {path}")
    if not removed:
        say("Nothing to do: there are no links.")
