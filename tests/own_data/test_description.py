"""What `benchmark` shows and checks before a model is run: images, and the neuroids' consistency."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from helpers.commands import run_here
from helpers.own_recordings import laboratory

from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.description import _consistencies
from brainscore_cornet.own_data.image_checks import checked_images


@pytest.mark.parametrize("kept", [0, 200])
def test_damaged_images_are_named(tmp_path, kept):
    """An image that is empty or ends early is an error of `benchmark` that names the file."""
    laboratory(tmp_path)
    image = tmp_path / "images" / "07.png"
    image.write_bytes(image.read_bytes()[:kept])
    done = run_here("benchmark", "it.toml", folder=tmp_path)
    assert done.returncode == 1
    (line,) = (each for each in done.stderr.splitlines() if not each.startswith("Reading "))
    assert "07.png" in line
    assert "image" in line
    assert not done.stdout


def test_checking_images_has_an_end(tmp_path):
    """After some time the rest is not decoded, and a sentence says how many were."""
    benchmark = load_benchmark(laboratory(tmp_path))
    assert checked_images(benchmark) == []
    (sentence,) = checked_images(benchmark, seconds=-1)
    assert sentence.startswith("0 of 40 images were decoded within")


def test_the_same_image_twice_is_said(tmp_path):
    """Stimuli that are one image are named: a model responds the same to both."""
    laboratory(tmp_path)
    shutil.copy(tmp_path / "images" / "03.png", tmp_path / "images" / "05.png")
    done = run_here("benchmark", "it.toml", folder=tmp_path)
    assert "2 stimuli have an image that another one has, too, such as 03 and 05" in done.stdout


def test_each_neuroid_is_in_its_bin():
    """The histogram's bars have the names of their limits, also below the lowest; a number on a limit is above it."""
    lines = _consistencies(np.array([-7.0, -0.15, -0.1, 0.3, 0.3, 0.95, 1.0]))
    bars = [re.fullmatch(r" +(.+?) █+ (\d+)", line) for line in lines]
    shown = {bar[1]: int(bar[2]) for bar in bars if bar}
    assert shown == {"below -0.1": 2, "-0.1 to 0.0": 1, "0.3 to 0.4": 2, "0.9 to 1.0": 2}
