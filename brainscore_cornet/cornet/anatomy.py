"""The regions that every CORnet has, their default numbers of time steps, and the images that it takes.

This module does not need torch.
"""

import re
from collections.abc import Mapping
from typing import Literal

from .errors import UserError, unknown_name, whole_number

REGIONS = ("V1", "V2", "V4", "IT")

TIME_STEPS = {
    "Z": {"V1": 1, "V2": 1, "V4": 1, "IT": 1},
    "R": {"V1": 5, "V2": 5, "V4": 5, "IT": 5},
    "RT": {"V1": 5, "V2": 5, "V4": 5, "IT": 5},
    "S": {"V1": 1, "V2": 2, "V4": 4, "IT": 2},
}
"""Architecture -> region -> time steps, as released."""
CHOICE_OF_TIMES: Mapping[str, Literal["none", "one", "each"]] = {"Z": "none", "R": "one", "RT": "one", "S": "each"}
"""Architecture -> whether time steps can be chosen: not at all, one number for all regions, or one for each but V1."""

CHANNELS = {"V1": 64, "V2": 128, "V4": 256, "IT": 512}
"""Region -> channels of its output, in every CORnet."""

_FEEDFORWARD = ("conv", "nonlin", "pool", "output")
_RECURRENT = ("conv_input", "norm_input", "nonlin_input", "conv1", "norm1", "nonlin1", "output")
_V1_OF_S = ("conv1", "norm1", "nonlin1", "pool", "conv2", "norm2", "nonlin2", "output")
_BOTTLENECK = ("conv_input", "skip", "norm_skip", "conv1", "nonlin1", "conv2", "nonlin2", "conv3", "nonlin3", "output")
_NORMS = ("norm1_", "norm2_", "norm3_")  # of a bottleneck, one for each time step
_DECODER = ("avgpool", "flatten", "linear", "output")

MAX_TIME_STEPS = 1000
MIN_IMAGE_SIZE = 32  # px; four regions halve the image at least five times
MAX_IMAGE_SIZE = 8192  # px; the activity of V1 for one image then takes several GB
PRECISIONS = ("fp32", "bf16")


def below(region: str) -> str:
    """Return the region whose activity is the input of this one."""
    return REGIONS[REGIONS.index(region) - 1]


def layers_of(architecture: str) -> list[str]:
    """Return the names of all layers of a network with the released time steps."""
    modules = {"Z": _FEEDFORWARD, "R": _RECURRENT, "RT": _RECURRENT, "S": _BOTTLENECK}[architecture]
    inside: dict[str, tuple[str, ...]] = dict.fromkeys(REGIONS, modules)
    if architecture == "S":
        inside["V1"] = _V1_OF_S
        for region in REGIONS[1:]:
            inside[region] += tuple(f"{norm}{step}" for step in range(TIME_STEPS["S"][region]) for norm in _NORMS)
    inside["decoder"] = _DECODER
    return [*(f"{part}.{module}" for part, modules in inside.items() for module in modules), "logits"]


def check_layer(architecture: str, layer: str) -> None:
    """Raise `UserError` for a layer that no network of this architecture has, with any number of time steps."""
    if layer.split(".")[0] not in (*REGIONS, "decoder", "logits"):
        raise unknown_name(layer, (*REGIONS, "decoder.avgpool", "logits"), "layer")
    known = layers_of(architecture)
    name = f"{layer}.output" if layer in REGIONS else layer
    if name not in known and re.sub(r"(\.norm\d)_\d+$", r"\1_0", name) not in known:
        raise unknown_name(name, known, "layer")


def neuroids(region: str, image_size: int = 224) -> int:
    """Return the number of units of a region's output, for images of this size in px.

    V1 has a quarter of the image's rows and columns, rounded up, and each further region half of those below it.
    """
    side = -(-image_size // (4 * 2 ** REGIONS.index(region)))
    return CHANNELS[region] * side**2


def check_times(architecture: str, times) -> None:
    """Raise `UserError` if time steps are not in the form that a network of this architecture takes."""
    if times is None:
        return
    choice, name = CHOICE_OF_TIMES.get(architecture), f"CORnet-{architecture}"
    if choice == "none":
        raise UserError(f"{name} is feedforward: its time steps cannot be chosen, received {times!r}.")
    if choice == "one" and isinstance(times, Mapping):
        raise UserError(f"{name} has one number of time steps for all regions, not {times!r}.")
    if choice == "each" and not isinstance(times, Mapping):
        raise UserError(f"{name} has a number of time steps for each region, such as {{'V4': 4}}, not {times!r}.")
    if not isinstance(times, Mapping):
        check_steps("all regions", times)
        return
    recurrent = REGIONS[1:]
    if unknown := set(times) - set(recurrent):
        listed = ", ".join(sorted(map(str, unknown)))
        raise UserError(f"Time steps can be set for {', '.join(recurrent)}, not for {listed}.")
    for region, steps in times.items():
        check_steps(region, steps)


def check_steps(region: str, steps) -> int:
    """Return a number of time steps as an integer; raises `UserError` for one that no network can have."""
    return whole_number(steps, f"a number of time steps for {region}", 1, MAX_TIME_STEPS)
