"""Activations on disk: found again when all is the same, and never when anything differs."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from helpers.patience import PATIENCE
from helpers.small_model import small_model
from PIL import Image

from brainscore_cornet.cornet.brain_model import CORnetModel, load_model
from brainscore_cornet.cornet.recording import cache


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty place for the cache."""
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def model(stand_in) -> CORnetModel:
    return small_model(stand_in, "cornet_rt")


def files(folder):
    return sorted(folder.rglob("*.npy"))


def look(model, stimuli, region="IT", time_bins=((110, 130),), **options) -> np.ndarray:
    model.start_recording(region, list(time_bins))
    return model.look_at(stimuli, **options).values


def test_a_recording_is_read_again(model, stimuli, folder, monkeypatch):
    """The second time the network does not run, and the numbers are the same to the last bit."""
    first = look(model, stimuli)
    assert len(files(folder)) == 1
    monkeypatch.setattr(
        "brainscore_cornet.cornet.recording.activations_model.record", None
    )  # would fail if it were called
    np.testing.assert_array_equal(look(model, stimuli), first)


def test_time_bins_that_one_step_answers_share_a_file(model, stimuli, folder, monkeypatch):
    """Other bins of the same steps need nothing new."""
    both = look(model, stimuli, time_bins=[(110, 130), (130, 150)])
    assert len(files(folder)) == 2
    monkeypatch.setattr("brainscore_cornet.cornet.recording.activations_model.record", None)
    np.testing.assert_array_equal(look(model, stimuli, time_bins=[(125, 150), (100, 120)]), both[::-1])


def _other_weights(model, stimuli):
    network = copy.deepcopy(model.activations_model.network)
    network.V1.conv_input.weight.data[0] = 0
    other = CORnetModel(model.commitment, network, device=torch.device("cpu"), batch_size=4)
    return look(other, stimuli)


def _other_modules(model, stimuli):
    network = copy.deepcopy(model.activations_model.network)
    other = CORnetModel(model.commitment, network, device=torch.device("cpu"), batch_size=4)
    look(other, stimuli)  # from the file
    network.IT.nonlin1 = torch.nn.ELU()
    return look(other, stimuli)


@pytest.mark.parametrize(
    "other",
    [
        lambda model, stimuli: look(model, stimuli, region="V4"),
        lambda model, stimuli: look(model, stimuli, time_bins=[(130, 150)]),
        lambda model, stimuli: look(model, stimuli, number_of_trials=2, require_variance=True),
        _other_weights,
        _other_modules,
        lambda model, stimuli: look(model, _subset(stimuli)),
        lambda model, stimuli: look(load_model("cornet_rt_untrained", image_size=40), stimuli),
        lambda model, stimuli: look(load_model("cornet_rt_untrained", image_size=48, precision="bf16"), stimuli),
        lambda model, stimuli: look(load_model("cornet_rt_untrained", image_size=48, resize="pad"), stimuli),
        lambda model, stimuli: look(load_model("cornet_rt_untrained", image_size=48, background="white"), stimuli),
    ],
    ids=[
        "region",
        "time bin",
        "trials",
        "weights",
        "modules",
        "images",
        "image size",
        "precision",
        "resize",
        "background",
    ],
)
def test_whatever_the_numbers_depend_on_is_in_the_key(model, stimuli, folder, other):
    """One difference, and nothing that was kept is given."""
    first = look(model, stimuli)
    second = other(model, stimuli)
    assert second.shape != first.shape or not np.array_equal(second, first)
    assert len(files(folder)) == 2


def _subset(stimuli: StimulusSet) -> StimulusSet:
    """Other images under the same name, as after `stimuli[:4]`."""
    subset = StimulusSet(stimuli.iloc[[3, 2, 1, 0]])
    subset.stimulus_paths = stimuli.stimulus_paths
    subset.identifier = stimuli.identifier
    return subset


def test_the_number_of_trials_matters_only_with_variance(model, stimuli, folder):
    """Without microsaccades every trial gives the same, and one file serves all."""
    np.testing.assert_array_equal(look(model, stimuli, number_of_trials=10), look(model, stimuli))
    assert len(files(folder)) == 1


