"""A commitment chosen on one half of the stimuli: written, read again, and scored on the other half."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from helpers.commands import run_here
from helpers.own_recordings import TEXT, laboratory, responses

from brainscore_cornet import UserError, load_model
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.commitment_choice import (
    ChosenCommitment,
    _best,
    choose_commitment,
    read_commitment,
    write_commitment,
)
from brainscore_cornet.own_data.time_map import TimeMap


def few_stimuli(folder) -> None:
    """A laboratory whose halves have enough stimuli to test on."""
    laboratory(folder)
    (folder / "it.toml").write_text(TEXT.replace("splits = 3", "splits = 3\ntrain_size = 0.8"))


def test_map_commit_writes_what_score_takes(tmp_path):
    """The file names a layer and time bins of the region; with it a model has another identifier."""
    few_stimuli(tmp_path)
    done = run_here(
        "map", "cornet_z_untrained", "-b", "it.toml", "-o", "map", "--image-size", 48, "--resamples", 50,
        "--layer", "IT", "--layer", "IT.conv", "--commit", "best.toml",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "best.toml").read_text()
    assert "# Scores on the other half" in text
    options = read_commitment(tmp_path / "best.toml")
    assert set(options["layers"]) == {"IT"}
    model = load_model("cornet_z_untrained", **options)
    assert model.commitment.layers["IT"] == options["layers"]["IT"]
    assert model.identifier != "cornet_z_untrained"
    done = run_here("score", "cornet_z_untrained", "--commitment", "none.toml", "-b", "it.toml", folder=tmp_path)
    assert "The commitment file none.toml does not exist" in done.stderr
    done = run_here(
        "score", "cornet_z_untrained", "--commitment", "best.toml", "--layers", "V4=V4.conv", folder=tmp_path
    )
    assert "--commitment has layers and time bins" in done.stderr


def test_choosing_does_not_inflate_the_score(tmp_path):
    """For responses that are noise, the score on the other half is 0 within its interval."""
    few_stimuli(tmp_path)
    random = np.random.RandomState(0)
    shared = random.randn(1, 40, 6, 2)
    np.save(tmp_path / "it.npy", shared + 0.3 * random.randn(*responses().shape))
    model = load_model("cornet_z_untrained", image_size=48)
    found = choose_commitment(model, load_benchmark(tmp_path / "it.toml"), resamples=50)
    assert all(each.low < 0.2 for each in found.scores)
    with pytest.raises(UserError, match="Expected layers of IT"):
        choose_commitment(model, load_benchmark(tmp_path / "it.toml"), layers=["V4"])


@pytest.mark.parametrize("best", [[0] * 13 + [1] * 5, [1] * 2 + [0] * 12 + [1] * 4], ids=["a long run", "and back"])
def test_time_bins_are_answered_by_the_steps_that_were_chosen(tmp_path, best):
    """Written and read again, each step answers all time bins in which it is the best."""
    bins = [(50 + 10 * number, 60 + 10 * number) for number in range(18)]
    scores = np.full((2, 18), 0.1)
    scores[best, range(18)] = 0.5
    scores[:, 3] = np.nan  # no reliable signal
    sites = {"layer": ("site", ["IT.output"] * 2), "time_step": ("site", [0, 1])}
    edges = {f"time_bin_{name}": ("time_bin", np.array(bins)[:, edge]) for edge, name in enumerate(("start", "end"))}
    found = TimeMap(xr.Dataset({"score": (("site", "time_bin"), scores)}, coords=sites | edges), None, [])
    layer, times = _best(found, {"IT.output": {0: (1,), 1: (1,)}})
    benchmark = load_benchmark(laboratory(tmp_path))
    write_commitment(ChosenCommitment("IT", layer, times, []), "cornet_s", benchmark, tmp_path / "best.toml")
    model = load_model("cornet_s_untrained", **read_commitment(tmp_path / "best.toml"))
    model.start_recording("IT", bins)
    steps = list(model._recording.time_steps)
    assert steps[:3] + steps[4:] == best[:3] + best[4:]


@pytest.mark.parametrize("is_backwards", [True, False])
def test_steps_that_run_backwards_are_noted(tmp_path, is_backwards):
    """A comment in the file says so where a later step answers an earlier time bin; the file remains a commitment."""
    benchmark = load_benchmark(laboratory(tmp_path))
    bins = [[(170, 270)], [(70, 170)]] if is_backwards else [[(70, 170)], [(170, 270)]]
    found = ChosenCommitment("IT", "IT.output", dict(enumerate(bins)), [])
    write_commitment(found, "cornet_s", benchmark, tmp_path / "best.toml")
    note = "# Beware: time runs backwards. Step 1 follows step 0 in the network, and answers 70-170 ms, which\n"
    text = (tmp_path / "best.toml").read_text()
    assert (note in text) == is_backwards
    assert ("backwards" in text) == is_backwards
    assert read_commitment(tmp_path / "best.toml")["layers"] == {"IT": "IT.output"}


def test_steps_are_chosen_that_a_recording_can_have():
    """Of a layer whose activity has other sizes at other steps, steps of one size are chosen."""
    sites = {"layer": ("site", ["V4.conv2"] * 3), "time_step": ("site", [0, 1, 2])}
    edges = {"time_bin_start": ("time_bin", [50, 60]), "time_bin_end": ("time_bin", [60, 70])}
    scores = (("site", "time_bin"), np.array([[0.9, 0.0], [0.6, 0.1], [0.1, 0.6]]))
    found = TimeMap(xr.Dataset({"score": scores}, coords=sites | edges), None, [])
    shapes = {"V4.conv2": {0: (8, 28, 28), 1: (8, 14, 14), 2: (8, 14, 14)}}
    assert _best(found, shapes) == ("V4.conv2", {1: [(50, 60)], 2: [(60, 70)]})


def test_nothing_to_choose_by(tmp_path):
    """Without a signal there is no commitment; a comparison says so, too."""
    few_stimuli(tmp_path)
    np.save(tmp_path / "it.npy", np.random.RandomState(0).randn(*responses().shape))
    model = load_model("cornet_z_untrained", image_size=48)
    with pytest.raises(UserError, match=r"No time bin of MyLab2026\.IT has a reliable signal in one half"):
        choose_commitment(model, load_benchmark(tmp_path / "it.toml"), resamples=50)
    done = run_here(
        "compare", "cornet_z_untrained", "cornet_rt_untrained", "-b", "it.toml", "--image-size", 48, folder=tmp_path
    )
    assert done.stdout.count("-      no reliable signal") == 2, done.stdout


def test_too_few_stimuli_in_a_half_are_named_first(tmp_path):
    """The command says that it halves the stimuli, before it loads a network or makes the folder's files."""
    laboratory(tmp_path)
    done = run_here(
        "map", "cornet_z_untrained", "-b", "it.toml", "-o", "map", "--commit", "best.toml", "--weights", "none",
        folder=tmp_path,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == (
        "Error: A commitment is chosen on one half of the 40 stimuli of MyLab2026.IT and scored on the other, so that "
        "there are 20 in a half: ridge with train_size = 0.9 fits on 18 of 20 stimuli and tests on 2: expected at "
        "least 2 and 3. Write train_size = 0.85."
    )
    assert not done.stdout
    assert not [each for each in (tmp_path / "map").iterdir() if not each.name.startswith(".")]


@pytest.mark.parametrize("text", ["[layers", "[other]\na = 1", "[time_mapping.IT]\nfirst = [1, 2]"])
def test_files_that_are_no_commitments(tmp_path, text):
    """One line each."""
    (tmp_path / "best.toml").write_text(text)
    with pytest.raises(UserError, match=r"best\.toml is no commitment") as raised:
        read_commitment(tmp_path / "best.toml")
    assert "\n" not in str(raised.value)
