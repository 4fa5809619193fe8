"""Records of a run: its table, TensorBoard's log and a figure."""

from __future__ import annotations

import csv
import io
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from ..cornet.names import cell, counted
from ..cornet.writing import write_aside, write_text, writing
from ..palette import BLUE, GREEN, VERMILLION
from .module import Learner, Sums
from .run_directory import TABLE
from .stopping import TrainingStopped

if TYPE_CHECKING:
    import pandas as pd

PICTURE = "training.png"
TENSORBOARD = "tensorboard"
UNREADABLE = "unreadable.csv"
_REDRAWN_AFTER = 5.0  # s; a figure takes longer than an epoch on a few images


@dataclass(frozen=True)
class Epoch:
    """A row of the table. Training values are means over the epoch's steps, on random crops.

    Accuracies are fractions; top-5 is NaN for five classes or fewer.
    """

    epoch: int
    """Number of the epoch from 1, as in file names."""
    train_loss: float
    train_top1: float
    train_top5: float
    val_loss: float
    val_top1: float
    val_top5: float
    learning_rate: float
    """Learning rate at the beginning of the epoch."""
    images_per_second: float
    """In training."""
    seconds: float
    """Duration of training in s, without validation, over all runs of an epoch that was interrupted."""
    train_images: int
    val_images: int


class Records(pl.Callback):
    """A callback that updates the records after each epoch's validation.

    The figure is drawn every few seconds at most, and when the run ends or is stopped.

    Parameters
    ----------
    output
        The run directory.
    title
        Title of the figure.
    print_line
        Callback that prints a line after each epoch.
    """

    def __init__(self, output: Path, title: str, print_line: Callable[[str], None]) -> None:
        self._output, self._title, self._print_line = output, title, print_line
        self._undrawn: list[Epoch] = []
        self._drawn = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: Learner) -> None:
        train = Sums.of(learner.summed(learner.training_sums))
        if not trainer.is_global_zero:
            return
        val = learner.validated
        row = Epoch(
            epoch=trainer.current_epoch + 1,
            train_loss=train.loss,
            train_top1=train.top1,
            train_top5=train.top5,
            val_loss=val.loss,
            val_top1=val.top1,
            val_top5=val.top5,
            learning_rate=learner.learning_rate(0),
            images_per_second=train.images / max(learner.seconds, 1e-9),
            seconds=learner.seconds,
            train_images=train.images,
            val_images=val.images,
        )
        # an epoch that was repeated after an interruption replaces its first row
        rows = [*(each for each in read_table(self._output) if each.epoch < row.epoch), row]
        _write_table(self._output / TABLE, fields(Epoch), [asdict(each) for each in rows])
        if learner.unreadable:
            reasons = [{"path": path, "reason": reason} for path, reason in sorted(learner.unreadable.items())]
            _write_table(self._output / UNREADABLE, None, reasons)
        with writing(self._output / TENSORBOARD):
            _log(self._output / TENSORBOARD, row)
        self._undrawn = rows
        if row.epoch == trainer.max_epochs or time.monotonic() - self._drawn >= _REDRAWN_AFTER:
            self._draw()
        left_out = counted(len(learner.unreadable), "image")
        self._print_line(
            f"epoch {row.epoch}/{trainer.max_epochs}: training loss {train.loss:.4f}, {train.accuracies}; "
            f"validation loss {val.loss:.4f}, {val.accuracies}; "
            f"lr {row.learning_rate:.3g}, {row.images_per_second:.1f} images/s"
            + (f"; {left_out} left out, see {UNREADABLE}" if learner.unreadable else "")
        )

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, TrainingStopped | KeyboardInterrupt):
            self._draw()

    def _draw(self) -> None:
        if self._undrawn:
            draw(self._undrawn, self._output / PICTURE, self._title)
            self._undrawn, self._drawn = [], time.monotonic()


def read_table(output: Path) -> list[Epoch]:
    """Return the rows of a run's table, none before the first epoch is complete."""
    try:
        text = (output / TABLE).read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return []
    kinds: dict[str, type] = {field.name: int if field.type == "int" else float for field in fields(Epoch)}
    lines = text.splitlines()
    rows, damaged = [], [] if lines and lines[0].split(",") == list(kinds) else [1]
    for number, line in enumerate(lines[1:], start=2):
        try:
            values = zip(kinds.items(), line.split(","), strict=True)
            rows.append(Epoch(**{name: kind(value) for (name, kind), value in values}))
        except ValueError:
            damaged.append(number)
    if damaged:
        copy = output / f"damaged-{TABLE}"
        with writing(copy):
            write_text(copy, text)
        warnings.warn(
            f"{output / TABLE} is damaged in {'lines' if damaged[1:] else 'line'} {', '.join(map(str, damaged[:5]))}: "
            f"the other epochs are kept, and {copy} is a copy of it.",
            stacklevel=2,
        )
    return rows


