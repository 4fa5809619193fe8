"""Scores on disk: one file for each score, written immediately, and a table of all of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ..cornet.errors import UserError
from ..cornet.json_files import Damaged, read_object
from ..cornet.names import encodable, for_spreadsheets
from ..cornet.writing import locked, make_folder, write_aside, write_text, writing

if TYPE_CHECKING:
    import pandas as pd
    from brainscore_core.metrics import Score

SCORED, FAILED, UNREACHABLE = "scored", "failed", "unreachable"
"""Status of a job. Unavailable data are tried again in the next run, failures only with `retry_failed`."""
TABLE = "scores.csv"
_FOLDER = "scores"
_ORDER = "order.json"


@dataclass(frozen=True)
class Row:
    """One model's score on one benchmark, or the reason why there is none."""

    model: str
    benchmark: str
    status: str
    score: float | None = None
    """Score as Brain-Score returns it; neural benchmarks divide by the noise ceiling."""
    error: float | None = None
    """Error of `raw`, from Brain-Score; None for a score of several values. On the scale of the score:
    `summary.error_of_score`."""
    ceiling: float | None = None
    raw: float | None = None
    """The score before that division."""
    region: str | None = None
    time_bins: str | None = None
    """Time bins of the benchmark in ms after stimulus onset, such as `70-170 170-270`."""
    model_time_bins: str | None = None
    """Time bins that the model has committed for the region."""
    layer: str | None = None
    by_time_bin: str | None = None
    """JSON of [start, end, value]: the score in each time bin, or the similarity if the score has no time bins."""
    identifier: str | None = None
    """Identifier of the model with everything that changes the numbers, where `model` is a label of the user's."""
    weights_file: str | None = None
    """The user's own file of weights, or its URL."""
    weights_hash: str | None = None
    metric: str | None = None
    """`exact`: computed by this package, with Brain-Score's numbers; `stock`: computed by Brain-Score."""
    settings: str = "{}"
    """JSON of the options that the model was loaded with."""
    benchmark_version: str | None = None
    seconds: float | None = None
    """Time that the job took. A model's first job includes what the others share, such as loading and recordings."""
    memory_mb: float | None = None
    """The largest resident memory of the scoring process."""
    memory_estimate_mb: float | None = None
    """Estimate for neural benchmarks before the run: what is held beside the model, or Brain-Score's upper bound."""
    device: str | None = None
    versions: str = "{}"
    """JSON of package -> version."""
    date: str | None = None
    reason: str | None = None
    """Why the job failed, in one line."""
    note: str | None = None


_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "float | None": (float, int, type(None)),
}


