"""The map: its numbers are Brain-Score's, it finds what was put in, and its files and figures are complete."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from brainscore_vision.metrics.internal_consistency.ceiling import InternalConsistency
from helpers.commands import run_here
from helpers.made_maps import made_map
from helpers.own_recordings import laboratory, pictures, responses
from helpers.small_model import small_model

from brainscore_cornet import UserError, neural_benchmark, time_map
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.cornet.writing import locked
from brainscore_cornet.metrics.exact import exact_metrics
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.map_figures import difference_map
from brainscore_cornet.own_data.map_files import write_map
from brainscore_cornet.own_data.map_findings import findings
from brainscore_cornet.own_data.neural import RecordingsBenchmark
from brainscore_cornet.own_data.neural_assemblies import repeated_assembly
from brainscore_cornet.own_data.resampling import Resamples, corrected, weighted_correlations
from brainscore_cornet.own_data.similarity_scores import similarity_draws
from brainscore_cornet.own_data.time_map import TimeMap

DIMS = ("repetition", "stimulus", "neuroid", "time_bin")
BINS = [(50, 90), (90, 140), (140, 200), (200, 250)]
SITES = {1: Site("V4.output", 3), 2: Site("IT.output", 4)}  # time bin -> where its responses are from
STIMULI, NEUROIDS, REPETITIONS = 48, 24, 6


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """As many pictures."""
    return pictures(tmp_path_factory.mktemp("many"), STIMULI)


def simulated(model, images, seed: int = 0) -> np.ndarray:
    """Poisson counts of random mixtures of V4's and then IT's components; one neuroid and two time bins are noise."""
    random = np.random.RandomState(seed)
    rates = np.full((STIMULI, NEUROIDS, len(BINS)), 8.0)
    for number, site in SITES.items():
        portions = model.activations_model.stream([str(path) for path in images], [site])
        activity = np.concatenate([portion.activities[site].flatten(1).numpy() for portion in portions])
        left, values, _ = np.linalg.svd(activity - activity.mean(0), full_matrices=False)
        mixed = left[:, :4] * values[:4] @ random.randn(4, NEUROIDS)
        rates[..., number] = np.exp(2.5 + 0.5 * mixed / mixed.std(0))
    rates[:, -1] = 8.0
    return random.poisson(np.broadcast_to(rates, (REPETITIONS, *rates.shape))).astype(float)


@pytest.fixture(scope="module")
def found(stand_in, images):
    """The model, the benchmark and the map of the simulated neurons, with Z's for a control."""
    model = small_model(stand_in, "cornet_rt", batch_size=20)
    benchmark = neural_benchmark(
        "simulated", simulated(model, images), stimuli=list(map(str, images)), dims=DIMS, region="IT", time_bins=BINS,
        metric="ridge", visual_degrees=8,
    )  # fmt: skip
    return (
        model,
        benchmark,
        time_map(model, benchmark, against=small_model(stand_in, "cornet_rt", batch_size=20), resamples=100),
    )


def test_the_map_finds_where_the_responses_are_from(found):
    """The right region is best in both time bins that have a signal; the others are said to have none."""
    dataset = found[2].dataset
    scores = dataset["score"].values
    assert np.isnan(scores[:, [0, 3]]).all()
    best = {number: int(np.argmax(scores[:, number])) for number in SITES}
    assert [str(dataset["layer"].values[best[number]]) for number in SITES] == [site.layer for site in SITES.values()]
    for number in SITES:
        site = list(zip(dataset["layer"].values, dataset["time_step"].values, strict=True)).index(SITES[number])
        low, high = (dataset[name].values[site, number] for name in ("low", "high"))
        assert low < 1
        assert high > 0.8
        # what is noise has no score
        assert abs(dataset["raw_by_neuroid"].sel(neuroid=NEUROIDS - 1).values[site, number]) < 0.4
    assert "No reliable signal at 50-90 ms, 200-250 ms" in found[2].sentences[0]
    assert "explains the recordings best at" in found[2].sentences[1]
    assert "of the explainable variance" in found[2].sentences[1]


