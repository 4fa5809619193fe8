"""Dissimilarities of one's own: rsatoolbox's numbers, real data where they are there, and mistakes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.own_recordings import pictures
from helpers.small_model import small_model
from scipy.stats import spearmanr

from brainscore_cornet import UserError, load_benchmark, load_model, rdm_benchmark, time_map
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.own_data.commitment_choice import choose_commitment
from brainscore_cornet.own_data.dissimilarities import COMPARISONS, described_rdms
from brainscore_cornet.own_data.matrices import read_matrices

pytest.importorskip("rsatoolbox")
DATA = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings in ../shared/data")
STIMULI, SUBJECTS = 12, 4


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of pictures."""
    folder = tmp_path_factory.mktemp("rdm") / "images"
    pictures(folder, STIMULI)
    return folder


def matrices(noise: float = 0.3) -> np.ndarray:
    """Dissimilarities of subjects who agree."""
    random = np.random.RandomState(0)
    signal = random.randn(STIMULI, 20)
    return np.stack([1 - np.corrcoef(signal + noise * random.randn(STIMULI, 20)) for _ in range(SUBJECTS)])


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_numbers_are_rsatoolboxs(images, stand_in, comparison):
    """The raw score, the ceilings and the division by the upper one, for each comparison."""
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs, compare

    data = matrices()
    benchmark = rdm_benchmark("x", data, stimuli=images, region="IT", visual_degrees=8, comparison=comparison)
    model = small_model(stand_in, "cornet_z", batch_size=12)
    score = benchmark(model)
    model.start_recording("IT", [(70, 170)])
    activity = model.look_at(sorted(map(str, images.glob("*.png")))).values
    own = RDMs((1 - np.corrcoef(activity))[np.newaxis])
    method = COMPARISONS[comparison]
    assert float(score.raw) == pytest.approx(compare(own, RDMs(data), method).mean(), abs=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that ranks are averaged for tau
        lower, upper = boot_noise_ceiling(RDMs(data), method)
    assert (score.ceiling.attrs["lower"], float(score.ceiling)) == pytest.approx((lower, upper))
    assert float(score) == pytest.approx(float(score.raw) / upper)
    assert score.attrs["error"] > 0
    if comparison == "spearman":
        assert benchmark(model).attrs["error"] == score.attrs["error"]
        above = np.triu_indices(STIMULI, 1)
        by_subject = [spearmanr((1 - np.corrcoef(activity))[above], each[above])[0] for each in data]
        np.testing.assert_allclose(score.raw.raw.values, by_subject, atol=1e-5)


def test_one_subject_has_no_ceiling(images, stand_in):
    """The score is the raw comparison, and a note says so; vectors are matrices, too."""
    data = matrices()[0]
    whole = rdm_benchmark("x", data, stimuli=images, region="V4", visual_degrees=8)
    vector = rdm_benchmark("x", data[np.triu_indices(STIMULI, 1)], stimuli=images, region="V4", visual_degrees=8)
    np.testing.assert_allclose(whole.matrices, vector.matrices, atol=1e-12)
    score = whole(small_model(stand_in, "cornet_z", batch_size=12))
    assert "unceiled" in score.attrs["protocol"]
    assert "ceiling" not in score.attrs
    assert "raw (unceiled)" in described_rdms(whole)[-1]


def test_subjects_who_agree_little_are_named(images):
    """A ceiling that is mostly noise is said to be so."""
    random = np.random.RandomState(0)
    noise = np.abs(random.randn(SUBJECTS, STIMULI * (STIMULI - 1) // 2))
    lines = described_rdms(rdm_benchmark("x", noise, stimuli=images, region="IT", visual_degrees=8))
    assert f"the {SUBJECTS} subjects agree little" in lines[-1]


def test_the_file(images):
    """A benchmark file with [rdm] is shown by `benchmark`, mapped by `map`, and makes a benchmark."""
    folder = images.parent
    np.save(folder / "rdms.npy", matrices())
    (folder / "rdm.toml").write_text(
        'identifier = "Mylab.rdm"\nstimuli = "images"\nvisual_degrees = 8\n[rdm]\nfile = "rdms.npy"\nregion = "IT"\n'
        '[metric]\nname = "tau-a"\n'
    )
    shown = run_here("benchmark", "rdm.toml", folder=folder)
    assert "  subjects     4" in shown.stdout, shown.stderr
    assert "  comparison   tau-a" in shown.stdout
    mapped = run_here(
        "map", "cornet_z_untrained", "-b", "rdm.toml", "-o", "map", "--image-size", 48, "--resamples", 50,
        "--layer", "IT", "--layer", "V4.conv",
        folder=folder,
    )  # fmt: skip
    assert "explains the dissimilarities best at 70-170 ms" in mapped.stdout, mapped.stderr
    assert {path.name for path in (folder / "map").glob("*.p*")} == {
        f"{name}.{ending}" for name in ("map", "best", "regions") for ending in ("png", "pdf")
    }
    assert load_benchmark(folder / "rdm.toml").comparison == "tau-a"


def test_the_map_of_dissimilarities(images, stand_in):
    """Committed sites have the benchmark's scores; a control that is the model differs by 0, another one by theirs."""
    benchmark = rdm_benchmark("x", matrices(), stimuli=images, region="IT", visual_degrees=8)
    model, control = (small_model(stand_in, f"cornet_{name}", batch_size=12) for name in ("rt", "r"))
    found = time_map(model, benchmark, layers=["IT"], against=control, resamples=50)
    dataset = found.dataset
    sites = list(zip(dataset["layer"].values, dataset["time_step"].values, strict=True))
    score = benchmark(model)
    committed = [site for site, flag in zip(sites, dataset["committed"].values[:, 0], strict=True) if flag]
    site = sites.index(next(each for each in committed if each[0] == "IT.output"))
    assert dataset["score"].values[site, 0] == pytest.approx(float(score), abs=1e-6)
    assert dataset["raw"].values[site, 0] == pytest.approx(float(score.raw), abs=1e-6)
    assert float(dataset["ceiling"][0]) == pytest.approx(float(score.ceiling))
    assert (dataset["low"] < dataset["score"]).all()
    assert float(dataset["best_share"].sum()) == pytest.approx(1)
    other = sites.index(("IT.output", 3))
    pair = np.array([float(dataset[name].values[other, 0]) for name in ("score", "against")])
    assert dataset["difference"].values[other, 0] == pytest.approx(pair[0] - pair[1])
    assert ((dataset["p"] < 0.05) == ((dataset["difference_low"] > 0) | (dataset["difference_high"] < 0))).all()
    assert "spearman / upper noise ceiling" in found.sentences[0]
    same = time_map(model, benchmark, layers=["IT"], against=small_model(stand_in, "cornet_rt"), resamples=50).dataset
    np.testing.assert_array_equal(same["difference"].values, 0)
    np.testing.assert_array_equal(same["p"].values, 1)
    with pytest.raises(UserError, match="A commitment is chosen by recordings"):
        choose_commitment(model, benchmark)


MISTAKES = {
    "of other stimuli": (matrices()[:, 1:, 1:], "is of 11 stimuli, and the stimuli has 12"),
    "no matrices": (np.ones((3, STIMULI, 5)), "expected square matrices"),
    "sessions": (np.ones((2, 2, STIMULI, STIMULI)), "average sessions first"),
    "similarities": (1 - matrices(), "subject 1: expected zeros on the diagonal, received 1. These are similarities"),
    "missing": (matrices() + np.where(np.arange(STIMULI) == 3, np.nan, 0), "stimuli 1 and 4 is missing"),
    "not symmetric": (matrices()[0] + np.triu(np.ones((STIMULI, STIMULI)), 1), "is not symmetric: .* row 1, column 2"),
    "subjects last": (matrices().transpose(1, 2, 0), "move the subjects to the first dimension"),
    "subjects last, in vectors": (np.ones((66, 4)), "move the subjects to the first dimension"),
    "negative": (-matrices(), "subject 1: most dissimilarities are negative, .* give 1 - r"),
    "constant": (1 - np.eye(STIMULI), "all dissimilarities are 1"),
    "texts": (matrices().astype(str), "expected numbers"),
}


@pytest.mark.parametrize(("given", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(images, given, expected):
    """One line each."""
    with pytest.raises(UserError, match=expected) as raised:
        rdm_benchmark("x", given, stimuli=images, region="IT", visual_degrees=8)
    assert "\n" not in str(raised.value)


LABELLED = pd.DataFrame(matrices()[0], *[pd.Index([f"{number:02}" for number in range(STIMULI)])] * 2)


def shuffled() -> pd.DataFrame:
    order = np.random.RandomState(0).permutation(STIMULI)
    return LABELLED.iloc[order, order]


@pytest.mark.parametrize("kind", ["frame", "csv", "tsv", "parquet", "npz"])
def test_matrices_with_ids_are_put_into_the_order_of_the_stimuli(images, tmp_path, kind):
    """Ids in the first row and column of a table, in an index, or beside the array, say which stimulus a row is."""
    given, file = shuffled(), tmp_path / f"rdm.{kind}"
    if kind == "frame":
        found = rdm_benchmark("x", given, stimuli=images, region="IT", visual_degrees=8)
    else:
        if kind == "npz":
            np.savez(file, rdm=given.to_numpy(), stimulus_id=given.index.to_numpy(str))
        elif kind == "parquet":
            given.to_parquet(file)
        else:
            given.to_csv(file, sep="\t" if kind == "tsv" else ",")
        toml = (
            f'identifier = "x"\nstimuli = "{images}"\nvisual_degrees = 8\n[rdm]\nfile = "rdm.{kind}"\nregion = "IT"\n'
        )
        (tmp_path / "rdm.toml").write_text(toml)
        found = load_benchmark(tmp_path / "rdm.toml")
    np.testing.assert_allclose(found.matrices[0], matrices()[0], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.to_csv(index=False), "remove the header or the column of ids, or give both"),
        (lambda table: table.rename(columns={"03": "99"}).to_csv(), "first row and in the first column differ"),
        (lambda table: table.rename({"03": "99"}).rename(columns={"03": "99"}).to_csv(), "are not among .*images: 99"),
        (lambda table: table.to_csv(header=False, index=False).replace("0.", "x.", 1), "matrix of numbers .* received"),
        (lambda table: table.to_csv(sep=";"), "separated by semicolons, expected commas"),
    ],
)
def test_tables_that_are_no_matrices(images, tmp_path, change, expected):
    """One line each."""
    (tmp_path / "rdm.csv").write_text(change(LABELLED))
    top = f'identifier = "x"\nstimuli = "{images}"\nvisual_degrees = 8\n'
    (tmp_path / "rdm.toml").write_text(f'{top}[rdm]\nfile = "rdm.csv"\nregion = "IT"\n')
    with pytest.raises(UserError, match=expected):
        load_benchmark(tmp_path / "rdm.toml")


def test_a_subject_twice_is_said(images):
    """Two subjects with the same numbers raise the ceiling."""
    twice = matrices()
    twice[2] = twice[0]
    lines = described_rdms(rdm_benchmark("x", twice, stimuli=images, region="IT", visual_degrees=8))
    assert "  note         subjects 1 and 3 have the same dissimilarities" in lines


def test_mistakes_in_options(images):
    """Unknown comparisons, distances and regions."""
    for options, expected in [
        ({"comparison": "spaerman"}, "Did you mean spearman"),
        ({"distance": "cosine"}, "Unknown distance"),
        ({"region": "FFA"}, "Expected a region"),
    ]:
        with pytest.raises(UserError, match=expected):
            rdm_benchmark("x", matrices(), stimuli=images, visual_degrees=8, **{"region": "IT", **options})


@real_data
@pytest.mark.slow
def test_monkey_it():
    """Spearman's correlation with monkey IT (Kriegeskorte et al. 2008) as computed independently, for CORnet-Z."""
    folder = DATA / "kriegeskorte2008"
    monkey = read_matrices(folder / "monkey_it_rdm.csv", None)[0]
    loaded = load_model("cornet_z_untrained")
    for region, value in {"V1": 0.1593, "V2": 0.2117, "V4": 0.2365, "IT": 0.2114}.items():
        benchmark = rdm_benchmark("monkey", monkey, stimuli=folder / "stimuli.csv", region=region, visual_degrees=8)
        assert float(benchmark(loaded)) == pytest.approx(value, abs=6e-5)


@real_data
@pytest.mark.slow
def test_monkey_it_at_each_time_step():
    """The same for CORnet-S at all of its time steps, recorded in one pass."""
    from rsatoolbox.rdm import RDMs, compare

    folder = DATA / "kriegeskorte2008"
    benchmark = rdm_benchmark(
        "monkey", read_matrices(folder / "monkey_it_rdm.csv", None)[0], stimuli=folder / "stimuli.csv", region="IT",
        visual_degrees=8,
    )  # fmt: skip
    expected = {
        "V1": [0.1850],
        "V2": [0.2102, 0.2212],
        "V4": [0.2212, 0.2158, 0.2100, 0.2045],
        "IT": [0.2002, 0.1894],
    }
    sites = [Site(f"{region}.output", step) for region, values in expected.items() for step in range(len(values))]
    paths = [benchmark.stimulus_set.get_stimulus(name) for name in benchmark.stimulus_set["stimulus_id"]]
    portions = list(load_model("cornet_s_untrained").activations_model.stream(paths, sites))
    for site in sites:
        activity = np.concatenate([portion.activities[site].flatten(1).numpy() for portion in portions])
        own = RDMs((1 - np.corrcoef(activity))[np.newaxis])
        value = float(compare(own, benchmark.rdms(), "spearman")[0, 0])
        assert value == pytest.approx(expected[site.layer.split(".")[0]][site.time_step], abs=6e-5)


@real_data
@pytest.mark.slow
def test_human_early_visual_cortex():
    """The mean over 15 subjects as computed independently; the tool says that they agree little."""
    data = np.load(DATA / "natural78" / "fmri_EVC_RDMs.npz")["arr_0"]
    loaded = load_model("cornet_z_untrained")
    for region, value in {"V1": 0.0175, "V2": 0.0272, "V4": 0.0480, "IT": 0.0525}.items():
        benchmark = rdm_benchmark("evc", data, stimuli=DATA / "natural78" / "images", region=region, visual_degrees=8)
        score = benchmark(loaded)
        assert float(score.raw) == pytest.approx(value, abs=6e-5)
    assert "agree little (noise ceiling 0.018 to 0.261)" in score.attrs["protocol"]
