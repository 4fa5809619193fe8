"""Submissions: what is written, with what options, and that it computes what the package computes."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import shutil
import sys
import zipfile

import pytest
import torch
import yaml
from brainscore_core import metadata as their_metadata
from brainscore_vision.plugin_management import VisionDomainPlugin
from helpers.download_server import Reply, serve_without_proxy
from helpers.submissions import write

from brainscore_cornet import load_model, plugin_links
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.weights.released import RELEASED, fetch
from brainscore_cornet.submission import REGISTERED, check, make_variant, pull_request, submit
from brainscore_cornet.submission.comparison import different_regions
from brainscore_cornet.submission.metadata import counts, metadata
from brainscore_cornet.submission.plugin import SHIPPED

QUICK = {"run": False, "online": False}


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serve_without_proxy(monkeypatch) as server:
        # an address that looks public, and is asked for by way of the server
        monkeypatch.setenv("http_proxy", server.url(""))
        yield server


URL = "http://weights.example.org/mine.pth"


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Weights of one's own for CORnet-RT with six time steps."""
    path = tmp_path_factory.mktemp("mine") / "mine.pth"
    torch.save({"state_dict": build_network("RT", seed=7).state_dict(), "architecture": "RT"}, path)
    return path


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of Brain-Score's repository, as far as it matters here, with this package's plugin in it."""
    folder = new_clone(tmp_path_factory.mktemp("clone"))
    assert pull_request(folder, **QUICK).passed
    return folder


def new_clone(folder):
    models = folder / "vision" / "brainscore_vision" / "models"
    (models / "cornet_s").mkdir(parents=True)
    (models / "__init__.py").touch()
    (models / "cornet_s" / "__init__.py").write_text("model_registry['CORnet-S'] = x\n")
    return folder / "vision"


@pytest.fixture(scope="module")
def plugin(clone, tmp_path_factory):
    """That plugin, imported from a folder where nothing else is."""
    library = tmp_path_factory.mktemp("library")
    shutil.copytree(clone / "brainscore_vision" / "models" / "brainscore_cornet", library / "submitted_plugin")
    init = library / "submitted_plugin" / "__init__.py"
    init.write_text(init.read_text().replace("from brainscore_vision import model_registry", "model_registry = {}"))
    sys.path.insert(0, str(library))
    yield importlib.import_module("submitted_plugin")
    sys.path.remove(str(library))


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(variant.identifier, marks=pytest.mark.slow if "cornet_s" in variant.identifier else ())
        for variant in REGISTERED
    ],
)
def test_every_variant_records_the_same(plugin, identifier, released_folder, monkeypatch, tmp_path):
    """The plugin's model and the package's give identical recordings of every region and time, and labels."""
    monkeypatch.setenv("BRAINSCORE_CORNET_WEIGHTS", str(tmp_path))
    if identifier in RELEASED:
        name = RELEASED[identifier].filename
        (tmp_path / name).symlink_to(released_folder / name)
        fetch(RELEASED[identifier], verify=False)
    theirs, ours = plugin.model_registry[identifier](), load_model(identifier, named=identifier)
    assert type(theirs).__module__ == "submitted_plugin.cornet.brain_model"
    assert theirs.identifier == identifier
    if identifier != "cornet_z_untrained":  # the others at the registered size in the slow test
        small = {"named": identifier, "image_size": 64}
        theirs, ours = plugin.model.load_model(plugin.model.base(identifier), **small), load_model(identifier, **small)
    assert different_regions(theirs, ours) == []


def test_a_difference_is_seen():
    """The comparison above can fail."""
    models = [load_model("cornet_z_untrained", weights=None, image_size=size, named="same") for size in (32, 48)]
    assert "recordings of V1" in different_regions(*models)


def test_the_shipped_part_stands_alone(clone):
    """What is submitted holds the whole of `cornet/` and no tool, and nothing in it says where it is installed."""
    plugin = clone / "brainscore_vision" / "models" / "brainscore_cornet"
    sources = {path.relative_to(plugin).as_posix(): path.read_text() for path in plugin.rglob("*.py")}
    package = {path.relative_to(SHIPPED.parent).as_posix() for path in SHIPPED.rglob("*.py")}
    assert package <= set(sources)
    assert {path.suffix for path in plugin.rglob("*") if path.is_file()} == {".py", ".json", ".yaml"}
    others = set(sources) - package
    assert others == {"__init__.py", "model.py", "stand_in.py", "test.py", "variants.py"}
    for name, text in sources.items():
        assert not re.search(r"^\s*(from|import) brainscore_cornet", text, re.MULTILINE), name


def test_zips(tmp_path):
    """A zip for each model, which breaks no rule, is small, and the same each time."""
    variants = [make_variant("cornet_z"), make_variant("cornet_z_untrained", identifier="cornet_small", image_size=64)]
    outcomes = submit(variants, tmp_path / "out", **QUICK)
    assert all(outcome.passed for outcome in outcomes)
    notes = {finding.rule for outcome in outcomes for finding in outcome.findings}
    assert notes <= {"identifier-similar", "weights-unchecked"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cornet_small.zip", "cornet_z.zip"]
    path = tmp_path / "out" / "cornet_small.zip"
    assert path.stat().st_size < 200_000
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        registrations = archive.read("submission/models/brainscore_cornet_small/__init__.py").decode()
    assert registrations.count("model_registry[") == 1
    assert "model_registry['cornet_small'] = lambda: get_model('cornet_small')" in registrations
    assert "submission/models/brainscore_cornet_small/cornet/architectures/" in names
    assert not any("metadata" in name for name in names)
    again = submit(variants[1:], tmp_path / "again", **QUICK)[0].path
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(UserError, match=r"cornet_small\.zip is there already"):
        submit(variants[1:], tmp_path / "out", **QUICK)
    assert submit(variants[1:], tmp_path / "out", overwrite=True, **QUICK)[0].passed


def test_what_does_not_pass_is_not_written(tmp_path):
    """An identifier that Brain-Score has already leaves no zip, not even a half."""
    variant = make_variant("cornet_z_untrained", identifier="alexnet")
    (outcome,) = submit([variant], tmp_path / "out", **QUICK)
    assert [finding.rule for finding in outcome.findings if finding.fatal] == ["identifier-taken"]
    assert list((tmp_path / "out").iterdir()) == []


def test_own_weights(tmp_path, mine, server):
    """A URL and the file's SHA-256 are in the plugin, and are compared with what the URL gives."""
    content = mine.read_bytes()
    server.replies[URL] = [Reply(content)]
    variant = make_variant("cornet_rt", identifier="cornet_rt_mylab", weights=mine, weights_url=URL, times=6)
    sha256 = hashlib.sha256(content).hexdigest()
    assert variant.options == {"weights": URL, "weights_sha256": sha256, "times": 6}
    (outcome,) = submit([variant], tmp_path / "out", run=False)
    assert outcome.findings == []
    with zipfile.ZipFile(outcome.path) as archive:
        model = archive.read("submission/models/brainscore_cornet_rt_mylab/variants.py").decode()
    assert sha256 in model
    server.replies[URL] = [Reply(b"\x80 something else")]
    assert [finding.rule for finding in check(outcome.path).findings] == ["weights-hash"]
    server.replies[URL] = [Reply(status=403)]
    assert [finding.rule for finding in check(outcome.path).findings] == ["weights-unreachable"]


