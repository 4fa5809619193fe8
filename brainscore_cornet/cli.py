"""The command line, brainscore-cornet. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from . import cli_features, cli_weights
from .cli_parts import Json, Weights, parse_times, parse_weights, print_table
from .errors import UserError

app = typer.Typer(
    help="CORnet-Z, -R, -RT and -S as models of the primate ventral stream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_weights.app, name="weights")
app.add_typer(cli_features.app)


def main() -> None:
    """Run the command line; what a person can mend is shown in one line, without a traceback."""
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, to their authors
    warnings.showwarning = lambda message, *_: print(f"Warning: {message}", file=sys.stderr)
    try:
        app()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"brainscore_cornet {version('brainscore_cornet')}")
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
    """The models: regions, layers, time steps and their time bins in ms after stimulus onset."""
    from .commitments import COMMITMENTS

    if as_json:
        print(json.dumps([asdict(commitment) for commitment in COMMITMENTS.values()], indent=2))
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
    print(
        "\nEvery model reads behaviour out from decoder.avgpool, sees 8 degrees and images of 224 px. A requested time "
        "bin is\nanswered by the committed bin of the nearest start. '_untrained' models keep their initialization."
    )


@app.command()
def score(
    model: Annotated[list[str], typer.Argument(help="Identifiers, such as cornet_s or cornet_s_untrained.")],
    benchmark: Annotated[
        list[str] | None, typer.Option("--benchmark", "-b", help="Brain-Score's identifier; repeatable.")
    ] = None,
    weights: Weights = "released",
    times: Annotated[
        str | None, typer.Option(help="Time steps: 10 for R and RT, V2=2,V4=4,IT=2 for S.", show_default="released")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda:1.", show_default="the best there is")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at a time.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads that prepare images.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, or bf16: faster on some machines, less exact.")] = "fp32",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep the scores: .csv or .json.")] = None,
    as_json: Json = False,
) -> None:
    """Score models with Brain-Score; without a benchmark, on those that need no download."""
    from .scoring import EMBEDDED, check_output, save_results, score_models

    # Brain-Score would run pip for a plugin's requirements, silently and each time, also without a network
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    if output is not None:
        check_output(output)
    results, failure = [], None
    scored = score_models(
        model,
        benchmark or EMBEDDED,
        weights=parse_weights(weights),
        times=parse_times(times),
        device=device,
        batch_size=batch_size,
        workers=workers,
        precision=precision,
    )
    try:
        for result in scored:
            results.append(result)
            print(f"{result.model} on {result.benchmark}: {result.score:.3f} ({result.seconds} s)", file=sys.stderr)
            if output is not None:
                save_results(results, output)
    except UserError as error:
        if not results:
            raise
        failure = error  # after what was scored has been shown
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))
    else:
        _print_scores(results)
    if failure is not None:
        raise failure


def _print_scores(results: list) -> None:
    print()
    print_table(
        [
            ("model", "benchmark", "score", "error", "ceiling", "region", "time bins (ms)", "layer", "seconds"),
            *(
                (
                    result.model,
                    result.benchmark,
                    *(_rounded(value) for value in (result.score, result.error, result.ceiling)),
                    *(value or "-" for value in (result.region, result.time_bins, result.layer)),
                    str(result.seconds),
                )
                for result in results
            ),
        ]
    )
    for note in dict.fromkeys(result.note for result in results if result.note):
        print(f"\nNote: {note}.")


@app.command()
def link() -> None:
    """Show brainscore_vision the way to our plugins after an editable installation."""
    from . import doors

    made = doors.link()
    for path in made:
        print(f"{path} -> {doors.room(path.parent.name)}")
    if not made:
        print("Nothing to do: brainscore_vision finds our models, benchmarks and data.")


@app.command()
def unlink() -> None:
    """Take away the links that `link` made."""
    from . import doors

    removed = doors.unlink()
    for path in removed:
        print(f"Removed {path}")
    if not removed:
        print("Nothing to do: there are no links of ours.")


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
