"""The commands `score`, `benchmarks`, `report` and `cache`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .. import plugin_links
from ..cornet.errors import UserError
from ..cornet.names import counted
from ..cornet.progress_line import showing
from .options import (
    Background,
    BatchSize,
    CommitmentFile,
    Device,
    ImageSize,
    Json,
    Layers,
    Precision,
    Resize,
    Scheduler,
    TimeMapping,
    Times,
    TlsCa,
    TlsCert,
    TlsKey,
    Weights,
    commitment_options,
    parse_times,
    parse_weights,
    print_table,
    tls_files,
)
from .printed_scores import ResultLines, print_failures, print_scores
from .printing import say

app = typer.Typer()

CacheFolder = Annotated[Path | None, typer.Option(help="Folder for activations.", show_default="~/.result_caching")]


@app.command()
def score(
    model: Annotated[
        list[str],
        typer.Argument(help="Identifiers such as cornet_s, or checkpoints: mine.pth, my_name:cornet_rt=mine.pth."),
    ],
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark",
            "-b",
            help="Identifier, group (offline, marques2020, public, V1…) or file of your own (it.toml); repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Results folder; scores in it are not computed again.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Repeat jobs that failed before.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Time limit in s for each model on each benchmark.")] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="Memory limit for each, such as 8GB.", show_default="nine tenths of the free memory"),
    ] = None,
    stock_metrics: Annotated[
        bool, typer.Option("--stock-metrics", help="Let Brain-Score compute all metrics, in its slower way.")
    ] = False,
    check_metrics: Annotated[
        bool, typer.Option("--check-metrics", help="Compute metrics in both ways; fail where they differ by 1e-5.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Score in that many processes at once.")] = None,
    scheduler: Scheduler = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    slurm: Annotated[bool, typer.Option("--slurm", help="Score in SLURM jobs, --workers of them.")] = False,
    weights: Weights = "released",
    times: Times = None,
    time_mapping: TimeMapping = None,
    layers: Layers = None,
    resize: Resize = None,
    background: Background = None,
    commitment: CommitmentFile = None,
    image_size: ImageSize = None,
    device: Device = None,
    batch_size: BatchSize = None,
    precision: Precision = "fp32",
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Score models with Brain-Score.

    Without a benchmark, they are scored on those that need no download.
    """
    memory_gb, metrics, steps = _gigabytes(memory), _metrics(stock_metrics, check_metrics), parse_times(times)
    extra = commitment_options(commitment, layers, time_mapping)
    from ..scoring.catalogue import check_no_benchmark

    check_no_benchmark(model)
    # otherwise Brain-Score runs pip for a plugin's requirements, silently and each time, even without a network
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    plugin_links.require()
    with showing(f"Loading Brain-Score and {', '.join(model)}"):
        from ..scoring import EMBEDDED, score_models

        table = score_models(
            model,
            benchmark or EMBEDDED,
            output=output,
            retry_failed=retry_failed,
            timeout=timeout,
            memory_gb=memory_gb,
            metrics=metrics,
            workers=workers,
            scheduler=scheduler,
            tls=tls_files(tls_ca, tls_cert, tls_key),
            slurm=slurm,
            cache=cache,
            on_result=ResultLines(),
            weights=parse_weights(weights),
            times=steps,
            **extra,
            image_size=image_size,
            device=device,
            batch_size=batch_size,
            precision=precision,
            resize=resize,
            background=background,
        )
    from ..scoring.results import SCORED

    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    if as_json:
        say(json.dumps(rows, indent=2))
    elif any(row["status"] == SCORED for row in rows):
        print_scores([row for row in rows if row["status"] == SCORED])
    failures = [row for row in rows if row["status"] != SCORED]
    print_failures(failures, output)
    if failures:
        raise typer.Exit(1)


