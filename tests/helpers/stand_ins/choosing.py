"""People's answers to forced choices: subjects agree on what is hard, so that their consistency is above chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from .making import random_of


def trials(
    shown: pd.DataFrame, subjects: Sequence, *names: object, truth: str = "truth", accuracy: float = 0.7
) -> pd.DataFrame:
    """Every subject's trials with every stimulus: the columns of `shown`, `subject`, `correct` and `answer`.

    Parameters
    ----------
    names
        The seed.
    truth
        Column of the right answers; a wrong answer is another value of it.
    accuracy
        Fraction of correct answers.
    """
    random = random_of("trials", *names)
    count = len(shown)
    difficulty = random.randn(count) + 0.6 * random.randn(len(subjects), count)
    correct = difficulty < np.quantile(difficulty, accuracy)
    labels, right = np.unique(shown[truth].astype(str), return_inverse=True)
    wrong = (right + random.randint(1, len(labels), correct.shape)) % len(labels)
    table = pd.concat([shown] * len(subjects), ignore_index=True)
    return table.assign(
        subject=np.repeat(list(subjects), count),
        correct=correct.ravel(),
        answer=labels[np.where(correct, right, wrong)].ravel(),
    )


def as_assembly(values: Sequence, coords: dict[str, Sequence]) -> xr.DataArray:
    """Values (presentation), and coordinates of this dimension."""
    return xr.DataArray(
        np.asarray(values),
        coords={name: ("presentation", np.asarray(along)) for name, along in coords.items()},
        dims=["presentation"],
    )
