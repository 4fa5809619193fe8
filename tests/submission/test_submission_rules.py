"""The checker names every broken rule of Brain-Score's website and scripts, and nothing else."""

from __future__ import annotations

import re
import stat
import types
import zipfile
from pathlib import Path

import pytest
from brainscore_core.plugin_management.import_plugin import ImportPlugin
from brainscore_core.plugin_management.parse_plugin_changes import get_plugin_ids
from brainscore_core.plugin_management.test_plugins import PluginTestRunner
from helpers.submissions import GOOD, INIT, MODEL, PLUGIN, TEST, registered, write
from hypothesis import given, settings
from hypothesis import strategies as st

from brainscore_cornet.submission import check
from brainscore_cornet.submission.rules import parsers
from brainscore_cornet.submission.rules.layout import MAX_BYTES, Plugin
from brainscore_cornet.submission.rules.surroundings import check_environment

ONE = "model_registry['stranger_net'] = get_model"
ENVIRONMENT = "dependencies:\n  - {}\n"


def rules(path: Path, *, fatal: bool | None = None) -> set[str]:
    found = check(path, online=False).findings
    return {finding.rule for finding in found if fatal is None or finding.fatal == fatal}


def test_good_ones_pass(tmp_path):
    """A submission by hand breaks no rule, also with its test marked otherwise and a docstring before its lines."""
    assert check(write(tmp_path / "a.zip"), online=False).passed
    assert rules(write(tmp_path / "b.zip")) == set()
    changed = {"__init__.py": f'"""A model."""\n{INIT}', "requirements.txt": "timm", "environment.yml": None}
    assert rules(write(tmp_path / "c.zip", changed)) == set()
    assert check(tmp_path / "c.zip", online=False).identifiers == ["stranger_net"]


BAD = {
    # the zip
    "metadata": {"metadata.yaml": "models: {}"},
    "path-space": {"my notes.txt": ""},
    "one-root": {"/README.md": "hello"},
    "beside-models": {"/stranger/setup.py": ""},
    "loose-file": {"/stranger/models/__init__.py": ""},
    "one-plugin": {"/stranger/models/second/__init__.py": ""},
    "path-unsafe": {"/C:/outside.py": ""},
    "path-backslash": {"parts\\more.py": ""},
    "macos": {"/__MACOSX/stranger/._models": "0", ".DS_Store": "0"},
    # files
    "file-missing": {"test.py": None},
    "syntax": {"parts/network.py": "import timm\ndef build(x) return x\n"},
    "encoding": {"parts/network.py": "import timm  # caf\xe9".encode("latin-1")},
    # registrations: the website, and two parsers that do not agree
    "registration-missing": registered("registry = model_registry"),
    "registration-quotes": registered('model_registry["stranger_net"] = get_model'),
    "registration-computed": registered("for name in ['a', 'b']:", "    model_registry[name] = get_model"),
    "registration-spread": registered("model_registry[", "    'stranger_net'", "] = get_model", ONE),
    "registration-mentioned": registered("# as in model_registry['their_net'] = load", ONE),
    "registration-bracket-space": registered("model_registry[ 'stranger_net' ] = get_model"),
    "registration-brackets": registered("model_registry['stranger_net'] = lambda: [get_model][0]()"),
    "registration-elsewhere": {"model.py": f"{MODEL}\nmodel_registry = {{}}\n{ONE}\n"},
    "registration-twice": registered(ONE, ONE),
    "one-model": registered(ONE, ONE.replace("net", "net_2")),
    "identifier-hyphen": registered("model_registry['stranger-net'] = get_model"),
    "identifier-characters": registered("model_registry['stranger net'] = get_model"),
    "identifier-taken": registered("model_registry['alexnet'] = get_model"),
    # surroundings
    "environment-yaml": {"environment.yml": "dependencies: [\n"},
    "environment-name": {"environment.yml": "name: stranger\n" + ENVIRONMENT.format("pip")},
    "environment-python": {"environment.yml": ENVIRONMENT.format("python=3.8")},
    "environment-python-twice": {"environment.yml": ENVIRONMENT.format("python=3.11\n  - ipython=8.1")},
    "requirement-local": {"requirements.txt": "timm\n./more\n"},
    "requirement": {"requirements.txt": "timm\ntorch == = 2\n"},
    "test-too-deep": {"parts/test_network.py": TEST},
    "test-none": {"test.py": "import pytest\n"},
    "test-all-slow": {"test.py": TEST.replace("def test_id", "@pytest.mark.memory_intense\ndef test_id")},
    # imports
    "import-leaves-folder": {"parts/network.py": "import timm\nfrom ...cornet_s.model import get_model as build\n"},
    "import-missing-name": {"model.py": "def load():\n    pass\n\n\nget_bibtex = load\n"},
    "import-missing": {"parts/network.py": "import timm\nfrom .layers import Layer as build\n"},
    "import-absolute": {"model.py": MODEL.replace("from .parts", "from parts")},
    "import-not-installed": {"requirements.txt": "# none"},
    # weights
    "path-on-your-disk": {"model.py": MODEL + "\nWEIGHTS = '/home/me/mine.pth'\n"},
    "weights-private": {"model.py": MODEL + "\nWEIGHTS = 'http://192.168.1.3/mine.pth'\n"},
    "weights-page": {"model.py": MODEL + "\nWEIGHTS = 'https://github.com/me/net/blob/main/mine.pth'\n"},
}


