"""`features` and `test` on the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from helpers.commands import run_here
from helpers.patience import PATIENCE
from PIL import Image
from torchvision import transforms

from brainscore_cornet import load_network


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "brainscore_cornet", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture
def folder(tmp_path, pictures, released_folder) -> Path:
    """A folder of colour images in `images`, and weights as CORnet's users have them."""
    (tmp_path / "images").mkdir()
    (tmp_path / "out").mkdir()
    for index, path in enumerate(pictures):
        with Image.open(path) as image:
            image.convert("RGB").save(tmp_path / "images" / f"{9 - index}.png")
    for path in released_folder.glob("*.pth"):
        (tmp_path / path.name.split("-")[0]).with_suffix(".pth").symlink_to(path)
    return tmp_path


def as_by_hand(network, folder: Path, layer: str, call: int, size: int = 224) -> np.ndarray:
    """Image by image: resize, normalize, forward, and what a hook sees at one of a layer's calls."""
    prepare = transforms.Compose(
        [
            transforms.Resize((size, size)),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )
    rows, seen = [], []
    network.get_submodule(layer).register_forward_hook(lambda _m, _i, output: seen.append(output.numpy().copy()))
    for path in sorted(folder.iterdir()):
        seen.clear()
        with Image.open(path) as image, torch.no_grad():
            network(prepare(image.convert("RGB"))[None])
        rows.append(seen[call].reshape(-1))
    return np.stack(rows)


@pytest.mark.parametrize(
    ("model", "options", "layer", "call"),
    [
        pytest.param("S", [], "decoder.avgpool", 0, marks=pytest.mark.slow),
        ("S", ["--layer", "IT", "--sublayer", "conv2", "--time_step", "1", "--imsize", "64"], "IT.conv2", 1),
        ("RT", ["--layer", "V2", "--sublayer", "output", "--time_step", "2"], "V2.output", 2),
        ("RT", ["--layer", "V2", "--sublayer", "conv_input", "--time_step", "0"], "V2.conv_input", 0),
        ("Z", ["--layer", "V4", "--sublayer", "output"], "V4.output", 0),
    ],
)
def test_cornets_own_command(folder, model, options, layer, call):
    """The command writes the file that CORnet's own writes, with the numbers of a loop over images, in their order."""
    weights = folder / f"cornet_{model.lower()}.pth"
    arguments = ["test", "--model", model, "--data_path", "images/", "-o", "out", "--weights", weights, *options]
    result = run_here(*arguments, folder=folder)
    assert result.returncode == 0, result.stderr
    region, sublayer = layer.split(".")
    features = np.load(folder / "out" / f"CORnet-{model}_{region}_{sublayer}_feats.npy")
    size = 64 if "--imsize" in options else 224
    expected = as_by_hand(
        load_network(f"cornet_{model.lower()}", weights=weights), folder / "images", layer, call, size
    )
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_features(folder):
    """Time bins as people write them, progress aside, and the name of the file at the end."""
    arguments = ["features", "cornet_s_untrained", "images", "-o", "out/f.nc", "-l", "IT", "--image-size", "64"]
    result = run_here(*arguments, "--time-bins", "100-200", "200-300", "--pool", folder=folder)
    assert (result.returncode, result.stdout) == (0, "out/f.nc\n"), result.stderr
    with xr.open_dataset(folder / "out" / "f.nc") as written:
        assert written["IT.output"].shape == (2, 6, 512)
        assert [Path(path).name for path in written["stimulus_path"].values] == [f"{n}.png" for n in range(4, 10)]


@pytest.mark.parametrize("ending", ["nc", pytest.param("zarr", marks=pytest.mark.slow)])
def test_bytes_are_the_same_in_every_process(folder, ending, monkeypatch):
    """Two processes write the same bytes, even if Python orders sets differently in them."""
    contents = []
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    for name, runs in (("another", run), ("this", run_here)):
        output = folder / f"{name}.{ending}"
        result = runs("features", "cornet_rt_untrained", "images", "--image-size", "64", "-o", output, folder=folder)
        assert result.returncode == 0, result.stderr
        files = [output] if output.is_file() else sorted(path for path in output.rglob("*") if path.is_file())
        contents.append([path.read_bytes() for path in files])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture(folder, ending):
    """The plot shows curves over all images, and the first images' maps with a scale for each region."""
    picture = f"activity.{ending}"
    arguments = ["features", "cornet_rt_untrained", "images", "--plot", picture, "--image-size", "64"]
    result = run_here(*arguments, folder=folder)
    assert (result.returncode, result.stdout) == (0, f"{picture}\n"), result.stderr
    assert not list(folder.glob(".*"))
    if ending == "svg":
        drawn = (folder / picture).read_text()
        assert "</svg>" in drawn
        scales = 4
        assert drawn.count("<image ") == 4 * 5 + scales
        return
    with Image.open(folder / picture) as drawn:
        assert drawn.width > 1000
        pixels = np.asarray(drawn.convert("RGB").resize((200, 150))).reshape(-1, 3)
        assert len(np.unique(pixels, axis=0)) > 1000


@pytest.mark.parametrize(("options", "images"), [(["--times", "2"], "images"), (["--times", "7"], "images/4.png")])
def test_a_picture_of_other_time_steps(folder, caplog, options, images):
    """Regions that the image does not reach, steps without time bins and a single image have their picture, too."""
    arguments = ["features", "cornet_rt_untrained", images, "--plot", "a.png", "--image-size", "64", *options]
    result = run_here(*arguments, folder=folder)
    assert (result.returncode, result.stdout) == (0, "a.png\n"), result.stderr
    messages = [line for line in caplog.messages if "not in the file" in line]
    assert len(messages) == len(set(messages)) > 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("features", "cornet_z_untrained", "images"), "-o features.nc"),
        (("features", "cornet_z_untrained", "images", "--plot", "a.doc"), "ends in .png, .pdf, .svg"),
        (("features", "cornet_z_untrained", "images", "--plot", "no/a.png"), "folder no for the picture"),
        (("features", "cornet_z_untrained", "nowhere", "-o", "out/f.nc"), "There is nothing at nowhere"),
        (("features", "cornet_z_untrained", "images", "-o", "f.doc"), "ends in .nc, .zarr, .npy"),
        (("features", "cornet_z_untrained", "images", "-o", "f.nc", "--time-steps", "x"), "received 'x'"),
        (("features", "cornet_z_untrained", "images", "-o", "f.nc", "--time-bins", "70"), "received '70'"),
        (("features", "cornet_rt_untrained", "images", "-o", "f.nc", "--time-steps", "0"), "--allow-uninformative"),
        (("test", "--model", "Q", "--data_path", "images", "-o", "out"), "Unknown model 'Q'"),
        (
            ("test", "--model", "Z", "--weights", "none", "--data_path", "images", "-o", "cornet_z.pth/x"),
            "Cannot make the folder",
        ),
        (("test", "--model", "Z", "--weights", "none", "--data_path", "no", "-o", "out"), "There is nothing at no"),
    ],
)
def test_mistakes(folder, arguments, expected):
    """Each mistake is reported in one line, and nothing is written."""
    result = run_here(*arguments, folder=folder)
    assert result.returncode == 1
    assert expected in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not list(folder.glob("*.nc")) + list((folder / "out").iterdir())