def test_the_caller_says_what_is_kept(model, stimuli, pictures, folder):
    """False keeps nothing; a name keeps a list of images, which has none of its own, but not for other images."""
    activations_model, layers = model.activations_model, ["V1.output"]
    expected = activations_model(stimuli, layers, stimuli_identifier=False).values
    activations_model(pictures, layers)
    assert not files(folder)
    np.testing.assert_array_equal(activations_model(pictures, layers, "pictures").values, expected)
    assert len(files(folder)) == 1
    np.testing.assert_array_equal(activations_model.from_paths(pictures, layers, "pictures").values, expected)
    assert len(files(folder)) == 1
    np.testing.assert_array_equal(activations_model(pictures[:2], layers, "pictures").values, expected[:2])
    assert len(files(folder)) == 2


def test_a_picture_that_changed_is_recorded_anew(model, tmp_path, folder):
    """An image that changed under the same name is recorded again."""
    path = tmp_path / "picture.png"
    stimuli = StimulusSet({"stimulus_id": ["one"]})
    stimuli.stimulus_paths = {"one": str(path)}
    stimuli.identifier = "changing"
    recorded = []
    for color in ("red", "green", "red"):
        Image.new("RGB", (64, 64), color).save(path)
        recorded.append(look(model, stimuli))
    assert not np.array_equal(recorded[0], recorded[1])
    np.testing.assert_array_equal(recorded[0], recorded[2])
    assert len(files(folder)) == 2


@pytest.mark.parametrize("left", [0, 10, 1000, -1])
def test_a_file_that_was_cut_off_is_not_trusted(model, stimuli, folder, left):
    """It is computed anew, and the file is whole again."""
    first = look(model, stimuli)
    (file,) = files(folder)
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    np.testing.assert_array_equal(look(model, stimuli), first)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("damage", ["unwritten end", "one bit"])
def test_a_file_that_is_damaged_inside_is_not_trusted(model, stimuli, folder, damage):
    """A file of the right length with other contents is computed again."""
    first = look(model, stimuli)
    (file,) = files(folder)
    whole = file.read_bytes()
    half = len(whole) // 2
    if damage == "one bit":
        file.write_bytes(whole[:half] + bytes([whole[half] ^ 64]) + whole[half + 1 :])
    else:
        file.write_bytes(whole[:half] + bytes(len(whole) - half))
    np.testing.assert_array_equal(look(model, stimuli), first)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("value", ["1", cache.NAME])
def test_caching_can_be_disabled(model, stimuli, folder, monkeypatch, value):
    """The variable that disables Brain-Score's cache disables this one."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", value)
    look(model, stimuli)
    assert files(folder) == []


def test_nothing_without_a_name_is_kept(model, stimuli, pictures, folder):
    """Lists of files, and what a hook has changed, have no name that could tell them apart."""
    look(model, pictures)
    handle = model.activations_model.register_batch_activations_hook(lambda activations: activations)
    look(model, stimuli)
    handle.remove()
    lesion = model.activations_model.network.V4.register_forward_hook(lambda module, inputs, output: output)
    look(model, stimuli)
    lesion.remove()
    assert files(folder) == []


def test_repeated_images_are_kept_once(model, stimuli, folder):
    """A stimulus set that lists an image several times gives it several times, also from disk."""
    repeated = StimulusSet(stimuli.iloc[[0, 1, 0, 2]])
    repeated.stimulus_paths, repeated.identifier = stimuli.stimulus_paths, "repeated"
    first = look(model, repeated)
    np.testing.assert_array_equal(first[0], first[2])
    assert np.load(files(folder)[0]).shape[0] == 3
    np.testing.assert_array_equal(look(model, repeated), first)


def test_what_was_not_used_for_longest_makes_room(model, stimuli, folder, monkeypatch):
    """The cache stays within its limit."""
    look(model, stimuli, region="V4")
    look(model, stimuli, region="IT")
    oldest, newest = sorted(files(folder), key=lambda path: path.stat().st_size, reverse=True)
    os.utime(oldest, (1, 1))
    monkeypatch.setenv(cache.LIMIT_VARIABLE, str((2 * newest.stat().st_size + 1000) / 1e9))
    look(model, stimuli, region="IT", time_bins=[(130, 150)])
    assert newest in files(folder)
    assert oldest not in files(folder)


def test_an_array_beyond_the_limit_is_not_kept(model, stimuli, folder, monkeypatch, caplog):
    """The recording is given all the same, and a log line says why nothing was kept."""
    monkeypatch.setenv(cache.LIMIT_VARIABLE, "0.000001")
    assert look(model, stimuli).any()
    assert files(folder) == []
    assert cache.LIMIT_VARIABLE in caplog.text


def test_a_full_disk_is_no_reason_to_stop(model, stimuli, tmp_path, monkeypatch, caplog):
    """The recording is given, nothing unfinished stays, and a log line tells."""
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)]).returncode:
        pytest.skip("this machine does not let anybody mount")
    try:
        monkeypatch.setenv("RESULTCACHING_HOME", str(small))
        monkeypatch.setenv(cache.LIMIT_VARIABLE, "10")  # by default so small a disk would not even be tried
        assert look(model, stimuli).any()
        assert [path for path in small.rglob("*") if path.is_file()] == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert "No space left" in caplog.text


MEMORY = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from brainscore_cornet import load_model

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

model = load_model("cornet_z_untrained", batch_size=8)
paths = [f"{index}.png" for index in range(200)]
for index, path in enumerate(paths):
    Image.fromarray(np.full((64, 64, 3), index, np.uint8)).save(path)
model.start_recording("V1", [(start, start + 10) for start in (50, 60)])
model.look_at(paths[:8])
Path("/proc/self/clear_refs").write_text("5")  # forgets the peak until now
before = memory("VmRSS")
values = model.look_at(paths).values
print((memory("VmHWM") - before) / values.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the peak where Linux keeps it")
@pytest.mark.slow
def test_memory_grows_with_the_result_and_not_with_a_multiple_of_it(tmp_path):
    """The peak beyond what a first, small recording needed is the result's own size, and little more."""
    command = [sys.executable, "-W", "ignore", "-c", MEMORY]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    assert 0.8 < float(result.stdout) < 1.6  # a second copy would make it 2


