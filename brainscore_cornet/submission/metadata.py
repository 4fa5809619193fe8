"""metadata.yaml of a model plugin, by Brain-Score's schema 2.0, with counts computed from the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..cornet.anatomy import CHOICE_OF_TIMES
from ..cornet.architectures import CORnet, build_network
from ..cornet.weights.released import RELEASED
from ..training.recipes import DECAY, RECIPES
from .variant import Variant

_DESCRIPTIONS = {
    "Z": "Feedforward: convolution, ReLU and max-pooling in each of four regions",
    "R": "Recurrent, legacy: each region adds its own state to its input, regions advance one after the other within a "
    "time step",
    "RT": "Recurrent with biological unrolling: each region adds its own state to its input, all regions advance at "
    "once",
    "S": "Recurrent bottlenecks with skip connections, shallow: V1 feedforward, V2, V4 and IT over {V2}, {V4} and {IT} "
    "time steps",
}
_PAPERS = {
    "cornet_2018": {"kind": "paper", "url": "https://doi.org/10.1101/408385", "citation": "Kubilius et al. 2018"},
    "cornet_s_2019": {
        "kind": "paper",
        "url": "https://arxiv.org/abs/1909.06161",
        "citation": "Kubilius, Schrimpf et al. 2019",
    },
}


def metadata(variants: Sequence[Variant]) -> str:
    """Return the text of metadata.yaml, checked by Brain-Score's own validation."""
    from brainscore_core.metadata.contract import dump

    document = {
        "schema_version": "2.0",
        "domain": "vision",
        "models": {variant.identifier: _entry(variant) for variant in variants},
    }
    return dump(document)


def counts(network: CORnet) -> dict[str, Any]:
    """Return a network's counts by the definitions of Brain-Score's metadata generator; its size is in 10^6 bytes."""
    parameters = list(network.parameters())
    return {
        "total_parameter_count": sum(each.numel() for each in parameters),
        "trainable_parameter_count": sum(each.numel() for each in parameters if each.requires_grad),
        "total_layers": sum(1 for _ in network.modules()),
        "trainable_layers": sum(1 for each in parameters if each.requires_grad and each.dim() > 1),
        "model_size_mb": round(sum(each.numel() * each.element_size() for each in parameters) / 1e6, 2),
    }


def _entry(variant: Variant) -> dict[str, Any]:
    commitment = variant.commitment
    architecture, size = commitment.architecture, commitment.image_size
    is_recurrent = CHOICE_OF_TIMES[architecture] != "none"
    with torch.device("meta"):  # numbers are counted, not drawn
        network = build_network(architecture, variant.options.get("times"))
    counted = counts(network)
    papers = list(_PAPERS) if architecture == "S" else ["cornet_2018"]
    url, is_released = variant.weights_url, variant.base in RELEASED and variant.weights_url is None
    entry = {
        "sources": {paper: dict(_PAPERS[paper]) for paper in papers},
        "assertions": [
            {"path": "/model/architecture", "status": "verified", "sources": papers},
            {"path": "/model/parameter_count", "status": "verified", "sources": []},
        ],
        "model": {
            "display_name": commitment.name + ("" if is_released else " (own weights)" if url else " (untrained)"),
            "version": "as released" if is_released else "trained anew" if url else "initialization from seed 0",
            "architecture": {
                "family": ("recurrent_" if is_recurrent else "") + "convolutional_neural_network",
                "description": _DESCRIPTIONS[architecture].format(**network.times),
            },
            "parameter_count": counted["total_parameter_count"],
            "parameter_count_exact": True,
            "trainable_layers": _layers(network, architecture),
            "recurrent": is_recurrent,
            "input_resolution": {"channels": 3, "height": size, "width": size},
            "visual_degrees": commitment.visual_degrees,
        },
        "io": {
            "modality": "image",
            "interface": "Images in; recordings in V1, V2, V4 and IT over time, or labels, out",
            "input_format": "RGB image",
            "output_format": "activity of each region at each time step; 1000 ImageNet logits",
        },
        "legal": {"license": "GPL-3.0-or-later"},
    }
    if url is None:
        people = {"creators": ["Jonas Kubilius", "Martin Schrimpf"], "organizations": ["DiCarlo Lab, MIT"]}
        entry["people"] = people
    if is_released:
        entry["model"]["supervision"] = {"type": "supervised", "description": "Object classification on ImageNet"}
        entry |= _training(architecture, RELEASED[variant.base])
    elif url is not None:  # only its owner knows who trained it and how
        entry["provenance"] = {"checkpoint": url.rsplit("/", 1)[-1], "source_url": url}
    else:
        description = "None: a control with its own initialization"
        entry["model"]["supervision"] = {"type": "untrained", "description": description}
    # information without a field of its own in the schema
    entry["legacy"] = {name: value for name, value in counted.items() if name != "total_parameter_count"}
    return entry


def _layers(network: CORnet, architecture: str) -> str:
    convolutions = sum(isinstance(module, nn.Conv2d) for module in network.modules())
    over = f", over {network.times['IT']} time steps" if CHOICE_OF_TIMES[architecture] == "one" else ""
    return f"{convolutions} convolutions and a linear decoder{over}"


def _training(architecture: str, file) -> dict[str, Any]:
    training = {"objective": "1000-class image classification", "loss": "cross-entropy"}
    if architecture != "R":  # its training is not published
        recipe = RECIPES[architecture]
        training |= {
            "learning_rate": f"{recipe.lr}, times {DECAY} every {recipe.step_size} of {recipe.epochs} epochs",
            "batch_size": str(recipe.batch_size),
            "process": f"SGD with momentum {recipe.momentum} and weight decay {recipe.weight_decay}",
        }
    dataset = {"identifier": "imagenet-1k", "name": "ImageNet-1k (ILSVRC-2012)", "role": "training"}
    return {
        "training": training,
        "data": {"summary": "ImageNet", "training_datasets": [dataset]},
        "provenance": {
            "weights_provider": "DiCarlo Lab, MIT",
            "checkpoint": file.filename,
            "source_url": file.urls[0],
        },
    }
