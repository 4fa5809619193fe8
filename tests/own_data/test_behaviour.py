"""Behaviour of one's own: the numbers of Brain-Score's own benchmarks, real judgements, and mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmarks import BenchmarkBase
from brainscore_vision.benchmarks.geirhos2021.benchmark import _Geirhos2021Accuracy, _Geirhos2021ErrorConsistency
from brainscore_vision.benchmarks.hebart2023.benchmark import Hebart2023Match
from brainscore_vision.benchmarks.rajalingham2018.benchmarks.benchmark import _DicarloRajalingham2018
from brainscore_vision.metrics.accuracy.metric import Accuracy
from brainscore_vision.metrics.error_consistency.metric import ErrorConsistency
from brainscore_vision.metrics.i1i2.metric import I1, I2n
from helpers.commands import run_here
from helpers.own_recordings import pictures
from helpers.small_model import small_model

from brainscore_cornet import UserError, behaviour_benchmark, load_benchmark, load_model, rdm_benchmark
from brainscore_cornet.own_data.data_files import read_table
from brainscore_cornet.own_data.description import described_any

DATA = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings in ../shared/data")
LABELS = ("car", "cat", "dog")
EACH, REPETITIONS, SUBJECTS = 4, 60, ("01", "02", "03")
COUNT = EACH * len(LABELS)
IDS = [f"{number:02}" for number in range(COUNT)]
TRUTHS = [LABELS[number % len(LABELS)] for number in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A laboratory's files: pictures to choose about and to fit on, with their tables, and tables of trials."""
    folder = tmp_path_factory.mktemp("behaviour")
    for name, seed, column in (("shown", 0, "category"), ("fitting", 1, "image_label")):
        paths = pictures(folder / name, COUNT, seed)
        table = {"stimulus_id": IDS, "stimulus_path": [f"{name}/{path.name}" for path in paths], column: TRUTHS}
        pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)
    for name, make in TRIALS.items():
        make().to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def model(stand_in):
    """A small model with stand-in weights."""
    return small_model(stand_in, "cornet_z", batch_size=COUNT)


def pairs() -> pd.DataFrame:
    """Choices between the right label and another, which some stimuli make hard."""
    random = np.random.RandomState(0)
    rows = []
    for name, truth in zip(IDS, TRUTHS, strict=True):
        ease = random.uniform(0.45, 0.9)
        for distractor in (label for label in LABELS if label != truth):
            right = ease + random.uniform(0, 0.1)
            choices = np.where(random.rand(REPETITIONS) < right, truth, distractor)
            rows += [(name, choice, distractor, SUBJECTS[number % 3]) for number, choice in enumerate(choices)]
    return pd.DataFrame(rows, columns=["stimulus_id", "choice", "distractor", "subject"])


