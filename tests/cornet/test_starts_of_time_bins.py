"""Two time bins of a region with the same start: no step could answer the second one."""

from __future__ import annotations

import ssl
import warnings

import numpy as np
import pandas as pd
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from helpers.commands import run_here

from brainscore_cornet import UserError
from brainscore_cornet.cornet.commitments import COMMITMENTS, vary

SAME = {
    "a time bin twice": {0: (70, 170), 1: (70, 170)},
    "a start twice": {0: (70, 170), 1: (70, 120)},
    "in other numbers": {0: (70.0, 170), 1: (np.int64(70), 170)},
    "one of several": {0: [(70, 170), (170, 270)], 1: (170, 220)},
    "of one step": {0: [(70, 170), (70, 120)], 1: (170, 220)},
}


@pytest.mark.parametrize("bins", SAME.values(), ids=SAME)
def test_a_start_is_given_once(bins):
    """The error names region, steps and time bins."""
    with pytest.raises(
        UserError, match=r"gives IT's step 0 the time bin \d+-\d+ and step [01] the time bin \d+-\d+ ms: the"
    ):
        vary(COMMITMENTS["cornet_s"], time_mapping={"IT": bins})


def test_regions_and_ends_may_share_times():
    """Other regions start whenever they do, and bins may overlap or end together."""
    mapping = {"V4": {0: (70, 170), 1: (80, 170)}, "IT": {0: (70, 170), 1: (100, 170)}}
    assert vary(COMMITMENTS["cornet_s"], time_mapping=mapping).time_bins["V4"] == mapping["V4"]


@pytest.mark.parametrize("end", [170, 120])
def test_brain_score_cannot_answer_by_such_time_bins_either(monkeypatch, end):
    """Its own class for CORnet-S finds two steps at the nearest start, and stops with an error."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_default_https_context)
    from brainscore_vision.models.cornet_s.helpers.helpers import CORnetCommitment

    def steps_as_activity(stimulus_set, layers, **_):
        names = stimulus_set["stimulus_id"].values
        coords = {
            "stimulus_id": ("presentation", names), "number": ("presentation", np.arange(len(names))),
            "neuroid_id": ("neuroid", ["a", "b"]), "region": ("neuroid", ["IT"] * 2), "time_step": [0, 1],
        }  # fmt: skip
        return NeuroidAssembly(
            np.ones((2, len(names), 2)), coords=coords, dims=["time_step", "presentation", "neuroid"]
        )

    stimuli = StimulusSet(pd.DataFrame({"stimulus_id": ["a", "b", "c"]}))
    stimuli.identifier = "same-starts"
    mapping = {"IT": {0: (70, 170), 1: (70, end)}}
    peer = CORnetCommitment("peer", steps_as_activity, layers=["IT.output-t0"], time_mapping=mapping)
    peer.start_recording("IT", [(70, 170)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="time_bin"):
            peer.look_at(stimuli)


def test_the_commands_name_a_start_that_is_given_twice(tmp_path):
    """In `--time-mapping` as in a commitment file."""
    (tmp_path / "mine.toml").write_text("[time_mapping.IT]\n0 = [70, 170]\n1 = [[70, 170], [170, 270]]\n")
    for given in (["--time-mapping", '{"IT": {"0": [70, 170], "1": [70, 170]}}'], ["--commitment", "mine.toml"]):
        done = run_here(
            "score", "cornet_s_untrained", "-b", "Marques2020_Ringach2002-or_bandwidth", *given, folder=tmp_path
        )
        assert done.returncode, done.stdout
        assert "The time mapping gives IT's step 0 the time bin 70-170 and step 1 the time bin 70-170 ms" in done.stderr
