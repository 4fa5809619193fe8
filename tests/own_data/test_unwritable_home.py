"""What is kept between commands cannot be written: the commands go on without it, and print nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from helpers.own_recordings import laboratory
from helpers.patience import PATIENCE
from result_caching import _DiskStorage

from brainscore_cornet.own_data import load_benchmark

UNWRITTEN = "Noise ceilings are not kept in"


def test_a_ceiling_that_cannot_be_kept_is_computed(tmp_path, caplog, monkeypatch):
    """It has the value that is kept elsewhere, and one warning names the folder and the variable that moves it."""
    path = laboratory(tmp_path)
    (tmp_path / "file").write_text("")
    expected = load_benchmark(path).ceiling
    unwritable = str(tmp_path / "file" / "home")
    monkeypatch.setattr(_DiskStorage, "storage_path", lambda self, name: f"{unwritable}/{name}.pkl")
    benchmark = load_benchmark(path)
    np.testing.assert_array_equal(benchmark.ceiling, expected)
    np.testing.assert_array_equal(benchmark.ceiling, expected)
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
