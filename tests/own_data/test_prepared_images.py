"""Benchmarks of one's own show a model its images as its options say, and say where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.own_recordings import STIMULI, pictures, responses
from helpers.small_model import SIZE, small_model
from PIL import Image

from brainscore_cornet import neural_benchmark, rdm_benchmark, time_map
from brainscore_cornet.cornet.recording.images import read_image, resized

OPTIONS = {"background": "white", "resize": "pad"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Wide pictures with an opacity that changes from left to right."""
    folder = tmp_path_factory.mktemp("prepared")
    for path in pictures(folder):
        with Image.open(path) as image:
            wide = image.resize((64, 40))
        wide.putalpha(Image.linear_gradient("L").rotate(90).resize(wide.size))
        wide.save(path)
    return folder


def benchmark_of(folder: Path, degrees: float = 8):
    dims = ("repetition", "stimulus", "neuroid", "time_bin")
    options = {"metric": "ridge", "visual_degrees": degrees, "splits": 2, "time_bins": [(70, 170)]}
    return neural_benchmark("x", responses(time_bins=1), stimuli=folder, dims=dims, region="IT", **options)


def test_scores_and_maps(stand_in, folder, tmp_path, monkeypatch):
    """Scores, maps and dissimilarities are those of a plain model that is shown prepared images."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")  # the benchmarks of both folders share a name
    ground = (255, 255, 255)
    for path in folder.glob("*.png"):
        resized(read_image(str(path), ground), SIZE, "pad", ground).save(tmp_path / path.name)
    model, plain = small_model(stand_in, "cornet_z", 40, **OPTIONS), small_model(stand_in, "cornet_z", 40)
    ours, theirs = benchmark_of(folder), benchmark_of(tmp_path)
    assert float(ours(model)) == float(theirs(plain))
    maps = [time_map(*pair, layers=["V1"], resamples=50).dataset["raw"] for pair in ((model, ours), (plain, theirs))]
    np.testing.assert_array_equal(*(each.values for each in maps))
    pytest.importorskip("rsatoolbox")
    data = 1 - np.corrcoef(np.random.RandomState(0).randn(STIMULI, 20))
    rdms = [
        rdm_benchmark("x", data, stimuli=images, region="IT", visual_degrees=8).model_rdm(candidate)
        for images, candidate in ((folder, model), (tmp_path, plain))
    ]
    np.testing.assert_array_equal(*(each.dissimilarities for each in rdms))


@pytest.mark.parametrize(("degrees", "background"), [(8, None), (4, None), (4, "white"), (16, "white")])
def test_transparent_stimuli_are_counted(stand_in, folder, caplog, monkeypatch, tmp_path, degrees, background):
    """Hidden colours that the network sees are counted, also where Brain-Score has made the images opaque."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setattr("brainscore_vision.benchmark_helpers.screen.root_path", tmp_path)
    options = {} if background is None else {"background": background}
    model = small_model(stand_in, "cornet_z", 40, **options)
    benchmark = benchmark_of(folder, degrees)
    runs = [lambda: benchmark(model)]
    if degrees == 8:
        runs.append(lambda: time_map(model, benchmark, layers=["V1"], resamples=50))
    for run in runs:
        caplog.clear()
        run()
        messages = [line for line in caplog.messages if "transparen" in line]
        if background is None:
            assert [line.split(",")[0] for line in messages] == ["40 images have transparency"]
        else:  # enlarged images lose it, cropped ones keep it
            assert [line.split(" when")[0] for line in messages] == ["40 images lost their transparency"] * (
                degrees == 4
            )
