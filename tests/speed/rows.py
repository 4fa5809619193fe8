"""What is compared: for each row of the table ours, the other, and how many images both see.

A side is a function that prepares a run; what is timed is the run, from image files to numbers. A side imports its own
libraries, so that they are not in the other one's memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from reference.synthetic_weights import fill
from speed import metrics, training, whole
from speed.sides import TOLERANCE, Run

from brainscore_cornet.cornet.architectures import CORnet, build_network
from brainscore_cornet.cornet.brain_model import DEFAULT_BATCH_SIZE, CORnetModel
from brainscore_cornet.cornet.commitments import get_commitment
from brainscore_cornet.cornet.device import pick_device
from brainscore_cornet.cornet.recording.stimuli import as_stimulus_set, batches
from brainscore_cornet.features import extract_features

Side = Callable[[], Run]
DIMS = ("time_bin", "presentation", "neuroid")

PEER_BATCH = 64  # as Brain-Score's plugin has it
SIZE = 224  # px
KAR_2019 = [(start, start + 10) for start in range(70, 250, 10)]  # ms
ONE_BIN = [(70, 170)]


@dataclass(frozen=True)
class Row:
    """One comparison; `goal` is the least ratio of times, `gflop` what one image needs (2 per multiply-add)."""

    ours: Side
    theirs: Side
    goal: float
    gflop: float | None = None
    images: int = 128
    """0 where a side has data of its own: times are then of a whole run."""
    repeats: int = 3
    width: int = 256
    """Of the images, in px."""
    ending: str = "png"
    most_added_mb: float | None = None
    """That ours may add to what it was given."""
    tolerance: float = TOLERANCE


def network(architecture: str) -> CORnet:
    return fill(build_network(architecture), architecture)


def our_model(architecture: str) -> CORnetModel:
    commitment = get_commitment(f"cornet_{architecture.lower()}_untrained")
    # in the layout in which `load_model` has it
    plain = network(architecture).to(memory_format=torch.channels_last)
    return CORnetModel(commitment, plain, device=pick_device(), batch_size=DEFAULT_BATCH_SIZE)


def our_recording(architecture: str, region: str, bins=ONE_BIN) -> Run:
    model = our_model(architecture)
    model.start_recording(region, bins)
    # a single time bin has no dimension
    return lambda paths: model.look_at(paths).values.reshape(len(bins), len(paths), -1)


def peers_recording(region: str, bins=ONE_BIN) -> Run:
    from helpers import peer

    model = peer.brain_score_cornet_s(network("S"), "CORnet-S", batch_size=PEER_BATCH)
    model.start_recording(region, bins)
    # merging gives the time bins in another order when there are several
    return lambda paths: model.look_at(as_stimulus_set(paths)).sortby("time_bin_start").transpose(*DIMS).values


def our_labels() -> Run:
    model = our_model("S")
    model.start_task("label", "imagenet")
    return lambda paths: model.look_at(paths).values


def peers_labels() -> Run:
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
    from brainscore_vision.model_helpers.brain_transformation.behavior import LabelBehavior
    from helpers import peer

    preprocess = partial(load_preprocess_images, image_size=SIZE)
    wrapper = PytorchWrapper(network("S"), preprocess, identifier="CORnet-S", batch_size=PEER_BATCH)
    behavior = LabelBehavior("CORnet-S", activations_model=wrapper)
    behavior.start_task("label", "imagenet")

    def look(paths):
        with peer.result_caching_disabled():
            return behavior.look_at(paths).values

    return look


def our_logits(architecture: str) -> Run:
    model = our_model(architecture)
    return lambda paths: model.activations_model(paths, ["logits"]).values


def plain_forward(layer: str, time_step: int) -> Run:
    """Load a batch, run the whole network in channels-last, take what is wanted: what one writes by hand."""
    from brainscore_vision.model_helpers.activations.pytorch import load_preprocess_images

    device = pick_device()
    plain = network("RT").to(device, memory_format=torch.channels_last)
    seen: list[torch.Tensor] = []
    plain.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: seen.append(output))

    @torch.inference_mode()
    def run(paths):
        recorded = []
        for start in range(0, len(paths), DEFAULT_BATCH_SIZE):
            images = load_preprocess_images(paths[start : start + DEFAULT_BATCH_SIZE], image_size=SIZE)
            seen.clear()
            plain(torch.from_numpy(images).to(device, memory_format=torch.channels_last))
            recorded.append(seen[time_step].flatten(1).cpu().numpy())
        return np.concatenate(recorded)

    return run


def our_features(architecture: str) -> Run:
    model = our_model(architecture)
    return lambda paths: extract_features(model, paths, layers=["IT"])["IT.output"].values


def image_by_image(architecture: str) -> Run:
    """What CORnet's own repository does: each image resized, normalized and shown alone, with a hook on the layer."""
    from PIL import Image
    from torchvision import transforms

    plain = network(architecture)
    seen: list[np.ndarray] = []
    plain.IT.output.register_forward_hook(lambda _module, _inputs, output: seen.append(output.numpy().copy()))
    normalize = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    prepare = transforms.Compose([transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), normalize])

    @torch.no_grad()
    def run(paths):
        recorded = []
        for path in paths:
            seen.clear()
            with Image.open(path) as image:
                plain(prepare(image)[None])
            recorded.append(np.concatenate(seen))
        return np.stack(recorded, axis=1)

    return run


