"""Mistakes in data and benchmark files: each is one line that names it, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.own_recordings import STIMULI, TEXT, laboratory, responses

from brainscore_cornet import UserError, neural_benchmark, score_models
from brainscore_cornet.own_data import load_benchmark

DIMS = 'dims = ["repetition", "stimulus", "neuroid", "time_bin"]'
BINS = "time_bins = [[70, 170], [170, 270]]"
LONG = pd.DataFrame(
    {"stimulus_id": ["00", "01"] * 2, "neuroid_id": ["a", "a", "b", "b"], "response": [1.0, 2.0, 3.0, 5.0]}
)


def replaced(old: str, new: str) -> Callable[[Path], None]:
    """Change the benchmark file's text."""
    assert old in TEXT, old
    return lambda folder: (folder / "it.toml").write_text(TEXT.replace(old, new))


def changed(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Change the responses."""
    return lambda folder: np.save(folder / "it.npy", change(responses()))


def table(columns: dict, new: str = "stimuli.csv") -> Callable[[Path], None]:
    """Write a table of stimuli in place of the folder."""

    def write(folder: Path) -> None:
        pd.DataFrame(columns).to_csv(folder / new, index=False)
        replaced('"images"', f'"{new}"')(folder)

    return write


def long_table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    """Write a table of responses in place of the array."""

    def write(folder: Path) -> None:
        change(LONG.copy()).to_csv(folder / "it.csv", index=False)
        text = TEXT.replace("it.npy", "it.csv").replace(DIMS, "").replace(BINS, "time_bins = [[70, 170]]")
        (folder / "it.toml").write_text(text)

    return write


def separated(path: Path, mark: str) -> None:
    path.write_text(path.read_text().replace(",", mark))


def with_nan(values: np.ndarray) -> np.ndarray:
    values[:, 7, 2, 1] = np.nan
    return values


def with_constant(values: np.ndarray) -> np.ndarray:
    values[:, :, 3, 0] = 5
    return values


def with_infinity(values: np.ndarray) -> np.ndarray:
    values[0, 0, 0, 0] = np.inf
    return values


def empty_image(folder: Path) -> None:
    (folder / "images" / "41.png").write_bytes(b"")
    (folder / "images" / "41.png").unlink()
    for path in (folder / "images").glob("*.png"):
        path.unlink()


def same_names(folder: Path) -> None:
    paths = sorted((folder / "images").glob("*.png"))
    for number, path in enumerate(paths):
        target = folder / "images" / f"class{number % 2}" / f"{number // 2}.png"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)


IMAGES = [f"images/{number:02}.png" for number in range(STIMULI)]
TEXT_IDS = [f"{number:02}" for number in range(STIMULI)]
MISTAKES = {
    "no TOML": (lambda folder: (folder / "it.toml").write_text("identifier ="), "it.toml is no TOML"),
    "no file": (lambda folder: (folder / "it.toml").unlink(), "it.toml does not exist"),
    "misspelt setting": (replaced("visual_degrees", "visual_degree"), "'visual_degree'. Did you mean visual_degrees"),
    "no identifier": (replaced('identifier = "MyLab2026.IT"', ""), "lacks an identifier"),
    "a long identifier": (replaced('"MyLab2026.IT"', f'"{"x" * 300}"'), "x… has more than 100 bytes: choose a shorter"),
    "an identifier in two lines": (replaced('"MyLab2026.IT"', '"a\\nb"'), "Expected an identifier such as"),
    "no kind": (lambda folder: (folder / "it.toml").write_text('identifier = "x"'), "one of the tables recordings"),
    "a text that is a number": (replaced('"IT"\n', "4\n"), "expected region as text, received 4"),
    "dims as text": (replaced(DIMS, 'dims = "stimulus"'), "expected dims as a list"),
    "no stimuli": (replaced('stimuli = "images"', ""), "lacks stimuli"),
    "no folder of stimuli": (replaced('"images"', '"pictures"'), "no stimuli at .*pictures"),
    "a folder without images": (empty_image, "images holds no images"),
    "no data file": (replaced('file = "it.npy"', ""), "lacks a file"),
    "a data file that is not there": (replaced("it.npy", "rates.npy"), "rates.npy does not exist"),
    "a name that no file can have": (replaced("it.npy", f"{'x' * 300}.npy"), "x.npy does not exist"),
    "a name with a zero": (replaced("it.npy", "it\\u0000.npy"), "npy does not exist"),
    "the home of nobody": (replaced("it.npy", "~nobody-of-this-name/it.npy"), "it.npy does not exist"),
    "stimuli at a name that no file can have": (replaced('"images"', f'"{"x" * 300}"'), "no stimuli at .*xxx"),
    "images with names that no file can have": (table({"stimulus_path": ["x" * 300]}), "row 1: the image .*xxx does"),
    "ids at a name that no file can have": (
        replaced('region = "IT"', f'region = "IT"\nstimulus_ids = "{"x" * 300}.txt"'),
        "stimulus_ids = 'xxx.* is no file",
    ),
    "an unknown kind of file": (replaced("it.npy", "it.xls"), "expected a file that ends in .npy, .npz"),
    "a damaged data file": (lambda folder: (folder / "it.npy").write_bytes(b"\x93NUMPY"), "Cannot read .*it.npy"),
    "an empty data file": (lambda folder: (folder / "it.npy").write_bytes(b""), "it.npy is empty"),
    "Python objects": (changed(lambda values: np.array([{}], dtype=object)), "holds Python objects"),
    "a data file that is cut off": (
        lambda folder: (folder / "it.npy").write_bytes((folder / "it.npy").read_bytes()[:400]),
        r"it.npy is cut off or damaged: it holds 34 numbers, and says that its shape is \(4, ?40, ?6, ?2\)",
    ),
    "a benchmark file that is none": (
        lambda folder: (folder / "it.toml").write_bytes((folder / "it.npy").read_bytes()),
        "it.toml is no text in UTF-8, expected a benchmark file",
    ),
    "texts": (changed(lambda values: values.astype(str)), "expected numbers"),
    "no dims": (replaced(DIMS, ""), r"dims are missing: .* it.npy \(4, 40, 6, 2\)"),
    "an unknown dim": (replaced('"neuroid"', '"unit"'), "dims of it.npy: Unknown dimension 'unit'"),
    "a dim twice": (replaced('"repetition", "stimulus"', '"stimulus", "stimulus"'), "name stimulus twice"),
    "too few dims": (replaced('"repetition", ', ""), "has 4 dimensions .* dims name 3"),
    "no neuroids": (replaced('"neuroid", "time_bin"', '"time_bin", "presentation"'), "lack neuroid"),
    "wrong order of dims": (
        replaced('"repetition", "stimulus"', '"stimulus", "repetition"'),
        r"has 4 along its dimension 1, stimulus, and images 40: is the order of dims \['repetition', 'stimulus'",
    ),
    "another number of stimuli": (
        changed(lambda values: values[:, :38]),
        "has 38 along its dimension 2, stimulus, and images 40: expected a response to each",
    ),
    "no time bins": (replaced(BINS, ""), "No time bins are given for it.npy"),
    "too few time bins": (replaced(BINS, "time_bins = [[70, 170]]"), "2 along the dimension time_bin: expected 2"),
    "a time bin that ends first": (replaced("[70, 170]", "[170, 70]"), r"of it.npy: .* end, received \[170, 70\]"),
    "time bins as text": (
        replaced("[[70, 170]", '[["70", "170"]'),
        r"it.toml, \[recordings\]: expected time_bins as numbers in ms, such as .* received the text '70'",
    ),
    "a time bin with a unit": (
        long_table(lambda long: long.assign(time_bin_start=[70, 70, "70ms", 70], time_bin_end=170)),
        "it.csv, row 3: the time_bin_start is '70ms', expected a number of ms",
    ),
    "a table without a header": (
        lambda folder: (
            long_table(lambda long: long)(folder),
            pd.DataFrame(responses()[0, :, :, 0]).to_csv(folder / "it.csv", header=False, index=False),
        ),
        "it.csv has no header: its first row holds .*, expected names of columns: stimulus_id and a name for each",
    ),
    "dissimilarities as recordings": (
        lambda folder: (
            long_table(lambda long: long)(folder),
            pd.DataFrame(np.zeros((4, 4))).to_csv(folder / "it.csv", header=False, index=False),
        ),
        r"Dissimilarities are for \[rdm\] in a benchmark file",
    ),
    "a time bin twice": (replaced("[170, 270]", "[70, 170]"), "twice"),
    "time bins in seconds": (
        replaced("[[70, 170], [170, 270]]", "[[0.07, 0.17], [0.17, 0.27]]"),
        "it.npy lie within 5 ms of stimulus onset, such as 0.07-0.17: expected ms; if these are seconds, 70-170",
    ),
    "time bins in nanoseconds": (
        replaced("[[70, 170], [170, 270]]", "[[7e7, 1.7e8], [1.7e8, 2.7e8]]"),
        "The time bin 7e.07-1.7e.08 of it.npy is more than a minute from stimulus onset: expected ms",
    ),
    "two time bins that start together": (replaced("[170, 270]", "[70, 270]"), "start at 70 ms"),
    "no region": (replaced('region = "IT"', ""), "No region is given"),
    "a region that no model has": (replaced('"IT"\n', '"FFA"\n'), "'FFA' is not what a CORnet can be recorded from"),
    "missing responses": (changed(with_nan), r"1 of 6 neuroids .* 07 at 170-270 ms: 2. .*leave_out = \[\"2\"\]"),
    "constant neuroids": (changed(with_constant), r"respond the same .* 70-170 ms: 3. .*leave_out = \[\"3\"\]"),
    "infinite responses": (changed(with_infinity), "1 infinite values"),
    "responses in tesla": (changed(lambda values: values * 1e-14), "largest response is .*e-14, .* fT in place of T"),
    "responses beyond all units": (changed(lambda values: values * 1e200), "the largest response is .*e.200"),
    "no responses": (changed(lambda values: values * np.nan), "holds no finite value"),
    "no neuroids at all": (changed(lambda values: values[:, :, :0]), "empty along neuroid"),
    "an unknown neuroid left out": (replaced('region = "IT"', 'region = "IT"\nleave_out = ["9"]'), "names '9'"),
    "too few stimulus ids": (
        replaced('region = "IT"', 'region = "IT"\nstimulus_ids = ["00", "01"]'),
        "has 40 along the dimension stimulus, and 2 stimulus_ids",
    ),
    "ids that lost their zeros": (
        replaced('region = "IT"', f'region = "IT"\nstimulus_ids = {list(range(STIMULI))}'),
        "10 stimulus_ids of it.npy are not among images: 0, 1, 2; '0' is '00' there, with its zeros",
    ),
    "ids with endings": (
        replaced('region = "IT"', f'region = "IT"\nstimulus_ids = {IMAGES}'.replace("'", '"')),
        "it is '00' there, without folder and ending",
    ),
    "ids of a file that is not there": (
        replaced('region = "IT"', 'region = "IT"\nstimulus_ids = "ids.txt"'),
        "stimulus_ids = 'ids.txt' is no file",
    ),
    "a stimulus twice": (
        replaced('region = "IT"', f'region = "IT"\nstimulus_ids = {["00", *TEXT_IDS[:-1]]}'.replace("'", '"')),
        "has the stimulus '00' twice",
    ),
    "a neuroid twice": (
        replaced('region = "IT"', 'region = "IT"\nneuroid_ids = ["a", "a", "b", "c", "d", "e"]'),
        "two neuroids called 'a'",
    ),
    "a table without paths": (table({"stimulus_id": ["00"], "size": [1]}), "has no column stimulus_path"),
    "a table with a missing image": (
        table({"stimulus_path": [*IMAGES, "images/99.png"]}),
        "stimuli.csv, row 41: the image .*99.png does not exist",
    ),
    "a table with an empty row": (table({"stimulus_path": [*IMAGES, None]}), "row 41: no image is named"),
    "a table with an id twice": (
        table({"stimulus_path": IMAGES, "stimulus_id": ["00", *TEXT_IDS[:-1]]}),
        "the stimulus_id '00' is in rows 1, 2",
    ),
    "a column of Brain-Score's": (table({"stimulus_path": IMAGES, "region": "IT"}), "has a column region"),
    "degrees twice": (table({"stimulus_path": IMAGES, "degrees": 8}), "visual_degrees = 8 is given, and stimuli.csv"),
    "no degrees": (replaced("visual_degrees = 8", ""), "visual_degrees is missing"),
    "degrees below 0": (replaced("visual_degrees = 8", "visual_degrees = -8"), "Expected visual_degrees above 0"),
    "an unknown metric": (replaced('"ridge"', '"rigde"'), "Unknown metric 'rigde'. Did you mean ridge"),
    "a metric that is a text": (
        lambda folder: (folder / "it.toml").write_text('metric = "pls"\n' + TEXT.split("[metric]")[0]),
        r"it.toml, \[metric\]: expected a table of settings, received 'pls'",
    ),
    "too few stimuli for the metric": (
        replaced('"ridge"\nsplits = 3', '"pls"\ntrain_size = 0.5'),
        "pls with train_size = 0.5 fits on 20 of 40 stimuli",
    ),
    "splits by a column that is not there": (
        replaced("splits = 3", 'stratify = "category"'),
        "Unknown column of images to stratify by, 'category'",
    ),
    "semicolons": (
        lambda folder: (long_table(lambda long: long)(folder), separated(folder / "it.csv", ";")),
        "it.csv: the columns are separated by semicolons, expected commas",
    ),
    "tabs in a table of stimuli": (
        lambda folder: (table({"stimulus_path": IMAGES, "size": 1})(folder), separated(folder / "stimuli.csv", "\t")),
        "stimuli.csv: the columns are separated by tabs, expected commas",
    ),
    "a table of responses without neuroids": (
        long_table(lambda long: long.drop(columns="neuroid_id")),
        "no column neuroid_id",
    ),
    "a response that is a text": (
        long_table(lambda long: long.assign(response=["1", "2", "high", "3"])),
        "it.csv, row 3: the response is 'high', expected a number",
    ),
    "a response twice": (
        long_table(lambda long: pd.concat([long, long[:1]])),
        "it.csv, row 5: there is a response for stimulus_id 00, repetition 0, neuroid_id a already",
    ),
    "a response of no repetition": (
        long_table(lambda long: long.assign(repetition=[0, 1, None, 1])),
        "it.csv, row 3: the repetition is missing",
    ),
    "a time bin without a start": (
        long_table(lambda long: long.assign(time_bin_start=[70, None, 70, 70], time_bin_end=170)),
        "it.csv, row 2: the time_bin_start is missing",
    ),
    "a table without rows": (long_table(lambda long: long[:0]), "it.csv has no rows"),
    "an index that pandas wrote": (
        lambda folder: (
            long_table(lambda long: long)(folder),
            LONG.pivot_table(index=["stimulus_id"], columns="neuroid_id", values="response")
            .reset_index()
            .to_csv(folder / "it.csv"),
        ),
        "it.csv has a column 'Unnamed: 0', and each column but stimulus_id and repetition is a neuroid here",
    ),
    "a time bin as a neuroid": (
        long_table(lambda _: pd.DataFrame({"stimulus_id": ["00", "01"], "a": [1.0, 2.0], "time_bin_start": [70, 80]})),
        "it.csv has a column 'time_bin_start'",
    ),
    "a table without stimuli": (long_table(lambda long: long.drop(columns="stimulus_id")), "has no column stimulus_id"),
    "an order that is unclear": (
        lambda folder: (folder / "images" / "09.png").rename(folder / "images" / "9.png"),
        "order of the responses is unclear: sorted as text, '10' of images comes where '9' comes",
    ),
    "same names in two folders, resized": (
        lambda folder: (same_names(folder), table_of_folders(folder)),
        "2 stimuli in different folders are called",
    ),
}  # fmt: skip


def table_of_folders(folder: Path) -> None:
    """A table with ids for pictures of the same name, which Brain-Score would resize into one file."""
    paths = sorted(str(path.relative_to(folder)) for path in (folder / "images").rglob("*.png"))
    table({"stimulus_path": paths, "stimulus_id": paths})(folder)
    text = (folder / "it.toml").read_text().replace("visual_degrees = 8", "visual_degrees = 6")
    (folder / "it.toml").write_text(text)


@pytest.mark.parametrize(("make", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(tmp_path, make, expected):
    """One line with the file, what was found, and what was expected."""
    laboratory(tmp_path)
    make(tmp_path)
    with pytest.raises(UserError, match=expected) as raised:
        load_benchmark(tmp_path / "it.toml")
    assert "\n" not in str(raised.value)


def test_there_are_many_mistakes():
    """At least thirty kinds, as promised."""
    assert len(MISTAKES) >= 30


def test_the_commands_show_a_mistake_in_one_line(tmp_path):
    """`benchmark` and `score` stop before any model is made; options that are for `--new` are refused without it."""
    laboratory(tmp_path)
    np.save(tmp_path / "it.npy", with_constant(responses()))
    for command in (["benchmark", "it.toml"], ["score", "cornet_z_untrained", "-b", "it.toml"]):
        done = run_here(*command, folder=tmp_path)
        assert done.returncode == 1
        (line,) = (each for each in done.stderr.splitlines() if not each.startswith(("Loading ", "Reading ")))
        assert line.startswith("Error: it.npy: 1 of 6 neuroids respond the same")
    assert "--region is for --new" in run_here("benchmark", "it.toml", "--region", "V4", folder=tmp_path).stderr
    assert "--new needs" in run_here("benchmark", "new.toml", "--new", folder=tmp_path).stderr


def test_two_benchmarks_of_one_name(tmp_path):
    """Different data under one identifier would overwrite each other's scores: refused."""
    laboratory(tmp_path)
    first = load_benchmark(tmp_path / "it.toml")
    np.save(tmp_path / "it.npy", responses(seed=3))
    with pytest.raises(UserError, match="Two benchmarks with different data are called MyLab2026"):
        score_models("cornet_z_untrained", [first, str(tmp_path / "it.toml")])


def test_python_objects_in_other_forms(tmp_path):
    """Masked responses are missing, numpy's numbers are numbers, and one neuroid to leave out needs no list."""
    images = laboratory(tmp_path).parent / "images"
    dims, bins = ["repetition", "stimulus", "neuroid", "time_bin"], [(70, 170), (170, 270)]
    options = {"stimuli": images, "dims": dims, "region": "IT", "metric": "ridge", "neuroid_ids": [10, 11, 12, 1, 2, 0]}
    masked = np.ma.masked_array(responses(), np.indices(responses().shape).sum(0) % 7 == 0)
    for given, leave_out in [(masked, "12"), (masked, 12), (masked.filled(np.nan), ["12"])]:
        recorded = neural_benchmark(
            "x", given, visual_degrees=np.float32(8), time_bins=iter(bins), leave_out=leave_out, **options
        ).recorded
        assert recorded.neuroids["neuroid_id"].tolist() == ["10", "11", "1", "2", "0"]
        assert np.isnan(recorded.values).sum() == (masked.mask[:, :, [0, 1, 3, 4, 5]]).sum() > 0
    for wrong in (70, "70-170", {70: 170}):
        with pytest.raises(UserError, match="Expected time_bins of the recordings as a list"):
            neural_benchmark("x", masked, visual_degrees=8, time_bins=wrong, **options)


def test_python_objects_that_are_no_recordings(tmp_path):
    """What is neither an array nor a table, and missing stimuli."""
    with pytest.raises(UserError, match="No stimuli are given"):
        neural_benchmark("x", responses())
    images = laboratory(tmp_path).parent / "images"
    with pytest.raises(UserError, match="Expected an identifier"):
        neural_benchmark("", responses(), stimuli=images)
    with pytest.raises(UserError, match="dims are missing"):
        neural_benchmark("x", responses(), stimuli=images, visual_degrees=8)
    with pytest.raises(UserError, match="as an array, a DataFrame or a DataArray, received a list"):
        neural_benchmark("x", [[1, 2], [3]], stimuli=images, visual_degrees=8)
