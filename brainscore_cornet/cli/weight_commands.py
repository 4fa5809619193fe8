"""The commands `brainscore-cornet weights …`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..cornet.errors import UserError
from .options import Json, print_table
from .printing import say

app = typer.Typer(help="The released weights: list, fetch, verify, path.", no_args_is_help=True)


@app.command("list")
def list_weights(as_json: Json = False) -> None:
    """List the released files and their paths on this machine."""
    from ..cornet.weights.released import RELEASED, find

    files = [{**asdict(file), "urls": file.urls, "path": _text(find(file))} for file in RELEASED.values()]
    if as_json:
        say(json.dumps(files, indent=2))
        return
    print_table(
        [
            ("model", "file", "SHA-256 starts with", "on this machine"),
            *((file["model"], file["filename"], file["sha256_start"], file["path"] or "no") for file in files),
        ]
    )


Models = Annotated[list[str] | None, typer.Argument(help="cornet_z, cornet_r, cornet_rt, cornet_s; all by default.")]


@app.command()
def fetch(
    model: Models = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="--no-verify accepts a file with any hash.")
    ] = True,
) -> None:
    """Download released weights, and print their paths.

    Files that are on this machine already are not downloaded again.
    """
    from ..cornet.weights.released import RELEASED, file_hash, released_file
    from ..cornet.weights.released import fetch as fetch_file

    for name in model or RELEASED:
        path = fetch_file(released_file(name), verify=verify)
        say(f"{name}  {path}  SHA-256 {file_hash(path)}")


@app.command()
def verify(model: Models = None) -> None:
    """Compare the files on this machine with their published hashes."""
    from ..cornet.weights.released import RELEASED, file_hash, find, is_accepted, mismatch, released_file

    wrong, missing = [], []
    for name in model or RELEASED:
        file = released_file(name)
        path = find(file)
        if path is None:
            say(f"{name}  not on this machine")
            missing.append(name)
            continue
        difference = mismatch(file, path)
        verdict = difference or "matches its published hash"
        if difference and is_accepted(path):
            verdict += "; accepted with `weights fetch --no-verify`"
        say(f"{name}  {path}  SHA-256 {file_hash(path)}  {verdict}")
        wrong += [name] if difference else []
    if not model and len(missing) < len(RELEASED):
        missing = []  # nobody asked for these
    problems = [("Not as published", wrong), ("Not on this machine", missing)]
    if wrong or missing:
        fetch_them = f" To download: brainscore-cornet weights fetch {' '.join(missing)}" if missing else ""
        raise UserError(" ".join(f"{what}: {', '.join(names)}." for what, names in problems if names) + fetch_them)


@app.command("path")
def show_path(model: Annotated[str, typer.Argument(help="cornet_z, cornet_r, cornet_rt or cornet_s.")]) -> None:
    """Print the path of a model's released weights on this machine."""
    from ..cornet.weights.released import find, released_file

    path = find(released_file(model))
    if path is None:
        raise UserError(f"The weights of {model} are not on this machine: brainscore-cornet weights fetch {model}")
    say(path)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