@pytest.mark.parametrize(("rule", "changes"), BAD.items(), ids=BAD)
def test_bad_ones_are_named(tmp_path, rule, changes):
    """Each broken rule is named, alone, with where and what to do; the submission does not pass."""
    outcome = check(write(tmp_path / "bad.zip", changes), online=False)
    broken = [finding for finding in outcome.findings if finding.fatal]
    # what several parsers stumble over breaks several rules
    with_others = {"registration-mentioned": {"one-model"}, "path-backslash": {"folder-entries"}}
    assert {finding.rule for finding in broken} - with_others.get(rule, set()) == {rule}
    assert not outcome.passed
    assert all(finding.problem and finding.remedy and finding.where for finding in broken)


@pytest.mark.parametrize(
    ("rule", "changes"),
    {
        "import-leaves-folder": {"model.py": MODEL + "\nfrom brainscore_vision.models.nowhere import x\n"},
        "import-not-installed": {"model.py": MODEL + "\nimport brainscore_cornet\n"},
        "environment-name": {"environment.yml": ENVIRONMENT.format("namex")},
        "environment-python": {"environment.yml": ENVIRONMENT.format("ipython=8.1")},
        "identifier-characters": registered("model_registry['a/b'] = get_model"),
        "registration-computed": registered(f"def register():\n    {ONE}"),
        "metadata": {"parts/metadata.yml": ""},
        "weights-private": {"model.py": MODEL + "\nWEIGHTS = 'http://cluster/mine.pth'\n"},
        "weights-page": {"model.py": MODEL + "\nWEIGHTS = 'https://www.dropbox.com/s/1/mine.pth?dl=0'\n"},
    }.items(),
)
def test_quirks(tmp_path, rule, changes):
    """Other ways to break the same rules, some of which no person would guess."""
    assert rules(write(tmp_path / "bad.zip", changes), fatal=True) == {rule}


def test_an_import_that_may_fail(tmp_path):
    """A package is not required where the plugin does without it."""
    optional = "\ntry:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n"
    assert not rules(write(tmp_path / "good.zip", {"model.py": MODEL + optional}), fatal=True)


NOTES = {
    "bibtex": {"model.py": MODEL.replace("get_bibtex", "bibtex"), "parts/network.py": "def build(x):\n    return x\n"},
    "import-other-plugin": {"model.py": MODEL + "\nfrom brainscore_vision.models.alexnet import model\n"},
    "registration-of-another": registered("model_registry['stranger_net'] = lambda: get_model('other_net')"),
    "requirement-of-brainscore": {"requirements.txt": "timm\ntorch==1.2\nnumpy<2\n"},
    "path-on-your-disk": {"model.py": MODEL + "\nDATA = '/home/me/data.csv'\n"},
    "weights-unchecked": {"model.py": MODEL + "\nWEIGHTS = 'https://example.org/mine.pth'\n"},
    "identifier-similar": registered("model_registry['Alex_Net'] = get_model"),
    "weights-inside": {"weights.pth": "0123"},
    "junk": {"__pycache__/model.cpython-311.pyc": "0"},
    "test-unused": {"test_more.py": TEST},
}


@pytest.mark.parametrize(("rule", "changes"), NOTES.items(), ids=NOTES)
def test_notes(tmp_path, rule, changes):
    """A note reports what is allowed but worth knowing, and the submission still passes."""
    outcome = check(write(tmp_path / "zip.zip", changes), online=False)
    assert outcome.passed
    assert {finding.rule for finding in outcome.findings} == {rule}


def test_layouts(tmp_path):
    """Zips that are not laid out as one root folder with models and one plugin in it."""
    flat = tmp_path / "flat.zip"
    with zipfile.ZipFile(flat, "w") as archive:
        archive.writestr("models/", "")
        archive.writestr("models/stranger_net/", "")
        archive.writestr("models/stranger_net/__init__.py", INIT)
    assert rules(flat) == {"models-folder"}
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert rules(tmp_path / "empty.zip") == {"empty"}
    itself = tmp_path / "itself.zip"
    with zipfile.ZipFile(itself, "w") as archive:
        archive.writestr("stranger_net/", "")
        archive.writestr("stranger_net/__init__.py", INIT)
    outcome = check(itself, online=False)
    assert [finding.rule for finding in outcome.findings] == ["models-folder"]
    assert "the plugin's folder itself" in outcome.findings[0].problem
    assert rules(write(tmp_path / "bare.zip", folders=False)) == {"folder-entries"}
    (tmp_path / "text.zip").write_text("no zip")
    assert rules(tmp_path / "text.zip") == {"not-a-zip"}


