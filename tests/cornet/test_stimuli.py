"""Stimuli: images and microsaccades as Brain-Score itself prepares them, bit by bit."""

from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.activations.core import ActivationsExtractorHelper
from brainscore_vision.model_helpers.activations.pytorch import load_preprocess_images
from helpers.peer import result_caching_disabled
from PIL import Image

from brainscore_cornet import UserError
from brainscore_cornet.cornet.recording.stimuli import (
    Microsaccades,
    as_stimulus_set,
    batches,
    load_image,
    stimulus_paths,
)


@pytest.mark.parametrize("image_size", [224, 57])
def test_images_are_preprocessed_as_brain_score_does(pictures, image_size):
    """Every mode, format and shape of image gives the same bits, in batches of any size."""
    paths = list(map(str, pictures))
    expected = load_preprocess_images(paths, image_size=image_size)
    for batch_size in (1, 4, 6, 100):
        portions = list(batches(paths, image_size, batch_size))
        assert [len(portion) for portion in portions] == [
            min(batch_size, len(paths) - start) for start in range(0, len(paths), batch_size)
        ]
        images = np.concatenate(portions)
        assert images.dtype == expected.dtype == np.float32
        assert images.shape == (len(paths), 3, image_size, image_size)
        np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("image_size", [64, 48])
def test_every_value_of_a_pixel_is_preprocessed_as_brain_score_does(tmp_path, image_size):
    """Each of 256 values in each channel is preprocessed as Brain-Score does, with and without resizing."""
    path = str(tmp_path / "values.png")
    values = np.arange(64 * 64 * 3).reshape(64, 64, 3) % 256
    Image.fromarray(values.astype(np.uint8)).save(path)
    np.testing.assert_array_equal(load_image(path, image_size), load_preprocess_images([path], image_size)[0])


@pytest.mark.parametrize(("trials", "image_size", "visual_degrees"), [(1, 64, 8), (4, 64, 8), (3, 224, 1.5)])
def test_microsaccades_are_brain_scores(pictures, trials, image_size, visual_degrees):
    """Its extractor shows the same bits in the same order, and says the same about the shifts."""
    paths = list(map(str, pictures[:4]))
    helper = ActivationsExtractorHelper(
        get_activations=lambda images, layers: OrderedDict({layers[0]: np.array(images)}),
        preprocessing=partial(load_preprocess_images, image_size=image_size),
        batch_size=1,  # with more, it labels presentations in another order than it shows them
    )
    helper.set_visual_degrees(visual_degrees)
    with result_caching_disabled():
        shown = helper(paths, ["pixels"], number_of_trials=trials, require_variance=True)
    microsaccades = Microsaccades(trials, visual_degrees)
    images = np.concatenate(list(batches(paths, image_size, 3, microsaccades)))
    np.testing.assert_array_equal(images.reshape(len(images), -1), shown.values)
    for unit, shifts in microsaccades.shifts(image_size).items():
        assert shifts.shape == (trials, 2)
        for axis, name in enumerate("xy"):
            coord = shown[f"microsaccade_shift_{name}_{unit}"].values
            np.testing.assert_array_equal(np.tile(shifts[:, axis], len(paths)), coord)


def test_only_later_trials_are_shifted(pictures):
    """The first trial of several looks at the centre: its image is the image itself, bit by bit."""
    path = str(pictures[1])
    image = load_image(path, 64)
    (shown,) = batches([path], 64, 8, Microsaccades(3, visual_degrees=8))
    assert shown.is_contiguous()
    np.testing.assert_array_equal(shown[0], image)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(shown[first], shown[second])


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_become_a_stimulus_set(pictures, kind):
    """Each path is its own id, in the order given and repeated where it is repeated."""
    given = [kind(pictures[index]) for index in (3, 1, 3)]
    stimulus_set = as_stimulus_set(given)
    expected = list(map(str, given))
    assert stimulus_set["stimulus_id"].tolist() == stimulus_set["stimulus_path"].tolist() == expected
    assert stimulus_paths(stimulus_set) == expected
    assert stimulus_set.identifier is None  # Brain-Score caches nothing for a set without a name


def test_a_stimulus_set_stays_what_it_is(stimuli, pictures):
    """Its columns, identifier and paths are untouched."""
    assert as_stimulus_set(stimuli) is stimuli
    assert stimulus_paths(stimuli.iloc[[2, 0]]) == [str(pictures[2]), str(pictures[0])]


def test_a_tuple_and_a_generator_are_lists_of_paths(pictures):
    """Any iterable of paths will do."""
    for given in (tuple(pictures), iter(pictures), np.array(list(map(str, pictures)))):
        assert stimulus_paths(as_stimulus_set(given)) == list(map(str, pictures))


@pytest.mark.parametrize("stimuli", ["picture.png", Path("picture.png")])
def test_one_path_is_refused(stimuli):
    """A path alone is not a list of its letters; the error says what to write."""
    with pytest.raises(UserError, match=r"received 'picture.png'; write \[path\]"):
        as_stimulus_set(stimuli)


def test_a_set_without_ids_is_refused():
    """The error names the columns that it has."""
    with pytest.raises(UserError, match="no column stimulus_id, only image, size"):
        as_stimulus_set(StimulusSet({"image": ["a"], "size": [1]}))


def test_missing_images_are_counted(tmp_path, pictures):
    """Before any image is loaded, the error says how many are missing and names the first."""
    gone = [tmp_path / "one.png", tmp_path / "two.png"]
    with pytest.raises(UserError, match=r"2 of 3 images do not exist, the first is .*one\.png"):
        stimulus_paths(as_stimulus_set([pictures[0], gone[0], gone[1], gone[0]]))


def test_an_unreadable_image_is_named(tmp_path):
    """What is not an image is refused with its path."""
    path = tmp_path / "notes.png"
    path.write_text("no image")
    with pytest.raises(UserError, match=f"Cannot read the image {path}"):
        load_image(str(path), 64)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "1"])
def test_other_colours_become_rgb(tmp_path, mode):
    """Printers' and black-and-white images are seen as PIL shows them."""
    path = tmp_path / "image.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(path)
    image.convert("RGB").save(tmp_path / "rgb.png")
    np.testing.assert_array_equal(load_image(str(path), 64), load_image(str(tmp_path / "rgb.png"), 64))
