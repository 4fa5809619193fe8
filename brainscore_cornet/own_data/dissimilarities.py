"""Dissimilarity matrices of one's own as a benchmark, compared with rsatoolbox's measures and noise ceilings."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from brainscore_core.metrics import Score

from ..cornet.anatomy import REGIONS
from ..cornet.errors import UserError, unknown_name
from ..cornet.time_bins import TimeBin
from ..extras import install_line
from .matrices import as_matrices
from .neural import UNCEILED
from .own_ceiling import CeilingByVersion
from .rdm_resampling import bootstrapped
from .recorded_bins import check_unit, named_bin
from .screen import on_screen
from .stimulus_tables import ID, check_order, check_sizes, checked_degrees, stimulus_set

COMPARISONS: Mapping[str, str] = {
    "spearman": "spearman",
    "pearson": "corr",
    "tau-a": "tau-a",
    "cosine": "cosine",
    "whitened_pearson": "corr_cov",
    "whitened_cosine": "cosine_cov",
}
"""Name -> rsatoolbox's name of a comparison of dissimilarities."""
DISTANCES = ("correlation", "euclidean")
_LITTLE = 0.1


class DissimilarityBenchmark(CeilingByVersion):
    """Compares a model's dissimilarities of stimuli with those of subjects.

    The raw score is the mean over subjects of the comparison, the score that divided by the upper noise ceiling. Its
    error is rsatoolbox's bootstrap over stimuli and, if there are several, subjects.
    """

    def __init__(self, identifier: str, matrices: np.ndarray, stimuli, settings: Mapping[str, Any], degrees) -> None:
        self.matrices, self.settings = matrices, dict(settings)
        self._stimuli, self._visual_degrees = stimuli, degrees
        self.region, self.timebins = settings["region"], [tuple(settings["time_bin"])]
        super().__init__(
            identifier=identifier,
            ceiling_func=self._own_ceiling,
            version=self.contents[:12],
            parent=self.region,
            bibtex=settings.get("bibtex"),
        )

    @property
    def stimulus_set(self):
        """The stimuli, in the order of the matrices."""
        return self._stimuli

    @cached_property
    def contents(self) -> str:
        """Hash of everything that the score depends on besides the model."""
        found = hashlib.sha256(json.dumps(self.settings, sort_keys=True, default=str).encode())
        found.update(str((self._stimuli.identifier, self._stimuli[ID].tolist(), self._visual_degrees)).encode())
        found.update(np.ascontiguousarray(self.matrices).data)
        return found.hexdigest()

    def __call__(self, candidate) -> Score:
        from rsatoolbox.rdm import compare  # pyright: ignore[reportPrivateImportUsage]

        method, data, own = self.comparison, self.rdms(), self.model_rdm(candidate)
        by_subject = compare(own, data, method)[0]
        raw = Score(by_subject.mean())
        raw.attrs["raw"] = Score(by_subject, coords={"subject": np.arange(len(by_subject))}, dims=["subject"])
        raw.attrs["error"] = float(np.sqrt(bootstrapped([own], data, method).variances[0]))
        if not self.has_ceiling:
            raw.attrs["protocol"] = UNCEILED.replace("repetitions", "several subjects")
            return raw
        ceiling = self.ceiling
        score = Score(float(raw) / float(ceiling))
        score.attrs.update(raw=raw, ceiling=ceiling, error=raw.attrs["error"])
        if self.weakness:
            score.attrs["protocol"] = self.weakness
        return score

    @property
    def has_ceiling(self) -> bool:
        """Whether there are several subjects to estimate a noise ceiling from."""
        return len(self.matrices) > 1

    @property
    def comparison(self) -> str:
        """rsatoolbox's name of the comparison."""
        return COMPARISONS[self.settings["comparison"]]

    def rdms(self):
        """Return the subjects' dissimilarities as rsatoolbox's RDMs."""
        from rsatoolbox.rdm import RDMs  # pyright: ignore[reportPrivateImportUsage]

        return RDMs(self.matrices, pattern_descriptors={"stimulus": self._stimuli[ID].tolist()})

    def model_rdm(self, candidate):
        """Return a model's dissimilarities of the stimuli as rsatoolbox's RDMs."""
        candidate.start_recording(self.region, time_bins=self.timebins)
        shown = on_screen(self._stimuli, candidate.visual_degrees(), self._visual_degrees)
        recorded = candidate.look_at(shown, number_of_trials=1)
        recorded = recorded.squeeze("time_bin") if "time_bin" in recorded.dims else recorded
        order = {name: row for row, name in enumerate(recorded[ID].values)}
        rows = [order[name] for name in self._stimuli[ID]]
        return self.rdm_of(np.asarray(recorded.transpose("presentation", "neuroid").values)[rows])

    def rdm_of(self, activity: np.ndarray):
        """Return rsatoolbox's RDMs of activity (stimulus, unit), whose stimuli are in the order of the matrices."""
        from rsatoolbox.data import Dataset  # pyright: ignore[reportPrivateImportUsage]
        from rsatoolbox.rdm import calc_rdm  # pyright: ignore[reportPrivateImportUsage]

        names = {"stimulus": self._stimuli[ID].tolist()}
        return calc_rdm(
            Dataset(activity.astype(float), obs_descriptors=names), method=self.settings["distance"], descriptor=None
        )

    def ceilings(self) -> tuple[float, float] | None:
        """Return rsatoolbox's lower and upper noise ceiling, None for a single subject."""
        if not self.has_ceiling:
            return None
        from rsatoolbox.inference import boot_noise_ceiling  # pyright: ignore[reportPrivateImportUsage]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that ranks are averaged for tau
            lower, upper = boot_noise_ceiling(self.rdms(), method=self.comparison)
        return float(lower), float(upper)

    @cached_property
    def weakness(self) -> str | None:
        """Warning of subjects who agree little, None without any."""
        found = self.ceilings()
        if found is None or found[0] >= _LITTLE:
            return None
        return (
            f"the {len(self.matrices)} subjects agree little (noise ceiling {found[0]:.3f} to {found[1]:.3f}): most of "
            "the upper ceiling is noise, and scores are hardly meaningful"
        )

    def _own_ceiling(self) -> Score:
        found = self.ceilings()
        if found is None:
            return Score(np.nan)
        ceiling = Score(found[1])
        ceiling.attrs["lower"] = found[0]
        return ceiling