def test_weights_are_those_at_the_address_now(tmp_path, mine, server):
    """A file that was replaced at its address is seen: no older download is taken for it."""
    server.replies[URL] = [Reply(mine.read_bytes())]
    first = make_variant("cornet_rt", identifier="x", weights_url=URL)
    (outcome,) = submit([first], tmp_path / "out", run=False)
    assert outcome.passed
    assert server.requests[URL] == 2  # downloaded once, and asked for once
    other = tmp_path / "other.pth"
    torch.save({"state_dict": build_network("RT", seed=8).state_dict(), "architecture": "RT"}, other)
    server.replies[URL] = [Reply(other.read_bytes())]
    assert [finding.rule for finding in check(outcome.path).findings] == ["weights-hash"]
    second = make_variant("cornet_rt", identifier="x", weights_url=URL)
    assert second.options["weights_sha256"] == hashlib.sha256(other.read_bytes()).hexdigest()


def test_weights_of_others_are_asked_for(tmp_path, server, monkeypatch):
    """Addresses of weights in anybody's code are tried; without a connection they are only mentioned."""
    server.replies[URL] = [Reply(b"weights")]
    code = f"import timm\nURL = {URL!r}\n\n\ndef build(x):\n    return x\n"
    path = write(tmp_path / "theirs.zip", {"parts/network.py": code})
    assert check(path).findings == []
    gone = write(tmp_path / "gone.zip", {"parts/network.py": code.replace("mine.pth", "gone.pth")})
    assert [finding.rule for finding in check(gone).findings] == ["weights-unreachable"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    outcome = check(path)
    assert [finding.rule for finding in outcome.findings] == ["weights-unchecked"]
    assert outcome.passed


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("cornet_q", {}, "Unknown model 'cornet_q'"),
        ("cornet_s", {"identifier": "cornet-s-mylab"}, "takes no hyphen.*such as cornet_s_mylab"),
        ("cornet_s", {"identifier": "my net"}, "no space"),
        ("cornet_s", {"identifier": "x'"}, "quote"),
        ("cornet_s", {"image_size": 256}, "not cornet_s as it is registered: give it an identifier"),
        ("cornet_z", {"identifier": "x", "times": 3}, "CORnet-Z is feedforward"),
        ("cornet_rt", {"identifier": "x", "weights": "{mine}"}, "add --weights-url"),
        (
            "cornet_rt",
            {"identifier": "x", "weights_url": "ftp://a/b.pth", "weights": "{mine}"},
            "expected.*https|Expected",
        ),
        ("cornet_r", {"identifier": "x", "weights": "{mine}", "weights_url": "https://a/b.pth"}, "holds CORnet-RT"),
        ("cornet_z", {"identifier": "x", "weights": "nowhere.pth", "weights_url": "https://a/b.pth"}, "No weight file"),
        ("cornet_z_untrained", {"identifier": "x", "weights_url": "https://a/b.pth"}, "submit weights as cornet_z"),
        ("cornet_z", {"identifier": "x", "weights_sha256": "0" * 64}, "name where they are with --weights-url"),
        (
            "cornet_z",
            {"identifier": "x", "weights_url": "https://a/b", "weights_sha256": "12"},
            "64 hexadecimal digits",
        ),
        (
            "cornet_rt",
            {"identifier": "x", "weights": "{mine}", "weights_url": "https://a/b", "weights_sha256": "0" * 64},
            "leave the option out",
        ),
        ("cornet_rt", {"identifier": "x", "time_mapping": {"V9": {0: (1, 2)}}}, "V9"),
    ],
)
def test_bad_options(mine, model, options, message):
    """What a model cannot have, or what does not go together, is refused before anything is written."""
    options = {name: str(mine) if value == "{mine}" else value for name, value in options.items()}
    with pytest.raises(UserError, match=message):
        make_variant(model, **options)


