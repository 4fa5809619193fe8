"""The functions that Brain-Score calls in a model plugin.

SPDX-License-Identifier: GPL-3.0-or-later
"""

from brainscore_cornet.cornet.brain_model import CORnetModel, load_model
from brainscore_cornet.cornet.citations import bibtex
from brainscore_cornet.cornet.commitments import get_commitment

from .variants import MODELS


def base(identifier: str) -> str:
    """Return the registered CORnet that a model is a variant of."""
    return MODELS[identifier]["base"]


def options(identifier: str, **changed) -> dict:
    """Return the options of `load_model` for a model, with some of them changed."""
    return {name: value for name, value in {**MODELS[identifier], **changed}.items() if name != "base"}


def get_model_list() -> list[str]:
    return list(MODELS)


def get_model(identifier: str) -> CORnetModel:
    return load_model(base(identifier), named=identifier, **options(identifier))


def get_layers(identifier: str) -> list[str]:
    commitment = get_commitment(base(identifier))
    layers = {**commitment.layers, **options(identifier).get("layers", {})}
    return [*layers.values(), commitment.readout_layer]


def get_bibtex(identifier: str) -> str:
    return bibtex(get_commitment(base(identifier)).architecture)
