"""Brain-Score's comparisons of representations: centred kernel alignment and dissimilarity matrices."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import DataAssembly
from brainscore_vision.metric_helpers.transformations import apply_aggregate
from brainscore_vision.metrics.cka.metric import CKA
from scipy.stats import rankdata

from .alignment import NEUROIDS, PRESENTATIONS, STIMULUS, MatchedRecordings, NotCovered, coordinate, partners
from .gram import MakeGram, add_products, mirror, pick_device
from .samples import Samples

_EPS = 1e-12  # which Brain-Score adds to the denominator of its unbiased estimate
_FEWEST = 4  # stimuli, for the unbiased estimate
_ALMOST = 1e-7  # what Brain-Score takes for a diagonal of zeros
_LARGE = 10**10  # products: from there on, those of single-precision activity are worth its rounding


def cka(metric: CKA, first, second, gram: MakeGram) -> Score:
    """Centred kernel alignment of two assemblies over their stimuli.

    Raises
    ------
    NotCovered
        When only Brain-Score's own code says what becomes of such assemblies.
    """
    return Score(_alignment(*_kernels(first, second, gram), metric._unbiased))


def cross_validated(metric, first, second, gram: MakeGram) -> Score:
    """Centred kernel alignment, or similarity of dissimilarities, of each split's stimuli; raises what `cka` does."""
    validation, inner = metric._cross_validation._cross_validation, metric._metric
    if strata := validation._stratification_coord:
        partners(coordinate(first, strata, PRESENTATIONS), coordinate(second, strata, PRESENTATIONS))
    stimuli = coordinate(second, STIMULUS, PRESENTATIONS)
    if isinstance(inner, CKA):
        matrices, compare = _kernels(first, second, gram), partial(_alignment, is_unbiased=inner._unbiased)
    else:
        order = partners(stimuli, coordinate(first, STIMULUS, PRESENTATIONS))
        model, recorded = (torch.from_numpy(1 - _correlations(each)) for each in (first, second))
        matrices, compare = (model[order][:, order], recorded), _spearman
    _, splits = validation._split.build_splits(second)
    values = []
    for _, test in splits:
        rows = torch.from_numpy(np.flatnonzero(np.isin(stimuli, stimuli[test])))
        model, recorded = (each[rows.to(each.device)][:, rows.to(each.device)] for each in matrices)
        values.append(compare(model, recorded))
    scores = Score(values, coords={"split": np.arange(len(splits))}, dims=["split"])
    return apply_aggregate(validation.aggregate, scores)


def dissimilarity_matrix(assembly) -> DataAssembly:
    """One less Pearson's r of each two presentations over neuroids; raises what `cka` does."""
    dims = [dim for dim in assembly.dims if dim != NEUROIDS]
    if len(assembly.dims) != 2 or len(dims) != 1:
        raise NotCovered
    coords = {name: values for name, values in assembly.coords.items() if name != NEUROIDS}
    return 1 - DataAssembly(_correlations(assembly), coords=coords, dims=dims * 2)


def dissimilarity_correlation(first, second) -> float:
    """Spearman's correlation of two dissimilarity matrices above the diagonal; raises what `cka` does."""
    for each in (first, second):
        if each.ndim != 2 or set(each.dims) != set(each[STIMULUS].dims):
            raise NotCovered
    stimuli, others = first[STIMULUS].values, second[STIMULUS].values
    order = partners(stimuli, others)
    if len(set(stimuli)) < len(stimuli):
        raise NotCovered  # which of the same stimulus belong together is up to Brain-Score's sorting
    return _spearman(*(torch.from_numpy(each) for each in (first.values, second.values[np.ix_(order, order)])))


def _kernels(first, second, gram: MakeGram) -> tuple[torch.Tensor, torch.Tensor]:
    """Gram matrices of two assemblies, both with presentations in the order of the second."""
    recorded = [MatchedRecordings(each, has_time=False) for each in (first, second)]
    order = torch.from_numpy(partners(recorded[1].stimuli, recorded[0].stimuli))
    grams = [gram(samples, _is_rough(samples)) for samples in (Samples(each.bins) for each in recorded)]
    if not all(each.is_finite for each in grams):
        raise NotCovered
    order = order.to(grams[0].device)
    return grams[0].matrix[order][:, order], grams[1].matrix.to(grams[0].device)


def _alignment(first: torch.Tensor, second: torch.Tensor, is_unbiased: bool) -> float:
    """Alignment of two kernels (stimulus, stimulus)."""
    if is_unbiased:
        if len(first) < _FEWEST:
            raise NotCovered
        both, one, other = (
            _unbiased_independence(*pair) for pair in ((first, second), (first, first), (second, second))
        )
        return both / (np.sqrt(one * other) + _EPS) if one * other > 0 else 0.0
    first, second = (each - each.mean(0) - each.mean(1, keepdim=True) + each.mean() for each in (first, second))
    return float((first * second).sum() / ((first**2).sum().sqrt() * (second**2).sum().sqrt()))


def _unbiased_independence(first: torch.Tensor, second: torch.Tensor) -> float:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion (Song et al., https://arxiv.org/abs/0704.2668).

    It leaves out what a stimulus has in common with itself, and is the same for kernels of centred activity.
    """
    count = len(first)
    first, second = (each - torch.diag(each.diagonal()) for each in (first, second))
    sums, others = first.sum(0), second.sum(0)
    products = (first * second).sum() - 2 * (sums @ others) / (count - 2)
    products += sums.sum() * others.sum() / ((count - 1) * (count - 2))
    return float(products / (count * (count - 3)))


def _correlations(assembly) -> np.ndarray:
    """Pearson's r of each two presentations over neuroids."""
    variable = assembly.variable.transpose(..., NEUROIDS)
    samples = Samples([variable])
    count, width = samples.shape
    if count < 2 or variable.dtype.kind not in "fiub":
        raise NotCovered
    if count**2 * width <= _LARGE:
        return np.corrcoef(variable.values)  # equal to the last digit, which decides between ranks of equal values
    sums = np.zeros(count)
    for _, columns in samples.portions():
        sums += columns.sum(1, dtype=float)
    means = sums / width
    if not np.isfinite(means).all():
        raise NotCovered
    products = torch.zeros(count, count, dtype=torch.float64, device=pick_device(8 * count**2))
    for _, columns in samples.portions():
        add_products(products, columns, means[:, None], samples.dtype == np.float32)
    mirror(products)
    lengths = products.diagonal().sqrt()
    return (products / lengths / lengths[:, None]).clamp(-1, 1).cpu().numpy()


def _is_rough(samples: Samples) -> bool:
    return samples.dtype == np.float32 and samples.shape[0] ** 2 * samples.shape[1] > _LARGE


def _spearman(first: torch.Tensor, second: torch.Tensor) -> float:
    """Spearman's correlation of what is above the diagonals of two matrices (stimulus, stimulus)."""
    if any((each.diagonal().nan_to_num().abs() > _ALMOST).any() for each in (first, second)) or len(first) < 3:
        raise NotCovered
    is_above = np.triu(np.ones(first.shape, bool), 1)
    deviations = []
    for each in (first, second):
        values = each.numpy()[is_above]
        if np.isnan(values).any():
            return np.nan
        ranks = _ranks(values)
        deviations.append(ranks - ranks.mean())
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(deviations[0] @ deviations[1] / np.prod([np.linalg.norm(each) for each in deviations]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, those of equal values averaged."""
    order = np.argsort(values)
    ordered = values[order]
    if (ordered[1:] == ordered[:-1]).any():
        return rankdata(values)
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values))
    return ranks
