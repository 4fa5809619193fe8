"""What can be given as a model or a benchmark, and what it is called."""

from __future__ import annotations

import pytest
import torch

from brainscore_cornet.architectures import build_network
from brainscore_cornet.errors import UserError
from brainscore_cornet.marques2020.protocols import OFFICIAL
from brainscore_cornet.scoring import EMBEDDED, catalogue
from brainscore_cornet.scoring.jobs import candidates, targets
from brainscore_cornet.weights import file_hash


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
