"""A model with stand-in weights that sees small images, and what its network sees of them: fast to record from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from brainscore_vision.model_helpers.activations.pytorch import load_preprocess_images
from torch import nn

from brainscore_cornet.cornet.brain_model import CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment, vary

SIZE = 48  # px


def as_built(stand_in: Callable[[str], nn.Module]) -> Callable[[str], nn.Module]:
    """Copies of the networks that the fixture keeps, with their weights in the layout of one that was just built."""
    return cache(lambda architecture: copy.deepcopy(stand_in(architecture)).to(memory_format=torch.contiguous_format))


def small_model(stand_in: Callable[[str], nn.Module], identifier: str, batch_size: int = 4, **options) -> CORnetModel:
    """A new model around the network that the fixture `stand_in` keeps; options as of `vary`."""
    commitment = vary(get_commitment(identifier), image_size=SIZE, **options)
    network = stand_in(commitment.architecture)
    return CORnetModel(commitment, network, device=torch.device("cpu"), batch_size=batch_size)


def seen(paths: Sequence[str | Path]) -> np.ndarray:
    """The images as the network sees them, (presentation, 3, height, width)."""
    return load_preprocess_images([str(path) for path in paths], image_size=SIZE)