def labels() -> pd.DataFrame:
    """Each subject's label of each stimulus, in two conditions, with errors that subjects share."""
    random = np.random.RandomState(0)
    wrong = [LABELS[(LABELS.index(truth) + 1) % 3] for truth in TRUTHS]
    hard = random.rand(COUNT)
    chosen = [np.where(hard + 0.15 * random.randn(COUNT) > 0.6, wrong, TRUTHS) for _ in SUBJECTS]
    return pd.DataFrame(
        {
            "stimulus_id": IDS * len(SUBJECTS),
            "choice": np.concatenate(chosen),
            "subject": np.repeat(SUBJECTS, COUNT),
            "condition": (["1"] * (COUNT // 2) + ["2"] * (COUNT // 2)) * len(SUBJECTS),
        }
    )


def triplets() -> pd.DataFrame:
    """Triplets of stimuli, each shown to several subjects, and the one that is chosen as the odd one."""
    random = np.random.RandomState(0)
    rows = []
    for _ in range(20):
        shown = random.choice(COUNT, 3, replace=False)
        for _ in range(3):
            order = random.permutation(3)
            odd = shown[0] if random.rand() < 0.7 else random.choice(shown)
            rows.append((*(IDS[each] for each in shown[order]), IDS[odd]))
    return pd.DataFrame(rows, columns=["stimulus_1", "stimulus_2", "stimulus_3", "choice"])


TRIALS = {"pairs": pairs, "labels": labels, "triplets": triplets}


def benchmark(folder, trials: pd.DataFrame, metric: str, **options):
    """A benchmark over trials of the shown pictures."""
    if metric != "odd_one_out":
        options.setdefault("truth", "category")
    options.setdefault("fitting_stimuli", folder / "fitting.csv" if metric.startswith("i") else None)
    return behaviour_benchmark(
        "Mylab.choices", trials, stimuli=folder / "shown.csv", metric=metric, visual_degrees=8, **options
    )


def stimuli(folder, name: str, **columns) -> StimulusSet:
    """The same pictures as a person who writes a benchmark for Brain-Score would list them."""
    made = StimulusSet({"stimulus_id": IDS, "file": [f"{name}.png" for name in IDS], **columns})
    made.stimulus_paths = {each: str(folder / name / f"{each}.png") for each in IDS}
    made.identifier = f"stock-{name}"
    return made


def stock(kind: type, identifier: str, ceiling=None, **attributes):
    """One of Brain-Score's benchmarks over other data than those that it downloads."""
    made = object.__new__(kind)
    BenchmarkBase.__init__(made, identifier, ceiling_func=ceiling, version=1)
    vars(made).update(_visual_degrees=8, _number_of_trials=1, **attributes)
    return made


def assembly(columns: dict, shown: StimulusSet) -> BehavioralAssembly:
    """Choices with coordinates, as Brain-Score's data have them."""
    coords = {name: ("presentation", list(values)) for name, values in columns.items() if name != "choice"}
    made = BehavioralAssembly(list(columns["choice"]), coords=coords, dims=["presentation"])
    made.attrs["stimulus_set"] = shown
    return made


@pytest.mark.parametrize(("metric", "kind"), [("i1", I1), ("i2n", I2n)])
def test_choices_between_two_are_rajalinghams(folder, model, metric, kind, monkeypatch):
    """Score, error and ceiling of `i1` and `i2n` are those of Brain-Score's Rajalingham2018 over the same trials."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    trials = pairs()
    truth = [TRUTHS[IDS.index(name)] for name in trials["stimulus_id"]]
    columns = {"choice": trials["choice"], "stimulus_id": trials["stimulus_id"], "sample_obj": truth, "truth": truth}
    known = assembly({**columns, "dist_obj": trials["distractor"]}, stimuli(folder, "shown", object_name=TRUTHS))
    peer = stock(
        _DicarloRajalingham2018, f"stock-{metric}", lambda: kind().ceiling(known), _metric=kind(), _assembly=known,
        _fitting_stimuli=stimuli(folder, "fitting", image_label=TRUTHS),
    )  # fmt: skip
    expected, found = peer(model), benchmark(folder, trials, metric)(model)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    assert float(found.attrs["error"]) == pytest.approx(float(expected.attrs["error"]), abs=1e-6)
    assert float(found.ceiling) == pytest.approx(float(expected.ceiling), abs=1e-6)
    assert float(found.ceiling) > 0.3
    np.testing.assert_allclose(found.raw.raw.values, expected.raw.raw.values, atol=1e-6)


def test_error_consistency_is_geirhos(folder, model, monkeypatch):
    """Score and ceiling are those of Brain-Score's Geirhos2021 over the same trials, with conditions."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    trials = labels()
    conditions = trials["condition"][:COUNT].tolist()
    shown = stimuli(folder, "shown", truth=TRUTHS, condition=conditions)
    known = assembly({**trials, "truth": TRUTHS * len(SUBJECTS)}, shown)
    metric = ErrorConsistency()
    peer = stock(
        _Geirhos2021ErrorConsistency, "stock-consistency", lambda: metric.ceiling(known), _metric=metric,
        _assembly=known,
    )  # fmt: skip
    expected, found = peer(model), benchmark(folder, trials, "error_consistency")(model)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    assert float(found.ceiling) == pytest.approx(float(expected.ceiling), abs=1e-6)
    assert float(found.ceiling) > 0.2
    np.testing.assert_allclose(found.raw.raw.values, expected.attrs["raw"].raw.values, atol=1e-6)
    one = benchmark(folder, trials[:COUNT], "error_consistency")(model)
    assert "unceiled: with one subject" in one.attrs["protocol"]


def test_label_accuracy_is_geirhos(folder, model):
    """The share of right labels is that of Brain-Score's Geirhos2021-top1; with a readout it is that of the readout."""
    shown = stimuli(folder, "shown", truth=TRUTHS)
    peer = stock(_Geirhos2021Accuracy, "stock-top1", lambda: Score(1), _metric=Accuracy(), _stimulus_set=shown)
    made = benchmark(folder, labels(), "accuracy")
    assert float(made(model)) == pytest.approx(float(peer(model)), abs=1e-6)
    assert made.chance == pytest.approx(1 / 3)
    fitted = benchmark(folder, labels(), "accuracy", fitting_stimuli=folder / "fitting.csv")
    model.start_task("probabilities", stimuli(folder, "fitting", image_label=TRUTHS))
    probabilities = model.look_at(shown)
    chosen = probabilities["choice"].values[probabilities.values.argmax(1)]
    assert float(fitted(model)) == pytest.approx(np.mean(chosen == np.array(TRUTHS)))


def test_odd_one_out_is_hebarts(folder, model, monkeypatch):
    """The score is that of Brain-Score's Hebart2023 over the same triplets and the same ceiling."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    trials = triplets()
    made = benchmark(folder, trials, "odd_one_out")
    agreement = []
    key = trials[["stimulus_1", "stimulus_2", "stimulus_3"]].apply(frozenset, axis=1)
    for _, choices in trials["choice"].groupby(key.map(sorted).map(str)):
        agreement.append(choices.value_counts().max() / len(choices))
    assert float(made.ceiling) == pytest.approx(np.mean(agreement))
    rows = [[*(each for each in row[:3] if each != row[3]), row[3]] for row in trials.to_numpy().tolist()]
    images = dict(zip(("image_1", "image_2", "image_3"), np.transpose(rows), strict=True))
    known = assembly({"choice": trials["choice"], **images}, None)
    shown = stimuli(folder, "shown")
    shown.index = pd.Index(IDS)
    peer = stock(Hebart2023Match, "stock-match", lambda: made.ceiling, _assembly=known, _stimulus_set=shown)
    score = made(model)
    assert float(score) == pytest.approx(float(peer(model)), abs=1e-6)
    assert 0 < float(score.raw) < 1
    with_published = benchmark(folder, trials, "odd_one_out", ceiling=0.6767)
    assert float(with_published.ceiling) == 0.6767
    once = benchmark(folder, trials[~key.map(sorted).map(str).duplicated()], "odd_one_out")
    assert not once.has_ceiling
    assert "unceiled" in once(model).attrs["protocol"]


def test_ceiling_of_triplets_by_hand(folder):
    """The ceiling is the mean over repeated triplets, in any order, of the share of the most frequent choice."""
    shown = [("00", "01", "02")] * 2 + [("02", "00", "01")] * 2 + [("03", "04", "05")] * 3 + [("06", "07", "08")] * 2
    choices = ["00", "00", "00", "01", "04", "05", "04", "07", "08", "09"]  # 3 of 4, 2 of 3, 1 of 2, and a single one
    trials = pd.DataFrame([*shown, ("09", "10", "11")], columns=["stimulus_1", "stimulus_2", "stimulus_3"])
    made = benchmark(folder, trials.assign(choice=choices), "odd_one_out")
    assert float(made.ceiling) == pytest.approx((3 / 4 + 2 / 3 + 1 / 2) / 3)


def test_brainscores_assemblies_are_trials(folder):
    """An assembly of choices, with its stimuli and with Brain-Score's names, is the same benchmark as the table."""
    trials = pairs()
    truth = [TRUTHS[IDS.index(name)] for name in trials["stimulus_id"]]
    columns = {"choice": trials["choice"], "stimulus_id": trials["stimulus_id"], "truth": truth, "sample_obj": truth}
    given = assembly({**columns, "dist_obj": trials["distractor"]}, stimuli(folder, "shown"))
    made = behaviour_benchmark("x", given, metric="i2n", fitting_stimuli=folder / "fitting.csv", visual_degrees=8)
    assert float(made.ceiling) == pytest.approx(float(benchmark(folder, trials, "i2n").ceiling))


def test_the_file(folder, model):
    """A benchmark file with [behaviour] is shown by `benchmark` and makes a benchmark."""
    text = 'identifier = "Mylab.behaviour"\nstimuli = "shown.csv"\nvisual_degrees = 8\n[behaviour]\nfile = "{}.csv"\n'
    (folder / "b.toml").write_text(
        text.format("pairs") + 'truth = "category"\nfitting_stimuli = "fitting.csv"\n[metric]\nname = "i2n"\n'
    )
    shown = run_here("benchmark", "b.toml", folder=folder)
    assert shown.returncode == 0, shown.stderr
    for line in (
        "  stimuli      12: 00, 01, 02, …",
        "  subjects     3: 01, 02, 03",
        "  trials       1440, 480 a subject",
        "  labels       3: car, cat, dog; the model's are from: readout of 12 stimuli",
        "  chance       0.000",
        "  ceiling      0.",
    ):
        assert line in shown.stdout
    (folder / "b.toml").write_text(text.format("labels") + 'truth = "category"\n[metric]\nname = "accuracy"\n')
    assert float(load_benchmark(folder / "b.toml")(model)) == float(benchmark(folder, labels(), "accuracy")(model))
    refused = run_here("benchmark", "b.toml", "--plot", "b.png", folder=folder)
    assert "A figure is for recordings" in refused.stderr
    assert not refused.stdout


def changed(**columns):
    """Change the first row of the trials."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        for name, value in columns.items():
            table.loc[0, name] = value
        return table

    return change


def without(column: str):
    return lambda table: table.drop(columns=column)


def several_truths(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(truth=list(map(str, range(len(table)))))


def all_right(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(choice=table["stimulus_id"].map(dict(zip(IDS, TRUTHS, strict=True))))


def repeated(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table[:1]])


MISTAKES = {
    "no trials": ("i2n", lambda table: table[:0], {}, "the trials holds no trials"),
    "no choices": ("accuracy", without("choice"), {}, "has no column choice, only stimulus_id, subject, condition"),
    "no stimuli": ("accuracy", without("stimulus_id"), {}, "has no column stimulus_id"),
    "an unknown stimulus": ("i2n", changed(stimulus_id="7"), {}, "row 1: the stimuli has no stimulus '7'"),
    "a missing choice": ("i2n", changed(choice=np.nan), {}, "row 1: the choice is missing"),
    "no right labels": ("accuracy", lambda table: table, {"truth": None}, "The right label is nowhere"),
    "a misspelt column": ("accuracy", lambda table: table, {"truth": "categroy"}, "Did you mean category"),
    "two right labels": ("accuracy", several_truths, {"truth": None}, "the truth of stimulus"),
    "one label": ("accuracy", lambda table: table.assign(truth="cat"), {"truth": None}, "at least two labels"),
    "no distractors": ("i2n", without("distractor"), {}, "no column distractor: i2n is of choices between"),
    "a distractor that is right": ("i2n", changed(distractor="car"), {}, "row 1: the distractor is the right label"),
    "a third choice": ("i2n", changed(choice="boat"), {}, "row 1: the choice is 'boat', expected 'car' or 'cat'"),
    "nothing to fit on": ("i1", lambda table: table, {"fitting_stimuli": None}, "i1 needs fitting_stimuli"),
    "few trials": ("i2n", lambda table: table.iloc[::REPETITIONS], {}, "one half has no trial of stimulus"),
    "unknown labels": (
        "accuracy", changed(choice="gizmo"), {},
        "the trials, row 1: the choice is 'gizmo': Unknown label 'gizmo'.* For other labels: fitting_stimuli",
    ),
    "a label in two spellings": (
        "accuracy", changed(choice="Car"), {}, "the trials, row 1: the choice is 'Car', and elsewhere 'car'"
    ),
    "no errors": ("error_consistency", all_right, {}, "all choices are right, and error_consistency compares"),
    "no errors between two": ("i2n", all_right, {}, "all choices are right, and i2n compares which ones are wrong"),
    "one subject who errs": (
        "error_consistency", lambda table: all_right(table).where(table["subject"] != "01", table), {},
        "in no condition do two subjects err at times",
    ),
    "a ceiling that is a text": ("odd_one_out", lambda table: table, {"ceiling": "x"}, "1/3 and 1: received 'x'"),
    "a ceiling that is true": ("odd_one_out", lambda table: table, {"ceiling": True}, "1/3 and 1: received True"),
    "no subjects": ("error_consistency", without("subject"), {}, "no column subject"),
    "a trial twice": ("error_consistency", repeated, {}, "has 2 trials of stimulus '00'"),
    "an absent trial": ("error_consistency", lambda table: table[1:], {}, "'01' has no trial of 1 of 12 stimuli"),
    "two of three": ("odd_one_out", changed(stimulus_2="00", stimulus_1="00"), {}, "row 1: expected three different"),
    "another odd one": ("odd_one_out", changed(choice="2"), {}, "row 1: the choice is '2', expected the stimulus that"),
    "no triplets": ("odd_one_out", without("stimulus_3"), {}, "no column stimulus_3"),
    "too high a ceiling": ("odd_one_out", lambda table: table, {"ceiling": 67.67}, "between 1/3 and 1"),
    "a ceiling for labels": ("accuracy", lambda table: table, {"ceiling": 0.9}, "A ceiling is for odd_one_out"),
    "a readout for triplets": ("odd_one_out", lambda table: table, {"fitting_stimuli": "x"}, "takes no fitting"),
    "an unknown metric": ("i2", lambda table: table, {}, "Unknown metric of behaviour 'i2'"),
}  # fmt: skip


@pytest.mark.parametrize(("metric", "change", "options", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(folder, metric, change, options, expected):
    """One line each."""
    table = {"i1": pairs, "i2n": pairs, "odd_one_out": triplets}.get(metric, labels)()
    with pytest.raises(UserError, match=expected) as raised:
        benchmark(folder, change(table), metric, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[behaviour]\nfile = "labels.csv"', "lacks the metric of behaviour"),
        ('[metric]\nname = "accuracy"\n[behaviour]\ntruth = "category"', r"\[behaviour\] lacks a file"),
        (
            '[metric]\nname = "accuracy"\n[behaviour]\nfile = "labels.npy"',
            "expected a table of trials, .csv, .tsv, .parquet",
        ),
        ('[metric]\nname = "accuracy"\n[behaviour]\nfiles = "labels.csv"', "Did you mean file"),
        (
            '[metric]\nname = "i2n"\n[behaviour]\nfile = "pairs.csv"\ntruth = "category"\n'
            'fitting_stimuli = "shown.csv"',
            "need a column image_label",
        ),
    ],
)
def test_mistakes_in_the_file_are_named(folder, text, expected):
    """One line, without a traceback."""
    (folder / "bad.toml").write_text(f'identifier = "x"\nstimuli = "shown.csv"\nvisual_degrees = 8\n{text}\n')
    done = run_here("benchmark", "bad.toml", folder=folder)
    assert done.returncode == 1
    assert re.search(expected, done.stderr), done.stderr
    assert len([line for line in done.stderr.splitlines() if not line.startswith("Reading ")]) == 1


def test_subjects_without_errors_are_said(folder):
    """A subject who is always right in a condition is named, without a warning of an invalid value."""
    table = labels()
    table = all_right(table).where((table["subject"] == "01") & (table["condition"] == "1"), table)
    lines = "\n".join(described_any(benchmark(folder, table, "error_consistency")))
    assert "  note         all choices of 01 in the condition 1 are right, or all wrong" in lines


def test_blanks_around_ids_and_labels_do_not_count(folder):
    """Ids, labels and names of columns with blanks at their ends, as fixed-width exports have, are those without."""
    table = labels()
    blank = table.assign(stimulus_id=table["stimulus_id"] + "  ", choice=" " + table["choice"])
    blank.rename(columns={"subject": "subject "}).to_csv(folder / "blank.csv", index=False)
    made = [benchmark(folder, each, "error_consistency") for each in (table, read_table(folder / "blank.csv"))]
    assert made[0].version == made[1].version


def test_a_readout_fitted_on_what_is_asked_is_refused(folder):
    """The images to fit on are others than those of the trials, and have the same labels."""
    table = pd.read_csv(folder / "fitting.csv", dtype=str)
    for change, expected in [
        (
            table.assign(stimulus_path=[str(folder / "shown" / f"{name}.png") for name in IDS]),
            "hold images of the trials",
        ),
        (
            table.assign(stimulus_path=[str(folder / path) for path in table["stimulus_path"]], image_label="cat"),
            "'car'",
        ),
    ]:
        with pytest.raises(UserError, match=expected):
            benchmark(folder, pairs(), "i2n", fitting_stimuli=change)


@real_data
@pytest.mark.slow
def test_human_similarity_judgements():
    """Judgements of 16 people on 92 images: their matrices, and the odd ones that follow from them."""
    from scipy.stats import spearmanr

    shared = DATA / "kriegeskorte2008"
    judged = np.load(shared / "human_judgement_rdms.npy")
    loaded = load_model("cornet_z_untrained")
    made = rdm_benchmark("judged", judged, stimuli=shared / "stimuli.csv", region="IT", visual_degrees=8)
    loaded.start_recording("IT", [(70, 170)])
    activity = np.asarray(loaded.look_at(made.stimulus_set).values)
    above = np.triu_indices(92, 1)
    expected = [spearmanr((1 - np.corrcoef(activity))[above], each[above])[0] for each in made.matrices]
    assert float(made(loaded).raw) == pytest.approx(np.mean(expected), abs=1e-5)
    random = np.random.RandomState(0)
    ids = np.array(made.stimulus_set["stimulus_id"])
    rows = []
    for _ in range(500):
        triplet = random.choice(92, 3, replace=False)
        for person in made.matrices:
            distances = [person[triplet[(number + 1) % 3], triplet[(number + 2) % 3]] for number in range(3)]
            rows.append((*ids[triplet], ids[triplet[int(np.argmin(distances))]]))
    trials = pd.DataFrame(rows, columns=["stimulus_1", "stimulus_2", "stimulus_3", "choice"])
    odd = behaviour_benchmark("odd", trials, stimuli=shared / "stimuli.csv", metric="odd_one_out", visual_degrees=8)
    assert 0.5 < float(odd.ceiling) < 1
    score = odd(loaded)
    assert 0.3 < float(score.raw) < float(odd.ceiling)
    assert "  repeated     499 triplets" in described_any(odd)
