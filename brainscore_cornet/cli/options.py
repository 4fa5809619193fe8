"""Options and output formats that several commands share."""

from __future__ import annotations

import json
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
Times = Annotated[
    str | None,
    typer.Option(
        help="Time steps: 10 for R and RT, V2=2,V4=4,IT=2 for S.", show_default="those of the weights, else released"
    ),
]
TimeMapping = Annotated[
    str | None, typer.Option(help="""Time bins in ms, as JSON or a JSON file: '{"IT": {"0": [120, 220]}}'.""")
]
ImageSize = Annotated[int | None, typer.Option(help="In px.", show_default="that of the weights, else 224")]
Layers = Annotated[
    str | None,
    typer.Option(help="Other layers for regions; V4=V4.nonlin3 for S.", show_default="regions' outputs"),
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
Scheduler = Annotated[str | None, typer.Option(help="A running Dask scheduler: tls://host:8786.")]
TlsCa = Annotated[str | None, typer.Option(help="Certificate file of a scheduler's authority.")]
TlsCert = Annotated[str | None, typer.Option(help="Certificate file for a scheduler.")]
TlsKey = Annotated[str | None, typer.Option(help="Key file of --tls-cert.")]
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


def parse_time_mapping(text: str | None) -> dict[str, dict[int, tuple]] | None:
    if text is None:
        return None
    path = Path(text).expanduser()
    is_file = not text.lstrip().startswith("{")
    try:
        content = path.read_text(encoding="utf-8") if is_file else text
        mapping = json.loads(content, object_pairs_hook=_each_once)
        return {
            region: {int(step): tuple(time_bin) for step, time_bin in bins.items()} for region, bins in mapping.items()
        }
    except OSError as error:
        raise UserError(f"Cannot read the time mapping {text}: {error.strerror}.") from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        such = '{"IT": {"0": [120, 220]}}'
        raise UserError(f"Expected a time mapping such as {such} in JSON, received {text!r:.200}: {error}.") from error


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object's entries; raises `ValueError` for two of one name, of which JSON would keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def commitment_options(path: Path | None, layers: str | None, time_mapping: str | None) -> dict:
    """Return `layers` and `time_mapping` from a commitment file or from the options of these names."""
    if path is None:
        return {"layers": parse_layers(layers), "time_mapping": parse_time_mapping(time_mapping)}
    if layers is not None or time_mapping is not None:
        raise UserError("--commitment has layers and time bins: give it, or --layers and --time-mapping.")
    from ..own_data.commitment_choice import read_commitment

    return read_commitment(path)


def parse_time_bins(text: str) -> list[tuple[int, int]]:
    try:
        return [(int(start), int(end)) for start, end in (part.split("-") for part in text.replace(",", " ").split())]
    except ValueError:
        raise UserError(f"Expected time bins in ms as start-end, such as 70-170,170-270, received {text!r}.") from None


def tls_files(ca: str | None, cert: str | None, key: str | None) -> dict[str, str] | None:
    """Return the files of a scheduler's TLS by their names, None if there are none."""
    return {name: path for name, path in (("ca", ca), ("cert", cert), ("key", key)) if path is not None} or None


def print_table(rows: list[tuple[str, ...]]) -> None:
    rows = [tuple(map(shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
