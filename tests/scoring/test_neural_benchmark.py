"""A neural benchmark as Brain-Score's documentation writes it, over an assembly that was saved and read back.

Brain-Score's loaders read assemblies from netCDF and most benchmarks squeeze the single time bin before they ask for
it: `timebins_from_assembly` then gives a zero-dimensional object array in place of a tuple.
"""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio import s3
from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import (
    NeuralBenchmark,
    average_repetition,
    timebins_from_assembly,
)
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
from helpers.peer import result_caching_disabled
from helpers.small_model import SIZE, small_model
from PIL import Image

from brainscore_cornet.cornet.time_bins import check_time_bin
from brainscore_cornet.scoring.jobs import Candidate, Job, Target
from brainscore_cornet.scoring.score_files import load_score, save_score
from brainscore_cornet.scoring.scorer import JobScorer

NEUROIDS, REPETITIONS = 4, 2


@pytest.fixture(scope="module")
def many_stimuli(tmp_path_factory):
    """Twenty pictures, ten of each object, since Brain-Score's splits are stratified."""
    folder = tmp_path_factory.mktemp("stimuli")
    identifiers = [f"stimulus_{number:02}" for number in range(20)]
    for number, identifier in enumerate(identifiers):
        pixels = np.random.RandomState(number).randint(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(folder / f"{identifier}.png")
    stimuli = StimulusSet({"stimulus_id": identifiers, "object_name": np.repeat(["bear", "car"], 10)})
    stimuli.stimulus_paths = {identifier: folder / f"{identifier}.png" for identifier in identifiers}
    stimuli.identifier = "made_up"
    return stimuli


@pytest.fixture(scope="module")
def load(many_stimuli, tmp_path_factory):
    """Time bins -> the recordings as Brain-Score's own loader reads them from a netCDF file."""

    def load(time_bins) -> NeuronRecordingAssembly:
        random = np.random.RandomState(1)
        signal = random.rand(len(many_stimuli), 1, NEUROIDS, len(time_bins))
        noise = random.rand(len(many_stimuli), REPETITIONS, NEUROIDS, len(time_bins))
        values = (signal + noise).reshape(-1, NEUROIDS, len(time_bins)).astype(np.float32)
        assembly = NeuronRecordingAssembly(
            values,
            coords={
                "stimulus_id": ("presentation", np.repeat(many_stimuli["stimulus_id"].values, REPETITIONS)),
                "object_name": ("presentation", np.repeat(many_stimuli["object_name"].values, REPETITIONS)),
                "repetition": ("presentation", np.tile(np.arange(REPETITIONS), len(many_stimuli))),
                "neuroid_id": ("neuroid", [f"site_{number}" for number in range(NEUROIDS)]),
                "region": ("neuroid", ["IT"] * NEUROIDS),
                "animal": ("neuroid", ["Tito"] * NEUROIDS),
                "time_bin_start": ("time_bin", [start for start, _ in time_bins]),
                "time_bin_end": ("time_bin", [end for _, end in time_bins]),
            },
            dims=["presentation", "neuroid", "time_bin"],
        )
        path = tmp_path_factory.mktemp("recordings") / "assembly.nc"
        assembly.reset_index(list(assembly.indexes)).to_netcdf(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(s3, "get_path", lambda *_, **__: path)  # in place of the download
            return s3.load_assembly_from_s3(
                "made_up", "", "", "", cls=NeuronRecordingAssembly, stimulus_set_loader=lambda: many_stimuli
            )

    return load


FORMS = {
    "one, squeezed": ([(70, 170)], lambda assembly: assembly.squeeze("time_bin")),
    "one, not squeezed": ([(70, 170)], lambda assembly: assembly),
    "one of two, selected": ([(70, 170), (170, 270)], lambda assembly: assembly.isel(time_bin=0)),
    "two": ([(70, 170), (170, 270)], lambda assembly: assembly),
}


@pytest.mark.parametrize(("time_bins", "change"), FORMS.values(), ids=FORMS)
def test_time_bins_as_they_are_loaded(load, stand_in, time_bins, change):
    """Whatever Brain-Score makes of an assembly's time bins can be recorded in, and is labelled with them."""
    asked = timebins_from_assembly(change(load(time_bins)))
    model = small_model(stand_in, "cornet_s")
    model.start_recording("IT", asked)
    expected = time_bins[: len(asked)]
    assert [check_time_bin(time_bin) for time_bin in asked] == expected
    recording = model.look_at(load(time_bins).stimulus_set[:2])
    assert np.atleast_1d(recording["time_bin"].values).tolist() == expected


@pytest.mark.parametrize("is_squeezed", [True, False], ids=["squeezed", "not squeezed"])
def test_a_benchmark_over_recordings_read_from_a_file(load, stand_in, is_squeezed):
    """A benchmark as the documentation writes it gives ours the score of Brain-Score's own model of the network."""
    assembly = load([(70, 170)])
    assembly = assembly.squeeze("time_bin") if is_squeezed else assembly
    ceiler = load_metric("internal_consistency")
    splits = {"stratification_coord": "object_name", "splits": 3}
    benchmark = NeuralBenchmark(
        "made_up.IT-ridge",
        # Brain-Score's benchmarks keep a dimension of time for temporal metrics only
        assembly=average_repetition(assembly if is_squeezed else assembly.isel(time_bin=0)),
        similarity_metric=load_metric("ridge", crossvalidation_kwargs=splits),
        visual_degrees=8,
        number_of_trials=REPETITIONS,
        ceiling_func=lambda: ceiler(assembly.squeeze()),
        version=1,
        parent="IT",
    )
    ours = small_model(stand_in, "cornet_z")
    layers = dict(ours.commitment.layers)
    wrapper = PytorchWrapper(
        stand_in("Z"), partial(load_preprocess_images, image_size=SIZE), identifier="theirs", batch_size=8
    )
    with result_caching_disabled():
        theirs = benchmark(ModelCommitment("theirs", wrapper, list(layers.values()), region_layer_map=layers))
    score = benchmark(ours)
    assert float(score) == pytest.approx(float(theirs), abs=1e-4 * float(theirs.ceiling))
    assert 0 < float(score) < 1


def test_a_temporal_score_is_a_result(load, stand_in, tmp_path):
    """MajajHong2015's temporal benchmarks give a score for each time bin: the row has them, their mean, and a note."""
    time_bins = [(70, 170), (170, 270)]
    assembly = load(time_bins)
    ceiler = load_metric("internal_consistency_temporal")
    splits = {"crossvalidation_kwargs": {"stratification_coord": "object_name", "splits": 2}}
    benchmark = NeuralBenchmark(
        "made_up.IT-temporal-pls",
        assembly=average_repetition(assembly),
        similarity_metric=load_metric("spantime_pls", **splits),
        visual_degrees=8,
        number_of_trials=REPETITIONS,
        ceiling_func=lambda: ceiler(assembly),
        version=1,
        parent="IT",
    )
    model = small_model(stand_in, "cornet_s")
    job = Job(Candidate("small", lambda: model), Target(benchmark.identifier, lambda: benchmark, "made up"))
    outcome = JobScorer().score(job)
    assert outcome.row.status == "scored", outcome.trace
    values = np.asarray(outcome.score)
    assert values.shape == (2,)
    assert len(set(values)) == 2
    assert outcome.row.score == pytest.approx(values.mean())
    assert outcome.row.time_bins == "70-170 170-270"
    assert outcome.row.note == "the score is the mean of 2 values, one for each time bin"
    expected = [[*time_bin, value] for time_bin, value in zip(time_bins, values, strict=True)]
    np.testing.assert_allclose(json.loads(outcome.row.by_time_bin), expected)
    save_score(outcome.score, tmp_path / "score.nc")
    kept = load_score(tmp_path / "score.nc")
    np.testing.assert_array_equal(kept.values, values)
    assert kept.attrs["raw"].sizes == outcome.score.attrs["raw"].sizes
