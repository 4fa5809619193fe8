"""The commands `benchmark`, `map` and `compare`, for data of one's own."""

from __future__ import annotations

import os
from contextlib import nullcontext
from math import isnan
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError
from ..cornet.progress_line import showing
from .options import (
    Background,
    BatchSize,
    CommitmentFile,
    Device,
    ImageSize,
    Layers,
    Precision,
    Resize,
    TimeMapping,
    Times,
    Weights,
    commitment_options,
    parse_time_bins,
    parse_time_mapping,
    parse_times,
    parse_weights,
    print_table,
)
from .printing import say

app = typer.Typer()

_MAP, _COMPARISON = "the map", "the comparison"
"""Outputs in messages."""
# of Brain-Score, also in the processes that it starts: between its bars the line would be lost, and its warnings are
# addressed to the authors of libraries
_QUIET = {"TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore::FutureWarning"}


@app.command()
def benchmark(
    file: Annotated[Path, typer.Argument(help="A benchmark file, such as it.toml.")],
    new: Annotated[bool, typer.Option("--new", help="Write the file first, for --recordings and --stimuli.")] = False,
    recordings: Annotated[
        Path | None, typer.Option(help="Responses: .npy, .npz, .mat, .h5, .hdf5, .nc, .csv, .tsv, .parquet or .nwb.")
    ] = None,
    stimuli: Annotated[Path | None, typer.Option(help="A folder of images, or a table with stimulus_path.")] = None,
    dims: Annotated[
        str | None, typer.Option(help="Such as repetition,stimulus,neuroid,time_bin.", show_default="guessed")
    ] = None,
    region: Annotated[str | None, typer.Option(help="V1, V2, V4 or IT.", show_default="IT")] = None,
    time_bins: Annotated[
        str | None, typer.Option(help="In ms after stimulus onset: 70-170,170-270.", show_default="guessed")
    ] = None,
    degrees: Annotated[
        float | None, typer.Option(help="Size of the stimuli in degrees of visual angle.", show_default="8")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Such as pls, ridge, rdm, cka.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="A figure of stimuli, responses and ceilings: .png, .pdf or .svg.")
    ] = None,
) -> None:
    """Check a benchmark of your own data, without running a model."""
    os.environ |= _QUIET
    from ..early_paths import benchmark_path, new_benchmark_file
    from ..features.early_checks import check_picture

    given = {"--recordings": recordings, "--stimuli": stimuli, "--dims": dims, "--region": region}
    given |= {"--time-bins": time_bins, "--degrees": degrees, "--metric": metric}
    if not new and any(value is not None for value in given.values()):
        name = next(name for name, value in given.items() if value is not None)
        raise UserError(f"{name} is for --new; otherwise it is what {file} says.")
    if new and (recordings is None or stimuli is None):
        raise UserError("--new needs --recordings and --stimuli.")
    bins = None if time_bins is None else parse_time_bins(time_bins)
    if plot is not None:
        check_picture(plot)
    if new:
        new_benchmark_file(file)
    else:
        benchmark_path(file)
    with showing(f"Reading {recordings if new else file}"):
        from ..own_data import load_benchmark
        from ..own_data.description import check_drawn, described_any, draw_benchmark
        from ..own_data.first_file import Choices, write_first_file
        from ..own_data.image_checks import checked_images

        if recordings is not None and stimuli is not None:
            choices = Choices(
                region=region,
                dims=None if dims is None else [name.strip() for name in dims.split(",")],
                time_bins=bins,
                visual_degrees=degrees,
                metric=metric,
            )
            guessed = write_first_file(file, recordings, stimuli, choices)
            say(f"{file} is written.")
            for each in guessed:
                say(f"  guessed: {each}")
            say("Correct in the file what is wrong, and run `brainscore-cornet benchmark` on it again.\n")
        loaded = load_benchmark(file)
        if plot is not None:
            check_drawn(loaded)
        notes = checked_images(loaded)
        say("\n".join([*described_any(loaded), *([""] if notes else []), *notes]))
        if plot is not None:
            draw_benchmark(loaded, plot)
            say(plot)


