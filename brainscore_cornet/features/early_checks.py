"""Checks of a request for features that need no large library, so that a mistake is reported at once."""

from __future__ import annotations

import csv
import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..cornet.anatomy import MIN_IMAGE_SIZE, REGIONS, neuroids
from ..cornet.commitments import bins_as_text, get_commitment, vary
from ..cornet.errors import UserError, unknown_name
from ..cornet.preparation import PATH
from ..cornet.weights.own_files import CHECKPOINTS
from ..cornet.writing import output_path
from ..extras import install_line
from .shards import Shard

ON_ERROR = ("fail", "skip")
ENDINGS = (".nc", ".zarr", ".npy", ".csv", ".parquet", ".h5", ".mat", ".pt")
DEFAULT_LAYERS = (*(f"{region}.output" for region in REGIONS), "decoder.avgpool")
TABLES = (".csv", ".parquet")
MOST_COLUMNS = 20_000  # of a table; larger tables take too long to write and read
SEPARATORS = {".csv": ",", ".tsv": "\t"}
"""Ending of a table of images -> what is between its columns."""
_MARKS = {";": "semicolons", "\t": "tabs", ",": "commas"}
_LIKELY = ("stimuluspath", "imagepath", "filepath", "path", "imagefilename", "imagefile", "stimulusfile", "filename")
_LIKELY += ("file", "imagename", "stimulusname", "image", "img", "picture", "stimulus", "stimuli")
"""Names that columns of paths have in others' tables, without separators and the plural's s, the surest first."""
LABELLED = (".nc", ".zarr", ".h5")
"""Endings of outputs with a variable for each layer and the time steps at which it has one size."""
NUMPY = (".npy", ".npz")
PICTURES = (".png", ".pdf", ".svg")
STORED = re.compile(r"(.+\.(?:h5|hdf5|mat)):(/[^\[\]]+)(?:\[(\d+)\])?", re.IGNORECASE)
"""Images in an array of a file, `images.h5:/imgBrick`, or one of them, `images.h5:/imgBrick[17]`."""
NEEDED = {".zarr": "zarr", ".parquet": "pyarrow"}
"""Ending -> the package that writes it, which comes with the extra `[features]`."""
DISTANCES = ("correlation", "euclidean", "cosine")
RDM_ENDINGS = (".nc", ".hdf5")
"""Of netCDF, and of the file that rsatoolbox's `load_rdm` reads."""


@dataclass(frozen=True)
class Asked:
    """What is known of a request before torch is imported."""

    identifier: str | None
    """Of the model with its options; None if a file of weights decides."""
    layers: frozenset[str]
    reaches_all: bool
    """Whether the image reaches every layer, so that none is left out of the output."""
    pool: bool
    bins: str


def check_request(
    model: str,
    images: Iterable[str],
    layers: Iterable[str] | None,
    output: Path | None,
    *,
    on_error: str,
    shard: str | None,
    replaces: bool,
    pool: bool = False,
    bins: Sequence[tuple[int, int]] | None = None,
    weights: str | None = "released",
    options: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Raise `UserError` for what is wrong without doubt before anything is loaded; the rest is checked later.

    Parameters
    ----------
    model, weights
        As in `load_model`.
    images, layers, output, on_error, shard, pool
        As in `extract_features`.
    replaces
        Whether an output that exists is no error.
    bins
        Time bins as in `extract_features`.
    options
        `times`, `time_mapping`, `image_size`, `precision`, `resize` and `background` as in `load_model`.
    """
    commitment = get_commitment(model)
    if on_error not in ON_ERROR:
        raise unknown_name(on_error, ON_ERROR, "on_error")
    if shard is not None:
        Shard.parse(shard)
    if output is not None:
        output = output_path(output, "an output file")
        check_output(output)
        if not replaces and shard is None:
            _check_existing(output, _asked(model, layers, pool=pool, bins=bins, weights=weights, options=options))
        if output.suffix in TABLES and not pool:
            # a file of weights may state another image size
            size = options.get("image_size") or (MIN_IMAGE_SIZE if _is_own(weights) else commitment.image_size)
            whole = [region for region in REGIONS if layers is None or region in layers or f"{region}.output" in layers]
            check_columns(sum(neuroids(region, size) for region in whole), "at least ")
    for each in images:
        stored = STORED.fullmatch(each)
        path = Path(stored[1] if stored and not Path(each).exists() else each).expanduser()
        if not path.exists() and not any(map(os.path.isfile, glob.iglob(str(path), recursive=True))):
            raise nothing_at(each)
        if path.is_file() and not stored:
            _check_file(path, on_error)


def _check_file(path: Path, on_error: str) -> None:
    """Raise `UserError` for a table without images' paths, and for a file that is no image if that is an error."""
    ending = path.suffix.lower()
    if ending in SEPARATORS:
        with suppress(UnicodeDecodeError, csv.Error, OSError), open(path, encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter=SEPARATORS[ending]), [])
            if PATH not in header:
                raise without_paths(path, header)
    elif ending in NUMPY:
        raise of_numpy(path)
    elif on_error == "fail" and ending in CHECKPOINTS:
        raise UserError(f"{path} is named as a file of weights, expected images. For weights of your own: --weights")


