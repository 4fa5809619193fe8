"""Brain-Score's own tests of any model plugin, on ours; only their three pictures come from here."""

from pathlib import Path

import pytest
from brainscore_vision.model_helpers import generic_plugin_tests
from PIL import Image

from brainscore_cornet import UserError, plugin_links

IDENTIFIERS = ["cornet_z_untrained", "cornet_r_untrained", "cornet_rt_untrained", "cornet_s_untrained"]
TESTS = {name: test for name, test in vars(generic_plugin_tests).items() if name.startswith("test_")}


@pytest.fixture(autouse=True)
def _links():
    """brainscore_vision must know our plugins."""
    try:
        plugin_links.require()
    except UserError as error:
        pytest.fail(str(error))


@pytest.fixture
def _pictures(tmp_path, pictures, monkeypatch):
    """The pictures that their tests look for beside their own file, which an installation does not bring along."""
    folder = tmp_path / "generic_plugin_tests_resources"
    folder.mkdir()
    for path, name in zip(pictures, ("rgb1.jpg", "rgb2.jpg", "rgb3.png"), strict=False):
        Image.open(path).convert("RGB").save(folder / name)
    monkeypatch.setattr(generic_plugin_tests, "__file__", str(tmp_path / Path(generic_plugin_tests.__file__).name))


def test_their_tests_are_found():
    """They test recordings and behaviour."""
    assert {"test_identifier", "test_look_at_neural_V1", "test_look_at_behavior_probabilities"} <= set(TESTS)


@pytest.mark.usefixtures("_pictures")
@pytest.mark.filterwarnings("ignore:'multi_class' was deprecated")
@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
@pytest.mark.parametrize("identifier", [*IDENTIFIERS[:-1], pytest.param(IDENTIFIERS[-1], marks=pytest.mark.slow)])
def test_generic(identifier, test):
    """Each of Brain-Score's generic tests holds for each model that needs no download."""
    test(identifier)


@pytest.mark.usefixtures("_pictures")
@pytest.mark.filterwarnings("ignore:'multi_class' was deprecated")
@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_their_tests_pass_over_nothing(identifier):
    """What a model cannot do they skip in silence: ours can be recorded from and read out."""
    model = generic_plugin_tests.load_model(identifier)
    probe = generic_plugin_tests.ProbeModel()
    assert probe.can_start_recording_region(model, "V1")
    stimuli = generic_plugin_tests._make_stimulus_set()
    assert probe.can_start_task_specific(model, "probabilities", fitting_stimuli=stimuli)
