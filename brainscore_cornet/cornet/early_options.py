"""Checks of a model's options that need no large library, so that a mistake is reported at once."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .anatomy import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE, PRECISIONS, check_layer, check_times
from .commitments import get_commitment
from .errors import UserError, whole_number
from .preparation import checked_background, checked_resize
from .weights.own_files import check_own_file
from .weights.stated import check_held


def check_options(
    identifier: str,
    *,
    weights: str | os.PathLike | None = None,
    times: int | Mapping[str, int] | None = None,
    image_size: int | None = None,
    precision: str = "fp32",
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
    device: str | None = None,
    layers: Iterable[str] | None = None,
) -> int | None:
    """Return the image size in px as a Python integer; raises `UserError` for an option that cannot be right.

    Parameters
    ----------
    identifier
        As in `load_model`, like the other parameters. Nothing is downloaded for `weights`.
    layers
        Names of layers that are requested, such as `IT` or `IT.conv2`.
    """
    architecture = get_commitment(identifier).architecture
    check_times(architecture, times)
    check_device(device)
    for layer in layers or ():
        check_layer(architecture, layer)
    if precision not in PRECISIONS:
        raise UserError(f"Expected the precision {' or '.join(PRECISIONS)}, received {precision!r}.")
    checked_resize(resize)
    checked_background(background)
    if weights is not None and weights != "released" and (file := check_own_file(weights)) is not None:
        check_held(file, architecture)
    if image_size is None:
        return None
    return whole_number(image_size, "an image size in px", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)


def check_device(device: object) -> None:
    """Raise `UserError` for an unknown device, and for CUDA where torch or the machine cannot have it.

    Whether the device can compute is checked by `pick_device`.
    """
    if device is not None and not re.fullmatch(r"(cpu|cuda|mps)(:\d+)?", str(device)):
        raise UserError(f"No device {device!r} on this machine: expected cpu, cuda, cuda:1 (of several) or mps.")
    if device is None or not str(device).startswith("cuda") or sys.platform != "linux":
        return
    try:
        build = Path(str(distribution("torch").locate_file("torch/version.py"))).read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError):
        return
    if re.search(r"^hip\b.*=\s*['\"]", build, re.MULTILINE):  # torch calls AMD's GPUs cuda, too
        return
    if not re.search(r"^cuda\b.*=\s*['\"]", build, re.MULTILINE):
        raise UserError(f"No device {device!r} on this machine: the installed torch is for the CPU alone.")
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise UserError(f"No device {device!r} on this machine: there is no NVIDIA driver (libcuda.so.1).") from None
