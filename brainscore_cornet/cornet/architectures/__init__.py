"""CORnet-Z, -R, -RT and -S as PyTorch modules that unfold in time."""

from __future__ import annotations

from collections.abc import Mapping

from ..anatomy import check_times
from ..errors import UserError
from ..seeding import seeded
from .base import CLASSES, IMAGE, CORnet, Point, is_hooked
from .cornet_r import CORnetR, Update
from .cornet_s import CORnetS
from .cornet_z import CORnetZ

__all__ = [
    "CLASSES",
    "IMAGE",
    "CORnet",
    "CORnetR",
    "CORnetS",
    "CORnetZ",
    "Point",
    "build_network",
    "is_hooked",
]

_UPDATES: dict[str, Update] = {"R": "sequential", "RT": "simultaneous"}


def build_network(
    architecture: str, times: int | Mapping[str, int] | None = None, seed: int = 0, classes: int = CLASSES
) -> CORnet:
    """Return a network with its own initialization, in training mode.

    Parameters
    ----------
    architecture
        `Z`, `R`, `RT` or `S`.
    times
        Time steps: a number for R and RT (5 by default), a number for each of V2, V4, IT for S.
    seed
        Seed of the initialization. torch's global random state is not changed.
    classes
        Number of classes of the decoder, 1000 for ImageNet.

    Raises
    ------
    UserError
        If the architecture is unknown or its time steps are invalid.
    """
    check_times(architecture, times)
    with seeded(seed):
        if architecture == "Z":
            return CORnetZ(classes)
        if architecture in _UPDATES and not isinstance(times, Mapping):
            return CORnetR(_UPDATES[architecture], classes=classes, **({} if times is None else {"times": times}))
        if architecture == "S" and not isinstance(times, int):
            return CORnetS(times, classes)
    raise UserError(f"Unknown architecture {architecture!r}, expected Z, R, RT or S.")