def rdm_benchmark(
    identifier: str,
    dissimilarities,
    *,
    stimuli,
    region: str | None = None,
    time_bin: TimeBin = (70, 170),
    comparison: str = "spearman",
    distance: str = "correlation",
    stimulus_ids: Sequence | None = None,
    visual_degrees: float | None = None,
    bibtex: str | None = None,
    source: str = "the dissimilarities",
    stimuli_source: str = "the stimuli",
) -> DissimilarityBenchmark:
    """Return a benchmark over dissimilarity matrices of one's own; needs the extra `[rsa]`.

    Parameters
    ----------
    identifier
        Name of the benchmark.
    dissimilarities
        (stimulus, stimulus), or (subject, stimulus, stimulus), in the order of the stimuli; or each matrix as the
        vector of what is above its diagonal. A DataFrame is put into this order by the ids in its index;
        rsatoolbox's `RDMs` are in the order of the stimuli.
    stimuli
        As in `neural_benchmark`.
    region, time_bin
        Region and (start, end) in ms after stimulus onset in which a model is recorded.
    comparison
        `spearman`, `pearson`, `tau-a`, `cosine`, `whitened_pearson` or `whitened_cosine`.
    distance
        Of the model's activity: `correlation` (1 - Pearson's r) or `euclidean` (squared, as in rsatoolbox).
    stimulus_ids
        Ids of the matrices' rows, if these have another order.
    visual_degrees, source, stimuli_source
        As in `neural_benchmark`.

    Raises
    ------
    UserError
        If something does not fit together, in one line.
    """
    if find_spec("rsatoolbox") is None:
        raise UserError(f"To compare dissimilarities, rsatoolbox is needed: {install_line('rsa')}")
    for name, known, what in ((comparison, COMPARISONS, "comparison"), (distance, DISTANCES, "distance")):
        if name not in known:
            raise unknown_name(name, known, what)
    if region not in REGIONS:
        raise UserError(f"Expected a region of the model, {', '.join(REGIONS)}, received {region!r}.")
    shown = stimulus_set(stimuli, identifier, stimuli_source)
    degrees = checked_degrees(visual_degrees, shown, stimuli_source)
    check_sizes(shown, degrees)
    if stimulus_ids is None and not isinstance(dissimilarities, pd.DataFrame):
        check_order(stimuli, shown, stimuli_source)
    matrices = as_matrices(dissimilarities, stimulus_ids, shown, source, stimuli_source)
    checked_bin = named_bin(time_bin, f"time_bin of {source}")
    check_unit([checked_bin], source)
    settings = {
        "region": region,
        "time_bin": list(checked_bin),
        "comparison": comparison,
        "distance": distance,
        "bibtex": bibtex,
    }
    return DissimilarityBenchmark(identifier, matrices, shown, settings, degrees)


def described_rdms(benchmark: DissimilarityBenchmark) -> list[str]:
    """Return lines that say what the benchmark consists of."""
    count, size = len(benchmark.matrices), benchmark.matrices.shape[1]
    above = benchmark.matrices[:, *np.triu_indices(size, 1)]
    lines = [
        f"{benchmark.identifier}: dissimilarities, to be compared with {benchmark.region}",
        f"  stimuli      {size}: {_few(benchmark.stimulus_set[ID])}",
        f"  subjects     {count}",
        f"  range        {above.min():.3g} to {above.max():.3g}, median {np.median(above):.3g}",
        f"  comparison   {benchmark.settings['comparison']}, model's distance: {benchmark.settings['distance']}",
    ]
    same = [pair for pair in combinations(range(count), 2) if np.array_equal(*benchmark.matrices[list(pair)])]
    if same:
        one, other = same[0]
        lines.append(f"  note         subjects {one + 1} and {other + 1} have the same dissimilarities")
    found = benchmark.ceilings()
    if found is None:
        return [*lines, "", "There is one subject: there is no noise ceiling, and scores are raw (unceiled)."]
    lines.append(f"  ceiling      {found[0]:.3f} (lower) to {found[1]:.3f} (upper)")
    return [*lines, "", f"Beware: {benchmark.weakness}."] if benchmark.weakness else lines


def _few(names: Sequence) -> str:
    return ", ".join(map(str, list(names)[:3])) + (", …" if len(names) > 3 else "")