def test_pull_request(clone):
    """One folder with all variants and their metadata; what is there is replaced only when asked to."""
    identifiers = [variant.identifier for variant in REGISTERED]
    folder = clone / "brainscore_vision" / "models" / "brainscore_cornet"
    assert list(json.loads((folder / "golden.json").read_text())) == identifiers
    document = their_metadata.load((folder / "metadata.yaml").read_text())
    assert list(document["models"]) == identifiers
    with pytest.raises(UserError, match="is there already: add --overwrite"):
        pull_request(clone, **QUICK)


def test_pull_request_replaces(tmp_path):
    """With `overwrite` nothing of the old folder is left, and nothing else is touched."""
    clone = new_clone(tmp_path)
    folder = clone / "brainscore_vision" / "models" / "brainscore_cornet"
    folder.mkdir()
    (folder / "left_over.py").touch()
    outcome = pull_request(clone, REGISTERED[:1], overwrite=True, **QUICK)
    assert (outcome.passed, outcome.path, list(outcome.identifiers)) == (True, folder, ["cornet_z"])
    assert not (folder / "left_over.py").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["__init__.py", "brainscore_cornet", "cornet_s"]


def test_pull_request_into_something_else(tmp_path):
    """A folder that is no clone is named; an identifier that the clone has is a broken rule."""
    with pytest.raises(UserError, match="no clone of Brain-Score's repository"):
        pull_request(tmp_path, **QUICK)
    clone = new_clone(tmp_path)
    (clone / "brainscore_vision" / "models" / "cornet_s" / "__init__.py").write_text("model_registry['cornet_z'] = x\n")
    outcome = pull_request(clone, REGISTERED[:1], **QUICK)
    assert [finding.rule for finding in outcome.findings if finding.fatal] == ["identifier-taken"]
    assert not outcome.path.exists()


def test_metadata_is_that_of_our_own_plugin():
    """The metadata of this package's own plugin is what a submission would hold."""
    assert (plugin_links.source_folder("models") / "metadata.yaml").read_text() == metadata(REGISTERED)


def test_metadata_of_own_weights(mine):
    """It names where they are, and claims nothing about how they were trained."""
    variant = make_variant("cornet_rt", identifier="x", weights=mine, weights_url=URL, times=6)
    entry = yaml.safe_load(metadata([variant]))["models"]["x"]
    assert entry["provenance"] == {"checkpoint": "mine.pth", "source_url": URL}
    assert not {"training", "data", "people"} & set(entry)
    assert "6 time steps" in entry["model"]["trainable_layers"]


@pytest.mark.parametrize("architecture", ["Z", "R", "RT", "S"])
def test_counts_are_brainscores(architecture):
    """Parameters, layers and size are counted as Brain-Score's own generator counts them."""
    network = build_network(architecture)
    theirs = VisionDomainPlugin().create_model_metadata(network, "cornet", "cornet")
    assert counts(network) == {name: theirs[name] for name in counts(network)}
