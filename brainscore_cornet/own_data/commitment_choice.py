"""A layer and time bins for a region, chosen on one half of the stimuli and scored on the other."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..cornet.brain_model import CORnetModel
from ..cornet.commitments import TimeBin, bins_as_text
from ..cornet.errors import UserError
from ..cornet.recording.shapes import Shapes, survey
from ..cornet.time_bins import checked_mapping
from ..cornet.writing import make_folder, write_aside, writing
from .neural import TRAIN_SIZE, RecordingsBenchmark, check_counts, checked_settings
from .recordings import selected_stimuli
from .resampling import RESAMPLES
from .stimulus_tables import ID
from .time_map import TimeMap, time_map


class ScoredBin(NamedTuple):
    """A time bin with the step that answers it, and the score of this step with its interval."""

    time_bin: TimeBin
    time_step: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class ChosenCommitment:
    """Options of `load_model` that fit recordings best, and what they are worth on other stimuli."""

    region: str
    layer: str
    time_bins: Mapping[int, Sequence[TimeBin]]
    """Time step -> those in which it is the best, (start, end) in ms."""
    scores: Sequence[ScoredBin]
    """Of the other half."""

    def options(self) -> dict[str, Any]:
        """Return `layers` and `time_mapping` of `load_model`."""
        return {"layers": {self.region: self.layer}, "time_mapping": {self.region: dict(self.time_bins)}}


def choose_commitment(
    model: CORnetModel,
    benchmark: RecordingsBenchmark,
    *,
    layers: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
) -> ChosenCommitment:
    """Choose the layer of the benchmark's region and the time bins of its steps that explain recordings best.

    The choice uses one half of the stimuli and the score the other, so that choosing does not inflate the score.

    Parameters
    ----------
    layers
        Layers of the region to choose from; by default its output.

    Raises
    ------
    UserError
        If a half has too few stimuli for the metric, or no time bin has a reliable signal.
    """
    check_choice(benchmark)
    region = benchmark.region
    outside = [layer for layer in layers or () if layer.split(".")[0] != region]
    if outside:
        raise UserError(f"Expected layers of {region}, the region of {benchmark.identifier}, received {outside[0]}.")
    first, second = _halves(benchmark)
    found = time_map(model, first, layers=layers or [region], resamples=resamples)
    if found.dataset["score"].isnull().all():
        raise UserError(
            f"No time bin of {benchmark.identifier} has a reliable signal in one half of the stimuli: there is nothing "
            "to choose by."
        )
    layer, time_bins = _best(found, survey(model.activations_model.network, model.activations_model.image_size))
    checked = time_map(model, second, layers=[layer], resamples=resamples).dataset
    whole, answers = checked_mapping({region: time_bins}, model.commitment.time_steps)
    commitment = replace(model.commitment, time_bins=whole, answers=answers)
    steps = checked["time_step"].values.tolist()
    scores = []
    for number, time_bin in enumerate(benchmark.recorded.time_bins):
        step = commitment.step_at(region, time_bin)
        values = (float(checked[name].values[steps.index(step), number]) for name in ("score", "low", "high"))
        scores.append(ScoredBin(time_bin, step, *values))
    return ChosenCommitment(region, layer, time_bins, scores)


def check_choice(benchmark) -> None:
    """Raise `UserError` for a benchmark that no commitment is chosen by, also of too few stimuli."""
    if not isinstance(benchmark, RecordingsBenchmark):
        raise UserError(f"A commitment is chosen by recordings, and {benchmark.identifier} has none.")
    own, count, bins = benchmark.settings, len(benchmark.recorded.stimuli), len(benchmark.recorded.time_bins)
    try:
        check_counts(own["metric"], own.get("train_size", TRAIN_SIZE), count // 2, bins)
    except UserError as error:
        raise UserError(
            f"A commitment is chosen on one half of the {count} stimuli of {benchmark.identifier} and scored on the "
            f"other, so that there are {count // 2} in a half: {error}"
        ) from error


def write_commitment(found: ChosenCommitment, model: str, benchmark: RecordingsBenchmark, path: Path) -> None:
    """Write a commitment as a file that `--commitment` takes, with its scores as comments."""
    lines = [
        f"# {found.region} of {model}, chosen on one half of the stimuli of {benchmark.identifier}.",
        "# Scores on the other half, with intervals of 95 %, and the step that answers each time bin:",
        *(f"#   {bins_as_text([each.time_bin])} ms: {_shown(each)}" for each in found.scores),
        *_note_on_order(found.time_bins),
        "",
        "[layers]",
        f"{found.region} = {json.dumps(found.layer)}",
        "",
        f"[time_mapping.{found.region}]",
        *(f"{step} = {json.dumps(bins[0] if len(bins) == 1 else bins)}" for step, bins in found.time_bins.items()),
    ]
    with writing(path):
        make_folder(path.parent)
        write_aside(path, lambda part: part.write_text("\n".join(lines) + "\n", encoding="utf-8"))


def _note_on_order(time_bins: Mapping[int, Sequence[TimeBin]]) -> list[str]:
    """Return a comment on two steps of which the later one answers what is earlier, none without any."""
    first = {step: min(bins) for step, bins in sorted(time_bins.items())}
    for step, later in pairwise(first):
        if first[later] < first[step]:
            return [
                f"# Beware: time runs backwards. Step {later} follows step {step} in the network, and answers "
                f"{bins_as_text([first[later]])} ms, which",
                f"# precede the {bins_as_text([first[step]])} ms of step {step}: perhaps the two steps hardly differ.",
            ]
    return []


def read_commitment(path: Path) -> dict[str, Any]:
    """Return the options of `load_model` in a file that `map --commit` wrote."""
    if not os.path.isfile(path):
        raise UserError(f"The commitment file {path} does not exist; `map --commit` writes one.")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        mapping = {
            region: {int(step): tuple(given) for step, given in bins.items()}
            for region, bins in found.get("time_mapping", {}).items()
        }
    except (tomllib.TOMLDecodeError, ValueError, TypeError, AttributeError, OSError) as error:
        raise UserError(f"{path} is no commitment: {error}.") from error
    if unknown := set(found) - {"layers", "time_mapping"}:
        raise UserError(f"{path} is no commitment: expected the tables layers and time_mapping, not {min(unknown)}.")
    options = {"layers": found.get("layers"), "time_mapping": mapping or None}
    return {name: value for name, value in options.items() if value is not None}


def _best(found: TimeMap, shapes: Shapes) -> tuple[str, dict[int, list[TimeBin]]]:
    """Return the layer with the best score at its best steps, and the time bins in which each of these is the best.

    A recording has one size: where a layer's steps differ in theirs, those of one size are chosen from.
    """
    dataset = found.dataset
    scores, layers = dataset["score"].values, dataset["layer"].values.astype(str)
    steps = dataset["time_step"].values.tolist()
    known = np.flatnonzero(~np.isnan(scores).all(0))
    alike: dict[tuple, list[int]] = {}
    for row, (layer, step) in enumerate(zip(layers, steps, strict=True)):
        alike.setdefault((layer, shapes[layer][step]), []).append(row)
    rows = max(alike.values(), key=lambda each: scores[each][:, known].max(0).mean())
    chosen: dict[int, list[TimeBin]] = {}
    for number, row in zip(known, scores[rows][:, known].argmax(0), strict=True):
        edges = (dataset[f"time_bin_{edge}"].values[number].item() for edge in ("start", "end"))
        chosen.setdefault(steps[rows[row]], []).append(tuple(edges))
    return str(layers[rows[0]]), dict(sorted(chosen.items()))


def _halves(benchmark: RecordingsBenchmark) -> list[RecordingsBenchmark]:
    recorded = benchmark.recorded
    order = np.random.default_rng(0).permutation(len(recorded.stimuli))
    found = []
    for number in range(2):
        stimuli = selected_stimuli(recorded.stimuli, np.sort(order[number::2]))
        rows = np.isin(recorded.stimulus_ids, stimuli[ID].to_numpy())
        half = replace(
            recorded,
            values=recorded.values[rows],
            stimulus_ids=recorded.stimulus_ids[rows],
            repetitions=recorded.repetitions[rows],
            stimuli=stimuli,
            source=f"half of {recorded.source}",
        )
        own = benchmark.settings
        settings = checked_settings(
            own["metric"], own.get("splits", 10), own.get("train_size", TRAIN_SIZE), None, half, ""
        )
        name = f"{benchmark.identifier}-half{number + 1}"
        found.append(RecordingsBenchmark(name, half, settings, benchmark._visual_degrees, benchmark._number_of_trials))
    return found


def _shown(each: ScoredBin) -> str:
    if np.isnan(each.score):
        return "no reliable signal"
    return f"{each.score:.3f} ({each.low:.3f} to {each.high:.3f}), step {each.time_step}"
