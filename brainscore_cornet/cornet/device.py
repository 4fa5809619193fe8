"""Choice of the device that a network runs on."""

from __future__ import annotations

import torch

from .early_options import check_device
from .errors import UserError


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Return the requested torch device; by default CUDA if available, else Apple's MPS, else the CPU."""
    check_device(device)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()  # raises on a device that cannot compute, such as `meta`
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise UserError(f"No device {device!r} on this machine: {str(error).splitlines()[0]}") from error
    return chosen
