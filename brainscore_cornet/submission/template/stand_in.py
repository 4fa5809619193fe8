"""Stand-in weights, pictures and measurements, for tests of a plugin without its own weights.

Every submission contains this file, and its golden.json was computed with it.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

PICTURES = 2
SAMPLES = 12  # neuroids of each region that are compared


def fill(network: torch.nn.Module) -> torch.nn.Module:
    """Replace all weights by numbers that depend only on their names, not on torch's random generator."""
    state = network.state_dict()
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        random = np.random.RandomState(zlib.crc32(name.encode()))
        if tensor.ndim > 1:  # keeps activity in range over depth (He et al. 2015, doi:10.1109/ICCV.2015.123)
            bound = np.sqrt(6 / np.prod(tensor.shape[1:]))
            values = random.uniform(-bound, bound, tuple(tensor.shape))
        elif name.endswith(("weight", "running_var")):  # of normalizations
            values = random.uniform(0.8, 1.2, tuple(tensor.shape))
        else:
            values = random.uniform(-0.1, 0.1, tuple(tensor.shape))
        state[name] = torch.from_numpy(values.astype(np.float32))
    network.load_state_dict(state)
    return network.eval()


def draw_pictures(folder: Path, size: int, count: int = PICTURES) -> list[str]:
    """Write different square pictures of `size` px with structure at several scales, and return their paths."""
    paths = []
    for index in range(count):
        random = np.random.RandomState(index)
        pixels = np.zeros((size, size, 3))
        for cells in (4, 16, 64):
            steps = np.arange(size) * cells // size
            pixels += random.uniform(0, 85, (cells, cells, 3))[steps][:, steps]
        path = Path(folder) / f"picture_{index}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths


def measure(model, folder: Path) -> dict:
    """Return a model's commitments and outputs: region -> layer, time bins, and some neuroids' activity; labels.

    Activity is given for each picture and committed time bin: (neuroid, presentation, time bin).
    """
    pictures = draw_pictures(folder, model.commitment.image_size)
    regions = {}
    for region, layer in model.commitment.layers.items():
        bins = list(model.commitment.time_bins[region].values())
        found = {"layer": layer, "time_bins": [list(time_bin) for time_bin in bins]}
        if bins:
            model.start_recording(region, time_bins=bins)
            recorded = model.look_at(pictures).transpose(
                "neuroid", "presentation", ...
            )  # a single time bin has no dimension
            activity = recorded.values.reshape(-1, len(pictures), len(bins))
            positions = np.linspace(0, len(activity) - 1, SAMPLES).astype(int)
            found |= {"neuroids": len(activity), "activity": np.round(activity[positions].astype(float), 6).tolist()}
        regions[region] = found
    model.start_task("label", "imagenet")
    labels = model.look_at(pictures).values.ravel().tolist()
    logits = model.activations_model(pictures, layers=["logits"]).transpose("presentation", "neuroid").values
    return {
        "visual_degrees": model.visual_degrees(),
        "readout_layer": model.commitment.readout_layer,
        "regions": regions,
        "labels": labels,
        "logits": np.round(logits[:, :: logits.shape[1] // SAMPLES].astype(float), 6).tolist(),
    }
