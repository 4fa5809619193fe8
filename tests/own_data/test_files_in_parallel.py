"""Benchmark files of every kind are scored in other processes, on this machine and on Dask."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.own_recordings import STIMULI, laboratory

from brainscore_cornet import load_benchmark, load_model, score_models

pytestmark = pytest.mark.slow
HEAD = 'stimuli = "images"\nvisual_degrees = 8\n'
IDS = [f"{number:02}" for number in range(STIMULI)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file with recordings, one with dissimilarities, one with behaviour, and the scores that they should have."""
    folder = tmp_path_factory.mktemp("files")
    found = [laboratory(folder)]
    random = np.random.RandomState(0)
    signal = random.randn(STIMULI, 20)
    np.save(folder / "rdm.npy", [1 - np.corrcoef(signal + 0.3 * random.randn(STIMULI, 20)) for _ in range(3)])
    labels = random.choice(["cat", "dog", "car"], (3, STIMULI))
    trials = {"stimulus_id": IDS * 2, "subject": np.repeat(["a", "b"], STIMULI), "choice": labels[1:].ravel()}
    pd.DataFrame({**trials, "truth": np.tile(labels[0], 2)}).to_csv(folder / "trials.csv", index=False)
    for name, kind in {
        "rdm": '[rdm]\nfile = "rdm.npy"\nregion = "V4"\n',
        "trials": '[behaviour]\nfile = "trials.csv"\n[metric]\nname = "accuracy"\n',
    }.items():
        found.append(folder / f"{name}.toml")
        found[-1].write_text(f'identifier = "Mylab.{name}"\n{HEAD}{kind}')
    model = load_model("cornet_z_untrained", image_size=48)
    return found, [float(load_benchmark(each)(model).mean()) for each in found]


def test_in_two_processes(files, tmp_path):
    """Every kind has the score that it has in this process."""
    paths, expected = files
    table = score_models(
        ["cornet_z_untrained", "cornet_rt_untrained"], paths, workers=2, output=tmp_path / "out", image_size=48
    )
    assert table["reason"].dropna().tolist() == []
    assert table["score"][: len(paths)].tolist() == pytest.approx(expected, abs=1e-6)


def test_on_dask(files):
    """A worker of a Dask cluster reads the same files."""
    distributed = pytest.importorskip("distributed")
    paths, expected = files
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        table = score_models("cornet_z_untrained", paths, scheduler=cluster.scheduler_address, image_size=48)
    assert table["reason"].dropna().tolist() == []
    assert table["score"].tolist() == pytest.approx(expected, abs=1e-6)
