"""Recordings of one's own become Brain-Score's benchmark: every form of the data, with Brain-Score's numbers."""

from __future__ import annotations

import json
import shutil

import h5py
import netCDF4  # noqa: F401  # before h5py opens files, as the package imports it
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, average_repetition
from helpers.commands import run_here
from helpers.own_recordings import NEUROIDS, REPETITIONS, STIMULI, TEXT, TIME_BINS, laboratory, responses
from helpers.small_model import small_model

from brainscore_cornet import UserError, neural_benchmark
from brainscore_cornet.metrics.exact import exact_metrics
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.description import described, neuroid_ceilings
from brainscore_cornet.own_data.neural_assemblies import repeated_assembly
from brainscore_cornet.own_data.stimulus_tables import stimulus_set
from brainscore_cornet.scoring import read_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with pictures, responses and a benchmark file, which tests do not change."""
    folder = tmp_path_factory.mktemp("laboratory")
    laboratory(folder)
    return folder


def score_of(benchmark, model):
    """Brain-Score's own code takes a process for each time bin: the exact metrics are held equal elsewhere."""
    with exact_metrics():
        return benchmark(model)


def test_the_score_is_that_of_brainscores_benchmark(folder, stand_in):
    """Brain-Score's classes over the repeated assembly, put together by hand, give the same ceiling and score."""
    ours = load_benchmark(folder / "it.toml")
    one_bin = neural_benchmark(
        "one", responses()[..., 0], stimuli=folder / "images", dims=["repetition", "stimulus", "neuroid"], region="IT",
        time_bins=[(70, 170)], metric="ridge", splits=3, visual_degrees=8,
    )  # fmt: skip
    repeated = repeated_assembly(one_bin.recorded)
    repeated.attrs["stimulus_set"] = one_bin.recorded.stimuli
    splits = {"splits": 3, "stratification_coord": None}
    ceiler = load_metric("internal_consistency")
    theirs = NeuralBenchmark(
        "theirs",
        assembly=average_repetition(repeated),
        similarity_metric=load_metric("ridge", crossvalidation_kwargs=splits),
        visual_degrees=8,
        number_of_trials=REPETITIONS,
        ceiling_func=lambda: ceiler(repeated),
        version=1,
        parent="IT",
    )
    model = small_model(stand_in, "cornet_z")
    expected, found = theirs(model), one_bin(model)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    assert float(found.ceiling) == pytest.approx(float(expected.ceiling), abs=1e-6)
    np.testing.assert_allclose(found.raw.raw.values, expected.raw.raw.values, atol=1e-6)
    # each time bin of several has the score that it has alone
    both = score_of(ours, model)
    assert both.values[0] == pytest.approx(float(expected), abs=1e-6)
    assert both.raw.sizes == {"time_bin": 2}
    assert [tuple(each) for each in ours.timebins] == TIME_BINS


def test_repetitions_are_averaged_as_brainscore_does(folder):
    """The averaged assembly is Brain-Score's, value by value and in its order, missing responses left out."""
    values = responses()
    values[1, 3] = np.nan  # a presentation that was not recorded
    values[2, 5, 2, 1] = np.nan  # a response that was not
    ours = neural_benchmark(
        "missing", values, stimuli=sorted((folder / "images").glob("*.png"), reverse=True), region="IT",
        visual_degrees=8, dims=["repetition", "stimulus", "neuroid", "time_bin"], time_bins=TIME_BINS, metric="ridge",
    )  # fmt: skip
    recorded = ours.recorded
    everything = repeated_assembly(recorded)
    assert everything.sizes["presentation"] == 3 * STIMULI  # as many of each as the rarest has
    assert sorted(set(recorded.counts)) == [3, 4]
    theirs = average_repetition(everything)
    assert theirs["stimulus_id"].values.tolist() == ours._assembly["stimulus_id"].values.tolist()
    kept = recorded.repetitions < 3
    shown = [kept & (recorded.stimulus_ids == each) for each in recorded.stimuli["stimulus_id"]]
    subset = np.stack([np.nanmean(recorded.values[rows], axis=0) for rows in shown])
    np.testing.assert_allclose(theirs.transpose("presentation", "neuroid", "time_bin").values, subset, atol=1e-12)


