"""The regions that every CORnet has, their default numbers of time steps, and the images that it takes.

This module does not need torch.
"""

from collections.abc import Mapping
from typing import Literal

from .errors import UserError

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

MIN_IMAGE_SIZE = 32  # px; four regions halve the image at least five times
MAX_IMAGE_SIZE = 8192  # px; the activity of V1 for one image then takes several GB
PRECISIONS = ("fp32", "bf16")


def below(region: str) -> str:
    """Return the region whose activity is the input of this one."""
    return REGIONS[REGIONS.index(region) - 1]


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