def test_its_scores_are_those_of_the_benchmark(found):
    """At the committed sites, each time bin has the score, raw value and ceiling that Brain-Score's benchmark gives."""
    model, benchmark, found_map = found
    with exact_metrics():
        score = benchmark(model)
    dataset = found_map.dataset
    in_it = np.array([str(layer) == "IT.output" for layer in dataset["layer"].values])
    committed = dataset["committed"].values & in_it[:, None]
    assert committed.sum() == len(BINS)
    raw = (dataset["raw"].values * committed).sum(0)
    np.testing.assert_allclose(raw, score.raw.values, atol=1e-6)
    np.testing.assert_allclose(dataset["ceiling"].values, score.ceiling.values, atol=1e-9)
    reliable = [1, 2]
    scores = np.where(committed, np.nan_to_num(dataset["score"].values), 0).sum(0)
    np.testing.assert_allclose(scores[reliable], score.values[reliable], atol=1e-6)
    mean = score.values[reliable].mean()
    within = "in 2 of its 4 time bins, those with a reliable signal,"
    stated = f"The score of simulated {within} is {mean:.3f}, averaged over 2 time bins: IT at time step "
    assert any(sentence.startswith(stated) for sentence in found_map.sentences)
    by_neuroid = score.raw.raw.mean("split").sortby("neuroid_id").transpose("time_bin", "neuroid")
    order = np.argsort(dataset["neuroid_id"].values)
    ours = [dataset["raw_by_neuroid"].values[site, number][order] for number, site in enumerate(committed.argmax(0))]
    np.testing.assert_allclose(ours, by_neuroid.values, atol=1e-6)


def test_ceilings_of_neuroids_are_brainscores(found):
    """The consistency of each neuroid is that of `internal_consistency`, before its median."""
    _, benchmark, found_map = found
    expected = InternalConsistency()(repeated_assembly(benchmark.recorded).isel(time_bin=1)).raw.mean("split")
    ours = found_map.dataset["ceiling_by_neuroid"].values[1]
    order = np.argsort(benchmark.recorded.neuroids["neuroid_id"])
    np.testing.assert_allclose(ours[order], expected.sortby("neuroid_id").values, atol=1e-9)


def test_a_control_that_is_the_model_itself_is_no_different(found):
    """All differences are 0, none is significant, and the same resamples are used for both."""
    dataset = found[2].dataset
    reliable = np.isfinite(dataset["difference"].values)
    np.testing.assert_array_equal(dataset["difference"].values[reliable], 0)
    np.testing.assert_array_equal(dataset["difference_high"].values[reliable], 0)
    np.testing.assert_array_equal(dataset["p_corrected"].values[reliable], 1)
    assert "of 28 pairs of site and time bin 0 are better and 0 worse" in found[2].sentences[-1]


def test_a_control_with_fewer_sites_leaves_the_map_as_it_is(stand_in, tmp_path):
    """Scores are those of the map without it, and a sentence names the sites that have no difference."""
    benchmark = load_benchmark(laboratory(tmp_path))
    model, control = (small_model(stand_in, f"cornet_{name}", batch_size=20) for name in ("rt", "z"))
    alone = time_map(model, benchmark, layers=["V1", "IT"], resamples=50)
    found = time_map(model, benchmark, layers=["V1", "IT"], against=control, resamples=50)
    xr.testing.assert_equal(found.dataset[list(alone.dataset)], alone.dataset)
    assert list(found.sentences[: len(alone.sentences)]) == list(alone.sentences)
    compared = np.isfinite(found.dataset["difference"].values).all(1)
    sites = list(zip(found.dataset["layer"].values, found.dataset["time_step"].values, strict=True))
    assert [site for site, is_compared in zip(sites, compared, strict=True) if is_compared] == [("V1.output", 0)]
    np.testing.assert_array_equal(np.isfinite(found.dataset["p_corrected"].values).all(1), compared)
    assert found.sentences[-1] == (
        "6 of 7 sites are not compared, since cornet_z_size_48 does not have them: V1 at time steps 1, 2, 3, 4; IT at "
        "time steps 3, 4."
    )
    assert difference_map(found.dataset) is not None


def test_weighted_correlations_are_correlations():
    """With whole weights they are those of repeated rows; with equal weights the plain ones."""
    random = np.random.RandomState(0)
    first, second = random.randn(2, 12, 3)
    weights = np.array([np.ones(12), random.randint(0, 4, 12)], np.float32)
    r = weighted_correlations(first, second, weights)
    repeated = np.repeat(np.arange(12), weights[1].astype(int))
    for row, rows in zip(r, (np.arange(12), repeated), strict=True):
        expected = [np.corrcoef(first[rows, each], second[rows, each])[0, 1] for each in range(3)]
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["rdm", "cka"])
def test_similarities_have_intervals(name):
    """The spread over resamples is that over samples of stimuli, within a third; the centre is Brain-Score's value."""
    random = np.random.RandomState(0)
    mixtures = random.randn(2, 4, 30)

    def sample(count):
        signal = random.randn(count, 4)
        return [signal @ mixture + random.randn(count, 30) for mixture in mixtures]

    points, errors = [], []
    for number in range(30):
        draws = similarity_draws(name, *sample(40), Resamples.draw(40, 30, 80, number).weights)
        points.append(float(draws.point))
        errors.append(float(np.sqrt(draws.variance())))
    assert np.std(points) / 1.5 < np.mean(errors) < 1.5 * np.std(points)


