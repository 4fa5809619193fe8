"""The position of a run, and the state of Lightning's loops at a position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl


@dataclass(frozen=True)
class Position:
    """The position of a run, in whole steps of the optimizer."""

    epoch: int = 0
    step: int = 0
    """Completed steps of this epoch; after the last one, its validation is next."""


def loops_at(trainer: pl.Trainer, position: Position, steps: int, parts: int) -> dict[str, Any]:
    """Return the counters of Lightning's loops for a run that starts at `position`.

    They are made anew, since those of a checkpoint depend on the hook in which it was saved (in most, the batch or the
    epoch that is just over is not counted yet) and on how many batches make a step.
    """
    batches, done = steps * parts, position.step * parts
    stepped = position.epoch * steps + position.step
    pending = position.step == steps  # validation

    def counters(keys: str, total: int, current: int, begun: int = 0) -> dict[str, dict[str, int]]:
        """`begun` are under way."""
        more = {key: begun if key in ("ready", "started") else 0 for key in keys.split()}
        return {
            "total": {key: total + more[key] for key in more},
            "current": {key: current + more[key] for key in more},
        }

    whole, short = "ready completed started processed", "ready completed"
    state = trainer.fit_loop.state_dict()
    state["epoch_progress"] = counters(whole, position.epoch, position.epoch, begun=int(position.step > 0))
    state["epoch_loop.state_dict"] = {"_batches_that_stepped": stepped - pending}
    state["epoch_loop.batch_progress"] = {
        **counters(whole, position.epoch * batches + done, done),
        "is_last_batch": pending,
    }
    state["epoch_loop.automatic_optimization.optim_progress"] = {
        "optimizer": {
            "step": counters(short, stepped, position.step),
            "zero_grad": counters(f"{short} started", stepped, position.step),
        }
    }
    # a validation that has begun is what the loop goes back to
    state["epoch_loop.val_loop.batch_progress"] = {**counters(whole, 0, 0, begun=int(pending)), "is_last_batch": False}
    return state
