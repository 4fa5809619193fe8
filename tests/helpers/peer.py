"""What recordings are held against: Brain-Score's own pipeline around our networks, and plain forward hooks."""

from __future__ import annotations

import os
import ssl
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
from torch import nn


@contextmanager
def tls_verification_kept() -> Iterator[None]:
    """Importing Brain-Score's CORnet-S plugin turns TLS verification off for the whole process: turn it on again."""
    context = ssl._create_default_https_context
    try:
        yield
    finally:
        ssl._create_default_https_context = context


with tls_verification_kept():
    from brainscore_vision.models.cornet_s import TIME_MAPPINGS, get_layers
    from brainscore_vision.models.cornet_s.helpers.helpers import (
        CORnetCommitment,
        TemporalPytorchWrapper,
        _build_time_mappings,
    )


@contextmanager
def result_caching_disabled() -> Iterator[None]:
    """Their cache forgets what was recorded, and when: without it, they say what correct recordings are."""
    before = os.environ.get("RESULTCACHING_DISABLE")
    os.environ["RESULTCACHING_DISABLE"] = "1"
    try:
        yield
    finally:
        del os.environ["RESULTCACHING_DISABLE"]
        if before is not None:
            os.environ["RESULTCACHING_DISABLE"] = before


class Uncached:
    """Mixin for Brain-Score's brain models: nothing is stored."""

    def start_task(self, *args, **kwargs):
        with result_caching_disabled():
            return super().start_task(*args, **kwargs)

    def look_at(self, *args, **kwargs):
        with result_caching_disabled():
            return super().look_at(*args, **kwargs)


class UncachedCommitment(Uncached, CORnetCommitment):
    """Brain-Score's model of CORnet-S, without its caches."""


def brain_score_cornet_s(
    network: nn.Module, identifier: str, image_size: int = 224, batch_size: int = 1
) -> CORnetCommitment:
    """Brain-Score's brain model for CORnet-S, with its own layers and times, around a network of ours.

    Their hooks do not copy what they see on the CPU. That is right here, since our networks have no in-place ReLU.

    Parameters
    ----------
    identifier
        Theirs is `CORnet-S`; it is part of the coordinates.
    batch_size
        With several trials in a batch of several images, they label the presentations in another order than they
        compute them in. Images one by one are labelled rightly.
    """
    preprocessing = partial(load_preprocess_images, image_size=image_size)
    activations_model = TemporalPytorchWrapper(
        identifier=identifier, model=network, preprocessing=preprocessing, separate_time=True, batch_size=batch_size
    )
    activations_model._extractor.set_visual_degrees(8)  # the plugin leaves it out, and then has no microsaccades
    return UncachedCommitment(
        identifier,
        activations_model=activations_model,
        layers=get_layers("CORnet-S"),
        time_mapping=_build_time_mappings(TIME_MAPPINGS),
    )


class UncachedWrapper(PytorchWrapper):
    """Brain-Score's wrapper of PyTorch modules, which stores nothing."""

    def __call__(self, *args, **kwargs):
        with result_caching_disabled():
            return super().__call__(*args, **kwargs)


def brain_score_wrapper(network: nn.Module, identifier: str, image_size: int, batch_size: int = 1) -> PytorchWrapper:
    """Brain-Score's activations model around a network of ours; images one by one, as for `brain_score_cornet_s`."""
    preprocessing = partial(load_preprocess_images, image_size=image_size)
    wrapper = UncachedWrapper(network, preprocessing, identifier=identifier, batch_size=batch_size)
    wrapper._extractor.set_visual_degrees(8)
    return wrapper


def assert_same_coordinates(ours, theirs) -> None:
    """The same indexes with the same levels in order, their values and types; no level more, and none less.

    Brain-Score's extractor puts the columns of a stimulus set into a Python set: their order is not compared.
    """
    assert set(ours.indexes) == set(theirs.indexes)
    for dim, index in theirs.indexes.items():
        assert sorted(ours.indexes[dim].names) == sorted(index.names)
        if dim == "neuroid":
            assert ours.indexes[dim].names == index.names
    expected = {name: (dims, values) for name, dims, values in walk_coords(theirs)}
    found = {name: (dims, values) for name, dims, values in walk_coords(ours)}
    assert set(found) == set(expected)
    for name, (dims, values) in expected.items():
        assert found[name][0] == dims, name
        assert found[name][1].dtype == values.dtype, name
        np.testing.assert_array_equal(found[name][1], values, err_msg=name)
        assert [type(value) for value in found[name][1].tolist()] == [type(value) for value in values.tolist()], name


def assert_same(ours, theirs, tolerance: float = 1e-5) -> None:
    """The same values (numbers within `tolerance` of the largest), dimensions in order, all of their coordinates."""
    assert type(ours) is type(theirs)
    assert ours.dims == theirs.dims
    assert ours.shape == theirs.shape
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=tolerance * np.abs(theirs.values).max())
    else:
        np.testing.assert_array_equal(ours.values, theirs.values)
    for name, dims, values in walk_coords(theirs):
        assert ours[name].dims == dims, name
        np.testing.assert_array_equal(ours[name].values, values, err_msg=name)


def plain_hook(network: nn.Module, layer: str, images: np.ndarray | torch.Tensor) -> list[np.ndarray]:
    """What a layer puts out at each of its calls in one forward pass, each (presentation, …)."""
    return plain_hooks(network, images, [layer])[layer]


def plain_hooks(
    network: nn.Module, images: np.ndarray | torch.Tensor, layers: Sequence[str] | None = None
) -> dict[str, list[np.ndarray]]:
    """The same of several layers, by default of all and of the network itself, whose name is empty."""
    outputs: dict[str, list[np.ndarray]] = defaultdict(list)
    handles = [
        network.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: outputs[layer].append(output.numpy().copy())
        )
        for layer in (dict(network.named_modules()) if layers is None else layers)
    ]
    try:
        with torch.no_grad():
            network(torch.as_tensor(images))
    finally:
        for handle in handles:
            handle.remove()
    return outputs
