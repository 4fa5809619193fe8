"""Training and validation of CORnets on images in folders, with Lightning's Trainer and resumable runs."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from .. import lazy_names
from ..cornet.errors import UserError
from ..extras import install_line

if TYPE_CHECKING:
    from .training_run import train
    from .validation import validate

_PUBLIC = {"train": "training_run", "validate": "validation"}
_NEEDED = ("pytorch_lightning", "tensorboard", "matplotlib")

__all__ = ["train", "validate"]


def __getattr__(name: str):
    # checked when first used: submissions read the recipes, which need none of these packages
    for package in _NEEDED if name in _PUBLIC else ():
        if find_spec(package) is None:
            raise UserError(f"Training and validating need {package}: {install_line('train')}")
    return lazy_names(__name__, _PUBLIC)(name)
