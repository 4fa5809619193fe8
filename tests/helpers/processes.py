"""What tests run in processes of their own; a new process finds it here by its name."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch
from torch import nn

from brainscore_cornet.cornet.architectures import build_network

PROCESSES = 2
# one list for all tests: the server starts once, with the list that it has by then
PRELOADED = [
    "helpers.processes",
    "helpers.toys",
    "helpers.trainings",
    "brainscore_cornet.cornet.brain_model",
    "brainscore_cornet.features",
    "brainscore_cornet.scoring.process",
    "brainscore_cornet.training.training_run",
]


def preloaded() -> ForkServerContext:
    """Context whose processes start in milliseconds, since what takes seconds to import is imported once for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def noise(batch: int = 2, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(seed))


def gradients(network, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    labels = torch.arange(len(pictures))
    nn.functional.cross_entropy(network(pictures), labels).backward()
    return {name.removeprefix("module."): parameter.grad for name, parameter in network.named_parameters()}


def train_in_process(rank: int, folder: str) -> None:
    """One of several processes: a forward and a backward pass on images of its own."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=PROCESSES
    )
    # another initialization in each process: DDP begins by giving all the first one's
    network = nn.parallel.DistributedDataParallel(build_network("Z", seed=rank))
    torch.save(gradients(network, noise(2, 32, seed=rank)), f"{folder}/gradients-{rank}.pth")
    torch.distributed.destroy_process_group()


def render_in(folder: str, protocol, name: str, results) -> None:
    """Render a protocol's stimulus set under a home folder, and say how many bytes its images have."""
    os.environ["BRAINSCORE_HOME"] = folder
    from brainscore_cornet.marques2020.gratings import stimulus_set

    stimuli = stimulus_set(protocol, name)
    results.put(sum(Path(path).stat().st_size for path in stimuli.stimulus_paths.values()))


def extract_into(paths: list[str], output: str, layers: list[str]) -> None:
    """Extract features as the command line does, in few small steps, with a record of each."""
    from brainscore_cornet import extract_features, load_model
    from brainscore_cornet.features import unfinished

    unfinished.SYNC_EVERY = 0
    torch.set_num_threads(1)
    model = load_model("cornet_rt_untrained", image_size=64, batch_size=2, device="cpu", workers=1)
    extract_features(model, paths, layers=layers, output=output)


def peak_of_extraction(paths: list[str], output: str, results) -> None:
    """Extract features that are large, and say how much memory that took at most, in kB."""
    from brainscore_cornet import extract_features, load_model

    torch.set_num_threads(1)
    model = load_model("cornet_z_untrained", batch_size=8, device="cpu", workers=1)
    extract_features(model, paths, layers=["V1"], output=output)
    lines = Path("/proc/self/status").read_text().splitlines()
    results.put(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
