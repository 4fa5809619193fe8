"""`benchmark --new` with choices that do not fit the data, and files that are not where they are looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.own_recordings import TEXT, laboratory, pictures, responses

from brainscore_cornet import UserError
from brainscore_cornet.own_data import load_benchmark


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Responses as an array, and as tables with and without time bins."""
    folder = tmp_path_factory.mktemp("laboratory")
    laboratory(folder)
    wide = pd.DataFrame(responses()[0, :, :, 0], columns=list("abcdef"))
    wide.insert(0, "stimulus_id", [f"{number:02}" for number in range(len(wide))])
    wide.to_csv(folder / "wide.csv", index=False)
    wide[:10].to_csv(folder / "few.csv", index=False)
    pictures(folder / "others", 30)
    for number in range(10):
        (folder / "others" / f"{number:02}.png").rename(folder / "others" / f"{number + 50}.png")
    long = wide.melt(["stimulus_id"], var_name="neuroid_id", value_name="response")
    long.to_csv(folder / "long.csv", index=False)
    long.assign(time_bin_start=70, time_bin_end=170).to_csv(folder / "binned.csv", index=False)
    pd.DataFrame({"stimulus_path": [f"images/{number:02}.png" for number in range(40)], "degrees": 4}).to_csv(
        folder / "sized.csv", index=False
    )
    matrix = (1 - np.corrcoef(responses()[0, :, :, 0])) * (1 - np.eye(40))
    matrix = (matrix + matrix.T) / 2
    np.save(folder / "rdm.npy", matrix)
    np.savetxt(folder / "rdm.csv", matrix, delimiter=",")
    names = wide["stimulus_id"]
    pd.DataFrame(matrix, index=names.tolist(), columns=names.tolist()).to_csv(folder / "named.csv")
    return folder


TWO = ("--time-bins", "70-170,170-270")
OF_RDMS = (
    "FILE holds dissimilarities, symmetric with zeros on the diagonal, and --new is for recordings. Write a benchmark "
    "file such as that in the section Dissimilarities of own_data/README.md, with identifier, stimuli and "
    'visual_degrees, and under [rdm] file = "FILE" and region; check it without --new.'
)
MISTAKES = {
    "two time bins of a wide table": (("wide.csv", "images", *TWO), "2 time_bins are given, and wide.csv has no dimen"),
    "two time bins of a long table": (("long.csv", "images", *TWO), "2 time_bins are given, and long.csv has no dimen"),
    "other time bins than the data's": (
        ("binned.csv", "images", "--time-bins", "70-180"),
        "binned.csv has the time bins [[70, 170]], and time_bins = [[70, 180]] are given",
    ),
    "one time bin of an array with two": (
        ("it.npy", "images", "--time-bins", "70-170"),
        "it.npy has 2 along the dimension time_bin: expected 2",
    ),
    "a time bin twice": (("it.npy", "images", "--time-bins", "70-170,70-170"), "name (70, 170) twice"),
    "a time bin that ends first": (("wide.csv", "images", "--time-bins", "170-70"), "start before end, received"),
    "too few dims": (("it.npy", "images", "--dims", "stimulus,neuroid"), "has 4 dimensions (4, 40, 6, 2), and dims"),
    "dims in another order": (
        ("it.npy", "images", "--dims", "stimulus,repetition,neuroid,time_bin"),
        "it.npy has 4 along its dimension 1, stimulus, and images 40: is the order of dims ['repetition', 'stimulus'",
    ),
    "stimuli of other names": (("wide.csv", "others"), "20 stimulus_ids of wide.csv are not among others: 00, 01"),
    "pls of few stimuli": (("few.csv", "images", "--metric", "pls"), "pls with train_size = 0.9 fits on 9 of 10 "),
    "several time bins of one": (("wide.csv", "images", "--metric", "spantime_pls"), "expected at least 2, received 1"),
    "dissimilarities": (("rdm.npy", "images"), OF_RDMS.replace("FILE", "rdm.npy")),
    "dissimilarities without a header": (("rdm.csv", "images"), OF_RDMS.replace("FILE", "rdm.csv")),
    "dissimilarities with ids": (("named.csv", "images"), OF_RDMS.replace("FILE", "named.csv")),
    "a misspelt dim": (("it.npy", "images", "--dims", "repetition,stimulus,unit,time_bin"), "Unknown dimension 'unit'"),
    "dims of a table": (
        ("wide.csv", "images", "--dims", "stimulus,neuroid"),
        "--dims is for arrays, and wide.csv says",
    ),
    "a misspelt metric": (("it.npy", "images", "--metric", "rigde"), "Unknown metric 'rigde'. Did you mean ridge"),
    "an unknown region": (("it.npy", "images", "--region", "FFA"), "region = 'FFA' is not what a CORnet can be"),
    "degrees below 0": (("it.npy", "images", "--degrees", "-8"), "Expected visual_degrees above 0"),
    "degrees twice": (("it.npy", "sized.csv", "--degrees", "8"), "and sized.csv has a column degrees: expected one"),
}


@pytest.mark.parametrize(("given", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_choice_that_does_not_fit_leaves_no_file(folder, given, expected):
    """The error comes before anything is written, and the same name can be used again."""
    recordings, stimuli, *options = given
    done = run_here(
        "benchmark", "new.toml", "--new", "--recordings", recordings, "--stimuli", stimuli, *options, folder=folder
    )
    assert done.returncode
    assert expected in done.stderr
    assert "is written" not in done.stdout
    assert not list(folder.glob("*new.toml*"))


def test_stated_dims_and_time_bins_are_written(folder):
    """What fits is in the file without a mark, and the file is a benchmark."""
    done = run_here(
        "benchmark", "stated.toml", "--new", "--recordings", "it.npy", "--stimuli", "images", *TWO,
        "--dims", "repetition,stimulus,neuroid,time_bin", "--degrees", 8, "--metric", "rdm",
        folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "stated.toml").read_text().count("# guessed") == 1
    assert load_benchmark(folder / "stated.toml").recorded.time_bins == [(70, 170), (170, 270)]


@pytest.mark.parametrize("name", ["it.npy", "images", "ids.txt"])
def test_a_path_that_is_relative_to_the_working_folder(tmp_path, monkeypatch, name):
    """The error says where the file was looked for, and what to write."""
    laboratory(tmp_path)
    (tmp_path / "ids.txt").write_text("\n".join(f"{number:02}" for number in range(40)))
    (tmp_path / "benchmarks").mkdir()
    found = {each: f"../{each}" for each in ("it.npy", "images", "ids.txt") if each != name}
    text = TEXT.replace('region = "IT"', 'region = "IT"\nstimulus_ids = "ids.txt"')
    for each, there in found.items():
        text = text.replace(f'"{each}"', f'"{there}"')
    path = tmp_path / "benchmarks" / "it.toml"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        load_benchmark(Path("benchmarks/it.toml"))
    assert str(raised.value) == (
        f"{path.with_name(name)} does not exist, and paths in {path} are relative to its folder: write '../{name}' in "
        f"place of '{name}'."
    )
    path.write_text(text.replace(f'"{name}"', f'"../{name}"'))
    assert load_benchmark(path).recorded.values.shape == (160, 6, 2)


def test_a_file_that_is_nowhere_is_named_with_its_folder(tmp_path):
    """The whole path, since it depends on where the benchmark file is."""
    laboratory(tmp_path)
    (tmp_path / "it.npy").unlink()
    np.save(tmp_path / "other.npy", responses())
    with pytest.raises(UserError, match=rf"^{tmp_path}/it.npy does not exist\.$"):
        load_benchmark(tmp_path / "it.toml")
