"""The device that a network computes on."""

from __future__ import annotations

import torch

from .errors import UserError


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for; by default CUDA where there is one, else Apple's MPS, else the CPU."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()  # raises where nothing is computed, as on `meta`
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise UserError(f"No device {device!r} on this machine: {str(error).splitlines()[0]}") from error
    return chosen
