"""Stimuli from folders, patterns, tables or Python objects, as one Brain-Score stimulus set."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

from ..cornet.errors import UserError
from ..cornet.plain import plain
from ..cornet.preparation import PATH
from ..cornet.recording.stimuli import stimulus_paths
from ..image_folders import readable_images
from .data_files import TABLES, as_texts, read_table, without_index

ID, DEGREES = "stimulus_id", "degrees"
_PATHS = (PATH, "stim_file", "filename", "file", "image", "path")
"""Columns that may hold the image's path; `stim_file` is that of BIDS."""
_RESERVED = ("repetition", "presentation", "neuroid", "neuroid_id", "region", "time_bin", "time_bin_start")
_LONGEST = 100  # bytes of an identifier: a name of a file has 255, and caches add their own parts
_SHOWN = 3


def stimulus_set(given, identifier: str, source: str = "the stimuli") -> StimulusSet:
    """Return stimuli as a stimulus set whose identifier depends on the contents of its images.

    Parameters
    ----------
    given
        A folder, a pattern such as `faces/*.png`, a table (`.csv`, `.tsv`, `.parquet`), a list of image files, a
        DataFrame with a column of paths, or a `StimulusSet`. Without a column `stimulus_id`, the names of the files
        without their endings are the ids.
    identifier
        Of the benchmark, with which the stimulus set's identifier starts.
    source
        What messages call the stimuli.

    Raises
    ------
    UserError
        If the identifier cannot be one, there are no stimuli, ids are missing or repeated, or an image does not exist.
    """
    _check_identifier(identifier)
    table, paths = _found(given, source)
    if not len(table):
        raise UserError(f"{source} lists no stimuli.")
    ids = as_texts(table[ID]) if ID in table else np.array([Path(path).stem for path in paths], object)
    _check_ids(ids, table, source)
    missing = [(row, path) for row, path in enumerate(paths) if not os.path.isfile(path)]
    if missing:
        row, path = missing[0]
        raise UserError(
            f"{source}, row {row + 1}: the image {path} does not exist ({len(missing)} of {len(paths)} are missing)."
        )
    reserved = [name for name in table.columns if name in _RESERVED]
    if reserved:
        raise UserError(f"{source} has a column {reserved[0]}, whose name Brain-Score uses for recordings: rename it.")
    columns = {str(name): table[name].to_numpy() for name in table.columns if name not in (ID, PATH)}
    if DEGREES in columns:
        _check_degrees(columns[DEGREES], source)
    found = StimulusSet({ID: ids, **columns})
    found.stimulus_paths = {each: str(Path(path).absolute()) for each, path in zip(ids, paths, strict=True)}
    found.identifier = f"{identifier}-{_contents(ids, paths)}"
    return found


def _check_identifier(identifier) -> None:
    """Raise `UserError` for what cannot be a benchmark's name, which results and caches have in their files' names."""
    if not isinstance(identifier, str) or not identifier.strip() or not identifier.isprintable():
        raise UserError(f"Expected an identifier such as 'MyLab2026.IT', received {identifier!r}.")
    if len(identifier.encode()) > _LONGEST:
        raise UserError(f"The identifier {identifier[:40]}… has more than {_LONGEST} bytes: choose a shorter one.")


def checked_degrees(given: float | None, stimuli, source: str) -> float | None:
    """Return the size of the stimuli, None if they have a column `degrees`; raises `UserError` for neither or both."""
    if DEGREES in stimuli:
        if given is not None:
            raise UserError(
                f"visual_degrees = {given} is given, and {source} has a column degrees: expected one of both."
            )
        return None
    if given is None:
        raise UserError("visual_degrees is missing: expected the stimuli's size in degrees of visual angle, such as 8.")
    degrees = plain(given)
    if isinstance(degrees, bool) or not isinstance(degrees, int | float) or not 0 < degrees < 360:
        raise UserError(f"Expected visual_degrees above 0 and below 360, received {given!r}.")
    return degrees


def check_sizes(stimuli: StimulusSet, degrees: float | None, model_degrees: float = 8) -> None:
    """Raise `UserError` for stimuli that Brain-Score would confuse when it changes their size on the screen.

    It writes converted images under the names of the originals, without their folders.
    """
    if DEGREES not in stimuli and degrees == model_degrees:
        return
    names = Counter(Path(path).name for path in stimuli.stimulus_paths.values())
    name, count = names.most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{count} stimuli in different folders are called {name}: with other than {model_degrees:g} visual "
            "degrees, Brain-Score would use one image for all of them. Give the files different names."
        )


