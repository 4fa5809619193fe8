"""Brain-Score's own loaders find models, benchmarks and data with nothing of this package imported before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import brainscore_vision
import pytest
import yaml
from brainscore_core import metadata
from brainscore_core.plugin_management.import_plugin import ImportPlugin
from helpers.patience import PATIENCE

from brainscore_cornet import plugin_links
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.commitments import COMMITMENTS, REGIONS
from brainscore_cornet.marques2020.benchmark import PROPERTIES
from brainscore_cornet.marques2020.gratings import stimulus_set_names
from brainscore_cornet.marques2020.protocols import LIGHT, OFFICIAL
from brainscore_cornet.scoring import EMBEDDED

IDENTIFIERS = [f"cornet_{name}{suffix}" for suffix in ("", "_untrained") for name in ("z", "r", "rt", "s")]
PROTOCOLS = {"LIGHT": LIGHT, "OFFICIAL": OFFICIAL}
METADATA = plugin_links.source_folder("models") / "metadata.yaml"


@pytest.fixture(autouse=True, scope="module")
def _links():
    plugin_links.require()


def run_elsewhere(code: str, folder: Path, **environment: str) -> str:
    """What a process prints that was started in another folder, and knows of nothing but what is installed."""
    environment = {**os.environ, "HOME": str(folder), "BRAINSCORE_HOME": str(folder), **environment}
    environment.pop("PYTHONPATH", None)
    environment.pop("BS_INSTALL_DEPENDENCIES")  # as a user has it: a plugin's requirements would be installed now
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_found_from_anywhere(tmp_path):
    """A process with another working folder loads, records and cites a model through Brain-Score alone."""
    code = """
import json, sys
from PIL import Image
import brainscore_vision
assert not any(name.startswith("brainscore_cornet") for name in sys.modules)
model = brainscore_vision.load_model("cornet_z_untrained")
model.start_recording("IT", [(100, 200)])
Image.new("RGB", (64, 64), "red").save("red.png")
recorded = model.look_at(["red.png"])
print(json.dumps([model.identifier, recorded.shape, brainscore_vision.load_model_bibtex("cornet_z_untrained")]))
"""
    identifier, shape, bibtex = json.loads(run_elsewhere(code, tmp_path))
    assert identifier == "cornet_z_untrained"
    assert shape == [1, 512 * 7 * 7]  # a single time bin has no dimension
    assert "10.1101/408385" in bibtex


@pytest.mark.slow
def test_brainscores_own_command_line_finds_both(tmp_path):
    """`python -m brainscore_vision score` knows our models and benchmarks."""
    code = f"""
import runpy, sys
sys.argv = ["_", "score", "--model_identifier=cornet_z_untrained", "--benchmark_identifier={EMBEDDED[0]}"]
runpy.run_module("brainscore_vision", run_name="__main__")
"""
    printed = run_elsewhere(code, tmp_path)
    assert "<xarray.Score ()>" in printed
    assert "not comparable" in printed


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_every_model_is_registered_once(identifier):
    """Brain-Score's text scan finds each model in exactly one folder, ours, and its citation."""
    assert ImportPlugin("brainscore_vision", "models", identifier).plugin_dirname == plugin_links.NAME
    cited = brainscore_vision.load_model_bibtex(identifier)
    assert ("1909.06161" if "_s" in identifier.removesuffix("_untrained") else "408385") in cited


