"""Stand-in weights, pictures and measurements, for tests of a plugin without its own weights.

Every submission contains this file, and its golden.json was computed with it.
"""

from __future__ import annotations

import zlib
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from brainscore_cornet.cornet.recording.record import LOGITS, Site

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
            # from whole numbers of 16 bits, which are drawn in a tenth of the time: CORnet-S has 53 million weights
            drawn = np.frombuffer(random.bytes(2 * tensor.numel()), "<u2").reshape(tensor.shape)
            values = (drawn.astype(np.float32) / 32767.5 - 1) * np.float32(bound)
        elif name.endswith(("weight", "running_var")):  # of normalizations
            values = random.uniform(0.8, 1.2, tuple(tensor.shape))
        else:
            values = random.uniform(-0.1, 0.1, tuple(tensor.shape))
        state[name] = torch.from_numpy(values.astype(np.float32, copy=False))
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


def sample(activity: np.ndarray) -> list:
    """Return the activity of some of a region's neuroids, rounded, from that of all (neuroid, …)."""
    positions = np.linspace(0, len(activity) - 1, SAMPLES).astype(int)
    return np.round(activity[positions].astype(float), 6).tolist()


def measure(model, folder: Path) -> dict:
    """Return a model's commitments and outputs: region -> layer, time bins, and some neuroids' activity; labels.

    Activity is given for each picture and committed time bin: (neuroid, presentation, time bin). All regions are
    recorded in one forward pass.
    """
    pictures = draw_pictures(folder, model.commitment.image_size)
    layers, bins = model.commitment.layers, model.commitment.time_bins
    sites = {region: [Site(layer, step) for step in bins[region]] for region, layer in layers.items()}
    logits = Site(LOGITS, 0)
    recorded = {site: [] for site in (*chain.from_iterable(sites.values()), logits)}
    for portion in model.activations_model.stream(pictures, list(recorded)):
        for site, activity in portion.activities.items():
            images = portion.rows.stop - portion.rows.start
            recorded[site].append(activity.expand(images, *activity.shape[1:]).flatten(1).numpy())
    regions = {}
    for region, layer in layers.items():
        found = {"layer": layer, "time_bins": [list(time_bin) for time_bin in bins[region].values()]}
        if bins[region]:
            activity = np.stack([np.concatenate(recorded[site]).T for site in sites[region]], axis=-1)
            found |= {"neuroids": len(activity), "activity": sample(activity)}
        regions[region] = found
    model.start_task("label", "imagenet")
    return {
        "visual_degrees": model.visual_degrees(),
        "readout_layer": model.commitment.readout_layer,
        "regions": regions,
        "labels": model.look_at(pictures).values.ravel().tolist(),
        "logits": sample(np.concatenate(recorded[logits]).T),
    }
