"""What can be given as a model or a benchmark, and what it is called."""

from __future__ import annotations

import re
import shutil

import pytest
import torch

from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights.released import file_hash
from brainscore_cornet.marques2020.protocols import OFFICIAL
from brainscore_cornet.scoring import EMBEDDED, catalogue, requirements
from brainscore_cornet.scoring.jobs import candidates, targets


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Bare state dicts, which do not say what they are, and one that does."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for architecture in ("Z", "RT"):
        torch.save(build_network(architecture, seed=5).state_dict(), folder / f"{architecture}.pth")
    torch.save({"state_dict": build_network("R").state_dict(), "arch": "cornet_r"}, folder / "says.pth")
    torch.save({"weight": torch.zeros(2)}, folder / "other.pth")
    return folder


@pytest.mark.parametrize(
    ("given", "expected"), [("{}/Z.pth", "cornet_z"), ("cornet_rt={}/RT.pth", "cornet_rt"), ("{}/says.pth", "cornet_r")]
)
def test_checkpoints_are_models(checkpoints, given, expected):
    """A file that can only be one network, or says which, needs no name before it; its hash is in the identifier."""
    (candidate,) = candidates([given.format(checkpoints)], {})
    path = checkpoints / given.rsplit("/", 1)[1]
    assert candidate.weights_hash == file_hash(path)
    assert candidate.name == f"{expected}_weights_{file_hash(path)[:8]}"
    assert candidate.make().identifier == candidate.name


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("mine:{}/Z.pth", "mine"),
        ("RT at 64 px:cornet_rt={}/RT.pth", "RT at 64 px"),
        ("control:cornet_z_untrained", "control"),
        ("theirs:alexnet", "theirs"),
    ],
)
def test_a_model_may_have_a_label(checkpoints, given, label):
    """Scores are kept under the text before the colon, and the identifier and the file are stated beside it."""
    given = given.format(checkpoints)
    (labelled,), (plain,) = candidates([given], {}), candidates([given.partition(":")[2]], {})
    assert labelled.name == label
    assert (labelled.identifier, labelled.weights_file) == (plain.identifier, plain.weights_file)
    assert plain.identifier in (plain.name, None)
    assert (labelled.weights_file is not None) == given.endswith(".pth")


def test_labels_are_unambiguous(checkpoints, tmp_path, monkeypatch):
    """One label for two models, and a label that is another model, are refused; a colon in a file's name is none."""
    with pytest.raises(UserError, match="Two models are called mine: give each a label"):
        candidates([f"mine:{checkpoints}/Z.pth", "mine:cornet_z_untrained"], {})
    with pytest.raises(UserError, match="cornet_s is a model of its own"):
        candidates([f"cornet_s:{checkpoints}/Z.pth"], {})
    with pytest.raises(UserError, match="Unknown model ''"):
        candidates(["mine:"], {})
    monkeypatch.chdir(tmp_path)
    shutil.copy(checkpoints / "Z.pth", "run:3.pth")
    (candidate,) = candidates(["run:3.pth"], {})
    assert candidate.name.startswith("cornet_z_weights_")