def _forms(folder, values):
    """Write the same responses in every kind of file, each with what its table [recordings] says."""
    dims = 'dims = ["repetition", "stimulus", "neuroid", "time_bin"]'
    bins = "time_bins = [[70, 170], [170, 270]]"
    ids = [f"{number:02}" for number in range(STIMULI)]
    np.savez(folder / "it.npz", rates=values, stimulus_ids=ids, notes=np.arange(3))
    scipy.io.savemat(folder / "it.mat", {"rates": values, "stimulus_id": np.array(ids, dtype=object)})
    with h5py.File(folder / "it.h5", "w") as file:
        file["session/rates"] = values
        file["session/stimulus_id"] = ids
    with h5py.File(folder / "it73.mat", "w", userblock_size=512) as file:
        file["rates"] = values.transpose()  # MATLAB's order
        names = [file.create_dataset(f"#refs#/{each}", data=np.array([[ord(c)] for c in each], "u2")) for each in ids]
        cells = file.create_dataset("stimulus_ids", (STIMULI, 1), dtype=h5py.ref_dtype)
        cells[:, 0] = [each.ref for each in names]
    with open(folder / "it73.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, made in a test".ljust(124) + b"\x00\x02IM")
    array = xr.DataArray(
        values,
        dims=["repetition", "stimulus", "neuroid", "time_bin"],
        coords={
            "stimulus": ids,
            "time_bin_start": ("time_bin", [70, 170]),
            "time_bin_end": ("time_bin", [170, 270]),
        },
    )
    array.to_dataset(name="rates").to_netcdf(folder / "it.nc")
    index = pd.MultiIndex.from_product(
        [range(REPETITIONS), ids, range(NEUROIDS), range(2)], names=["repetition", "stimulus_id", "neuroid_id", "bin"]
    )
    table = pd.DataFrame({"response": values.ravel()}, index=index).reset_index()
    table["time_bin_start"], table["time_bin_end"] = 70 + 100 * table["bin"], 170 + 100 * table["bin"]
    table = table.drop(columns="bin").sample(frac=1, random_state=3)
    table.to_csv(folder / "it.csv", index=False)
    table.to_csv(folder / "it.tsv", index=False, sep="\t")
    table.to_parquet(folder / "it.parquet")
    return {
        "it.npy": f"{dims}\n{bins}",
        "it.npz": f"{dims}\n{bins}",
        "it.mat": f"{dims}\n{bins}",
        "it73.mat": f"{dims}\n{bins}",
        "it.h5": f'{dims}\n{bins}\nvariable = "session/rates"',
        "it.nc": "",
        "it.csv": "",
        "it.tsv": "",
        "it.parquet": "",
    }


def test_every_kind_of_file_is_the_same_benchmark(tmp_path):
    """The same responses as .npy, .npz, .mat of both kinds, .h5, .nc and three kinds of tables are the same data."""
    laboratory(tmp_path)
    values = responses()
    found = {}
    for name, rest in _forms(tmp_path, values).items():
        (tmp_path / "form.toml").write_text(
            'identifier = "forms"\nstimuli = "images"\nvisual_degrees = 8\n[recordings]\nregion = "IT"\n'
            f'file = "{name}"\n{rest}\n[metric]\nname = "ridge"\n'
        )
        found[name] = load_benchmark(tmp_path / "form.toml")
    for name, benchmark in found.items():
        recorded = benchmark.recorded
        np.testing.assert_allclose(recorded.averages(), values.mean(0), atol=1e-12, err_msg=name)
        assert [tuple(each) for each in recorded.time_bins] == TIME_BINS, name
        assert recorded.neuroids["neuroid_id"].tolist() == [str(number) for number in range(NEUROIDS)], name
        assert recorded.counts.tolist() == [REPETITIONS] * STIMULI, name


