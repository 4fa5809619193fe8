"""`features` and `test` on the command line."""

from __future__ import annotations

import re
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
from torch import nn
from torchvision import transforms

from brainscore_cornet import load_network
from brainscore_cornet.cli.options import parse_time_bins
from brainscore_cornet.cornet.errors import UserError

STEP_1_OF_3 = ("--layer", "V4", "--sublayer", "norm1", "--time_step", "-2", "--times", "3")
NO_STEP = ("--layer", "IT", "--sublayer", "output", "--time_step", "-6")


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


def as_by_hand(network, folder: Path, layer: str, call: int, size: int = 224, is_view: bool = False) -> np.ndarray:
    """Image by image: resize, normalize, forward, and what a hook sees at one of a layer's calls, or a view of it."""
    prepare = transforms.Compose(
        [
            transforms.Resize((size, size)),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )
    rows, seen = [], []
    network.get_submodule(layer).register_forward_hook(
        lambda _m, _i, output: seen.append(output.numpy() if is_view else output.numpy().copy())
    )
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
        ("R", ["--layer", "V1", "--sublayer", "norm_input", "--time_step", "4", "--imsize", "64"], "V1.norm_input", 0),
        (
            "RT",
            ["--layer", "IT", "--sublayer", "conv_input", "--time_step", "-1", "--imsize", "64"],
            "IT.conv_input",
            3,
        ),
        (
            "R",
            [*STEP_1_OF_3, "--imsize", "64", "-j", "0", "--batch_size", "4"],
            "V4.norm1",
            1,
        ),
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
    times = int(options[options.index("--times") + 1]) if "--times" in options else None
    network = load_network(f"cornet_{model.lower()}", weights=weights, times=times)
    expected = as_by_hand(network, folder / "images", layer, call, size)
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("model", "layer", "last"), [("Z", "V4.conv", 0), ("RT", "V2.norm1", 4), ("RT", "V1.norm_input", 4)]
)
def test_layers_before_a_relu_in_place(folder, model, layer, last):
    """A layer's own activity, which a ReLU in place, as in CORnet's networks, rectifies in a file of views."""
    weights = folder / f"cornet_{model.lower()}.pth"
    region, sublayer = layer.split(".")
    arguments = ["test", "--model", model, "--data_path", "images/", "-o", "out", "--weights", weights, "--imsize", 64]
    arguments += ["--layer", region, "--sublayer", sublayer, "--time_step", last]
    assert run_here(*arguments, folder=folder).returncode == 0
    features = np.load(folder / "out" / f"CORnet-{model}_{region}_{sublayer}_feats.npy")
    assert (features < 0).mean() > 0.1
    network = load_network(f"cornet_{model.lower()}", weights=weights)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    expected = as_by_hand(network, folder / "images", layer, -1, 64, is_view=True)
    np.testing.assert_allclose(np.maximum(features, 0), expected, rtol=0, atol=1e-5 * expected.max())


def test_names_of_controls(folder):
    """The file of an untrained model has its identifier in its name, which CORnet's own command does not know."""
    arguments = ["test", "--model", "cornet_z_untrained", "--data_path", "images", "-o", "out", "--imsize", "64"]
    result = run_here(*arguments, folder=folder)
    stem = "out/cornet_z_untrained_decoder_avgpool_feats"
    assert result.stdout == f"{stem}.npy\n{stem}_images.csv\n"
    assert "Loading cornet_z_untrained\n" in result.stderr


def test_images_that_cannot_be_read(folder):
    """CORnet's own command stops at them and names the option that leaves them out, which it takes."""
    (folder / "images" / "0.png").write_bytes(b"damaged")
    arguments = ["test", "--model", "Z", "--weights", "none", "--data_path", "images", "-o", "out", "--imsize", "64"]
    assert "To leave such images out: --on-error skip" in run_here(*arguments, folder=folder).stderr
    result = run_here(*arguments, "--on-error", "skip", folder=folder)
    assert result.returncode == 0
    assert np.load(folder / result.stdout.splitlines()[0]).shape == (6, 512)


def test_an_output_of_other_options(folder, monkeypatch):
    """An output of the same command is complete; one of other options is reported before a model is loaded."""
    output = ["-o", "other.nc", "-l", "IT", "--pool"]
    model = ["cornet_s_untrained", "images", "--image-size", "64"]
    for _ in range(2):
        assert run_here("features", *model, *output, folder=folder).returncode == 0
    monkeypatch.delattr("brainscore_cornet.cornet.brain_model.load_model")
    for other in (
        [*model, *output, "-l", "V4"],
        [*model, "-o", "other.nc", "-l", "V4", "--pool"],
        [*model, "-o", "other.nc", "-l", "IT"],
        [*model, *output, "--time-bins", "100-200"],
        [*model, *output, "--resize", "crop"],
        [*model[:2], *output],
        ["cornet_z_untrained", *model[1:], *output],
    ):
        result = run_here("features", *other, folder=folder)
        assert result.stderr == "Error: other.nc exists. To replace it: --overwrite\n"


def test_time_bins_that_a_message_shows():
    """What is expected in place of a wrong time bin is understood itself."""
    with pytest.raises(UserError, match=r"as start-end, such as [\d,-]+, received '200'") as raised:
        parse_time_bins("200")
    shown = re.search(r"such as (\S+), received", str(raised.value))[1]
    assert parse_time_bins(shown) == [(70, 170), (170, 270)]


def test_the_files_of_numpy_are_printed(folder):
    """An output of several arrays is printed as the files that there are."""
    arguments = ["features", "cornet_s_untrained", "images", "-o", "a.npy", "-l", "IT", "--image-size", "64", "--pool"]
    result = run_here(*arguments, folder=folder)
    assert result.stdout.splitlines() == ["a_IT.output_t0.npy", "a_IT.output_t1.npy", "a_images.csv"]
    assert all((folder / name).is_file() for name in result.stdout.splitlines())


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
    messages = [line for line in caplog.messages if "left out" in line]
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
        (
            ("test", "--model", "Z", "--weights", "none", "--data_path", "images", "-o", "out", "--time_step", "1"),
            "decoder.avgpool has the time steps 0 alone, or -1 for the last: there is no 1",
        ),
        (
            ("test", "--model", "RT", "--weights", "none", "--data_path", "images", "-o", "out", *NO_STEP),
            "IT.output has the time steps 0 to 4, or -1 for the last: there is no -6",
        ),
        (
            ("features", "cornet_z_untrained", "images", "-o", "f.nc", "--rdm", "cosine", "--allow-uninformative"),
            "alone",
        ),
    ],
)
def test_mistakes(folder, arguments, expected):
    """Each mistake is reported in one line, and nothing is written."""
    result = run_here(*arguments, folder=folder)
    assert result.returncode == 1
    assert expected in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not list(folder.glob("*.nc")) + list((folder / "out").iterdir())