@pytest.mark.parametrize("name", ["epoch=03-step=1200.ckpt", "lr=0.1,wd=0/z.pth"])
def test_an_equals_sign_in_a_files_name(checkpoints, tmp_path, monkeypatch, name):
    """What lies there is a file, whatever its name; where nothing lies, the file is said to be missing."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(name)):
        candidates([f"./{name}"], {})
    shutil.copy(checkpoints / "Z.pth", name)
    (candidate,) = candidates([name], {})
    assert candidate.weights_hash == file_hash(checkpoints / "Z.pth")


@pytest.mark.parametrize("name", ["RT.pth", "other.pth"])
def test_a_checkpoint_that_could_be_several(checkpoints, name):
    """R and RT have the same entries: the file is not guessed at."""
    with pytest.raises(UserError, match=f"does not say which CORnet it is: write cornet_.*{name}"):
        candidates([checkpoints / name], {})


def test_options_are_part_of_the_name():
    """The name is the identifier that the loaded model has."""
    (candidate,) = candidates("cornet_rt_untrained", {"times": 7, "device": "cpu"})
    assert candidate.name == "cornet_rt_untrained_times_7"
    assert candidate.settings == {"times": 7, "device": "cpu"}
    (named,) = candidates({"long": "cornet_rt_untrained"}, {"times": 7})
    assert named.name == "long"


def test_groups_of_benchmarks():
    """Groups become their members, each once; a region's leaves out what is private."""
    offline = sorted([*EMBEDDED, *OFFICIAL.identifiers], key=str.lower)
    assert [target.name for target in targets(["offline", EMBEDDED[0]])] == offline
    assert {target.name for target in targets("marques2020")} == set(OFFICIAL.identifiers)
    v4 = {target.name for target in targets("V4")}
    assert "MajajHong2015public.V4-pls" in v4
    assert "MajajHong2015.V4-pls" not in v4
    private = {target.name for target in targets("private")}
    assert {"MajajHong2015.V4-pls", "Kar2019-ost"} <= private
    (group,) = {target.group for target in targets("offline")}
    assert group == "brainscore_cornet"


def test_the_catalogue_is_what_brainscore_has():
    """Every benchmark that brainscore_vision registers literally, once, and none of another's registry."""
    listed = [each.benchmark for each in catalogue.benchmarks()]
    assert len(listed) == len(set(listed)) > 200
    assert "alexnet" not in listed
    assert "alexnet" in catalogue.folders("models")


def test_what_is_only_in_a_comment_is_not_registered(tmp_path):
    """It cannot be loaded; its identifier is taken all the same, since Brain-Score finds it in the text."""
    (tmp_path / "bracci2019").mkdir()
    lines = [
        "# benchmark_registry['commented'] = lambda: None",
        "benchmark_registry['registered'] = lambda: None  # ok",
    ]
    (tmp_path / "bracci2019" / "__init__.py").write_text("\n".join(lines))
    assert catalogue.read_folders(tmp_path, "benchmarks", commented=False) == {"registered": "bracci2019"}
    assert set(catalogue.read_folders(tmp_path, "benchmarks")) == {"commented", "registered"}


def test_what_benchmarks_need_beside_their_data():
    """A package is named where the code that a benchmark runs imports it, and nowhere else; so is its memory."""
    needed = {each.benchmark: each.requirements() for each in catalogue.benchmarks()}
    tensorflow = {name for name, requirements in needed.items() if "tensorflow" in requirements.missing_packages}
    assert tensorflow == {"Cadena2017-mask"}  # its sibling does without, and Kar2019-ost by this package's classifier
    laion = {name for name, requirements in needed.items() if "laion_fmri" in requirements.missing_packages}
    assert laion == {name for name in needed if name.startswith("Zerbe2026")}
    assert needed["MajajHong2015.V4-pls"].memory_gb > 3.9  # what Brain-Score measured, and the recording
    recording = 6249 * 200_704 * 4 / 1024**3
    assert needed["Cadena2017-pls"].memory_gb == pytest.approx(recording)
    assert needed["Marques2020light_DeValois1982-pref_or"] == requirements.Requirements((), False, None)


@pytest.mark.parametrize("region", ["V1", "V2", "V4", "IT"])
def test_the_memory_of_recordings_is_that_of_the_network(region):
    """The number of neuroids that memory is counted with is CORnet-S' own at 224 px."""
    with torch.device("meta"):
        network = build_network("S")
    with torch.no_grad():
        (activity,) = [
            activity
            for point, activity in network.unfold(
                torch.empty(1, 3, 224, 224, device="meta"), wanted=[network.point_of(f"{region}.output", 0)]
            )
            if point == network.point_of(f"{region}.output", 0)
        ]
    neuroids = activity[0].numel()
    assert requirements.of_benchmark("made up", "majajhong2015", region, 1024).memory_gb == neuroids * 4 / 1024**2