def images_ahead(workers: int) -> Run:
    def run(paths):
        return np.concatenate([batch.numpy() for batch in batches(paths, SIZE, DEFAULT_BATCH_SIZE, workers=workers)])

    return run


def images_one_by_one() -> Run:
    from brainscore_vision.model_helpers.activations.pytorch import load_preprocess_images

    return lambda paths: np.concatenate([load_preprocess_images([path], image_size=SIZE) for path in paths])


def recording(region: str, goal: float, gflop: float, **options) -> Row:
    return Row(
        partial(our_recording, architecture="S", region=region),
        partial(peers_recording, region=region),
        goal,
        gflop,
        **options,
    )


def features(architecture: str, goal: float, gflop: float | None = None) -> Row:
    sides = (partial(side, architecture=architecture) for side in (our_features, image_by_image))
    return Row(*sides, goal, gflop, images=200, width=500, ending="jpg")


# GFLOP an image until the activity is known: of the point that the bin (70, 170) is answered by
ROWS: dict[str, Row] = {
    "CORnet-S V1": recording("V1", 25, 0.47),
    "CORnet-S V2": recording("V2", 6, 4.76),
    "CORnet-S V4": recording("V4", 3, 12.95),
    "CORnet-S IT": recording("IT", 1.35, 28.96),
    "CORnet-S IT, Kar2019's 18 bins": Row(
        partial(our_recording, architecture="S", region="IT", bins=KAR_2019),
        partial(peers_recording, region="IT", bins=KAR_2019),
        1.6,
        32.86,
        images=256,
        repeats=1,
    ),
    "CORnet-S labels": Row(our_labels, peers_labels, 1.15, 32.86),
    "CORnet-RT IT": Row(
        partial(our_recording, architecture="RT", region="IT"),
        partial(plain_forward, layer="IT.output", time_step=3),
        1.7,
    ),
    "CORnet-RT labels (logits)": Row(
        partial(our_logits, architecture="RT"), partial(plain_forward, layer="decoder.linear", time_step=0), 1.7
    ),
    "features of CORnet-S IT, all steps, 500 px": features("S", 1.4, 32.86),
    "features of CORnet-Z IT, 500 px": features("Z", 2.5),
    f"training CORnet-Z, {training.SIZE} px / a plain loop": Row(
        training.our_training, training.plain_training, 0.95, images=512, width=160, ending="jpg"
    ),
    "images ready, 2 workers / Brain-Score's one by one": Row(partial(images_ahead, 2), images_one_by_one, 1.7),
    "images ready, 2 workers / 1": Row(partial(images_ahead, 2), partial(images_ahead, 1), 1.7),
    "whole score of CORnet-S on 168 sites in IT": Row(whole.ours, whole.theirs, 2.5, images=2560, repeats=1),
    **{
        name: Row(
            partial(metrics.ours, name),
            partial(metrics.theirs, name),
            measured.goal,
            images=0,
            repeats=1,
            most_added_mb=measured.most_added_mb,
            tolerance=measured.tolerance,
        )
        for name, measured in metrics.MEASURED.items()
    },
}
