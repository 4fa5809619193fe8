"""The commands `train`, with CORnet's own flags, and `validate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cornet.commitments import architecture_of
from ..cornet.early_options import check_options
from ..cornet.names import counted
from ..cornet.preparation import checked_background
from ..cornet.progress_line import showing
from ..ranks import is_first
from .options import Background, Json, Weights, parse_times, parse_weights
from .printing import ended_by_second_interrupt, say

app = typer.Typer()

DataPath = Annotated[
    Path, typer.Option("--data_path", "--data-path", help="Folder with train/ and val/ (or val_in_folders/).")
]
ValLabels = Annotated[
    Path | None,
    typer.Option(
        "--val_labels",
        "--val-labels",
        help="Table of classes for val/ without class folders: ImageNet's ground truth (.txt) or Kaggle's (.csv).",
    ),
]
Times = Annotated[
    str | None, typer.Option(help="Time steps: 10 for R and RT, V2=2,V4=4,IT=2 for S.", show_default="released")
]
ImageSize = Annotated[int, typer.Option("--image_size", "--image-size", help="Height and width in px.")]
ValidationSize = Annotated[
    int | None,
    typer.Option("--image_size", "--image-size", help="In px.", show_default="that of the weights, else 224"),
]
Ngpus = Annotated[
    int | None, typer.Option(min=0, help="GPUs on each node; 0 for the CPU.", show_default="one where there is one")
]
Kind = Annotated[str | None, typer.Option(help="cuda, mps or cpu.", show_default="the first that is available")]
Devices = Annotated[
    int | None,
    typer.Option(
        min=1, help="Devices on each node, of any --device.", show_default="1, or what torchrun or SLURM started"
    ),
]
Nodes = Annotated[int | None, typer.Option(min=1, help="Nodes.", show_default="1, or what torchrun or SLURM started")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-j", min=0, help="Processes that load images for each device.", show_default="the cores"
    ),
]
Precision = Annotated[str, typer.Option(help="fp32, bf16-mixed or fp16-mixed.")]
OnError = Annotated[str, typer.Option("--on-error", help="For unreadable images: 'fail', or 'skip' and count them.")]
_RECIPE = "the model's own"


def _prepared(command: Callable[..., None]) -> Callable[..., None]:
    """Report what is wrong without doubt before the large libraries are imported, then show the progress."""

    @wraps(command)
    def run(**options) -> None:
        from ..training.run_options import SaveEvery, check_machine, check_on_error

        architecture = architecture_of(options["model"])
        weights = parse_weights(options["weights"])
        checked = {name: options[name] for name in ("image_size", "resize", "background") if name in options}
        checked |= {"weights": weights, "times": parse_times(options["times"])}
        machine = _machine(*(options[name] for name in ("ngpus", "device", "devices", "nodes")))
        check_machine(machine["device"], options["precision"])
        check_on_error(options["on_error"])
        check_options(f"cornet_{architecture.lower()}", device=machine["device"], **checked)
        if "output_path" in options:
            SaveEvery.parse(options["save_every"])
            _check_run(architecture, options, weights, checked["times"])
        else:
            from ..training.folders import validation_folder

            validation_folder(options["data_path"], has_labels=options["val_labels"] is not None)
        with showing(f"Loading CORnet-{architecture}") if is_first() else nullcontext():
            command(**options)

    return run


def _check_run(architecture: str, options: Mapping[str, Any], weights: str | None, times: Any) -> None:
    """Report folders without images and a run directory of another run, whose settings differ."""
    from ..training.folders import training_folders
    from ..training.label_tables import read_labels
    from ..training.recipes import Recipe, recipe_for
    from ..training.run_directory import check_run
    from ..training.settings import OF_IMAGES, changeable, settings_without_images

    labels = options["val_labels"]
    training_folders(options["data_path"], None if labels is None else read_labels(labels))
    recipe = recipe_for(architecture, **{field.name: options[field.name] for field in fields(Recipe)})
    settings = settings_without_images(
        architecture,
        recipe,
        times=times,
        weights=weights,
        background=checked_background(options["background"]),
        **{name: options[name] for name in ("image_size", "seed", "precision", "on_error")},
    )
    check_run(options["output_path"].expanduser(), settings, changeable(recipe), OF_IMAGES)


@app.command()
@_prepared
def train(
    model: Annotated[str, typer.Option(help="Z, R, RT, S, or an identifier such as cornet_s.")],
    data_path: DataPath,
    output_path: Annotated[
        Path,
        typer.Option("--output_path", "--output-path", "-o", help="Run directory; an interrupted run resumes from it."),
    ],
    val_labels: ValLabels = None,
    weights: Annotated[str, typer.Option(help="Initial weights: 'none', 'released', a file or a URL.")] = "none",
    restore_path: Annotated[
        Path | None,
        typer.Option(
            "--restore_path",
            "--restore-path",
            help="A checkpoint or another run directory to resume from, at its epoch.",
        ),
    ] = None,
    times: Times = None,
    image_size: ImageSize = 224,
    epochs: Annotated[int | None, typer.Option(help="25; 43 for S.", show_default=_RECIPE)] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate: .1; .01 for Z.", show_default=_RECIPE)] = None,
    step_size: Annotated[
        int | None,
        typer.Option(
            "--step_size",
            "--step-size",
            help="Epochs after which the learning rate becomes a tenth: 10; 20 for S.",
            show_default=_RECIPE,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch_size", "--batch-size", help="Images a step, over all devices.", show_default="256"),
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Momentum of SGD.", show_default="0.9")] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option("--weight_decay", "--weight-decay", help="Weight decay of the optimizer.", show_default="0.0001"),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd or adamw.", show_default="sgd")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Learning rate schedule: step or cosine.", show_default="step")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option("--label_smoothing", "--label-smoothing", help="From 0 to 1.", show_default="0")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of initialization, order, crops and flips.")] = 0,
    ngpus: Ngpus = None,
    device: Kind = None,
    devices: Devices = None,
    nodes: Nodes = None,
    workers: Workers = None,
    precision: Precision = "fp32",
    accumulate: Annotated[
        int, typer.Option(min=1, help="Gradient accumulation: parts of a batch on each device, which saves memory.")
    ] = 1,
    sync_batchnorm: Annotated[
        bool,
        typer.Option("--sync-batchnorm", help="Batch normalization (S) over all devices, instead of on each."),
    ] = False,
    save_every: Annotated[
        str, typer.Option("--save-every", help="Epochs, minutes or both: 2e, 30m, 2e,30m.")
    ] = "1e,30m",
    on_error: OnError = "fail",
    background: Background = None,
) -> None:
    """Train on ImageNet, or on a folder of images for each class.

    After a stop, the same command resumes. By default, each model is trained with CORnet's recipe for it.
    """
    from ..training import train as run_training
    from ..training.stopping import TrainingStopped

    try:
        with ended_by_second_interrupt():
            run_training(
                model,
                data_path,
                output_path,
                val_labels=val_labels,
                weights=parse_weights(weights),
                restore_path=restore_path,
                times=parse_times(times),
                image_size=image_size,
                epochs=epochs,
                lr=lr,
                step_size=step_size,
                batch_size=batch_size,
                momentum=momentum,
                weight_decay=weight_decay,
                optimizer=optimizer,
                schedule=schedule,
                label_smoothing=label_smoothing,
                seed=seed,
                **_machine(ngpus, device, devices, nodes),
                workers=workers,
                precision=precision,
                accumulate=accumulate,
                sync_batchnorm=sync_batchnorm,
                save_every=save_every,
                on_error=on_error,
                background=background,
            )
    except TrainingStopped as stopped:
        if is_first():
            say(stopped, err=True)
        raise typer.Exit(stopped.code) from None
    if is_first():
        say(output_path)


@app.command()
@_prepared
def validate(
    model: Annotated[str, typer.Argument(help="An identifier such as cornet_s, or Z, R, RT, S.")],
    data_path: DataPath,
    val_labels: ValLabels = None,
    weights: Weights = "released",
    times: Times = None,
    image_size: ValidationSize = None,
    batch_size: Annotated[
        int, typer.Option("--batch_size", "--batch-size", min=1, help="Images at a time, over all devices.")
    ] = 256,
    ngpus: Ngpus = None,
    device: Kind = None,
    devices: Devices = None,
    nodes: Nodes = None,
    workers: Workers = None,
    precision: Precision = "fp32",
    on_error: OnError = "fail",
    resize: Annotated[str, typer.Option(help="How images become square: crop, squeeze or pad.")] = "crop",
    background: Background = None,
    as_json: Json = False,
) -> None:
    """Measure the accuracy on ImageNet's validation images.

    Top-1, top-5 and loss are printed next to published values, which checks an installation and the downloaded weights.
    """
    from ..training import validate as run_validation

    found = run_validation(
        model,
        data_path,
        val_labels=val_labels,
        weights=parse_weights(weights),
        times=parse_times(times),
        image_size=image_size,
        batch_size=batch_size,
        **_machine(ngpus, device, devices, nodes),
        workers=workers,
        precision=precision,
        on_error=on_error,
        resize=resize,
        background=background,
    )
    if not is_first():
        return
    if as_json:
        say(json.dumps(asdict(found), indent=2))
    else:
        left_out = f", {len(found.unreadable)} left out that cannot be read" if found.unreadable else ""
        how = "" if found.resize == "crop" else f" ({found.resize})"
        say(f"{found.model}: {counted(found.images, 'image')} at {found.image_size} px{how}{left_out}")
        top5 = "" if found.top5 is None else f", top-5 {100 * found.top5:.2f} %"
        say(f"top-1 {100 * found.top1:.2f} %{top5}, loss {found.loss:.4f}")
        say(f"{found.images_per_second:.1f} images/s")
        say(found.comparison)
    for path, reason in found.unreadable.items():
        say(f"Warning: left out {path}: {reason}", err=True)


def _machine(ngpus: int | None, device: str | None, devices: int | None, nodes: int | None) -> dict:
    """Return the machine's options from CORnet's flags and the general ones."""
    if ngpus == 0:
        device = device or "cpu"
    elif ngpus is not None:
        device, devices = device or "cuda", devices or ngpus
    return {"device": device, "devices": devices, "nodes": nodes}