def test_spikes_in_an_nwb_file_become_rates(tmp_path):
    """Units' spike times and a table of presentations are counted in the file's time bins."""
    pytest.importorskip("pynwb")
    from datetime import UTC, datetime

    from pynwb import NWBHDF5IO, NWBFile

    laboratory(tmp_path)
    file = NWBFile("made up", "test", datetime(2026, 1, 1, tzinfo=UTC))
    file.add_trial_column("stimulus_id", "the picture")
    random = np.random.RandomState(0)
    shown = [f"{number:02}" for number in random.permutation(np.tile(np.arange(STIMULI), 2))]
    onsets = 1.0 + 0.5 * np.arange(len(shown))
    for onset, each in zip(onsets, shown, strict=True):
        file.add_trial(start_time=onset, stop_time=onset + 0.3, stimulus_id=each)
    spikes = [np.sort(random.uniform(0, 45, 3000)) for _ in range(3)]
    for times in spikes:
        file.add_unit(spike_times=times)
    with NWBHDF5IO(str(tmp_path / "session.nwb"), "w") as writer:
        writer.write(file)
    (tmp_path / "nwb.toml").write_text(
        'identifier = "spikes"\nstimuli = "images"\nvisual_degrees = 8\n[recordings]\nfile = "session.nwb"\n'
        'region = "IT"\ntime_bins = [[170, 270], [70, 170]]\n[metric]\nname = "ridge"\n'
    )
    recorded = load_benchmark(tmp_path / "nwb.toml").recorded
    assert recorded.time_bins == [(70, 170), (170, 270)]
    assert recorded.values.shape == (2 * STIMULI, 3, 2)
    for row in (0, 17):
        onset = onsets[row]
        inside = [((onset + 0.07 <= times) & (times < onset + 0.17)).sum() / 0.1 for times in spikes]
        np.testing.assert_allclose(recorded.values[row, :, 0], inside, rtol=1e-6)
    with h5py.File(tmp_path / "session.nwb", "a") as stored:
        stored["intervals/trials/start_time"][3] = np.nan
    with pytest.raises(UserError, match=r"session\.nwb: 1 of \d+ rows of trials have no start_time, .* row 4"):
        load_benchmark(tmp_path / "nwb.toml")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("time_bins = [[70, 70]]", r"start before end, received \[70, 70\]"),
        ("time_bins = [0.07, 0.17]", "within 5 ms of stimulus onset"),
        ('time_bins = [70, 170]\ndims = ["stimulus", "neuroid"]', "dims is not for .nwb files"),
        ('time_bins = [70, 170]\nvariable = "units"', "variable is not for .nwb files"),
    ],
)
def test_settings_that_do_not_fit_an_nwb_file(tmp_path, setting, expected):
    """One line each, before spikes are counted."""
    pytest.importorskip("pynwb")
    laboratory(tmp_path)
    (tmp_path / "session.nwb").write_bytes(b"")
    top = 'identifier = "spikes"\nstimuli = "images"\nvisual_degrees = 8\n[recordings]\nfile = "session.nwb"\n'
    (tmp_path / "nwb.toml").write_text(f'{top}region = "IT"\n{setting}\n')
    with pytest.raises(UserError, match=expected):
        load_benchmark(tmp_path / "nwb.toml")


def test_hidden_files_in_a_folder_are_no_stimuli(tmp_path):
    """What other programs put beside the pictures shifts no response; a linked folder is searched."""
    laboratory(tmp_path / "real")
    images = tmp_path / "real" / "images"
    expected = stimulus_set(images, "id")
    first = min(path for path in images.iterdir())
    shutil.copy(first, images / f"._{first.name}")
    (images / ".ipynb_checkpoints").mkdir()
    shutil.copy(first, images / ".ipynb_checkpoints" / first.name)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "images").symlink_to(images)
    for folder in (images, tmp_path / "linked"):
        found = stimulus_set(folder, "id")
        assert (found.identifier, found["stimulus_id"].tolist()) == (
            expected.identifier,
            expected["stimulus_id"].tolist(),
        )


