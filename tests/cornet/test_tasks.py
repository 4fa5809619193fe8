"""Tasks: Brain-Score's readouts on our activations, and each start in place of what went before."""

from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from brainscore_vision.model_helpers.brain_transformation import behavior
from helpers.small_model import seen, small_model

pytestmark = pytest.mark.filterwarnings("ignore:'multi_class' was deprecated")


@pytest.fixture
def small(stand_in):
    """Identifier -> a new model with stand-in weights that sees small images."""
    return partial(small_model, stand_in)


@pytest.fixture
def labelled(stimuli):
    """The pictures with labels to fit a readout on."""
    return stimuli.assign(image_label=stimuli["category"])


def test_labels_are_imagenet_synsets(small, stand_in, stimuli, pictures):
    """`imagenet` gives the synset of the largest logit."""
    model = small("cornet_s")
    model.start_task("label", "imagenet")
    choices = model.look_at(stimuli)
    with torch.no_grad():
        largest = stand_in("S")(torch.from_numpy(seen(pictures))).argmax(dim=1)
    synsets = (Path(behavior.__file__).parent / "imagenet_classes.txt").read_text().split()
    assert choices.dims == ("choice", "presentation")
    assert choices.values.tolist() == [[synsets[index] for index in largest]]
    assert choices["synset"].values.tolist() == choices["label"].values.tolist() == choices.values[0].tolist()
    assert choices["stimulus_id"].values.tolist() == stimuli["stimulus_id"].tolist()


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_labels_come_from_a_list(small, stand_in, stimuli, pictures, aggregation):
    """With a list of labels, the one whose ImageNet classes are the most probable."""
    labels = ["bottle", "Sewing Machine", "lizard", "cat", "knife"]
    model = small("cornet_z")
    model.start_task("label", labels, aggregation=aggregation)
    with torch.no_grad():
        probabilities = stand_in("Z")(torch.from_numpy(seen(pictures))).softmax(dim=1).numpy()
    pooled = [
        getattr(np, aggregation)(
            probabilities[:, behavior.LabelToImagenetIndices.label_to_indices(label.lower().replace(" ", ""))], axis=1
        )
        for label in labels
    ]
    choices = model.look_at(stimuli)
    assert len(set(choices.values[0])) > 1
    assert choices.values.tolist() == [[labels[index] for index in np.argmax(pooled, axis=0)]]


ACTIVITIES = {
    "recording": (lambda model, _: model.start_recording("IT", [(100, 200)]), ("presentation", "neuroid")),
    "passive": (lambda model, _: model.start_task("passive"), None),
    "label": (lambda model, _: model.start_task("label", ["dog", "cat"]), ("choice", "presentation")),
    "probabilities": (
        lambda model, fitting: model.start_task("probabilities", fitting_stimuli=fitting),
        ("presentation", "choice"),
    ),
    "odd_one_out": (lambda model, _: model.start_task("odd_one_out"), ("choice", "presentation")),
}


@pytest.mark.parametrize(("first", "second"), list(product(ACTIVITIES, ACTIVITIES)))
def test_each_start_replaces_what_went_before(small, labelled, first, second):
    """After any recording or task, the next one is what `look_at` answers with."""
    model, fresh = small("cornet_z"), small("cornet_z")
    ACTIVITIES[first][0](model, labelled)
    model.look_at(labelled)
    start, dims = ACTIVITIES[second]
    for either in (model, fresh):
        start(either, labelled)
    answer, expected = model.look_at(labelled), fresh.look_at(labelled)
    assert (None if answer is None else answer.dims) == dims
    if expected is not None:
        assert answer.identical(expected)


def test_behaviour_takes_paths(small, stimuli, pictures):
    """Tasks take lists of image files, too."""
    model = small("cornet_z")
    for start in (("label", ["dog", "truck"]), ("odd_one_out",)):
        model.start_task(*start)
        from_paths, from_set = model.look_at(pictures), model.look_at(stimuli)
        names = dict(zip(map(str, pictures), stimuli["stimulus_id"], strict=True))
        assert [names.get(value, value) for value in from_paths.values[0]] == from_set.values[0].tolist()