@pytest.mark.parametrize(
    ("renamed", "rule"),
    [
        (("stranger/", "_stranger/"), "root-hidden"),
        (("models/stranger_net", "models/_stranger"), "plugin-hidden"),
        (("models/stranger_net", "models/stranger-net"), "plugin-name"),
        (("models/stranger_net", "models/stranger.net"), "plugin-name"),
        (("models/stranger_net", "models/alexnet"), "plugin-taken"),
    ],
)
def test_names_of_folders(tmp_path, renamed, rule):
    """Folders that Brain-Score passes over, cannot import, or has already."""
    path = tmp_path / "renamed.zip"
    with zipfile.ZipFile(write(tmp_path / "good.zip")) as good, zipfile.ZipFile(path, "w") as archive:
        for entry in good.infolist():
            archive.writestr(entry.filename.replace(*renamed), good.read(entry))
    assert rules(path) == {rule}


def test_entries_that_cannot_be_unpacked(tmp_path):
    """Links, files that are there twice, damaged ones, and what is too large."""
    path = write(tmp_path / "linked.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo(f"{PLUGIN}/weights")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert rules(path) == {"path-link"}
    path = write(tmp_path / "twice.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{PLUGIN}/model.py", MODEL)
    assert rules(path) == {"path-twice"}
    path = write(tmp_path / "damaged.zip")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"A model of somebody", b"A model of somebodx"))
    assert rules(path) == {"damaged"}
    path = write(tmp_path / "large.zip", {"noise.txt": b"0" * (MAX_BYTES + 1)})
    assert rules(path) == {"too-large"}


def test_encrypted(tmp_path):
    """A zip with a password, which nobody at Brain-Score has."""
    path = write(tmp_path / "locked.zip")
    data = bytearray(path.read_bytes())
    for match in re.finditer(rb"PK\x01\x02", bytes(data)):
        data[match.start() + 8] |= 1  # the flag of the entry, as in the zip's specification
    path.write_bytes(data)
    assert rules(path) == {"encrypted"}


LINES = st.lists(
    st.sampled_from(
        [
            "model_registry['a'] = f",
            'model_registry["b"] = f',
            "model_registry['c'] = [f][0]",
            "# model_registry['d']",
            "model_registry[ 'e' ] = f",
            "model_registry['f'] = lambda: g('f')",
            "x = model_registry",
            "other_registry['g'] = f",
            "if x: model_registry['h'] = f; model_registry['i'] = f",
            "",
        ]
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(lines=LINES)
def test_parsers_are_brainscores(tmp_path_factory, lines):
    """Both parsers of brainscore_core find in any lines what ours of their names find."""
    library = tmp_path_factory.mktemp("library")
    folder = library / "models" / "plugin"
    folder.mkdir(parents=True)
    text = "\n".join(lines)
    (folder / "__init__.py").write_text(text)
    assert parsers.scorer(text) == get_plugin_ids("models", ["plugin"], str(library))
    for identifier in "abcdefghi":
        importer = types.SimpleNamespace(
            plugins_dir=library / "models", registry_name="model_registry", identifier=identifier
        )
        try:
            found = ImportPlugin.locate_plugin(importer) == "plugin"
        except AssertionError:
            found = False
        assert found == (identifier in parsers.loader(text))


def test_a_line_that_stops_their_parser(tmp_path):
    """Theirs ends with an error where ours says that there is nothing."""
    text = registered("model_registry[")["__init__.py"]
    (tmp_path / "models" / "plugin").mkdir(parents=True)
    (tmp_path / "models" / "plugin" / "__init__.py").write_text(text)
    assert parsers.scorer(text) == [None]
    with pytest.raises(AttributeError):
        get_plugin_ids("models", ["plugin"], str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        ENVIRONMENT.format("python=3.11"),
        ENVIRONMENT.format("python=3.11.7"),
        ENVIRONMENT.format("python=3.8"),
        ENVIRONMENT.format("python>=3.8"),
        ENVIRONMENT.format("ipython=8.1"),
        ENVIRONMENT.format("python=3.11\n  - micropython=1.0"),
        ENVIRONMENT.format("python-unidecode=1.0"),
        ENVIRONMENT.format("filename"),
        "name: x\n",
        "# name in a comment\ndependencies: []\n",
        "dependencies: [\n",
        "",
    ],
)
def test_environment_is_judged_as_brainscore_does(tmp_path, text):
    """Brain-Score's own validation fails exactly where a rule of ours is broken."""
    (tmp_path / "environment.yml").write_text(text)
    try:
        PluginTestRunner._validate_environment_yml(types.SimpleNamespace(plugin_directory=tmp_path))
        passes = True
    except Exception:
        passes = False
    findings = check_environment(Plugin("plugin", {"environment.yml": text.encode()}))
    assert (not findings) == passes


def test_good_is_what_is_broken():
    """The table changes one thing each: what it starts from has everything that is required."""
    assert {f"{PLUGIN}/{name}" for name in ("__init__.py", "model.py", "test.py")} <= set(GOOD)
