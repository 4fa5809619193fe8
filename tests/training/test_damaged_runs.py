"""Damaged files in a run directory are named, the run goes on from the others, and nothing is lost."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import pytest
from helpers.trainings import SMALL, pictures

from brainscore_cornet import UserError, train
from brainscore_cornet.training.training_records import read_table

OPTIONS = {"epochs": 2, "batch_size": 8, **SMALL}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = pictures(tmp_path_factory.mktemp("run"), 3, 1)
    train("Z", folder, folder / "out", **OPTIONS)
    return folder


def test_a_run_goes_on(run):
    """A strange checkpoint, broken settings and a broken table: each is named and kept, and the next epoch is right."""
    out = run / "out"
    strange = out / "checkpoints" / "epoch_best.ckpt"
    with zipfile.ZipFile(strange, "w") as archive:
        archive.writestr("notes.txt", "somebody's")
    damaged = out / "checkpoints" / "epoch_00009_step_000000000.ckpt"
    damaged.write_bytes(strange.read_bytes())
    (out / "run.json").write_text("{")
    before = (out / "metrics.csv").read_text()
    lines = before.splitlines()
    (out / "metrics.csv").write_text("\n".join([lines[0], "1,broken", lines[2]]) + "\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = train("Z", run, out, **{**OPTIONS, "epochs": 3})
    said = " ".join(str(warning.message) for warning in caught)
    assert "epoch_best.ckpt is no checkpoint of this package's training" in said
    assert "run.json cannot be read" in said
    assert "metrics.csv is damaged in line 2" in said
    assert rows["epoch"].tolist() == [2, 3]
    assert strange.exists()
    assert (out / "damaged-metrics.csv").read_text().splitlines()[1] == "1,broken"
    assert [row.epoch for row in read_table(out)] == [2, 3]
    strange.unlink()
    (out / "metrics.csv").unlink()
    with pytest.warns(UserWarning, match=r"metrics\.csv lacks the epochs 3"):
        train("Z", run, out, **{**OPTIONS, "epochs": 3})


def test_settings_of_another_run_in_the_checkpoint(run):
    """With broken settings, those in the checkpoint tell two runs apart."""
    (run / "out" / "run.json").write_text("{")
    with pytest.warns(UserWarning, match="cannot be read"), pytest.raises(UserError, match="holds another run: seed 0"):
        train("Z", run, run / "out", **{**OPTIONS, "seed": 1})
