"""Training and validation of CORnets on images in folders, with Lightning's Trainer and resumable runs."""

from importlib.util import find_spec

from ..cornet.errors import UserError
from ..extras import install_line

for _package in ("pytorch_lightning", "tensorboard", "matplotlib"):
    if find_spec(_package) is None:
        raise UserError(f"Training and validating need {_package}: {install_line('train')}")

from .training_run import train  # noqa: E402
from .validation import validate  # noqa: E402

__all__ = ["train", "validate"]
