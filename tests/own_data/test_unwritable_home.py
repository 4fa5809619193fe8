"""What is kept between commands cannot be written: the commands go on without it, and print nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from brainscore_vision.benchmark_helpers import screen
from helpers.own_recordings import TEXT, laboratory, responses
from helpers.patience import PATIENCE
from result_caching import _DiskStorage

from brainscore_cornet import UserError, load_model, time_map
from brainscore_cornet.own_data import load_benchmark

UNWRITTEN = "Noise ceilings are not kept in"


def test_a_ceiling_that_cannot_be_kept_is_computed(tmp_path, caplog, monkeypatch):
    """It has the value that is kept elsewhere, and one warning names the folder and the variable that moves it."""
    path = laboratory(tmp_path)
    path.write_text(TEXT.replace(", [170, 270]]", "]"))
    np.save(tmp_path / "it.npy", responses(time_bins=1))
    (tmp_path / "file").write_text("")
    expected = load_benchmark(path).ceiling
    unwritable = str(tmp_path / "file" / "home")
    monkeypatch.setattr(_DiskStorage, "storage_path", lambda self, name: f"{unwritable}/{name}.pkl")
    benchmark = load_benchmark(path)
    np.testing.assert_allclose(benchmark.ceiling, expected, rtol=1e-9)
    np.testing.assert_allclose(benchmark.ceiling, expected, rtol=1e-9)
    (message,) = (each.getMessage() for each in caplog.records if UNWRITTEN in each.getMessage())
    assert "Not a directory" in message
    assert "RESULTCACHING_HOME" in message


def test_benchmark_prints_nothing_of_other_libraries(tmp_path):
    """Its first run has neither warnings with the paths of libraries nor their bars."""
    laboratory(tmp_path)
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "brainscore_cornet", "benchmark", "it.toml"],
        env={**os.environ, "RESULTCACHING_HOME": str(tmp_path / "file" / "kept")},
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("Reading it.toml"))
    assert line.startswith(f"{UNWRITTEN} {tmp_path}/file/kept: Not a directory.")


def test_stimuli_that_cannot_be_written(tmp_path, monkeypatch):
    """Stimuli of other visual degrees need Brain-Score's folder: one line names it and the variables that move it."""
    path = laboratory(tmp_path)
    path.write_text(TEXT.replace("visual_degrees = 8", "visual_degrees = 4"))
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(screen, "root_path", tmp_path / "file" / "home")
    model = load_model("cornet_z_untrained", image_size=48)
    benchmark = load_benchmark(path)
    for use in (benchmark, lambda model: time_map(model, benchmark, resamples=50)):
        with pytest.raises(UserError, match=f"to {tmp_path}/file/home/.*: Not a directory. Set BRAINSCORE_HOME and"):
            use(model)
