"""Object solution times (`Kar2019-ost`) without TensorFlow: the metric's classifier, in PyTorch.

Brain-Score's metric `ost` decodes the object in each time bin with a softmax regression, for which alone it needs
TensorFlow. The classifier here is the same one: standardized neuroids, cross-entropy with weight decay, Adam, the same
order of minibatches, the same stopping rule, and the same first weights, number for number, as TensorFlow 2.16 and
later draw them.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pandas as pd
import torch
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly, walk_coords
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy

from ..cornet.device import pick_device

NOTE = "object solution times: the classifier was fitted in PyTorch, since TensorFlow is not installed"

# Defaults of `TFProbabilitiesClassifier` in Brain-Score's metrics/ost/metric.py, which the metric leaves as they are
_EPOCHS = 40
_BATCH_SIZE = 64
_WEIGHT_DECAY = 0.463
_TOLERANCE = 1e-4
_FIRST_BIAS = 1.0
# Defaults of TensorFlow's Adam; the learning rate is the classifier's
_LEARNING_RATE, _BETAS, _EPSILON = 1e-4, (0.9, 0.999), 1e-8


@contextmanager
def without_tensorflow(device: torch.device | None = None) -> Iterator[list[str]]:
    """Replace the classifier of Brain-Score's metric `ost` by this module's, inside this context, without TensorFlow.

    Nothing is replaced if TensorFlow is installed or the metric is not loaded.

    Parameters
    ----------
    device
        Device of the fit; by default `pick_device`'s.

    Yields
    ------
    list of str
        `NOTE`, once the classifier of this module was used; empty before.
    """
    notes: list[str] = []
    metric = sys.modules.get("brainscore_vision.metrics.ost.metric")  # benchmarks load their metric when they are made
    if metric is None or find_spec("tensorflow") is not None:
        yield notes
        return
    last_fit = LastFit(device)

    def classifier() -> ProbabilitiesClassifier:
        notes[:] = [NOTE]
        return ProbabilitiesClassifier(last_fit)

    original = vars(metric)["TFProbabilitiesClassifier"]
    setattr(metric, "TFProbabilitiesClassifier", classifier)  # noqa: B010 (a module has no such attribute to pyright)
    try:
        yield notes
    finally:
        setattr(metric, "TFProbabilitiesClassifier", original)  # noqa: B010


@dataclass(frozen=True)
class SoftmaxFit:
    """A fitted softmax regression."""

    scaler: StandardScaler
    weights: np.ndarray
    """(neuroid, choice), float32."""
    bias: np.ndarray
    """(choice,), float32."""
    choices: list
    """The labels, in the order in which they first appear among the training stimuli."""


class LastFit:
    """Fits a classifier, and reuses the last fit for equal data.

    A network with few time steps has the same recordings in many of the benchmark's 18 time bins: CORnet-S has two
    different ones.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device
        self._key: bytes | None = None
        self._fit: SoftmaxFit | None = None

    def __call__(self, recordings: np.ndarray, labels: np.ndarray) -> SoftmaxFit:
        indices, choices = pd.factorize(labels)
        recordings = np.ascontiguousarray(recordings)
        found = hashlib.sha256(recordings.data)
        found.update(repr((recordings.shape, recordings.dtype, list(labels))).encode())
        if self._fit is None or found.digest() != self._key:
            self._fit = fit(recordings, indices, list(choices), self._device)
            self._key = found.digest()
        return self._fit


class ProbabilitiesClassifier:
    """Probabilities of objects from recordings, with the methods that Brain-Score's metric calls.

    Parameters
    ----------
    fit
        Function of recordings (presentation, neuroid) and labels (presentation,) that returns a `SoftmaxFit`.
    """

    def __init__(self, fit: LastFit | None = None) -> None:
        self._make_fit = fit or LastFit()
        self.fitted: SoftmaxFit | None = None

    def fit(self, recordings: xr.DataArray, labels: xr.DataArray) -> None:
        """Fit the classifier to recordings (presentation, neuroid) and the label of each presentation."""
        self.fitted = self._make_fit(recordings.values, labels.values)

    def predict_proba(self, recordings: xr.DataArray) -> BehavioralAssembly:
        """Return probabilities (presentation, choice), float32, for recordings (presentation, neuroid)."""
        fitted = self.fitted
        assert fitted is not None, "the metric fits before it predicts"
        scaled = np.asarray(fitted.scaler.transform(recordings.values), dtype=np.float32)
        logits = torch.from_numpy(scaled @ fitted.weights + fitted.bias)
        presentation = recordings.dims[0]
        coords = {name: (dims, values) for name, dims, values in walk_coords(recordings) if dims == (presentation,)}
        return BehavioralAssembly(
            logits.softmax(dim=1).numpy(),
            coords={**coords, "choice": fitted.choices},
            dims=[presentation, "choice"],
        )

    def close(self) -> None:
        """Do nothing; Brain-Score's metric calls this method."""