def check_order(given, stimuli: StimulusSet, source: str) -> None:
    """Raise `UserError` if responses without ids could be meant in another order of the files in a folder."""
    if not isinstance(given, str | Path) or Path(given).suffix.lower() in TABLES:
        return  # a table or a list has an order of its own
    names = stimuli[ID].tolist()
    for name, other in zip(names, natural_order(names), strict=True):
        if name != other:
            raise UserError(
                f"The order of the responses is unclear: sorted as text, {name!r} of {source} comes where {other!r} "
                "comes when numbers are counted. Name the order: stimulus_ids, or a table of the stimuli."
            )


def natural_order(names: Sequence[str]) -> list[str]:
    """Return names in the order of the numbers in them, so that 2 comes before 10."""
    parts = {name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)] for name in names}
    return sorted(names, key=parts.__getitem__)


def _found(given, source: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the table and the image of each of its rows."""
    if isinstance(given, StimulusSet):
        return pd.DataFrame(given).reset_index(drop=True), stimulus_paths(given)
    if isinstance(given, pd.DataFrame):
        return _with_paths(without_index(given).reset_index(drop=True), Path(), source)
    if isinstance(given, str | Path):
        path = Path(os.path.expanduser(given))
        if path.suffix.lower() in TABLES:
            if not os.path.isfile(path):
                raise UserError(f"The table of stimuli {path} does not exist.")
            return _with_paths(_read(path), path.parent, source)
        return _listed(_searched(path))
    if not isinstance(given, Iterable):
        raise UserError(f"Expected stimuli as a folder, a table or a list of image files, received {given!r}.")
    return _listed([str(each) for each in given])


def _read(path: Path) -> pd.DataFrame:
    try:
        return read_table(path)
    except (ValueError, OSError) as error:  # includes pandas' and Unicode's errors
        raise UserError(f"Cannot read the table of stimuli {path}: {str(error).splitlines()[0]}") from error


def _searched(path: Path) -> list[str]:
    if os.path.isdir(path):
        files = readable_images(path)
        if not files:
            raise UserError(f"The folder of stimuli {path} holds no images.")
        return files
    files = sorted(file for file in glob.glob(str(path), recursive=True) if os.path.isfile(file))
    if not files:
        raise UserError(
            f"There are no stimuli at {path}: expected a folder, a pattern or a table (.csv, .tsv, .parquet)."
        )
    return files


def _listed(paths: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    return pd.DataFrame({PATH: list(paths)}), list(paths)


def _with_paths(table: pd.DataFrame, folder: Path, source: str) -> tuple[pd.DataFrame, list[str]]:
    column = next((name for name in _PATHS if name in table), None)
    if column is None:
        raise UserError(
            f"{source} has no column {PATH} with the images' files (nor {', '.join(_PATHS[1:])}), only "
            f"{', '.join(map(str, table.columns))}."
        )
    empty = np.flatnonzero(table[column].isna())
    if len(empty):
        raise UserError(f"{source}, row {empty[0] + 1}: no image is named in the column {column}.")
    paths = [str(folder / Path(os.path.expanduser(str(each).strip()))) for each in table[column]]
    return table.drop(columns=column), paths


def _check_ids(ids: np.ndarray, table: pd.DataFrame, source: str) -> None:
    if ID in table and np.any(table[ID].isna()):
        raise UserError(f"{source}, row {int(np.flatnonzero(table[ID].isna())[0]) + 1}: the {ID} is missing.")
    repeated = [each for each, count in Counter(ids).items() if count > 1]
    if repeated:
        rows = np.flatnonzero(ids == repeated[0]) + 1
        what = ID if ID in table else "name without its folder and ending"
        raise UserError(
            f"{source}: the {what} {repeated[0]!r} is in rows {', '.join(map(str, rows[:_SHOWN]))}; expected each "
            "stimulus once" + ("." if ID in table else ", or a table with a column stimulus_id.")
        )


def _check_degrees(degrees: np.ndarray, source: str) -> None:
    try:
        bad = np.flatnonzero(~(np.asarray(degrees, float) > 0))
    except (TypeError, ValueError):
        bad = np.array([0])
    if len(bad):
        raise UserError(
            f"{source}, row {bad[0] + 1}: expected degrees of visual angle above 0, received {degrees[bad[0]]!r}."
        )


def _contents(ids: np.ndarray, paths: Sequence[str]) -> str:
    """Return a hash of the ids and images; recordings of a model are cached under it."""
    found = hashlib.sha256()
    for each, path in zip(ids, paths, strict=True):
        found.update(f"{each}\n".encode())
        found.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return found.hexdigest()[:12]