def test_trained_models_load_through_brainscore(monkeypatch, released_folder, tmp_path):
    """With the released files at hand, a plain identifier gives the trained network."""
    from brainscore_cornet.cornet.weights.released import RELEASED, fetch

    (tmp_path / RELEASED["cornet_z"].filename).symlink_to(released_folder / RELEASED["cornet_z"].filename)
    monkeypatch.setenv("BRAINSCORE_CORNET_WEIGHTS", str(tmp_path))
    fetch(RELEASED["cornet_z"], verify=False)
    model = brainscore_vision.load_model("cornet_z")
    assert model.identifier.startswith("cornet_z_weights_")  # the stand-in was accepted, but is not what was released
    untrained = brainscore_vision.load_model("cornet_z_untrained")
    weights = [m.activations_model.network.V1.conv.weight for m in (model, untrained)]
    assert not (weights[0] == weights[1]).any()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_embedded_benchmark_loads(protocol):
    """Benchmarks with BibTeX for their papers, each through Brain-Score's loader."""
    papers = {"pref_or": "Yund", "peak_sf": "Albrecht", "Schiller1976": "Schiller", "Cavanaugh2002": "Bair"}
    for identifier in PROTOCOLS[protocol].identifiers:
        benchmark = brainscore_vision.load_benchmark(identifier)
        assert benchmark.identifier == identifier
        assert benchmark.region == "V1"
        assert "Marques" in benchmark.bibtex
        assert any(author in benchmark.bibtex for part, author in papers.items() if part in identifier), identifier


@pytest.mark.parametrize("protocol", ["LIGHT", pytest.param("OFFICIAL", marks=pytest.mark.slow)])
def test_all_data_and_stimuli_load(protocol):
    """What a protocol shows and compares with is there under its names, each through Brain-Score's loaders."""
    protocol = PROTOCOLS[protocol]
    for name in {PROPERTIES[name].data for name in protocol.properties}:
        assembly = brainscore_vision.load_dataset(f"{protocol.prefix}_{name}")
        assert assembly.dims == ("neuroid", "neuronal_property")
        shown = assembly.stimulus_set
        assert shown.identifier.startswith(f"{protocol.prefix}_")
        assert Path(shown.get_stimulus(shown["stimulus_id"].iloc[-1])).is_file()
    for name in stimulus_set_names(protocol):
        count = 1 if name == "blank" else len(protocol.gratings[name])
        assert len(brainscore_vision.load_stimulus_set(f"{protocol.prefix}_{name}")) == count


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_data_and_stimuli_are_registered_once(protocol):
    """Brain-Score's text scan finds each in exactly one folder, ours."""
    protocol = PROTOCOLS[protocol]
    prefixes = dict.fromkeys(stimulus_set_names(protocol), "stimulus_set")
    prefixes |= {PROPERTIES[name].data: "data" for name in protocol.properties}
    for name, prefix in prefixes.items():
        found = ImportPlugin("brainscore_vision", "data", f"{protocol.prefix}_{name}", registry_prefix=prefix)
        assert found.plugin_dirname == plugin_links.NAME


@pytest.mark.parametrize("kind", plugin_links.KINDS)
def test_nothing_is_installed_at_load(kind):
    """No plugin folder holds a file that makes Brain-Score run pip each time."""
    assert not {"requirements.txt", "setup.py"} & {path.name for path in plugin_links.plugin_folder(kind).iterdir()}


def test_metadata_is_what_brainscore_accepts():
    """Brain-Score's own validation passes, for every identifier."""
    loaded = metadata.load(METADATA.read_text())
    metadata.validate(loaded)
    assert set(loaded["models"]) == set(IDENTIFIERS) == set(COMMITMENTS)


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_metadata_counts_the_networks(identifier):
    """The number of parameters in the metadata is that of the network."""
    model = yaml.safe_load(METADATA.read_text())["models"][identifier]["model"]
    network = build_network(COMMITMENTS[identifier].architecture)
    assert model["parameter_count"] == sum(parameter.numel() for parameter in network.parameters())
    assert model["recurrent"] == (COMMITMENTS[identifier].architecture != "Z")
    assert model["visual_degrees"] == COMMITMENTS[identifier].visual_degrees


def test_layers_named_to_brainscore():
    """`get_layers` of the plugin names modules that the network has."""
    from brainscore_vision.models.brainscore_cornet.model import get_layers, get_model_list

    assert get_model_list() == list(COMMITMENTS)
    for identifier in IDENTIFIERS:
        layers = get_layers(identifier)
        assert layers == [*(f"{region}.output" for region in REGIONS), "decoder.avgpool"]
        network = build_network(COMMITMENTS[identifier].architecture)
        assert all(network.get_submodule(layer) is not None for layer in layers)
