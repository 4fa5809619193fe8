"""Benchmark files: small TOML files that name the data, stimuli and metric of a benchmark of one's own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..cornet.errors import UserError, unknown_name
from ..early_paths import benchmark_path
from .data_files import LABELS, TABLES, Labelled, read
from .neural import neural_benchmark
from .recorded_bins import first_text

_TOP = ("identifier", "stimuli", "visual_degrees", "number_of_trials", "bibtex")
_METRIC = ("name", "splits", "train_size", "stratify")
_RECORDINGS = (
    "file",
    "variable",
    "dims",
    "region",
    "time_bins",
    "stimulus_ids",
    "neuroid_ids",
    "leave_out",
    "presentations",
    "units",
)
_TEXTS = (
    "identifier",
    "bibtex",
    "file",
    "variable",
    "region",
    "presentations",
    "units",
    "name",
    "stratify",
    "distance",
    "truth",
)
_BINS = {"time_bins": "such as [[70, 170]]", "time_bin": "such as [70, 170]"}
_LISTS = ("dims", "time_bins", "time_bin", "leave_out")


def load_benchmark(path: str | Path):
    """Return the benchmark that a file describes.

    Raises
    ------
    UserError
        If the file cannot be read or something in it does not fit the data, in one line.
    """
    path = Path(os.path.expanduser(path)).absolute()
    found = read_settings(path)
    kinds = [name for name in _KINDS if name in found]
    if len(kinds) != 1:
        raise UserError(f"{path}: expected one of the tables {_listed(_KINDS)}, received {_listed(kinds) or 'none'}.")
    return _KINDS[kinds[0]](path, found)


def read_settings(path: Path) -> dict[str, Any]:
    """Return the contents of a benchmark file, whose keys are known and have values of the right types."""
    path = benchmark_path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is no text in UTF-8, expected a benchmark file: `benchmark --new` writes one for a file of data."
        ) from error
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise UserError(f"{path} is no TOML: {error}.") from error
    _check(found, (*_TOP, *_KINDS, "metric"), f"{path}")
    if "identifier" not in found:
        raise UserError(f'{path} lacks an identifier, such as identifier = "MyLab2026.IT".')
    return found


def resolved(path: Path, name: str) -> Path:
    """Return the path of a file that a benchmark file names, relative to the benchmark file's folder.

    Raises
    ------
    UserError
        If it is in the working folder instead.
    """
    file = path.parent / Path(os.path.expanduser(name))
    if not os.path.exists(file) and os.path.exists(name):
        there = Path(os.path.relpath(name, path.parent)).as_posix()
        raise UserError(
            f"{file} does not exist, and paths in {path} are relative to its folder: write {there!r} in place of "
            f"{name!r}."
        )
    return file


def stimuli_of(path: Path, found: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the stimuli that a benchmark file names, and what messages call them."""
    given = found.get("stimuli")
    if given is None:
        raise UserError(f'{path} lacks stimuli, such as stimuli = "images/" or stimuli = "stimuli.csv".')
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return [str(resolved(path, each)) for each in given], "the list of stimuli"
    if not isinstance(given, str):
        raise UserError(f"{path}: expected stimuli as a folder, a pattern, a table or a list, received {given!r}.")
    return resolved(path, given), given


def common_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that all kinds of benchmarks have."""
    return {name: found[name] for name in ("visual_degrees", "number_of_trials", "bibtex") if name in found}


def _of_recordings(path: Path, found: Mapping[str, Any]):
    table = found["recordings"]
    _check(table, _RECORDINGS, f"{path}, [recordings]")
    if "file" not in table:
        raise UserError(f'{path}, [recordings] lacks a file, such as file = "it.npy".')
    stimuli, called = stimuli_of(path, found)
    _check(found.get("metric", {}), _METRIC, f"{path}, [metric]")
    metric = dict(found.get("metric", {}))
    if "name" in metric:
        metric["metric"] = metric.pop("name")
    file = resolved(path, table["file"])
    options = {name: table[name] for name in ("dims", "region", "time_bins", "leave_out") if name in table}
    if file.suffix.lower() == ".nwb":
        from .nwb_files import read_counts

        for name in ("dims", "variable"):
            if name in table:
                raise UserError(f"{path}, [recordings]: {name} is not for .nwb files, in which units are found.")
        responses = read_counts(file, table.get("time_bins"), table.get("presentations"), table.get("units"))
    else:
        for name in ("presentations", "units"):
            if name in table:
                raise UserError(f"{path}, [recordings]: {name} is for .nwb files, and the file is {table['file']}.")
        responses = read(file, table.get("variable"))
    for name in ("stimulus_ids", "neuroid_ids"):
        if name in table:
            options[name] = _ids(path, table[name], responses, name)
    return neural_benchmark(
        found["identifier"],
        responses,
        stimuli=stimuli,
        source=table["file"],
        stimuli_source=called,
        **common_of(found),
        **options,
        **metric,
    )


def _ids(path: Path, given, responses, name: str) -> np.ndarray:
    """Return ids that are listed, or named as a file or as a variable of the responses' file."""
    if isinstance(given, list):
        return np.array(given, dtype=object)
    if not isinstance(given, str):
        raise UserError(f"{path}, [recordings]: expected {name} as a list, a file or a variable, received {given!r}.")
    if isinstance(responses, Labelled) and given in responses.labels:
        return responses.labels[given]
    file = resolved(path, given)
    if file.suffix == ".txt" and os.path.isfile(file):
        return np.array(file.read_text(encoding="utf-8").split(), dtype=object)
    if file.suffix == ".npy" and os.path.isfile(file):
        found = read(file)
        return found.values if isinstance(found, Labelled) else found.to_numpy()
    raise UserError(
        f"{path}, [recordings]: {name} = {given!r} is no file beside it (.txt with an id in each line, or .npy), nor "
        f"labels in the recordings; labels are called {_listed(LABELS)}."
    )


