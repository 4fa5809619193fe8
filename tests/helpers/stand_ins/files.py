"""Writing the files that Brain-Score's loaders ask for, and answering in place of its downloads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from PIL import Image


@dataclass(frozen=True)
class Stimuli:
    """A stimulus set as its two files hold it."""

    table: pd.DataFrame
    """Columns of the CSV file; `filename` names each row's picture in the zip file, and its ending the format."""
    pictures: Sequence[Image.Image]
    """One for each row."""


@dataclass(frozen=True)
class Reason:
    """Why a benchmark ends without a score."""

    sentence: str
    message: str
    """Regular expression that is found in the row's reason."""
    networks: Sequence[str] = ("z", "r", "rt", "s")
    """That it holds for."""


_STIMULI: dict[str, Callable[[str], Stimuli]] = {}
_ASSEMBLIES: dict[str, Callable[[str], xr.DataArray]] = {}
_ENTRANCES: list[Callable[[pytest.MonkeyPatch, Path], None]] = []


def stimulus_set(*identifiers: str):
    """Register a function identifier -> `Stimuli`, under the identifiers that `load_stimulus_set_from_s3` is given."""
    return lambda build: _register(_STIMULI, identifiers, build)


def assembly(*identifiers: str):
    """Register a function identifier -> array, under the identifiers that `load_assembly_from_s3` is given.

    The array is what the file holds: its coordinates do not include what the loader merges from the stimulus set.
    """
    return lambda build: _register(_ASSEMBLIES, identifiers, build)


def entrance(prepare: Callable[[pytest.MonkeyPatch, Path], None]):
    """Register a function (patch, folder) that makes data available which Brain-Score does not get by `get_path`."""
    _ENTRANCES.append(prepare)
    return prepare


def _register(builders: dict, identifiers: Sequence[str], build: Callable):
    for identifier in identifiers:
        assert builders.setdefault(identifier, build) is build, f"{identifier} has two stand-ins"
    return build


@cache
def stimuli_of(identifier: str) -> Stimuli:
    """The stand-in of a stimulus set, built once: do not change it."""
    return _STIMULI[identifier](identifier)


@contextmanager
def stand_ins_installed(folder: Path) -> Iterator[None]:
    """Within it Brain-Score finds stand-ins, written into a folder when asked for, in place of its downloads."""
    from brainscore_core.supported_data_standards.brainio import s3

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "get_path", lambda identifier, file_type, *_, **__: str(_path(folder, identifier, file_type)))
        for prepare in _ENTRANCES:
            prepare(patch, folder)
        yield


def written_for(kind: str) -> set[str]:
    """Identifiers that have a stand-in; of `stimuli` or of `assemblies`."""
    return set({"stimuli": _STIMULI, "assemblies": _ASSEMBLIES}[kind])


def _path(folder: Path, identifier: str, file_type: str) -> Path:
    builders, prefix = (_ASSEMBLIES, "assy") if file_type == "nc" else (_STIMULI, "stimulus")
    if identifier not in builders:
        raise LookupError(f"no stand-in of {prefix} {identifier}")
    path = folder / f"{prefix}_{identifier.replace('.', '_')}.{file_type}"
    if not path.exists():
        _WRITERS[file_type](identifier, path)
    return path


def _write_csv(identifier: str, path: Path) -> None:
    stimuli_of(identifier).table.to_csv(path, index=False)


def _write_zip(identifier: str, path: Path) -> None:
    stimuli, formats = stimuli_of(identifier), Image.registered_extensions()
    with zipfile.ZipFile(path, "w") as archive:
        # rows may share a file
        for name, picture in dict(zip(stimuli.table["filename"], stimuli.pictures, strict=True)).items():
            held = io.BytesIO()
            picture.save(held, formats[Path(name).suffix.lower()])
            archive.writestr(name, held.getvalue())


def _write_nc(identifier: str, path: Path) -> None:
    from brainscore_core.supported_data_standards.brainio.packaging import write_netcdf

    write_netcdf(_ASSEMBLIES[identifier](identifier), path)


_WRITERS = {"csv": _write_csv, "zip": _write_zip, "nc": _write_nc}
