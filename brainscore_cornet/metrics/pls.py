"""Partial least squares from Gram matrices: all splits of a metric together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sklearn.cross_decomposition import PLSRegression

from .gram import Gram, MakeGram
from .nipals import FromFactor, FromPredictors, FromTargets, PlsFit
from .predictions import Smoother, Split
from .samples import Samples

# of the initial variance: what is less may be rounding of the Gram matrix, or of a rough one
_LEAST = {False: 1e-9, True: 1e-3}
_LARGE = 10**11  # products: from there on, single precision is worth its rounding


def fit(
    predictors: Samples, targets: Samples, splits: Sequence[Split], model: PLSRegression, gram: MakeGram
) -> list[Smoother | None]:
    """What is predicted in each split; None where only scikit-learn itself can say it.

    Parameters
    ----------
    predictors, targets
        (sample, feature) and (sample, target).
    gram
        Makes a Gram matrix, or finds it.
    """
    found: list[Smoother | None] = [None] * len(splits)
    if model.n_components > predictors.shape[1]:
        return found
    is_large = predictors.shape[0] ** 2 * max(predictors.shape[1], targets.shape[1]) > _LARGE
    for is_rough in (True, False) if is_large else (False,):
        # with as many samples as components, the last components are rounding
        left = [
            number
            for number, split in enumerate(splits)
            if found[number] is None and len(split.train) > model.n_components + 1
        ]
        if left:
            smoothers = _fit(predictors, targets, [splits[number] for number in left], model, gram, is_rough)
            for number, smoother in zip(left, smoothers, strict=True):
                found[number] = smoother
    return found


def _fit(
    predictors: Samples, targets: Samples, splits: Sequence[Split], model: PLSRegression, gram: MakeGram, is_rough: bool
) -> list[Smoother | None]:
    count, features = predictors.shape
    kind: type[PlsFit]
    if targets.shape[1] <= min(count, features):
        kind, wide, narrow = FromTargets, gram(predictors, is_rough), targets.columns(0, targets.shape[1])
    elif features <= count:
        kind, wide, narrow = FromPredictors, gram(targets, is_rough), predictors.columns(0, features)
    else:
        kind, wide, narrow = FromFactor, gram(predictors, is_rough), gram(targets, is_rough).factor()
    narrow = torch.as_tensor(narrow).to(wide.matrix)
    narrow = narrow - narrow.mean(0)
    products = wide.matrix @ narrow
    fits = [kind(wide, narrow, products, targets, split, model, _LEAST[is_rough]) for split in splits]
    for component in range(model.n_components):
        active = [each for each in fits if each.find_direction(component)]
        # each reading of the Gram matrix serves all splits
        combined = [each for each in active if isinstance(each, FromTargets)]
        for each, image in zip(combined, _images(wide, [each.combination for each in combined]), strict=True):
            each.find_scores(image)
        active = [each for each in active if not each.exhausted]
        for each, image in zip(active, _images(wide, [each.scores[-1] for each in active]), strict=True):
            each.deflate(image)
    return [each.smoother() for each in fits]


def _images(wide: Gram, vectors: list[torch.Tensor]) -> list[torch.Tensor]:
    return list((wide.matrix @ torch.stack(vectors, 1)).T) if vectors else []