def _check(table, known: tuple[str, ...], where: str) -> None:
    if not isinstance(table, Mapping):
        raise UserError(f"{where}: expected a table of settings, received {table!r}.")
    for name, value in table.items():
        if name not in known:
            raise UserError(f"{where}: {unknown_name(name, known, 'setting')}")
        if name in _TEXTS and not isinstance(value, str):
            raise UserError(f"{where}: expected {name} as text, received {value!r}.")
        if name in _LISTS and not isinstance(value, list):
            raise UserError(f"{where}: expected {name} as a list, received {value!r}.")
        if name in _BINS and (text := first_text(value)) is not None:
            raise UserError(f"{where}: expected {name} as numbers in ms, {_BINS[name]}, received the text {text!r}.")


def _listed(names) -> str:
    return ", ".join(names)


def _of_rdm(path: Path, found: Mapping[str, Any]):
    from .dissimilarities import rdm_benchmark
    from .matrices import read_matrices

    table = found["rdm"]
    _check(table, ("file", "variable", "region", "time_bin", "distance"), f"{path}, [rdm]")
    if "file" not in table:
        raise UserError(f'{path}, [rdm] lacks a file, such as file = "rdms.npy".')
    metric = found.get("metric", {})
    _check(metric, ("name",), f"{path}, [metric]")
    stimuli, called = stimuli_of(path, found)
    common = common_of(found)
    common.pop("number_of_trials", None)
    matrices, ids = read_matrices(resolved(path, table["file"]), table.get("variable"))
    return rdm_benchmark(
        found["identifier"],
        matrices,
        stimulus_ids=ids,
        stimuli=stimuli,
        source=table["file"],
        stimuli_source=called,
        comparison=metric.get("name", "spearman"),
        **{name: table[name] for name in ("region", "time_bin", "distance") if name in table},
        **common,
    )


def _of_behaviour(path: Path, found: Mapping[str, Any]):
    from .trial_benchmark import behaviour_benchmark

    table = found["behaviour"]
    _check(table, ("file", "truth", "fitting_stimuli", "ceiling"), f"{path}, [behaviour]")
    if "file" not in table:
        raise UserError(f'{path}, [behaviour] lacks a file, such as file = "trials.csv".')
    metric = found.get("metric", {})
    _check(metric, ("name",), f"{path}, [metric]")
    if "name" not in metric:
        raise UserError(f'{path} lacks the metric of behaviour, such as [metric] and name = "error_consistency".')
    file = resolved(path, table["file"])
    if file.suffix.lower() not in TABLES:
        raise UserError(
            f"{path}, [behaviour]: expected a table of trials, {_listed(TABLES)}, received {table['file']}."
        )
    options = {name: table[name] for name in ("truth", "ceiling") if name in table}
    if "fitting_stimuli" in table:
        options["fitting_stimuli"] = stimuli_of(path, {"stimuli": table["fitting_stimuli"]})[0]
    stimuli, called = stimuli_of(path, found)
    return behaviour_benchmark(
        found["identifier"],
        read(file),
        stimuli=stimuli,
        metric=metric["name"],
        source=table["file"],
        stimuli_source=called,
        **options,
        **common_of(found),
    )


_KINDS: Mapping[str, Callable[[Path, Mapping[str, Any]], Any]] = {
    "recordings": _of_recordings,
    "rdm": _of_rdm,
    "behaviour": _of_behaviour,
}