@pytest.mark.parametrize("repeated", [1, 2])
def test_too_few_repeated_stimuli_give_no_ceiling(tmp_path, repeated):
    """Halves of one or two stimuli are correlated by 1 or not at all, which is no estimate of noise."""
    laboratory(tmp_path)
    values = responses()
    values[1:, repeated:] = np.nan
    np.save(tmp_path / "it.npy", values)
    (tmp_path / "it.toml").write_text(TEXT, encoding="utf-8-sig")  # as Windows' editor writes it
    benchmark = load_benchmark(tmp_path / "it.toml")
    assert not benchmark.has_ceiling
    assert np.isnan(float(benchmark.ceiling))


def test_without_repetitions_the_score_is_raw_and_says_so(folder, stand_in):
    """There is no noise ceiling: the mean of Pearson's r is the score, with a note, and no ceiling in the table."""
    averaged = neural_benchmark(
        "averaged", responses().mean(0)[..., 0], stimuli=folder / "images", dims=["stimulus", "neuroid"], region="IT",
        time_bins=[(70, 170)], metric="ridge", splits=3, visual_degrees=8,
    )  # fmt: skip
    score = averaged(small_model(stand_in, "cornet_z"))
    assert float(score) == pytest.approx(float(score.raw.median("neuroid").mean("split")))
    assert "unceiled" in score.attrs["protocol"]
    assert "ceiling" not in score.attrs
    assert np.isnan(float(averaged.ceiling))
    assert "raw (unceiled)" in described(averaged)[-1]


def test_a_ceiling_that_may_be_0_is_said(folder, stand_in):
    """Noise divided by noise can look like a good score: the score and `benchmark` name the time bins, as the map."""
    values = responses()
    values[..., 1] = np.random.RandomState(3).randn(*values.shape[:3])
    settings = {"dims": ["repetition", "stimulus", "neuroid", "time_bin"], "region": "IT", "visual_degrees": 8}
    settings |= {"stimuli": folder / "images", "time_bins": TIME_BINS, "metric": "ridge", "splits": 3}
    noisy = neural_benchmark("noisy", values, **settings)
    note = score_of(noisy, small_model(stand_in, "cornet_z")).attrs["protocol"]
    assert note.startswith("no reliable signal at 170-270 ms: the noise ceiling may be 0 there")
    assert described(noisy)[-1] == f"Beware: {note}."
    assert neural_benchmark("clear", responses(), **settings).weakness is None


@pytest.mark.filterwarnings("ignore:.*constant")  # units that no picture of a split drives
@pytest.mark.parametrize("metric", ["pls", "ridgecv", "linear_predictivity", "neuron_to_neuron", "rdm", "cka"])
def test_every_metric_is_brainscores(folder, stand_in, metric):
    """Each gives a finite score of each time bin, and what Brain-Score's own metric gives for it."""
    benchmark = neural_benchmark(
        metric, responses(), stimuli=folder / "images", region="IT", time_bins=TIME_BINS,
        dims=["repetition", "stimulus", "neuroid", "time_bin"], metric=metric, splits=2, visual_degrees=8,
    )  # fmt: skip
    score = score_of(benchmark, small_model(stand_in, "cornet_z"))
    assert score.shape == (2,)
    assert np.isfinite(score.values).all()
    np.testing.assert_allclose(score.values, score.raw.values**2 / score.ceiling.values, rtol=1e-9)


def test_other_data_under_the_same_name_have_another_ceiling(folder):
    """Brain-Score keeps ceilings on disk by identifier: changed data must not get the old one."""
    found = [
        neural_benchmark(
            "same", responses(noise=noise)[..., 0], stimuli=folder / "images", region="IT", time_bins=[(70, 170)],
            dims=["repetition", "stimulus", "neuroid"], metric="ridge", visual_degrees=8,
        )
        for noise in (0.3, 5.0)
    ]  # fmt: skip
    assert float(found[0].ceiling) > 0.9 > float(found[1].ceiling)
    assert found[0].version != found[1].version