def test_p_values_are_corrected_for_their_number():
    """Benjamini and Hochberg's rate, without what is missing."""
    p_values = np.array([[0.01, np.nan], [0.02, 0.5]])
    np.testing.assert_allclose(corrected(p_values), [[0.03, np.nan], [0.03, 0.5]])


def test_the_command_writes_a_map(tmp_path):
    """A table, a netCDF file, the findings and all figures, from two files and one command."""
    laboratory(tmp_path)
    done = run_here(
        "map", "cornet_z_untrained", "-b", "it.toml", "-o", "map", "--image-size", 48, "--resamples", 50,
        "--layer", "V4", "--layer", "IT", "--against", "cornet_z_untrained",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "map" / "map.csv")
    assert len(table) == 4
    assert {"layer", "time_step", "time_bin_start", "score", "low", "high", "p_corrected"} <= set(table)
    with xr.open_dataset(tmp_path / "map" / "map.nc") as dataset:
        assert dataset["raw_by_neuroid"].sizes == {"site": 2, "time_bin": 2, "neuroid": 6}
        assert dataset.attrs["model"] == "cornet_z_untrained_size_48"
    for name in ("map", "best", "regions", "neuroids", "difference"):
        assert (tmp_path / "map" / f"{name}.png").stat().st_size > 5000
        assert (tmp_path / "map" / f"{name}.pdf").stat().st_size > 5000
    assert (tmp_path / "map" / "findings.txt").read_text().splitlines()[0] in done.stdout


def test_a_single_neuroid_has_intervals_over_stimuli(found):
    """One neuroid says nothing of others: its map has intervals and findings, over stimuli alone."""
    model, several, _ = found
    recorded = replace(
        several.recorded, values=several.recorded.values[:, :1], neuroids={"neuroid_id": np.array(["a"])}
    )
    alone = RecordingsBenchmark("alone", recorded, several.settings, 8, 1)
    made = time_map(model, alone, layers=["V4"], resamples=50)
    assert made.dataset.attrs["interval"] == "95 %, over stimuli"
    known = made.dataset["score"].notnull().values
    assert known.any()
    assert (made.dataset["low"].values < made.dataset["high"].values)[known].all()


def test_a_ceiling_that_is_unknown_is_not_said_to_include_0():
    """The findings name what makes a time bin unreliable."""
    dataset = made_map()
    dataset["ceiling_low"] = ("time_bin", [np.nan, 0.1, 0.1])
    assert findings(dataset)[0] == "No reliable signal at 70-80 ms: the noise ceiling cannot be estimated (NaN)."
    dataset["ceiling_low"] = ("time_bin", [-0.1, 0.1, 0.1])
    assert findings(dataset)[0] == "No reliable signal at 70-80 ms: the interval of the noise ceiling includes 0."


def test_a_best_site_that_explains_nothing_is_said_to(found):
    """Where the interval of the best site includes 0, a sentence says what follows."""
    dataset = made_map()
    sentence = "Its interval includes 0: no site is known to explain the recordings."
    assert sentence not in findings(dataset)
    assert findings(dataset.assign(low=dataset["score"] * 0 - 0.1))[2] == sentence


def test_constant_responses_are_warned_of_once(images, stand_in, caplog):
    """A neuroid that is silent in the test stimuli of splits is named in one line, for a model and its control."""
    values = responses(STIMULI)
    values[:, :, 3] = values[:, :1, 3] * (np.arange(STIMULI) == 5)[:, np.newaxis]
    benchmark = neural_benchmark(
        "sparse", values, stimuli=list(map(str, images)), dims=DIMS, region="IT", time_bins=[(70, 170), (170, 270)],
        metric="ridge", splits=3, visual_degrees=8, source="it.npy",
    )  # fmt: skip
    model = small_model(stand_in, "cornet_z")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        time_map(model, benchmark, layers=["IT"], against=model, resamples=50)
    assert not [each for each in warned if "constant" in str(each.message) or "empty" in str(each.message)]
    (line,) = [each for each in caplog.messages if "respond the same" in each]
    assert line.startswith("it.npy: 1 of 6 neuroids respond the same to all test stimuli of a split")