def without_paths(table: Path, columns: Iterable[object]) -> UserError:
    """Return an error for a table without images' paths, with what is probably meant."""
    names = list(map(str, columns))
    expected = SEPARATORS[table.suffix.lower()]
    others = [mark for mark in _MARKS if mark != expected and mark in names[0]] if len(names) == 1 else []
    if others:
        ending = next((each for each, mark in SEPARATORS.items() if mark == others[0]), None)
        again = f"Export it again with {_MARKS[expected]} between columns and points in decimal numbers"
        what = f"the columns are separated by {_MARKS[others[0]]}, expected {_MARKS[expected]}"
        return UserError(f"{table}: {what}. {again if ending is None else f'Rename it to {table.stem}{ending}'}.")
    plain = {re.sub(r"[\W_]", "", name).lower().removesuffix("s"): name for name in reversed(names)}
    likely = next((plain[name] for name in _LIKELY if name in plain), None)
    hint = "" if likely is None else f": rename the column {likely} to {PATH}"
    return UserError(f"{table} has no column {PATH}, only {', '.join(names) or 'none'}{hint}.")


def of_numpy(path: Path) -> UserError:
    return UserError(
        f"{path} is a file of numpy, expected images: name an array of images in an .h5 or .mat file, such as "
        f"{path.stem}.h5:/images, or pass arrays in Python, extract_features(model, numpy.load({path.name!r}))."
    )


def bins_and_steps() -> UserError:
    return UserError("Expected either time steps or time bins, such as [(70, 170)]; on the command line, 70-170.")


def nothing_at(path: str) -> UserError:
    return UserError(f"There is nothing at {path}: expected a folder, an image, a list, or a pattern.")


def _asked(
    model: str,
    layers: Iterable[str] | None,
    *,
    pool: bool,
    bins: Sequence[tuple[int, int]] | None,
    weights: str | None,
    options: Mapping[str, Any],
) -> Asked:
    base = get_commitment(model)
    is_own = _is_own(weights)
    if weights is None:
        base = get_commitment(f"cornet_{base.architecture.lower()}_untrained")
    chosen = DEFAULT_LAYERS if layers is None else layers
    return Asked(
        identifier=None if is_own else vary(base, **options).identifier,
        layers=frozenset(f"{layer}.output" if layer in REGIONS else layer for layer in chosen),
        reaches_all=options.get("times") is None and not is_own,
        pool=pool,
        bins=bins_as_text(bins or ()),
    )


def _is_own(weights: str | None) -> bool:
    return weights not in (None, "released")


def _check_existing(output: Path, asked: Asked) -> None:
    """Raise `UserError` for an output of unknown origin or of another request, as far as that is known already."""
    from .finished import FINISHED, has_note, is_of_another

    there = existing(output)
    beside = output.parent.glob(f".{glob.escape(output.name)}.*")
    is_unfinished = any(path.suffix != FINISHED for path in beside)  # by a request that is compared later
    if there and not is_unfinished and (not has_note(output) or is_of_another(output, asked)):
        raise UserError(exists(there[0]))


def check_columns(units: int, about: str = "") -> None:
    """Raise `UserError` if a table with a column for each unit would be too large."""
    if units > MOST_COLUMNS:
        raise UserError(
            f"A table of {about}{units:,} columns would be too large (at most {MOST_COLUMNS:,}): choose fewer layers, "
            "average over space, or write .nc, .zarr or .npy."
        )


def exists(output: Path) -> str:
    return f"{output} exists. To replace it: --overwrite"


def images_table(output: Path) -> Path:
    """Return the path of the table of images beside numpy files."""
    return output.with_name(f"{output.stem}_images.csv")


def existing(output: Path) -> list[Path]:
    """Return the existing files of an extraction into `output`."""
    found = [output]
    if output.suffix == ".npy":
        stem = glob.escape(output.stem)
        found += [*sorted(output.parent.glob(f"{stem}_*_t*.npy")), images_table(output)]
    return [path for path in found if path.exists()]


def check_output(output: Path) -> None:
    """Raise `UserError` before any work if the output cannot be written."""
    if output.suffix not in ENDINGS:
        raise UserError(f"Expected an output that ends in {', '.join(ENDINGS)}, received {output}.")
    package = NEEDED.get(output.suffix)
    if package is not None and find_spec(package) is None:
        raise UserError(f"To write {output.suffix}, {package} is needed: {install_line('features')}")
    if not output.parent.is_dir():
        raise UserError(f"The folder {output.parent} for the features does not exist.")
    if not os.access(output.parent, os.W_OK):
        raise UserError(f"The folder {output.parent} for the features cannot be written to.")
    if output.is_dir() and not (output.suffix == ".zarr" and (output / ".zgroup").is_file()):
        raise UserError(f"{output} is a folder that no extraction has made: choose another output.")


def check_picture(path: Path) -> None:
    """Raise `UserError` before any work if the figure cannot be written or matplotlib is missing."""
    path = output_path(path, "a picture")
    if path.suffix not in PICTURES:
        raise UserError(f"Expected a picture that ends in {', '.join(PICTURES)}, received {path}.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"The folder {path.parent} for the picture does not exist or cannot be written to.")
    if find_spec("matplotlib") is None:
        raise UserError(f"To draw, matplotlib is needed: {install_line('report')}")


def check_rdm_output(output: Path, distance: str, overwrite: bool) -> None:
    """Raise `UserError` before any work if the matrices cannot be written."""
    if distance not in DISTANCES:
        raise unknown_name(distance, DISTANCES, "distance")
    if output.suffix not in RDM_ENDINGS:
        raise UserError(f"Expected an output of --rdm that ends in {' or '.join(RDM_ENDINGS)}, received {output}.")
    if output.suffix == ".hdf5" and find_spec("rsatoolbox") is None:
        raise UserError(f"To write .hdf5 for rsatoolbox, it is needed: {install_line('rsa')}")
    if not output.parent.is_dir():
        raise UserError(f"The folder {output.parent} for the matrices does not exist.")
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists: name another output, or replace it with --overwrite.")
