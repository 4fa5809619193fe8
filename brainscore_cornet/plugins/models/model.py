"""The functions that Brain-Score calls in a model plugin."""

from brainscore_cornet.cornet.brain_model import CORnetModel, load_model
from brainscore_cornet.cornet.citations import bibtex
from brainscore_cornet.cornet.commitments import COMMITMENTS, get_commitment


def get_model_list() -> list[str]:
    return list(COMMITMENTS)


def get_model(identifier: str) -> CORnetModel:
    return load_model(identifier)


def get_layers(identifier: str) -> list[str]:
    commitment = get_commitment(identifier)
    return [*commitment.layers.values(), commitment.readout_layer]


def get_bibtex(identifier: str) -> str:
    return bibtex(get_commitment(identifier).architecture)