def _metrics(is_stock: bool, is_checked: bool) -> str:
    if is_stock and is_checked:
        raise UserError("Give --stock-metrics or --check-metrics: the check computes both.")
    return "stock" if is_stock else "checked" if is_checked else "exact"


@app.command()
def benchmarks(
    group: Annotated[
        list[str] | None,
        typer.Argument(help="offline, public, private, marques2020, V1, V2, V4, IT, behavioral, engineering."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List brainscore_vision's benchmarks and their requirements.

    With several groups, it lists those that are in all of them.
    """
    with showing("Reading Brain-Score's metadata"):
        from ..scoring import catalogue

        listed = catalogue.of_groups(group or [])
        needs = {each.benchmark: each.requirements() for each in listed}
    if as_json:
        say(json.dumps([{**asdict(each), **asdict(needs[each.benchmark])} for each in listed], indent=2))
        return
    rows = [("benchmark", "region", "kind", "images", "data", "other requirements")]
    for each in listed:
        images = "-" if each.images is None else str(each.images)
        rows.append(
            (
                each.benchmark,
                each.region or "-",
                each.kind or "-",
                images,
                each.needs,
                _requirements(needs[each.benchmark]),
            )
        )
    print_table(rows)
    say(
        f"\n{counted(len(listed), 'benchmark')}, from Brain-Score's metadata. 'offline' needs no download; public data "
        "are downloaded\nat first use; private data need Brain-Score's AWS credentials. Packages are those that are "
        "not installed;\nmemory is an estimate for CORnet-S, if it is known and at least 1 GB. `score -b` "
        "accepts groups, too."
    )


def _requirements(requirements) -> str:
    """Return a benchmark's requirements besides its data as text, or a dash."""
    memory = f"{requirements.memory_gb:.0f} GB" if (requirements.memory_gb or 0) >= 1 else None
    packages = [f"package {name}" for name in requirements.missing_packages]
    return ", ".join(filter(None, [*packages, "a GPU" if requirements.gpu else None, memory])) or "-"


@app.command()
def report(
    folder: Annotated[list[Path], typer.Argument(help="Folders that `score -o` wrote, and `map` and `compare`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page to write; or its charts alone: .pdf, .svg, .png.")
    ] = Path("report.html"),
) -> None:
    """Write one page of all scores in results folders.

    Any browser opens the page without a network. Its charts alone can be written as a figure, too.
    """
    from ..charts import ENDINGS, check_packages
    from ..early_paths import new_file
    from ..scoring.results import is_results_folder, read_table

    if output.suffix.lower() not in (".html", ".htm", *ENDINGS):
        figures = ", ".join(ENDINGS)
        raise UserError(f"Expected a page that ends in .html, or a figure ({figures}), received {output}.")
    new_file(output, "the report")
    check_packages()
    for each in folder:
        if not each.is_dir():
            read_table(each)  # raises what is wrong, before large packages are imported
    with showing(f"Writing {output}"):
        import pandas as pd

        from ..report import has_own_data, read_own_data, write_report

        scored = [each for each in folder if is_results_folder(each) or not has_own_data(each)]
        tables = [read_table(each) for each in scored or folder]
        rows = pd.concat(tables, ignore_index=True).drop_duplicates()
        write_report(rows, output, own_data=read_own_data(folder))
    say(output)


@app.command("cache")
def cache_command(
    clear: Annotated[
        list[str] | None, typer.Option(help="activations, brainscore, stimuli or downloads; repeatable.")
    ] = None,
) -> None:
    """List, or --clear, the caches on this machine."""
    from . import kept_files

    if clear:
        for name, freed in kept_files.clear(clear).items():
            say(f"{name}: {_size(freed)} freed")
        return
    rows = [("name", "size", "limit", "folder", "holds", "moved by")]
    for each in kept_files.caches().values():
        limit = "-" if each.limit_gb is None else _size(each.limit_gb * 1e9)
        rows.append((each.name, _size(each.size()), limit, str(each.root), each.holds, each.moved_by))
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
