"""The commands `brainscore-cornet features` and, with CORnet's own flags, `test`."""

from __future__ import annotations

import glob
import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError, unknown_name
from ..cornet.preparation import checked_background, checked_resize
from ..cornet.progress_line import showing
from .options import (
    Background,
    BatchSize,
    Device,
    Precision,
    Resize,
    Weights,
    parse_time_bins,
    parse_times,
    parse_weights,
)
from .printing import say

app = typer.Typer()


@app.command()
def features(
    model: Annotated[str, typer.Argument(help="An identifier, such as cornet_s or cornet_s_untrained.")],
    images: Annotated[list[str], typer.Argument(help="Folders, patterns, images, lists, tables or arrays (a.h5:/x).")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="To write: .nc, .zarr, .npy, .csv, .parquet, .h5, .mat or .pt."),
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
    times: Annotated[str | None, typer.Option(help="Time steps of the network: 10, or V2=2,V4=4,IT=2 for S.")] = None,
    image_size: Annotated[int | None, typer.Option(help="In px.", show_default="224")] = None,
    resize: Resize = None,
    background: Background = None,
    device: Device = None,
    batch_size: BatchSize = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that prepare images.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Extract in that many processes at once.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="A running Dask scheduler: tls://host:8786.")] = None,
    tls_ca: Annotated[str | None, typer.Option(help="Certificate file of a scheduler's authority.")] = None,
    tls_cert: Annotated[str | None, typer.Option(help="Certificate file for a scheduler.")] = None,
    tls_key: Annotated[str | None, typer.Option(help="Key file of --tls-cert.")] = None,
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
    from ..features.early_checks import check_picture, check_rdm_output, check_request

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
    options = {"times": parse_times(times), "image_size": image_size, "batch_size": batch_size, "workers": threads}
    tls = {name: path for name, path in (("ca", tls_ca), ("cert", tls_cert), ("key", tls_key)) if path is not None}
    is_parallel = workers is not None or scheduler is not None or slurm or bool(tls)
    if is_parallel and (output is None or rdm is not None or shard is not None or join):
        raise UserError(
            "Workers compute an output's shards and join them: name an output, and no --rdm, --shard, --join."
        )
    replaces = overwrite or join
    checked_resize(resize)
    checked_background(background)
    # the endings of dissimilarities are others
    features = None if rdm is not None else output
    check_request(model, images, layer, features, on_error=on_error, shard=shard, replaces=replaces)
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
            resize=resize,
            background=background,
            **{name: value for name, value in options.items() if value is not None},
        )
        extractors = None
        if is_parallel:
            from ..features.shard_workers import ShardWorkers

            extractors = ShardWorkers.of(workers, scheduler, tls or None, slurm, make=load)
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
                workers=extractors,
            )
            if shard is None:
                say(output)
        if plot is not None:
            draw(loaded, images, plot, on_error=on_error)
            say(plot)


@app.command("test")
def cornet_test(
    model: Annotated[str, typer.Option(help="Z, R, RT, S, or an identifier.")],
    data_path: Annotated[Path, typer.Option("--data_path", "--data-path", help="Folder with images.")],
    output_path: Annotated[Path, typer.Option("--output_path", "--output-path", "-o", help="Folder for the features.")],
    layer: Annotated[str, typer.Option(help="V1, V2, V4, IT or decoder.")] = "decoder",
    sublayer: Annotated[
        str, typer.Option(help="A layer inside the region, such as output, conv2 or avgpool.")
    ] = "avgpool",
    time_step: Annotated[
        int, typer.Option("--time_step", "--time-step", help="Number among the layer's own time steps; -1 is the last.")
    ] = 0,
    times: Annotated[
        str | None, typer.Option(help="Time steps: 10 for R and RT, V2=2,V4=4,IT=2 for S.", show_default="released")
    ] = None,
    imsize: Annotated[int, typer.Option(help="In px.")] = 224,
    resize: Resize = None,
    background: Background = None,
    ngpus: Annotated[int, typer.Option(min=0, help="0 for the CPU.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option("--batch_size", "--batch-size", min=1, help="Images at a time.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=0, help="Threads that prepare images.", show_default="some")
    ] = None,
    weights: Weights = "released",
    on_error: Annotated[
        str, typer.Option("--on-error", help="For unreadable images: 'fail', or 'skip' and list them.")
    ] = "fail",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")] = False,
) -> None:
    """Write the features of a folder of images, with the flags of CORnet's own repository; `features` does more."""
    from ..cornet.anatomy import TIME_STEPS
    from ..cornet.brain_model import load_model
    from ..cornet.recording.shapes import survey
    from ..features import extract_features
    from ..features.layers import calls_in_cornet

    architecture = model.upper() if model.upper() in TIME_STEPS else None
    # CORnet's 0 workers mean that there is no process besides its own
    options = {"batch_size": batch_size, "workers": workers if workers is None else max(1, workers)}
    loaded = load_model(
        f"cornet_{architecture.lower()}" if architecture else model,
        weights=parse_weights(weights),
        times=parse_times(times),
        image_size=imsize,
        resize=resize,
        background=background,
        device="cuda" if ngpus else "cpu",
        **{name: value for name, value in options.items() if value is not None},
    )
    name = f"{layer}.{sublayer}"
    network = loaded.activations_model.network
    known = survey(network, imsize)
    if name not in known:
        raise unknown_name(name, known, "layer and sublayer")
    steps = calls_in_cornet(network, known, name)  # which CORnet's `time_step` counts
    if not -len(steps) <= time_step < len(steps):
        last = f"0 to {len(steps) - 1}" if len(steps) > 1 else "0 alone"
        raise UserError(f"{name} has the time steps {last}, or -1 for the last: there is no {time_step}.")
    output_path = output_path.expanduser()
    try:
        output_path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {output_path}: {error.strerror}.") from error
    output = output_path / f"CORnet-{architecture or loaded.identifier}_{layer}_{sublayer}_feats.npy"
    extract_features(
        loaded,
        str(Path(glob.escape(str(data_path))) / "*.*"),
        layers=[name],
        time_steps=[steps[time_step]],
        flat=True,
        output=output,
        on_error=on_error,
        allow_uninformative=True,
        overwrite=overwrite,
    )
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