@app.command("map")
def map_command(
    model: Annotated[str, typer.Argument(help="An identifier, such as cornet_s.")],
    benchmark_file: Annotated[
        Path, typer.Option("--benchmark", "-b", help="A file of recordings or dissimilarities, such as it.toml.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the map.")],
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", "-l", help="Such as IT, V4.conv2; repeatable.", show_default="regions"),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="A control whose scores are subtracted, such as cornet_s_untrained.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=50, help="Resamples of stimuli and neuroids, for intervals.")] = 300,
    commit: Annotated[
        Path | None, typer.Option(help="Also write the best layer and time bins of the region: best.toml.")
    ] = None,
    weights: Weights = "released",
    times: Times = None,
    time_mapping: TimeMapping = None,
    image_size: ImageSize = None,
    resize: Resize = None,
    background: Background = None,
    device: Device = None,
    batch_size: BatchSize = None,
    precision: Precision = "fp32",
) -> None:
    """Score all layers and time steps against all time bins.

    All scores come from one pass of the stimuli through the network.
    """
    os.environ |= _QUIET
    from ..cornet.early_options import check_options
    from ..early_paths import benchmark_path, folder_for, output_file

    options = {"times": parse_times(times), "time_mapping": parse_time_mapping(time_mapping), "batch_size": batch_size}
    shape = {"image_size": image_size, "resize": resize, "background": background}
    numbers = {"times": options["times"], "precision": precision, **shape}
    check_options(model, weights=parse_weights(weights), device=device, layers=layer, **numbers)
    benchmark_path(benchmark_file)
    folder_for(output, _MAP)
    if commit is not None:
        commit = output_file(commit, "a commitment file")
    with showing(f"Loading {model} and {benchmark_file}"):
        from ..cornet.brain_model import load_model
        from ..own_data import load_benchmark, time_map
        from ..own_data.commitment_choice import check_choice, choose_commitment, write_commitment
        from ..own_data.map_files import write_map
        from ..own_data.output_folder import output_folder

        with output_folder(output, _MAP) as folder:
            loaded = load_benchmark(benchmark_file)
            if commit is not None:
                check_choice(loaded)
            options |= {"device": device, "precision": precision, **shape}
            options = {name: value for name, value in options.items() if value is not None}
            subject = load_model(model, weights=parse_weights(weights), **options)
            control = None if against is None else load_model(against, **options)
            found = time_map(subject, loaded, layers=layer, against=control, resamples=resamples)
            say("\n".join(found.sentences))
            say("\n" + "\n".join(map(str, write_map(found, folder))))
        if commit is not None:
            chosen = choose_commitment(
                subject,
                loaded,
                layers=[each for each in layer or () if each.split(".")[0] == loaded.region] or None,
                resamples=resamples,
            )
            write_commitment(chosen, subject.identifier, loaded, commit)
            say(f"{commit}\n\n{commit.read_text(encoding='utf-8')}")


@app.command()
def compare(
    model: Annotated[
        list[str],
        typer.Argument(help="Identifiers such as cornet_s, or checkpoints: mine.pth, my_name:cornet_rt=mine.pth."),
    ],
    benchmark_file: Annotated[
        list[Path],
        typer.Option("--benchmark", "-b", help="A file of recordings, dissimilarities or behaviour; repeatable."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for comparisons.csv and a figure.")
    ] = None,
    times: Annotated[
        list[str] | None,
        typer.Option(
            help="Time steps, such as V2=1,V4=1,IT=1, or released; repeatable: each is a model to compare.",
            show_default="released",
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=50, help="Resamples of stimuli and neuroids, for intervals.")] = 300,
    weights: Weights = "released",
    layers: Layers = None,
    commitment: CommitmentFile = None,
    time_mapping: TimeMapping = None,
    image_size: ImageSize = None,
    resize: Resize = None,
    background: Background = None,
    device: Device = None,
    batch_size: BatchSize = None,
    precision: Precision = "fp32",
) -> None:
    """Compare the scores of models, or of lesions of a model.

    Differences have intervals and corrected p-values.
    """
    os.environ |= _QUIET
    from ..early_paths import benchmark_path, folder_for
    from ..scoring.catalogue import check_no_benchmark

    check_no_benchmark(model)
    options = {"image_size": image_size, "device": device, "batch_size": batch_size, "precision": precision}
    options |= {"weights": parse_weights(weights), **commitment_options(commitment, layers, time_mapping)}
    options |= {"resize": resize, "background": background}
    defaults = {"weights": "released", "precision": "fp32", "resize": "squeeze"}
    options = {name: each for name, each in options.items() if each != defaults.get(name)}
    variants = [None if each == "released" else parse_times(each) for each in times or ["released"]]
    for each in benchmark_file:
        benchmark_path(each)
    if output is not None:
        folder_for(output, _COMPARISON)
    if len(model) * len(variants) < 2:
        raise UserError(f"A comparison needs two models, received {model[0]}: name another, or --times more than once.")
    with showing(f"Loading {', '.join(model)} and {', '.join(map(str, benchmark_file))}"):
        from ..own_data import compare_models, load_benchmark
        from ..own_data.comparison_files import write_comparison
        from ..own_data.output_folder import output_folder
        from ..own_data.paired_comparison import cautions, sentences
        from ..scoring.jobs import candidates

        with nullcontext() if output is None else output_folder(output, _COMPARISON) as folder:
            loaded = [load_benchmark(each) for each in benchmark_file]
            chosen = {}
            for variant, given in zip(variants, times or ["released"], strict=True):
                for each in candidates(model, options if variant is None else {**options, "times": variant}):
                    is_label = each.name != each.identifier and variant is not None and len(variants) > 1
                    name = f"{each.name} ({given})" if is_label else each.name
                    if name in chosen:
                        raise UserError(f"Two models are called {name}: expected models that differ.")
                    chosen[name] = each
            table = compare_models({name: each.make() for name, each in chosen.items()}, loaded, resamples=resamples)
            shown = [("model", "benchmark", "score", "interval of 95 %")]
            for row in table.to_dict("records"):
                for name in ("first", "second"):
                    score, low, high = (row[f"{name}_{what}"] for what in ("score", "low", "high"))
                    interval = "no reliable signal" if isnan(score) else f"{low:.3f} to {high:.3f}"
                    shown.append((row[name], row["benchmark"], "-" if isnan(score) else f"{score:.3f}", interval))
            print_table(list(dict.fromkeys(shown)))
            labels = [f"{name} is {each.identifier}." for name, each in chosen.items() if name != each.identifier]
            say("\n" + "\n".join([*labels, *sentences(table), *cautions(loaded)]))
            if folder is not None:
                say("\n" + "\n".join(map(str, write_comparison(table, folder))))