def fit(recordings: np.ndarray, labels: np.ndarray, choices: list, device: torch.device | None = None) -> SoftmaxFit:
    """Fit a softmax regression as Brain-Score's classifier does in TensorFlow.

    Parameters
    ----------
    recordings
        (presentation, neuroid).
    labels
        (presentation,), indices into `choices`.
    device
        Device of the fit; by default `pick_device`'s.
    """
    device = pick_device() if device is None else device
    scaler = StandardScaler().fit(recordings)
    inputs = torch.from_numpy(np.asarray(scaler.transform(recordings), dtype=np.float32)).to(device)
    targets = torch.from_numpy(labels).to(device)
    weights = torch.from_numpy(first_weights(recordings.shape[1], len(choices))).to(device).requires_grad_()
    bias = torch.full((len(choices),), _FIRST_BIAS, device=device, requires_grad=True)
    adam = torch.optim.Adam([weights, bias], _LEARNING_RATE, _BETAS, weight_decay=_WEIGHT_DECAY, fused=True)
    order, step = np.random.RandomState(0), 0
    for _ in range(_EPOCHS):
        shuffled = np.arange(len(inputs))
        order.shuffle(shuffled)
        for batch in torch.from_numpy(shuffled).to(device).split(_BATCH_SIZE):
            step += 1
            # TensorFlow adds epsilon before it corrects the second moment's bias, PyTorch afterwards
            adam.param_groups[0]["eps"] = _EPSILON / math.sqrt(1 - _BETAS[1] ** step)
            loss = cross_entropy(torch.addmm(bias, inputs[batch], weights), targets[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
        if loss.item() < _TOLERANCE:  # of the last minibatch, without weight decay
            break
    return SoftmaxFit(scaler, weights.detach().cpu().numpy(), bias.detach().cpu().numpy(), choices)


def first_weights(neuroids: int, choices: int) -> np.ndarray:
    """Return the initial weights (neuroid, choice) of TensorFlow 2.16 and later for `VarianceScaling(seed=0)`.

    Earlier versions draw others.
    """
    # .8796… is the standard deviation of a standard normal distribution that is cut off at -2 and 2
    deviation = np.float32(math.sqrt(1 / neuroids) / 0.87962566103423978)
    return (_truncated_normal(neuroids * choices) * deviation).reshape(neuroids, choices)


def _truncated_normal(count: int) -> np.ndarray:
    """Return standard normal numbers in [-2, 2], as TensorFlow's `stateless_truncated_normal` draws them for seed 0.

    Each four numbers have 256 blocks of the generator to themselves and are the first four within the bounds. Among
    the twenty that are drawn here there are four, but for once in 1e20.
    """
    *key, low, high = (int(word) for word in _philox(np.zeros((1, 4), np.uint64), (0x3EC8F720, 0x02461E29))[0])
    blocks = np.arange(-(-count // 4), dtype=np.uint64)[:, np.newaxis] * 256 + np.arange(5, dtype=np.uint64)
    counters = np.empty((*blocks.shape, 4), np.uint64)
    counters[..., 0], counters[..., 1] = blocks & 0xFFFFFFFF, blocks >> 32
    counters[..., 2], counters[..., 3] = low, high
    words = _philox(counters, key).astype(np.uint32)
    # the lower 23 bits are the fraction of a number from 1 to 2
    uniform = (words & 0x7FFFFF | 0x3F800000).view(np.float32) - np.float32(1)
    uniform = uniform.reshape(len(blocks), -1, 2)
    radius = np.sqrt(-2 * np.log(np.maximum(uniform[..., 0], np.float32(1e-7))))
    angle = np.float32(2 * np.pi) * uniform[..., 1]
    normal = (np.stack([np.sin(angle), np.cos(angle)], -1) * radius[..., np.newaxis]).reshape(len(blocks), -1)
    within_first = np.argsort(np.abs(normal) >= 2, axis=1, kind="stable")
    return np.take_along_axis(normal, within_first[:, :4], axis=1).ravel()[:count]


def _philox(counters: np.ndarray, key: tuple[int, int] | list[int]) -> np.ndarray:
    """Return random words of Philox4x32-10 (Salmon et al. 2011, doi 10.1145/2063384.2063405); numpy has only 4x64.

    Parameters
    ----------
    counters
        (…, word), four words of 32 bits each, uint64.

    Returns
    -------
    np.ndarray
        (…, word), random words of 32 bits each, uint64.
    """
    first, second, third, fourth = np.moveaxis(counters, -1, 0)
    for step in range(10):
        keys = [(word + step * weyl) & 0xFFFFFFFF for word, weyl in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True)]
        product, other = first * 0xD2511F53, third * 0xCD9E8D57
        first, second, third, fourth = (
            (other >> 32) ^ second ^ keys[0],
            other & 0xFFFFFFFF,
            (product >> 32) ^ fourth ^ keys[1],
            product & 0xFFFFFFFF,
        )
    return np.stack([first, second, third, fourth], -1)
