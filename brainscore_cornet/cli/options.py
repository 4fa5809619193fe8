"""Options and output formats that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError
from ..cornet.names import shown
from .printing import say

Weights = Annotated[str, typer.Option(help="'released', 'none', a file or a URL.")]
Device = Annotated[str | None, typer.Option(help="Such as cpu or cuda:1.", show_default="cuda, mps or cpu")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images at a time.")]
Precision = Annotated[str, typer.Option(help="fp32, or bf16: faster on some hardware, less precise.")]
Layers = Annotated[
    str | None, typer.Option(help="Other layers for regions: V4=V4.nonlin3.", show_default="regions' outputs")
]
Resize = Annotated[
    str | None, typer.Option(help="How images become square: squeeze, crop or pad.", show_default="squeeze")
]
Background = Annotated[
    str | None,
    typer.Option(
        help="Colour behind transparent pixels: grey, white, black or R,G,B.", show_default="the colours they hide"
    ),
]
CommitmentFile = Annotated[Path | None, typer.Option(help="Layers and time bins from a file of `map --commit`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def parse_weights(text: str) -> str | None:
    return None if text == "none" else text


def parse_times(text: str | None) -> int | dict[str, int] | None:
    if text is None:
        return None
    try:
        if "=" not in text:
            return int(text)
        parts = [part.split("=") for part in text.split(",")]
        times = {region.strip(): int(steps) for region, steps in parts}
        if len(times) == len(parts):
            return times
    except ValueError:
        pass
    raise UserError(f"Expected time steps such as 10 or V2=2,V4=4,IT=2, each region once, received {text!r}.")


def parse_layers(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    parts = [part.split("=") for part in text.split(",")]
    layers = {part[0].strip(): part[-1].strip() for part in parts}
    if any(len(part) != 2 for part in parts) or len(layers) < len(parts):
        raise UserError(f"Expected layers such as V4=V4.nonlin3,IT=IT.conv2, each region once, received {text!r}.")
    return layers


def commitment_options(path: Path | None, layers: str | None) -> dict:
    """Return `layers` and `time_mapping` from a commitment file or from `--layers`."""
    if path is None:
        return {"layers": parse_layers(layers)}
    if layers is not None:
        raise UserError("Give --layers or --commitment, which has layers, too.")
    from ..own_data.commitment_choice import read_commitment

    return read_commitment(path)


def parse_time_bins(text: str) -> list[tuple[int, int]]:
    try:
        return [(int(start), int(end)) for start, end in (part.split("-") for part in text.replace(",", " ").split())]
    except ValueError:
        raise UserError(f"Expected time bins in ms such as 70-170,170-270, received {text!r}.") from None


def print_table(rows: list[tuple[str, ...]]) -> None:
    rows = [tuple(map(shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