def epochs_table(output: Path) -> pd.DataFrame:
    """Return a run's table."""
    import pandas as pd

    columns = pd.Index([field.name for field in fields(Epoch)])
    return pd.DataFrame([asdict(row) for row in read_table(output)], columns=columns)


def last_epoch(output: Path) -> str:
    """Return the accuracies after a run's last epoch, as text."""
    rows = read_table(output)
    if not rows:
        return f"there is no epoch in {TABLE}"
    last = rows[-1]
    accuracies = Sums(last.val_images, last.val_loss, last.val_top1, last.val_top5).accuracies
    return f"{counted(last.epoch, 'epoch')}, validation loss {last.val_loss:.4f}, {accuracies}"


def check_table(output: Path, epochs: int) -> None:
    """Warn if a run's table lacks any of its `epochs` completed epochs, from the first one in it on."""
    found = {row.epoch for row in read_table(output)}
    missing = sorted(set(range(min(found, default=epochs), epochs + 1)) - found) if epochs else []
    if missing:
        warnings.warn(f"{output / TABLE} lacks the epochs {', '.join(map(str, missing[:5]))}.", stacklevel=2)


def _write_table(path: Path, columns, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, [each.name for each in columns] if columns else list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    with writing(path):
        write_text(path, text.getvalue())


def _log(folder: Path, row: Epoch) -> None:
    from torch.utils.tensorboard import SummaryWriter

    # what an interrupted run had logged from this epoch on, TensorBoard does not show
    with SummaryWriter(str(folder), purge_step=row.epoch) as writer:
        for name in ("loss", "top1", "top5"):
            for part in ("train", "val"):
                if not math.isnan(value := getattr(row, f"{part}_{name}")):
                    writer.add_scalar(f"{name}/{part}", value, row.epoch)
        for name in ("learning_rate", "images_per_second"):
            writer.add_scalar(name, getattr(row, name), row.epoch)


_COLOURS = {"train": BLUE, "val": VERMILLION}
_NAMES = {"train": "training", "val": "validation"}


def draw(rows: list[Epoch], path: Path, title: str) -> None:
    """Draw loss, accuracy and learning rate over epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    figure = Figure(figsize=(12, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy, rate = figure.subplots(1, 3)
    epochs = [row.epoch for row in rows]
    marker = "o" if len(rows) < 30 else None
    style = {"linewidth": 1.8, "marker": marker, "markersize": 3.5, "clip_on": False}
    for part, colour in _COLOURS.items():
        loss.plot(epochs, [getattr(row, f"{part}_loss") for row in rows], color=colour, label=_NAMES[part], **style)
        for name, dashes in (("top1", "-"), ("top5", "--")):
            values = [100 * getattr(row, f"{part}_{name}") for row in rows]
            if all(map(math.isnan, values)):
                continue
            label = f"top-{name[-1]}, {_NAMES[part]}"
            accuracy.plot(epochs, values, dashes, color=colour, label=label, **style)
    rates = [row.learning_rate for row in rows]
    rate.plot(epochs, rates, color=GREEN, drawstyle="steps-post", **style)
    rate.set_yscale("log")
    rate.set_ylim(min(rates) / 2, max(rates) * 2)
    rate.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    rate.yaxis.set_major_formatter("{x:g}")
    rate.yaxis.set_minor_formatter(NullFormatter())
    loss.set_ylabel("cross-entropy (nats)")
    accuracy.set_ylabel("images classified correctly (%)")
    accuracy.set_ylim(0, 101)
    rate.set_ylabel("learning rate")
    for axis, name in ((loss, "loss"), (accuracy, "accuracy"), (rate, "learning rate")):
        axis.set_title(name, fontsize=11)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    loss.set_ylim(bottom=0)
    loss.legend(frameon=False, fontsize=9)
    accuracy.legend(frameon=False, fontsize=8, handlelength=3.5)
    last = rows[-1]
    accuracies = Sums(last.val_images, last.val_loss, last.val_top1, last.val_top5).accuracies
    figure.suptitle(f"{title}: validation {accuracies} after epoch {last.epoch}", fontsize=12)
    with writing(path):
        write_aside(path, lambda part: figure.savefig(part, format="png", dpi=120))
