"""Training recipes: each CORnet's own, and changes to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from ..cornet.errors import UserError, unknown_name, whole_number

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("step", "cosine")
DECAY = 0.1  # of the step schedule, CORnet's


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training."""

    epochs: int
    lr: float
    step_size: int
    """Epochs after which the step schedule multiplies the learning rate by 0.1."""
    batch_size: int = 256
    """Images for one step of the optimizer, over all devices."""
    momentum: float = 0.9
    weight_decay: float = 1e-4
    optimizer: str = "sgd"
    schedule: str = "step"
    label_smoothing: float = 0.0

    def learning_rate(self, epoch: float) -> float:
        """Return the learning rate at an epoch, counted from 0 and fractional within an epoch.

        `step` is CORnet's lr x 0.1^floor(epoch / step_size); `cosine` falls to 0 in half a wave.
        """
        if self.schedule == "step":
            return self.lr * DECAY ** (math.floor(epoch) // self.step_size)
        return self.lr * (1 + math.cos(math.pi * min(epoch / self.epochs, 1))) / 2


# Epochs, learning rate and its step from CORnet's README, the rest the defaults of its `run.py`. Nothing is published
# about how R was trained: it has RT's parameters, and is given RT's recipe.
_RT = Recipe(epochs=25, lr=0.1, step_size=10)
RECIPES: Mapping[str, Recipe] = {
    "Z": Recipe(epochs=25, lr=0.01, step_size=10),
    "R": _RT,
    "RT": _RT,
    "S": Recipe(epochs=43, lr=0.1, step_size=20),
}


def recipe_for(architecture: str, **changes) -> Recipe:
    """Return an architecture's recipe, changed by the arguments that are not None.

    Raises
    ------
    UserError
        If a value is invalid, or for AdamW without a learning rate: the recipes' are SGD's.
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    recipe = replace(RECIPES[architecture], **changes)
    for name in ("epochs", "step_size", "batch_size"):
        whole_number(getattr(recipe, name), name.replace("_", " "), 1)
    _check_number(recipe, "lr", "above 0", lambda value: 0 < value < math.inf)
    _check_number(recipe, "momentum", "of at least 0, below 1", lambda value: 0 <= value < 1)
    _check_number(recipe, "weight_decay", "of at least 0", lambda value: 0 <= value < math.inf)
    _check_number(recipe, "label_smoothing", "of at least 0, below 1", lambda value: 0 <= value < 1)
    if recipe.optimizer not in OPTIMIZERS:
        raise unknown_name(recipe.optimizer, OPTIMIZERS, "optimizer")
    if recipe.schedule not in SCHEDULES:
        raise unknown_name(recipe.schedule, SCHEDULES, "schedule")
    if recipe.optimizer == "adamw" and "lr" not in changes:
        raise UserError("The recipes' learning rates are those of SGD: give adamw its own, such as --lr 0.001.")
    # 1 and 1.0 are one setting of a number that need not be whole
    return replace(recipe, **{f.name: float(getattr(recipe, f.name)) for f in fields(recipe) if f.type == "float"})


def _check_number(recipe: Recipe, name: str, bounds: str, fits: Callable[[float], bool]) -> None:
    value = getattr(recipe, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
        raise UserError(f"Expected {name.replace('_', ' ')} as a number {bounds}, received {value!r}.")
