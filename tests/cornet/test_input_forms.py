"""Forms in which values are passed: what Brain-Score's own model answers, ours answers in the same way.

Held against `ModelCommitment` around the same network, asked in the same form; or in the plainest form, for the forms
that only ours takes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
from helpers.input_forms import ENTRANCES, LAYERS
from helpers.peer import brain_score_wrapper
from helpers.small_model import SIZE, small_model

from brainscore_cornet.cornet.anatomy import REGIONS

pytestmark = pytest.mark.filterwarnings("ignore:'multi_class' was deprecated", "ignore:Line Search failed")

SHARED = [(entrance, form) for entrance, (_, shared, _) in ENTRANCES.items() for form in shared]
OURS = [(entrance, form) for entrance, (_, _, more) in ENTRANCES.items() for form in more]


@pytest.fixture(scope="module")
def ask(stand_in):
    """Asks ours or Brain-Score's model at an entrance, with a value in some form, once."""
    ours = small_model(stand_in, "cornet_z", batch_size=6)
    wrapper = brain_score_wrapper(stand_in("Z"), ours.identifier, SIZE)
    layers = {region: f"{region}.output" for region in REGIONS}
    theirs = ModelCommitment(ours.identifier, wrapper, LAYERS, "decoder.avgpool", layers)

    answers = {}

    def ask(whose: str, entrance: str, form: str, stimuli: StimulusSet):
        ask_model, shared, more = ENTRANCES[entrance]
        if (whose, entrance, form) not in answers:
            wrapper._extractor._microsaccade_helper.number_of_trials = 1  # it keeps that of the last call
            model = {"ours": ours, "theirs": theirs}[whose]
            answers[whose, entrance, form] = ask_model(model, stimuli, {**shared, **more}[form])
        return answers[whose, entrance, form]

    return ask


def assert_same_answer(ours, theirs) -> None:
    """The same values and coordinates, apart from what `look_at` of ours names in its own way."""
    theirs = theirs.transpose(*ours.dims)
    if theirs.dtype.kind == "f":
        # the solver of the readout stops at a gradient of 1e-4
        np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=5e-3 * np.abs(theirs.values).max())
    else:
        np.testing.assert_array_equal(ours.values, theirs.values)
    for name, dims, values in walk_coords(theirs):
        if name not in ("neuroid_id", "stimulus_path"):
            assert ours[name].dims == dims, name
            pd.testing.assert_series_equal(pd.Series(ours[name].values), pd.Series(values), obj=name)


@pytest.mark.parametrize(("entrance", "form"), SHARED)
def test_a_form_that_brain_score_takes(ask, stimuli, entrance, form):
    """Brain-Score's model, asked in the same form, gives the same answer."""
    assert_same_answer(ask("ours", entrance, form, stimuli), ask("theirs", entrance, form, stimuli))


@pytest.mark.parametrize(("entrance", "form"), OURS)
def test_a_form_that_only_ours_takes(ask, stimuli, entrance, form):
    """Brain-Score's model, asked in the plainest form, gives the same answer."""
    plainest = next(iter(ENTRANCES[entrance][1]))
    assert_same_answer(ask("ours", entrance, form, stimuli), ask("theirs", entrance, plainest, stimuli))
