"""Partial least squares from Gram matrices: all splits of a metric together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import torch
from sklearn.cross_decomposition import PLSRegression

from .gram import MakeGram
from .narrow_side import Narrow
from .nipals import SINGLE_THREAD, FromFactor, FromPredictors, FromTargets, PlsFit
from .predictions import Smoother, Split
from .samples import Samples

# of the initial variance: what is less may be rounding of the Gram matrix, or of a rough one
_LEAST = {False: 1e-9, True: 1e-3}
_TOGETHER = 128  # fits at a time: each holds a matrix (target, target)
_LARGE = 10**11  # products: from there on, single precision is worth its rounding


def fit(
    predictors: Samples, targets: Sequence[Samples], splits: Sequence[Split], model: PLSRegression, gram: MakeGram
) -> list[list[Smoother | None]]:
    """Return what is predicted of each group of targets in each split; None where only scikit-learn itself can say it.

    Parameters
    ----------
    predictors
        (sample, feature).
    targets
        Each (sample, target), and fitted by itself.
    gram
        Makes a Gram matrix, or finds it.
    """
    found: list[list[Smoother | None]] = [[None] * len(splits) for _ in targets]
    if model.n_components > predictors.shape[1]:
        return found
    widest = max(predictors.shape[1], *(each.shape[1] for each in targets))
    is_large = predictors.shape[0] ** 2 * widest > _LARGE
    for is_rough in (True, False) if is_large else (False,):
        # with as many samples as components, the last components are rounding
        left = [
            (group, number)
            for group in range(len(targets))
            for number, split in enumerate(splits)
            if found[group][number] is None and len(split.train) > model.n_components + 1
        ]
        for start in range(0, len(left), _TOGETHER):
            wanted = left[start : start + _TOGETHER]
            pairs = [(targets[group], splits[number]) for group, number in wanted]
            for (group, number), smoother in zip(wanted, _fit(predictors, pairs, model, gram, is_rough), strict=True):
                found[group][number] = smoother
    return found


def _fit(
    predictors: Samples,
    pairs: Sequence[tuple[Samples, Split]],
    model: PLSRegression,
    gram: MakeGram,
    is_rough: bool,
) -> list[Smoother | None]:
    """Return what is predicted of targets in a split, for each pair of these."""
    shared: dict[int, tuple[type[PlsFit], Narrow]] = {}
    for targets, _ in pairs:
        if id(targets) not in shared:
            shared[id(targets)] = _sides(predictors, targets, gram, is_rough)

    def make(pair: tuple[Samples, Split]) -> PlsFit:
        kind, narrow = shared[id(pair[0])]
        return kind(narrow, *pair, model, _LEAST[is_rough])

    count = torch.get_num_threads()
    with ThreadPoolExecutor(count, initializer=_limit_thread) as threads:
        if len(shared) == 1 or count == 1:
            return _smoothers(pairs, make, model.n_components, _mapping_in(threads))
        # a thread that has its own fits never waits for another
        size = -(-len(pairs) // count)
        parts = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        with SINGLE_THREAD.limit(limits=1):
            found = threads.map(lambda part: _smoothers(part, make, model.n_components, map), parts)
            return [each for part in found for each in part]


def _limit_thread() -> None:
    """Let torch use one thread in each of several."""
    torch.get_num_threads()  # torch sets the number of a new thread when it is first asked
    SINGLE_THREAD.limit(limits=1)


def _mapping_in(threads: Executor) -> Callable[..., Iterable]:
    """Return a `map` that computes in threads."""

    def run(function: Callable, *arguments: Iterable) -> list:
        with SINGLE_THREAD.limit(limits=1):
            return list(threads.map(function, *arguments))

    return run


def _smoothers(
    pairs: Sequence[tuple[Samples, Split]],
    make: Callable[[tuple[Samples, Split]], PlsFit],
    components: int,
    run: Callable[..., Iterable],
) -> list[Smoother | None]:
    """Fit all components of several fits together, where `run` maps what each computes by itself."""
    fits: list[PlsFit] = list(run(make, pairs))
    for component in range(components):
        active = _combined(fits, component, run)
        # each reading of the Gram matrix serves all splits, and all targets
        of_targets = [each for each in active if isinstance(each, FromTargets)]
        images = _images(of_targets, [each.combination for each in of_targets])
        for each, image in zip(of_targets, images, strict=True):
            each.find_scores(image)
        active = [each for each in active if not each.exhausted]
        _deflate(active, _images(active, [each.scores for each in active]), run)
    return [each.smoother() for each in fits]


def _sides(predictors: Samples, targets: Samples, gram: MakeGram, is_rough: bool) -> tuple[type[PlsFit], Narrow]:
    """Return the way to fit, and the side that it runs over."""
    count, features = predictors.shape
    kind: type[PlsFit]
    if targets.shape[1] <= min(count, features):
        kind, wide, narrow = FromTargets, gram(predictors, is_rough), targets.columns(0, targets.shape[1])
    elif features <= count:
        kind, wide, narrow = FromPredictors, gram(targets, is_rough), predictors.columns(0, features)
    else:
        kind, wide, narrow = FromFactor, gram(predictors, is_rough), gram(targets, is_rough).factor()
    return kind, Narrow(wide, torch.as_tensor(narrow).to(wide.matrix))


def _combined(fits: Sequence[PlsFit], component: int, run: Callable[..., Iterable]) -> list[PlsFit]:
    """Find the next component's weights of all fits, and return those that have one."""
    found = run(lambda each: each.find_direction(component), fits)
    active = [(each, direction) for each, direction in zip(fits, found, strict=True) if direction is not None]
    for group in _sharing([each.narrow for each, _ in active]):
        narrow = active[group[0]][0].narrow
        directions = torch.from_numpy(np.stack([active[number][1] for number in group])).to(narrow.columns)
        combinations = directions @ narrow.columns.T
        for number, direction, combination in zip(group, directions, combinations, strict=True):
            active[number][0].combine(direction, combination)
    return [each for each, _ in active]


def _deflate(fits: Sequence[PlsFit], images: Sequence[torch.Tensor], run: Callable[..., Iterable]) -> None:
    """Take the last scores out of all fits."""
    begun = [each.begin_deflation(image) for each, image in zip(fits, images, strict=True)]
    arguments: list[tuple] = [()] * len(fits)
    for group in _sharing([each.narrow for each in fits]):
        narrow = fits[group[0]].narrow
        vectors = torch.stack([vector for number in group for vector in begun[number]])
        products, sums = vectors @ narrow.columns, vectors.sum(1)
        for place, number in enumerate(group):
            both = slice(2 * place, 2 * place + 2)
            arguments[number] = (begun[number][1], sums[both], *products[both])
    list(run(lambda each, given: each.deflate(*given), fits, arguments))


def _sharing(parts: Sequence[object]) -> list[list[int]]:
    """Return, for each different object among those of all fits, the numbers of the fits that share it."""
    found: dict[int, list[int]] = {}
    for number, each in enumerate(parts):
        found.setdefault(id(each), []).append(number)
    return list(found.values())


def _images(fits: Sequence[PlsFit], vectors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the Gram matrices times vectors (sample,), one for each fit."""
    found: list[torch.Tensor] = list(vectors)
    for numbers in _sharing([each.narrow.wide for each in fits]):
        # a Gram matrix is symmetric, and rows in memory are read faster than columns
        products = torch.stack([vectors[number] for number in numbers]) @ fits[numbers[0]].narrow.wide.matrix
        for number, product in zip(numbers, products, strict=True):
            found[number] = product
    return found