def test_other_models_activations_are_bounded(tmp_path, monkeypatch):
    """Brain-Score bounds nothing: beyond the limit its oldest activations go, its ceilings and others' files stay."""
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    monkeypatch.setenv(cache.LIMIT_VARIABLE, "0.000002")
    stored = "brainscore_vision.model_helpers.activations.core.ActivationsExtractorHelper._from_paths_stored"
    activations = [tmp_path / stored / f"identifier={index}.pkl" for index in range(3)]
    others = [tmp_path / "brainscore_vision.benchmarks.ceiling" / "a.pkl", tmp_path / "somebody_else" / "b.pkl"]
    for age, path in enumerate([*activations, *others]):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(900))
        os.utime(path, (100 + age, 100 + age))
    cache.trim()
    assert [path.exists() for path in activations] == [False, True, True]
    assert all(path.exists() for path in others)


def test_shapes_are_those_of_the_network_as_it_is(stand_in, stimuli, folder, monkeypatch):
    """Where a module of another output size takes a layer's place, its recordings are read again as well."""
    model = small_model(stand_in, "cornet_z")
    network = copy.deepcopy(model.activations_model.network)
    model = CORnetModel(model.commitment, network, device=torch.device("cpu"), batch_size=4)
    before = look(model, stimuli)
    network.IT.pool = torch.nn.MaxPool2d(3)
    after = look(model, stimuli)
    assert after.shape[1] < before.shape[1]
    monkeypatch.setattr("brainscore_cornet.cornet.recording.activations_model.record", None)
    np.testing.assert_array_equal(look(model, stimuli), after)


def rewritten(path: Path, array: np.ndarray) -> None:
    """Put another array into a file of the cache, with a checksum that is right."""
    writer = cache.EntryWriter(path, len(array))
    writer.append(array)
    writer.finish()


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:, :100],
        lambda array: array[:4],
        lambda array: np.concatenate([array, array]),
        lambda array: array[..., :1],
        lambda array: array.reshape(len(array), -1),
        lambda array: array.astype(np.float64),
    ],
    ids=["fewer channels", "fewer rows", "more rows", "less space", "flat", "doubles"],
)
def test_an_array_of_another_shape_is_missing(model, stimuli, folder, change):
    """A file whose checksum is right is not used when it does not have the rows and the features that are asked for."""
    first = look(model, stimuli)
    (path,) = files(folder)
    good = np.load(path)
    rewritten(path, change(good))
    np.testing.assert_array_equal(look(model, stimuli), first)
    np.testing.assert_array_equal(np.load(path), good)
