"""Training and validation of CORnets on images in folders, with Lightning's Trainer and resumable runs."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..cornet.errors import UserError
from ..extras import install_line

if TYPE_CHECKING:
    from .training_run import train
    from .validation import validate

_PUBLIC = {"train": "training_run", "validate": "validation"}
_NEEDED = ("pytorch_lightning", "tensorboard", "matplotlib")

__all__ = ["train", "validate"]


def __getattr__(name: str):
    # imported when first used: submissions read the recipes, which need none of these packages
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for package in _NEEDED:
        if find_spec(package) is None:
            raise UserError(f"Training and validating need {package}: {install_line('train')}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