@pytest.fixture(scope="module")
def written(found, tmp_path_factory) -> tuple[TimeMap, Path, list[Path]]:
    """A map without a control, the folder of another map in which it was written, and its files."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "difference.png").touch()
    made = found[2]
    differences = [name for name in made.dataset if str(name).startswith(("difference", "p_"))]
    made = TimeMap(made.dataset.drop_vars(differences), made.draws, made.sentences)
    return made, folder, write_map(made, folder)


def test_figures_of_an_earlier_map_do_not_stay(written):
    """A map without a control has no figure of differences, also where an earlier one had."""
    _, folder, paths = written
    assert sorted(folder.iterdir()) == sorted(paths)


def test_files_of_a_map_are_replaced_together(written):
    """Where a figure cannot be drawn, the files of the earlier map stay, with nothing beside them."""
    made, folder, paths = written
    before = {path: path.read_bytes() for path in paths}
    with pytest.raises(KeyError):
        write_map(TimeMap(made.dataset.drop_vars("best_share"), made.draws, ["Another map."]), folder)
    assert {path: path.read_bytes() for path in sorted(folder.iterdir())} == dict(sorted(before.items()))


@pytest.mark.parametrize("command", ["map", "compare"])
def test_one_process_writes_to_a_folder(tmp_path, command):
    """A second command is refused before its models run, and the first one's lock stays."""
    laboratory(tmp_path)
    (tmp_path / "out").mkdir()
    models = ["cornet_z_untrained", "cornet_rt_untrained"][: 1 if command == "map" else 2]
    with locked(tmp_path / "out" / ".lock", "busy"):
        done = run_here(command, *models, "-b", "it.toml", "-o", "out", folder=tmp_path)
    assert done.returncode == 1
    assert "Another process is writing to out: wait for it, or name another folder" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["map", "cornet_z_untrained", "-b", "it.toml", "-o", LONG], "has 300 bytes: choose one of at most 207"),
        (["map", "cornet_z_untrained", "-b", "it.toml", "-o", "out", "--commit", LONG], "has 300 bytes"),
        (["map", "cornet_z_untrained", "-b", LONG, "-o", "out"], "Expected a benchmark file"),
        (["compare", "cornet_z_untrained", "cornet_z", "-b", "it.toml", "-o", LONG], "has 300 bytes"),
        (["benchmark", LONG], "Expected a benchmark file"),
        (["benchmark", "~nobody-of-this-name/it.toml"], "does not exist"),
        (["benchmark", LONG, "--new", "--recordings", "it.npy", "--stimuli", "images"], "has 300 bytes"),
        (["benchmark", "new.toml", "--new", "--recordings", f"{LONG}.npy", "--stimuli", "images"], "does not exist"),
        (["benchmark", "new.toml", "--new", "--recordings", "it.npy", "--stimuli", LONG], "There are no stimuli at"),
        (["score", "cornet_z_untrained", "-b", "it.toml", "--commitment", LONG], "does not exist"),
    ],
)
def test_names_that_no_file_can_have(tmp_path, arguments, expected):
    """One line, before anything is computed."""
    laboratory(tmp_path)
    done = run_here(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_what_no_map_can_be_made_of(stand_in, tmp_path, images):
    """Other models and benchmarks, metrics over time bins, few resamples, files in the way: one line each."""
    model = small_model(stand_in, "cornet_z")
    options = {"stimuli": list(map(str, images[:40])), "dims": DIMS, "region": "IT", "visual_degrees": 8}
    both = [(70, 170), (170, 270)]
    spanning = neural_benchmark("x", responses(), time_bins=both, metric="spantime_ridge", **options)
    plain = neural_benchmark("x", responses(), time_bins=both, metric="ridge", **options)
    with pytest.raises(UserError, match="needs a CORnet from load_model, received a str"):
        time_map("cornet_z", plain)
    with pytest.raises(UserError, match="needs recordings"):
        time_map(model, "it.toml")
    with pytest.raises(UserError, match="Sites are scored in each time bin"):
        time_map(model, spanning)
    with pytest.raises(UserError, match="number of resamples"):
        time_map(model, plain, resamples=3)
    with pytest.raises(UserError, match=r"^cornet_z_size_48: Unknown layer"):
        time_map(model, plain, layers=["V9"])
    laboratory(tmp_path)
    (tmp_path / "file").write_text("")
    done = run_here("map", "cornet_z_untrained", "-b", "it.toml", "-o", "file", folder=tmp_path)
    assert "Expected a folder for the map" in done.stderr
