"""The command `test`, with the flags of CORnet's own repository."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cornet.errors import UserError, unknown_name
from ..cornet.progress_line import showing
from .options import Background, Resize, Times, Weights, parse_times, parse_weights
from .printing import say

app = typer.Typer()


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
    times: Times = None,
    imsize: Annotated[
        int | None,
        typer.Option("--imsize", "--image-size", help="In px.", show_default="that of the weights, else 224"),
    ] = None,
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
    """Write features, with the flags of CORnet's own repository.

    The command `features` does more: several layers, other formats, time bins, other images than a folder's.
    """
    from ..cornet.commitments import architecture_of, get_commitment
    from ..cornet.early_options import check_options
    from ..features.early_checks import existing

    architecture = architecture_of(model)
    identifier = f"cornet_{architecture.lower()}" if model.upper() == architecture else model
    name = f"{layer}.{sublayer}"
    options: dict[str, Any] = {
        "weights": parse_weights(weights),
        "times": parse_times(times),
        "image_size": imsize,
        "resize": resize,
        "background": background,
        "device": "cuda" if ngpus else "cpu",
    }
    check_options(identifier, layers=[name], **options)
    if not data_path.expanduser().is_dir():
        what = f"{data_path} is a file" if data_path.expanduser().exists() else f"There is nothing at {data_path}"
        raise UserError(f"{what}: expected a folder with images. For single images there is the command `features`.")
    # CORnet's 0 workers mean that there is no process besides its own
    portions = {"batch_size": batch_size, "workers": workers if workers is None else max(1, workers)}
    options |= {name: value for name, value in portions.items() if value is not None}
    stem = f"CORnet-{architecture}" if get_commitment(identifier).trained else identifier
    with showing(f"Loading {identifier}"):
        from ..cornet.brain_model import load_model
        from ..cornet.recording.shapes import survey
        from ..features import extract_features
        from ..features.layers import calls_in_cornet

        loaded = load_model(identifier, **options)
        network = loaded.activations_model.network
        known = survey(network, loaded.activations_model.image_size)
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
        output = output_path / f"{stem}_{layer}_{sublayer}_feats.npy"
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
    say("\n".join(map(str, existing(output))))