def test_a_brainscore_assembly_needs_nothing_else(folder):
    """An assembly brings its dimensions, time bins, region, neuroids and stimuli."""
    first = load_benchmark(folder / "it.toml")
    repeated = repeated_assembly(first.recorded)
    repeated.attrs["stimulus_set"] = first.recorded.stimuli
    again = neural_benchmark("again", repeated, metric="ridge", splits=3, visual_degrees=8)
    np.testing.assert_array_equal(again._assembly.values, first._assembly.values)
    assert again.region == "IT"
    assert [tuple(each) for each in again.timebins] == TIME_BINS


def test_the_ceiling_of_each_neuroid_is_brainscores(folder):
    """What `benchmark` shows of each neuroid is the benchmark's own ceiling before its median."""
    benchmark = load_benchmark(folder / "it.toml")
    found = neuroid_ceilings(benchmark)
    assert found.shape == (NEUROIDS, 2)
    one = load_metric("internal_consistency")(repeated_assembly(benchmark.recorded).isel(time_bin=1))
    np.testing.assert_allclose(found[:, 1], one.raw.mean("split").sortby("neuroid_id").values, atol=1e-9)


@pytest.mark.usefixtures("forked_children")
def test_score_takes_the_file_and_repeats_it_when_the_data_change(tmp_path):
    """In `score` and its folder the benchmark has its identifier; other data are scored again."""
    laboratory(tmp_path)
    text = TEXT.replace("[[70, 170], [170, 270]]", "[[70, 170]]").replace(', "time_bin"', "")
    (tmp_path / "it.toml").write_text(text)
    np.save(tmp_path / "it.npy", responses()[..., 0])
    command = ["score", "cornet_z_untrained", "-b", "it.toml", "-o", "out", "--json", "--image-size", "48"]
    rows = []
    for change in (0.0, 0.0, 1.0):
        np.save(tmp_path / "it.npy", responses(seed=1 + int(change))[..., 0])
        done = run_here(*command, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        rows += json.loads(done.stdout)
    assert [row["benchmark"] for row in rows] == ["MyLab2026.IT"] * 3
    assert rows[0] == rows[1]
    assert rows[2]["score"] != rows[0]["score"]
    assert rows[0]["region"] == "IT"
    assert rows[0]["time_bins"] == "70-170"
    table = read_table(tmp_path / "out")
    assert table["benchmark"].tolist() == ["MyLab2026.IT"]
    assert table["benchmark_version"].tolist() == [rows[2]["benchmark_version"]]


def test_a_first_file_from_what_is_there(tmp_path):
    """Only responses and a folder: the file that `--new` writes is a valid benchmark, with its guesses marked."""
    laboratory(tmp_path)
    (tmp_path / "it.toml").unlink()
    done = run_here(
        "benchmark", "it.toml", "--new", "--recordings", "it.npy", "--stimuli", "images", "--plot", "it.png",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'guessed: dims = ["repetition", "stimulus", "neuroid", "time_bin"]' in done.stdout
    assert "  neuroids     6: 0, 1, 2, …" in done.stdout
    assert "Consistency of neuroids" in done.stdout
    assert (tmp_path / "it.toml").read_text().count("# guessed") == 4
    assert (tmp_path / "it.png").stat().st_size > 10_000
    assert load_benchmark(tmp_path / "it.toml").settings["metric"] == "pls"
    for path in sorted((tmp_path / "images").glob("*.png")):
        path.rename(path.with_name(f"face_{int(path.stem)}.png"))
    done = run_here(
        "benchmark", "faces.toml", "--new", "--recordings", "it.npy", "--stimuli", "images", folder=tmp_path
    )
    assert 'guessed: stimulus_ids = ["face_0", "face_1", "face_2" …]' in done.stdout, done.stderr
    recorded = load_benchmark(tmp_path / "faces.toml").recorded
    row = recorded.stimuli["stimulus_id"].tolist().index("face_10")
    np.testing.assert_allclose(recorded.averages()[row], responses().mean(0)[10])
    again = run_here("benchmark", "it.toml", "--new", "--recordings", "it.npy", "--stimuli", "images", folder=tmp_path)
    assert "it.toml exists" in again.stderr