def read_row(path: Path) -> Row:
    """Return the row in a file; raises `Damaged` if it holds anything else, such as a number in place of a name."""
    found = read_object(path)
    known = {field.name: str(field.type) for field in fields(Row)}
    if unknown := sorted(found.keys() - known.keys()):
        raise Damaged(f"it has an entry {unknown[0]!r}, which this version of the package does not know")
    for name, kind in known.items():
        if name in found and (not isinstance(found[name], _KINDS[kind]) or isinstance(found[name], bool)):
            raise Damaged(f"its {name} is {found[name]!r:.80}")
    for name in ("settings", "versions"):
        try:
            is_object = isinstance(json.loads(found.get(name, "{}")), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            raise Damaged(f"its {name} are {found[name]!r:.80}, expected a JSON object")
    try:
        return Row(**found)
    except TypeError as error:  # an entry is missing
        raise Damaged(str(error).replace("Row.__init__() ", "it is ")) from None


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    import pandas as pd

    from .printed_table import ScoreTable

    table = pd.DataFrame([asdict(row) for row in rows], columns=pd.Index([field.name for field in fields(Row)]))
    numbers = [field.name for field in fields(Row) if field.type == "float | None"]
    return ScoreTable(table.astype(dict.fromkeys(numbers, float)))  # floats also before the first score


def is_results_folder(folder: Path) -> bool:
    """Return whether a folder has scores."""
    return (folder / _FOLDER).is_dir()


def read_table(folder: str | os.PathLike) -> pd.DataFrame:
    """Return the table of a results folder: a row for each model and benchmark, in the order of the runs."""
    path = Path(folder)
    if not is_results_folder(path):
        if path.is_file() and is_results_folder(path.parent):
            raise UserError(f"{path} is a file of results, expected their folder: {path.parent}")
        raise UserError(f"{path} is not a folder of results: expected one that `score … -o {path}` wrote.")
    return table_of(Results(path).rows())


def read_scores(folder: str | os.PathLike, model: str, benchmark: str) -> Score:
    """Return the whole Score object of one model on one benchmark, with its raw values and its ceiling.

    There is one also for a job that failed after its benchmark had returned a score, such as one that is not finite.
    """
    from .score_files import load_score

    results = Results(Path(folder))
    for row in results.rows():
        if (row.model, row.benchmark) == (model, benchmark):
            path = results.path(row).with_suffix(".nc")
            if path.is_file():
                try:
                    return load_score(path)
                except (OSError, ValueError, KeyError, RuntimeError) as error:  # netCDF's
                    raise UserError(f"{path} is damaged and cannot be read: {error}") from error
            if row.status == SCORED:
                raise UserError(f"{path} is not there: only the row of {model} on {benchmark} was kept.")
    raise UserError(f"There is no score of {model} on {benchmark} in {folder}.")


class Results:
    """A folder of results.

    The files `scores/<model>/<benchmark>-v<version>.json`, one for each score, are the source of the table. The whole
    Score is beside each as netCDF; `-failed.json` and `-failed.txt` describe failures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        """Raise `UserError` for a folder that cannot be one of results."""
        if self.folder.suffix in (".csv", ".json"):
            raise UserError(f"Expected a folder for the scores, received {self.folder}; the table in it is {TABLE}.")
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is a file: expected a folder for the scores.")
        if (self.folder / TABLE).exists() and not (self.folder / _FOLDER).is_dir():
            raise UserError(f"{self.folder / TABLE} is not this command's: name another folder for the scores.")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Lock the folder, so that only this process writes to it inside this context.

        Raises
        ------
        UserError
            If the folder cannot be created or written, or another run is writing to it.
        """
        self.check()
        busy = f"Another run is writing to {self.folder}: wait for it, or name another folder for the scores."
        with ExitStack() as stack:
            with writing(self.folder):
                make_folder(self.folder / _FOLDER)
                stack.enter_context(locked(self.folder / ".lock", busy))
            yield

    def rows(self) -> list[Row]:
        """Return one row for each model and benchmark: the newest score, else a failure, in the runs' order."""
        found: dict[tuple[str, str], Row] = {}
        for path in sorted((self.folder / _FOLDER).glob("*/*.json")):
            try:
                row = read_row(path)
            except (Damaged, FileNotFoundError) as error:
                warnings.warn(f"{path} cannot be read and is treated as missing: {error}", stacklevel=2)
                continue
            other = found.setdefault((row.model, row.benchmark), row)
            if (row.status == SCORED, row.date or "") > (other.status == SCORED, other.date or ""):
                found[row.model, row.benchmark] = row
        order = self._order()
        places = {name: place for place, name in enumerate(order)}
        last = len(places)

        def key(row: Row) -> tuple:
            model, benchmark = f"model {row.model}", f"benchmark {row.benchmark}"
            return places.get(model, last), row.model, places.get(benchmark, last), row.benchmark

        return sorted(found.values(), key=key)

    def keep_order(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Note the order of a run's models and benchmarks on the disk, after those of earlier runs.

        Parameters
        ----------
        jobs
            Model and benchmark of each.
        """
        asked = [f"{kind} {job[index]}" for index, kind in enumerate(("model", "benchmark")) for job in jobs]
        before = self._order()
        order = list(dict.fromkeys([*before, *asked]))
        if order != before:
            with writing(self.folder):
                write_text(self.folder / _FOLDER / _ORDER, encodable(json.dumps({"order": order}, ensure_ascii=False)))

    def _order(self) -> list[str]:
        try:
            order = read_object(self.folder / _FOLDER / _ORDER).get("order")
        except (Damaged, OSError):  # the order is the alphabet's then
            return []
        return [name for name in order if isinstance(name, str)] if isinstance(order, list) else []

    def path(self, row: Row) -> Path:
        ending = f"v{_file_name(row.benchmark_version or '0')}" if row.status == SCORED else FAILED
        return self.folder / _FOLDER / _file_name(row.model) / f"{_file_name(row.benchmark)}-{ending}.json"

    def add(self, row: Row, score: Score | None = None, trace: str | None = None) -> None:
        """Save a result: the Score before its row, so that a row never lacks its Score."""
        from .score_files import save_score

        path = self.path(row)
        failed = path.with_name(f"{_file_name(row.benchmark)}-{FAILED}.json")
        with writing(path):
            make_folder(path.parent)
            _keep_damaged(path)
            if score is not None:
                try:
                    write_aside(path.with_suffix(".nc"), lambda part: save_score(score, part))
                except OSError:
                    raise
                except Exception as error:  # attributes can be of any type; the row is saved anyway
                    warnings.warn(
                        f"The Score object of {row.model} on {row.benchmark} is not saved: {error}", stacklevel=2
                    )
            if trace is not None:
                write_text(path.with_suffix(".txt"), encodable(trace))
            text = json.dumps(asdict(row), indent=1, ensure_ascii=False)
            write_text(path, encodable(text) + "\n")
            if row.status == SCORED:
                for ending in (".json", ".txt", ".nc"):
                    failed.with_suffix(ending).unlink(missing_ok=True)
        self.write_table()

    def write_table(self) -> None:
        table = for_spreadsheets(table_of(self.rows()))
        with writing(self.folder / TABLE):
            write_aside(self.folder / TABLE, lambda part: table.to_csv(part, index=False))


def _keep_damaged(path: Path) -> None:
    """Rename a file that is about to be replaced although it cannot be read: a person may."""
    try:
        read_row(path)
    except FileNotFoundError:
        pass
    except Damaged:
        path.rename(path.with_name(f"{path.name}.damaged"))


def _file_name(identifier: str) -> str:
    """Return an identifier as a valid file name, with a hash if characters had to be replaced."""
    name = re.sub(r"[^\w.-]", "_", identifier).lstrip(".")[:100]
    return name if name == identifier else f"{name}-{hashlib.sha256(identifier.encode()).hexdigest()[:8]}"
