"""The commands `features` and `plot`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError
from ..cornet.progress_line import showing
from ..features.early_checks import ENDINGS
from .options import (
    Background,
    BatchSize,
    Device,
    ImageSize,
    Precision,
    Resize,
    Scheduler,
    TimeMapping,
    Times,
    TlsCa,
    TlsCert,
    TlsKey,
    Weights,
    parse_time_bins,
    parse_time_mapping,
    parse_times,
    parse_weights,
    tls_files,
)
from .printing import say

app = typer.Typer()
plots = typer.Typer()
app.add_typer(plots, name="plot")


@app.command()
def features(
    model: Annotated[str, typer.Argument(help="An identifier, such as cornet_s or cornet_s_untrained.")],
    images: Annotated[list[str], typer.Argument(help="Folders, patterns, images, lists, tables or arrays (a.h5:/x).")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"To write: {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer", "-l", help="Such as IT, IT.conv2, logits; repeatable.", show_default="regions, avgpool"
        ),
    ] = None,
    time_steps: Annotated[str, typer.Option(help="'all' steps that the image has reached, or a list: 0,1.")] = "all",
    time_bins: Annotated[
        str | None, typer.Option(help="Time bins in ms, instead of time steps: 70-170 170-270.")
    ] = None,
    pool: Annotated[bool, typer.Option("--pool", help="Average over space.")] = False,
    weights: Weights = "released",
    times: Times = None,
    time_mapping: TimeMapping = None,
    image_size: ImageSize = None,
    resize: Resize = None,
    background: Background = None,
    device: Device = None,
    batch_size: BatchSize = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that prepare images.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Extract in that many processes at once.")] = None,
    scheduler: Scheduler = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    slurm: Annotated[bool, typer.Option("--slurm", help="Extract in SLURM jobs, --workers of them.")] = False,
    precision: Precision = "fp32",
    on_error: Annotated[str, typer.Option(help="For unreadable images: 'fail', or 'skip' and list them.")] = "fail",
    allow_uninformative: Annotated[
        bool, typer.Option("--allow-uninformative", help="Include activity that is the same for every image.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")] = False,
    shard: Annotated[str | None, typer.Option(help="Part to compute: 3/16 is the third of sixteen.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="A figure of activity over time, and maps of the first images: .png, .pdf or .svg."),
    ] = None,
    rdm: Annotated[
        str | None,
        typer.Option(
            help="Write dissimilarities instead: correlation, euclidean or cosine; .nc, or .hdf5 for rsatoolbox."
        ),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Join the completed shards into the output.")] = False,
) -> None:
    """Write the activity of each layer at each time step for images.

    After an interruption, the same command resumes.
    """
    from ..cornet.early_options import check_options
    from ..cornet.writing import output_path
    from ..features.early_checks import bins_and_steps, check_picture, check_rdm_output, check_request, existing
    from ..parallel.dask_cluster import cluster_for

    if output is None and plot is None:
        raise UserError("Nothing to write: name an output (-o features.nc) or a figure (--plot activity.png).")
    if rdm is not None and (output is None or shard is not None or join):
        raise UserError("--rdm writes all images' dissimilarities at once: name an output, and no shards.")
    if rdm is not None and allow_uninformative:
        raise UserError("Activity that is the same for every image has no dissimilarities: give --rdm alone.")
    if time_bins is not None:  # further time bins, separated by spaces, are parsed as arguments
        further = [each for each in images if re.fullmatch(r"\d+-\d+", each) and not Path(each).exists()]
        images = [each for each in images if each not in further]
        time_bins = " ".join([time_bins, *further])
    bins = None if time_bins is None else parse_time_bins(time_bins)
    steps = time_steps if time_steps == "all" else _integers(time_steps)
    if bins is not None and steps != "all":
        raise bins_and_steps()
    options = {"times": parse_times(times), "batch_size": batch_size, "workers": threads}
    options |= {"time_mapping": parse_time_mapping(time_mapping)}
    tls = tls_files(tls_ca, tls_cert, tls_key)
    is_parallel = workers is not None or scheduler is not None or slurm or tls is not None
    if is_parallel and (output is None or rdm is not None or shard is not None or join):
        raise UserError(
            "Workers compute an output's shards and join them: name an output, and no --rdm, --shard, --join."
        )
    replaces = overwrite or join
    # the endings of dissimilarities are others
    features = None if rdm is not None else output
    shape = {"image_size": image_size, "resize": resize, "background": background}
    numbers = {"times": options["times"], "precision": precision, **shape}
    check_options(model, weights=parse_weights(weights), device=device, layers=layer, **numbers)
    cluster_for(scheduler, tls, slurm, workers)
    check_request(
        model,
        images,
        layer,
        features,
        on_error=on_error,
        shard=shard,
        replaces=replaces,
        pool=pool,
        bins=bins,
        weights=parse_weights(weights),
        options={**numbers, "time_mapping": options["time_mapping"]},
    )
    if output is not None and rdm is not None:
        check_rdm_output(output, rdm, overwrite)
    if plot is not None:
        check_picture(plot)
    with showing(f"Loading {model}"):
        from ..cornet.brain_model import load_model
        from ..features import extract_features
        from ..features.activity_figure import draw
        from ..features.dissimilarity_files import dissimilarities, write_rdms

        load = partial(
            load_model,
            model,
            weights=_found_anywhere(parse_weights(weights)),
            device=device,
            precision=precision,
            **shape,
            **{name: value for name, value in options.items() if value is not None},
        )
        extractors = None
        if is_parallel:
            from ..features.shard_workers import ShardWorkers

            extractors = ShardWorkers.of(workers, scheduler, tls, slurm, make=load)
        loaded = load()
        if output is not None and rdm is not None:
            found = dissimilarities(
                loaded,
                images,
                rdm,
                layers=layer,
                time_steps=steps,
                time_bins=bins,
                pool=pool,
                on_error=on_error,
            )
            write_rdms(found, output)
            say(output)
        elif output is not None:
            extract_features(
                loaded,
                images,
                layers=layer,
                time_steps=steps,
                time_bins=bins,
                pool=pool,
                output=output,
                on_error=on_error,
                allow_uninformative=allow_uninformative,
                overwrite=overwrite,
                shard=shard,
                join=join,
                parallel=extractors,
            )
            if shard is None:
                say("\n".join(map(str, existing(output_path(output, "an output file")))))
        if plot is not None:
            draw(loaded, images, plot, on_error=on_error)
            say(plot)


@plots.callback()
def plot() -> None:
    """Draw figures from files."""


@plots.command()
def timecourse(
    file: Annotated[Path, typer.Argument(help="A .nc file that `features` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The figure: .pdf, .svg or .png.")],
    width: Annotated[str, typer.Option(help="Width of the figure, such as 85mm, 8.5cm or 3.5in.")] = "85mm",
) -> None:
    """Draw each region's activity over time.

    It is drawn for all images, with how different the images are.
    """
    from ..features.early_checks import check_picture

    check_picture(output)
    with showing(f"Reading {file}"):
        from ..features.timecourse_figure import draw_time_courses, parse_width, time_courses

        inches = parse_width(width)
        courses, model = time_courses(file)
        draw_time_courses(courses, output, inches, model)
    say(output)


def _found_anywhere(weights: str | None) -> str | None:
    """Return a weight file's absolute path, since workers have other working folders; anything else unchanged."""
    if weights is None or not Path(weights).expanduser().is_file():
        return weights
    return str(Path(weights).expanduser().absolute())


def _integers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise UserError(f"Expected time steps as 'all' or such as 0,1, received {text!r}.") from None
