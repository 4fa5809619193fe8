"""The commands `score`, `benchmarks`, `report` and `cache`."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError
from .options import BatchSize, Device, Json, Precision, Weights, parse_times, parse_weights, print_table

app = typer.Typer()

CacheFolder = Annotated[Path | None, typer.Option(help="Folder for activations.", show_default="~/.result_caching")]


@app.command()
def score(
    model: Annotated[
        list[str], typer.Argument(help="Identifiers such as cornet_s, or checkpoints: mine.pth, cornet_rt=mine.pth.")
    ],
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark",
            "-b",
            help="Brain-Score's identifier or a group: offline, marques2020, public, V1…; repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder that keeps the scores; what is there is not repeated.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Score again what failed before.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds for each model on each benchmark.")] = None,
    memory: Annotated[
        str | None, typer.Option(help="For each, such as 8GB.", show_default="nine tenths of what is free")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Score in that many processes at once.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="A running Dask scheduler: tcp://host:8786.")] = None,
    slurm: Annotated[bool, typer.Option("--slurm", help="Score in SLURM jobs, --workers of them.")] = False,
    weights: Weights = "released",
    times: Annotated[
        str | None, typer.Option(help="Time steps: 10 for R and RT, V2=2,V4=4,IT=2 for S.", show_default="released")
    ] = None,
    device: Device = None,
    batch_size: BatchSize = None,
    precision: Precision = "fp32",
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Score models with Brain-Score; without a benchmark, on those that need no download."""
    from ..scoring import EMBEDDED, score_models
    from ..scoring.results import SCORED

    # Brain-Score would run pip for a plugin's requirements, silently and each time, also without a network
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    table = score_models(
        model,
        benchmark or EMBEDDED,
        output=output,
        retry_failed=retry_failed,
        timeout=timeout,
        memory_gb=_gigabytes(memory),
        workers=workers,
        scheduler=scheduler,
        slurm=slurm,
        cache=cache,
        on_result=_say,
        weights=parse_weights(weights),
        times=parse_times(times),
        device=device,
        batch_size=batch_size,
        precision=precision,
    )
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif any(row["status"] == SCORED for row in rows):
        _print_scores([row for row in rows if row["status"] == SCORED])
    failures: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] != SCORED:
            failures.setdefault(row["reason"], []).append(f"{row['model']} on {row['benchmark']}")
    for reason, which in failures.items():
        more = f" and {len(which) - 1} more" if len(which) > 1 else ""
        print(f"Error: {which[0]}{more}: {reason}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _say(row, number: int, count: int) -> None:
    # reasons are told whole, and once for all that share them, at the end
    what = f"{row.score:.3f}" if row.score is not None else f"{row.status}: {textwrap.shorten(row.reason, 100)}"
    seconds = "" if row.seconds is None else f" ({row.seconds:.1f} s)"
    print(f"[{number}/{count}] {row.model} on {row.benchmark}: {what}{seconds}", file=sys.stderr)


def _print_scores(rows: list[dict]) -> None:
    print()
    print_table(
        [
            ("model", "benchmark", "score", "error", "ceiling", "region", "time bins (ms)", "layer", "seconds"),
            *(
                (
                    row["model"],
                    row["benchmark"],
                    *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("score", "error", "ceiling")),
                    *(_short(row[name]) for name in ("region", "time_bins", "layer")),
                    f"{row['seconds'] or 0:.1f}",
                )
                for row in rows
            ),
        ]
    )
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        print(f"\nNote: {note}.")


def _short(text: str | None) -> str:
    bins = (text or "-").split()
    return text or "-" if len(bins) <= 2 else f"{bins[0]} … {bins[-1]}"


@app.command()
def benchmarks(
    group: Annotated[
        list[str] | None,
        typer.Argument(help="offline, public, private, marques2020, V1, V2, V4, IT, behavioral, engineering."),
    ] = None,
    as_json: Json = False,
) -> None:
    """The benchmarks that brainscore_vision has, and what each needs; of the groups named, those in all of them."""
    from ..scoring import catalogue

    listed = catalogue.of_groups(group or [])
    if as_json:
        print(json.dumps([{**asdict(each), **asdict(each.requirements())} for each in listed], indent=2))
        return
    rows = [("benchmark", "region", "kind", "images", "data", "needs besides")]
    for each in listed:
        images = "-" if each.images is None else str(each.images)
        rows.append(
            (each.benchmark, each.region or "-", each.kind or "-", images, each.needs, _besides(each.requirements()))
        )
    print_table(rows)
    print(
        f"\n{len(listed)} benchmarks, as Brain-Score's metadata have them. 'offline' needs nothing; what is public is "
        "downloaded\nat first use; what is private needs Brain-Score's AWS credentials. Packages are those that are "
        "not installed here;\nmemory is about what CORnet-S takes, where that is known and at least 1 GB. `score -b` "
        "takes groups, too."
    )


def _besides(requirements) -> str:
    """What a benchmark needs beside its data; a dash where nothing is known to be missing."""
    memory = f"{requirements.memory_gb:.0f} GB" if (requirements.memory_gb or 0) >= 1 else None
    packages = [f"package {name}" for name in requirements.missing_packages]
    return ", ".join(filter(None, [*packages, "a GPU" if requirements.gpu else None, memory])) or "-"


@app.command()
def report(
    folder: Annotated[list[Path], typer.Argument(help="Folders that `score -o` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
) -> None:
    """One page of all scores in folders of results, to be opened in any browser, without a network."""
    import pandas as pd

    from ..report import write_report
    from ..scoring import read_table

    if output.suffix not in (".html", ".htm"):
        raise UserError(f"Expected a page that ends in .html, received {output}.")
    tables = [read_table(each) for each in folder]
    write_report(pd.concat(tables, ignore_index=True).drop_duplicates(), output)
    print(output)


@app.command("cache")
def cache_command(
    clear: Annotated[
        list[str] | None, typer.Option(help="activations, brainscore, stimuli or downloads; repeatable.")
    ] = None,
) -> None:
    """What is kept on this machine to be used again, and how large it is; with --clear, take it away."""
    from . import kept_files

    if clear:
        for name, freed in kept_files.clear(clear).items():
            print(f"{name}: {_size(freed)} freed")
        return
    rows = [("name", "size", "limit", "folder", "holds", "moved by")]
    for place in kept_files.places().values():
        limit = "-" if place.limit_gb is None else _size(place.limit_gb * 1e9)
        rows.append((place.name, _size(place.size()), limit, str(place.root), place.holds, place.moved_by))
    print_table(rows)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _gigabytes(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if text.upper().endswith("MB"):
            return float(text[:-2]) / 1024
        return float(text.upper().removesuffix("GB"))
    except ValueError:
        raise UserError(f"Expected a memory such as 8GB or 500MB, received {text!r}.") from None
