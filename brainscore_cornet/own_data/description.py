"""What a benchmark of one's own consists of, as lines of text and as a figure."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ConstantInputWarning

from ..cornet.errors import UserError
from ..cornet.recording.images import read_image
from ..cornet.writing import write_aside, writing
from ..features.early_checks import check_picture
from ..metrics import ceilings
from ..metrics.alignment import NotCovered
from ..palette import BLUE, REGION_COLOURS
from .dissimilarities import DissimilarityBenchmark, described_rdms
from .neural import RecordingsBenchmark, ceiler
from .neural_assemblies import repeated_assembly
from .stimulus_tables import ID
from .trial_benchmark import described_behaviour
from .trial_metrics import BehaviourBenchmark

_BAR = 40  # characters of the longest bar, or of the longest to the left and to the right
_TINY = 1e-12
_NEGLIGIBLE = 1e-3
"""Share of the largest response: a mean below it is 0, as those of standardized responses are but for rounding."""
_EDGES = np.round(np.arange(-0.1, 1, 0.1), 1)
"""Of the bins of consistencies; the first one begins anywhere below."""
_IMAGES = 6


def neuroid_ceilings(benchmark: RecordingsBenchmark) -> np.ndarray | None:
    """Return the consistency of each neuroid (neuroid, time bin), None without repetitions.

    It is Brain-Score's `internal_consistency`: Pearson's r of the averages of split halves of the repetitions over
    stimuli, Spearman-Brown corrected, averaged over ten splits. Neuroids are in the order of their ids.
    """
    if not benchmark.has_ceiling:
        return None
    count = len(benchmark.recorded.time_bins)
    make = ceiler({"metric": "pls"}, count)
    assembly = repeated_assembly(benchmark.recorded)
    fast = ceilings.internal_consistency if count == 1 else ceilings.temporal_internal_consistency
    found: Any
    with warnings.catch_warnings():
        # constant responses have no consistency: NaN, which is counted
        warnings.simplefilter("ignore", ConstantInputWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            found = fast(make, assembly)
        except NotCovered:
            found = make(assembly)
    raw = found.attrs["raw"].mean("split")
    return raw.values[:, np.newaxis] if count == 1 else raw.transpose("neuroid", "time_bin").values


def described(benchmark: RecordingsBenchmark) -> list[str]:
    """Return lines that say what the benchmark consists of."""
    recorded = benchmark.recorded
    averages, counts = recorded.averages(), recorded.counts
    missing = int((~np.isfinite(recorded.values)).sum())
    repetitions = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    columns = [str(name) for name in recorded.stimuli.columns if name != ID]
    lines = [
        f"{benchmark.identifier}: recordings, to be compared with {recorded.region}",
        f"  stimuli      {len(recorded.stimuli)}: {_few(recorded.stimuli[ID])}"
        + (f"; columns {', '.join(columns)}" if columns else ""),
        f"  neuroids     {averages.shape[1]}: {_few(recorded.neuroids['neuroid_id'])}",
        f"  repetitions  {repetitions}",
        f"  responses    {np.nanmin(recorded.values):.3g} to {np.nanmax(recorded.values):.3g}, "
        f"median {np.nanmedian(recorded.values):.3g}",
        f"  missing      {missing} of {recorded.values.size} responses" if missing else "  missing      none",
        f"  metric       {_metric(benchmark)}",
    ]
    lines += [f"  note         {note}" for note in recorded.notes]
    lines += ["", "Mean response over stimuli and neuroids:"]
    means = averages.mean((0, 1))
    names = [f"{start:g}-{end:g} ms" for start, end in recorded.time_bins]
    largest = float(np.nanmax(np.abs(recorded.values)))
    lines += _bars(names, means, [f"{mean:.3g}" for mean in means], _NEGLIGIBLE * largest)
    found = neuroid_ceilings(benchmark)
    if found is None:
        repeated = int((recorded.counts > 1).sum())
        which = f"Only {repeated} stimuli are repeated" if repeated else "No stimulus is repeated"
        return [*lines, "", f"{which}: there is no noise ceiling, and scores are raw (unceiled)."]
    values = found.mean(1)
    unknown = int(np.isnan(values).sum())
    lines += ["", *_consistencies(values[~np.isnan(values)])]
    if unknown:
        lines.append(f"  {unknown} of {len(values)} neuroids have none (NaN): half of their repetitions are all alike.")
    if found.shape[1] > 1 and unknown < len(values):
        by_bin = [f"{name}: {median:.3f}" for name, median in _medians(recorded.time_bins, found)]
        lines.append("  median by time bin: " + ", ".join(by_bin))
    low = int((values < 0.3).sum())
    if low:
        lines.append(
            f"  {low} of {len(values)} neuroids have a consistency below 0.3; leave_out = […] leaves neuroids out."
        )
    return [*lines, "", f"Beware: {benchmark.weakness}."] if benchmark.weakness else lines


def _consistencies(values: np.ndarray) -> list[str]:
    """Return a histogram of neuroids' consistencies."""
    title = "Consistency of neuroids (split halves, corrected)"
    if not len(values):
        return [title]
    counts, _ = np.histogram(values, np.r_[-np.inf, _EDGES, np.inf])
    edges = [*_EDGES, 1.0]
    names = [f"below {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges))]
    first = int(np.flatnonzero(counts)[0])
    lines = _bars(names[first:], counts[first:], [str(count) for count in counts[first:]])
    return [f"{title}: median {np.median(values):.3f}", *lines]


def described_any(benchmark: RecordingsBenchmark | DissimilarityBenchmark | BehaviourBenchmark) -> list[str]:
    """Return lines that say what a benchmark of any kind of data consists of."""
    if isinstance(benchmark, DissimilarityBenchmark):
        return described_rdms(benchmark)
    return described_behaviour(benchmark) if isinstance(benchmark, BehaviourBenchmark) else described(benchmark)


def check_drawn(benchmark) -> None:
    """Raise `UserError` for a benchmark without a figure."""
    if not isinstance(benchmark, RecordingsBenchmark):
        name = benchmark.identifier
        raise UserError(f"A figure is for recordings, and {name} has dissimilarities or behaviour: leave out --plot.")


def draw_benchmark(benchmark, path: Path) -> None:
    """Draw a few stimuli, the mean response over time, and the neuroids' consistency."""
    check_picture(path)
    check_drawn(benchmark)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    recorded = benchmark.recorded
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{benchmark.identifier}: {len(recorded.stimuli)} stimuli, {recorded.values.shape[1]} neuroids")
    panels: Any = figure.subfigures(2, 1, height_ratios=[1, 2])
    above, below = panels
    chosen = np.linspace(0, len(recorded.stimuli) - 1, min(_IMAGES, len(recorded.stimuli))).astype(int)
    for axis, row in zip(np.atleast_1d(above.subplots(1, len(chosen))), chosen, strict=True):
        name = recorded.stimuli[ID].iloc[row]
        axis.imshow(np.asarray(read_image(str(recorded.stimuli.stimulus_paths[name]))))
        axis.set_title(f"…{str(name)[-15:]}" if len(str(name)) > 16 else name, fontsize=8)
        axis.set_axis_off()
    left, right = below.subplots(1, 2)
    averages = recorded.averages()
    edges = np.array(recorded.time_bins, float)
    colour = REGION_COLOURS[recorded.region]
    means, spread = averages.mean((0, 1)), averages.mean(0).std(0)
    for (start, end), mean, deviation in zip(edges, means, spread, strict=True):
        left.fill_between([start, end], mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)
        left.plot([start, end], [mean, mean], color=colour, linewidth=2)
    left.set(xlabel="time after stimulus onset (ms)", ylabel="mean response ± s.d. over neuroids")
    found = neuroid_ceilings(benchmark)
    if found is None:
        right.text(0.5, 0.5, "no repetitions: no noise ceiling", ha="center", transform=right.transAxes)
        right.set_axis_off()
    else:
        lowest = max(min(0, np.nanmin(found.mean(1), initial=0)), -1)  # corrected ones can be far below
        right.hist(found.mean(1).clip(lowest), np.linspace(lowest, 1, 21), color=BLUE)
        right.axvline(float(np.nanmedian(found.mean(1))), color="black", linestyle="--", linewidth=1, label="median")
        right.set(xlabel="consistency (split halves, corrected)", ylabel="number of neuroids")
        right.yaxis.set_major_locator(MaxNLocator(integer=True))
        right.legend(frameon=False)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    with writing(path):
        write_aside(path, lambda part: figure.savefig(part, format=path.suffix[1:], dpi=150))


def _metric(benchmark: RecordingsBenchmark) -> str:
    settings = benchmark.settings
    if "splits" not in settings:
        return str(settings["metric"])
    stratified = f", stratified by {settings['stratify']}" if settings["stratify"] else ""
    return f"{settings['metric']}, {settings['splits']} splits, {settings['train_size']:g} to fit{stratified}"


def _medians(time_bins, found: np.ndarray):
    for (start, end), column in zip(time_bins, found.T, strict=True):
        yield f"{start:g}-{end:g}", np.nanmedian(column)


def _few(names: Any) -> str:
    return ", ".join(map(str, list(names)[:3])) + (", …" if len(names) > 3 else "")


def _bars(names: Sequence[str], values: np.ndarray, texts: Sequence[str], least: float = 0.0) -> list[str]:
    """Return a line with a bar for each value: to the right from 0, and to the left where a value is below 0.

    Parameters
    ----------
    least
        The longest bar stands for so much at least, so that what is nearly 0 has no bar.
    """
    width, lowest = max(map(len, names)), min(0.0, float(values.min()))
    scale = _BAR / max(float(values.max(initial=0)) - lowest, least, _TINY)
    left = round(-lowest * scale)
    lines = []
    for name, value, text in zip(names, values, texts, strict=True):
        bar = "█" * round(abs(value) * scale)
        if left:
            bar = f"{bar:>{left}}│" if value < 0 else f"{'':{left}}│{bar}"
        lines.append(f"  {name.rjust(width)} {bar} {text}")
    return lines
