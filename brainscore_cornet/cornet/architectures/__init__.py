"""CORnet-Z, -R, -RT and -S as PyTorch modules that unfold in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..anatomy import check_times
from ..errors import UserError
from ..seeding import seeded
from .base import CLASSES, IMAGE, CORnet, Point, is_hooked
from .cornet_r import CORnetR
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

_NETWORKS: Mapping[str, Callable[..., CORnet]] = {
    "Z": CORnetZ,
    "R": partial(CORnetR, "sequential"),
    "RT": partial(CORnetR, "simultaneous"),
    "S": CORnetS,
}


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
    if architecture not in _NETWORKS:
        raise UserError(f"Unknown architecture {architecture!r}, expected Z, R, RT or S.")
    with seeded(seed):
        return _NETWORKS[architecture](classes=classes, **({} if times is None else {"times": times}))
