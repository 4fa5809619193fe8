"""Brain-Score's metrics that regress and correlate: the same scores from Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from brainscore_core.metrics import Score
from brainscore_vision.metric_helpers.transformations import apply_aggregate

from ..cornet.errors import UserError
from .alignment import NEUROIDS, PRESENTATIONS, TIME, MatchedRecordings, NotCovered, coordinate, partners, sorted_rows
from .gram import MakeGram
from .predictions import Split, correlate
from .recognition import NEUROID, Plan
from .regressions import Fitted
from .samples import Samples

_NAMED = 10  # neuroids that still fit a message

Rows = tuple[np.ndarray, np.ndarray]


def cross_validated(metric, plan: Plan, source, target, gram: MakeGram) -> Score:
    """The score of a `CrossRegressedCorrelation`.

    Raises
    ------
    NotCovered
        When only Brain-Score's own code says what becomes of such assemblies.
    UserError
        When recordings hold NaN.
    """
    data = _RegressionData(plan, [source], [target])
    validation = metric.cross_validation
    if strata := validation._stratification_coord:
        partners(coordinate(source, strata, PRESENTATIONS), coordinate(target, strata, PRESENTATIONS))
    _, splits = validation._split.build_splits(target)
    if validation._preprocess_indices is not None:
        splits = [validation._preprocess_indices(train, test, source) for train, test in splits]
    stimuli = coordinate(target, "stimulus_id", PRESENTATIONS)
    rows = [
        (sorted_rows(data.stimuli[0], stimuli[train]), sorted_rows(data.stimuli[0], stimuli[test]))
        for train, test in splits
    ]
    raw, _ = data.compare(rows, gram)
    score = apply_aggregate(metric.aggregate, data.packaged(raw, splits=np.arange(len(rows))))
    return apply_aggregate(validation.aggregate, score)


def with_test_set(metric, plan: Plan, source_train, source_test, target_train, target_test, gram: MakeGram) -> Score:
    """The score of a `TrainTestSplitCorrelation`; raises what `cross_validated` does."""
    data = _RegressionData(plan, [source_train, source_test], [target_train, target_test])
    train, test = (sorted_rows(stimuli) for stimuli in data.stimuli)
    raw, fitted = data.compare([(train, len(train) + test)], gram)
    values = data.packaged(raw)
    if fitted.alpha is not None and plan.time is None:
        values.attrs["alpha"] = fitted.alpha
    return apply_aggregate(metric.aggregate, values)


class _RegressionData:
    """Predictors and targets with their presentations in the order of the larger side, which is not copied.

    Parameters
    ----------
    predictors, targets
        One assembly of each, or two: for training and for testing.
    """

    def __init__(self, plan: Plan, predictors: Sequence, targets: Sequence) -> None:
        self._plan = plan
        sides = [[MatchedRecordings(each, plan.time is not None) for each in side] for side in (predictors, targets)]
        self._targets = sides[1]
        self._check(*sides)
        sizes = [sum(each.assembly.size for each in side) for side in sides]
        self._larger = sides[int(sizes[1] > sizes[0])]
        self.stimuli = [each.stimuli for each in self._larger]
        """Of each assembly, in the order of the rows."""
        # what a regression is fitted on is paired by order alone, as Brain-Score does where both are given
        must_match = [len(targets) == 1 or number == 1 for number in range(len(targets))]
        orders = [
            [None if own is larger else partners(larger.stimuli, own.stimuli, match) for own, larger, match in parts]
            for parts in (list(zip(side, self._larger, must_match, strict=True)) for side in sides)
        ]
        self._predictors_by_bin, self._targets_by_bin = (
            list(zip(*(_bins(each, order) for each, order in zip(side, side_orders, strict=True)), strict=True))
            for side, side_orders in zip(sides, orders, strict=True)
        )

    def compare(self, rows: Sequence[Rows], gram: MakeGram) -> tuple[np.ndarray, Fitted]:
        """Pearson's r (split, time bin, neuroid) for training and test rows of each split, and the last fit."""
        if any(len(train) == 0 or len(test) < 2 for train, test in rows):
            raise NotCovered
        if self._plan.time == "shared":
            count = sum(map(len, self.stimuli))
            offsets = count * np.arange(len(self._predictors_by_bin))
            splits = [
                Split((train[:, None] + offsets).ravel(), tuple(test + offset for offset in offsets))
                for train, test in rows
            ]
            predictors, targets = (sum(blocks, ()) for blocks in (self._predictors_by_bin, self._targets_by_bin))
            found, fitted = self._compared(predictors, targets, splits, gram)
        else:
            splits = [Split(train, (test,)) for train, test in rows]
            bins = zip(self._predictors_by_bin, self._targets_by_bin, strict=True)
            parts = [self._compared(*blocks, splits, gram) for blocks in bins]
            found, fitted = np.concatenate([r for r, _ in parts], axis=1), parts[-1][1]
        return found.astype(np.result_type(fitted.dtype, *(each.assembly.dtype for each in self._targets))), fitted

    def packaged(self, raw: np.ndarray, splits: np.ndarray | None = None) -> xr.DataArray:
        """Pearson's r (split, time bin, neuroid) as Brain-Score labels it; one split without its number."""
        order, coords = self._targets[-1].neuroids()
        dims, values = ["split", NEUROIDS], raw[..., order]
        if self._plan.time is None:
            values = values[:, 0]
        else:
            dims, values = [*dims, TIME], values.swapaxes(1, 2)
            coords |= self._targets[-1].time_coords()
        if splits is None:
            score = Score(values[0], coords=coords, dims=dims[1:])
        else:
            score = Score(values, coords={"split": splits, **coords}, dims=dims)
        return score if self._plan.time is None else score.transpose(..., TIME, NEUROIDS)

    def _check(self, predictors: Sequence[MatchedRecordings], targets: Sequence[MatchedRecordings]) -> None:
        """Raise `NotCovered` for what does not fit together."""
        names = [coordinate(each.assembly, NEUROID, NEUROIDS) for each in targets]
        widths = {each.assembly.sizes[NEUROIDS] for each in predictors}
        if len(widths) > 1 or len(names[0]) != len(names[-1]) or not (names[0] == names[-1]).all():
            raise NotCovered
        if self._plan.time is not None:
            bins = [each.assembly[TIME].values for each in (*predictors, *targets)]
            if any(len(each) != len(bins[0]) or not (each == bins[0]).all() for each in bins):
                raise NotCovered

    def _compared(self, predictors, targets, splits: Sequence[Split], gram: MakeGram) -> tuple[np.ndarray, Fitted]:
        features, recorded = Samples(predictors), Samples(targets)
        self._require_numbers(recorded, splits)
        fitted = self._plan.regression.fit(features, recorded, splits, gram)
        return correlate(recorded, splits, fitted.predictions), fitted

    def _require_numbers(self, recorded: Samples, splits: Sequence[Split]) -> None:
        rows = np.unique(np.concatenate([split.train for split in splits]))
        bad = np.concatenate([~np.isfinite(columns[rows]).all(0) for _, columns in recorded.portions()])
        if bad.any():
            names = self._targets[0].assembly[NEUROID].values[bad]
            shown = ", ".join(map(str, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
            raise UserError(
                f"The recordings of {len(names)} of {len(bad)} neuroids hold NaN or infinite values: {shown}. Leave "
                "these neuroids out, or the presentations in which they were not recorded."
            )


def _bins(recorded: MatchedRecordings, order: np.ndarray | None) -> list:
    return recorded.bins if order is None else recorded.reordered(order)
