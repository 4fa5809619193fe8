"""What all tests share: folders of their own, no network beyond this machine, pictures, networks with known weights."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

# What all test modules import is there until the end: the collector need not look through it again and again.
gc.disable()
if "PYTEST_XDIST_WORKER" in os.environ:  # whose exit code nobody reads
    # called last, in place of Python's own end, which takes seconds to forget what was imported
    atexit.register(os._exit, 0)

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h
# A forward pass of CORnet-S copies its large weights. In fresh pages of the system, that costs more than what is
# computed for a small image: the C library keeps memory instead.
with suppress(AttributeError, OSError, TypeError):  # other systems have no such call, or need none
    ctypes.CDLL(None).mallopt(M_MMAP_MAX, 0)
    ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
_MOST_WORKERS = 6  # the longest files decide how long more of them take
_OF_A_WORKER = 4 * 2**30  # bytes, at most, with the processes that its tests start
MOST_KEPT = 2 * 2**30  # bytes of a worker between two files of tests

# Before Brain-Score and torch are imported: nothing of the user's is read or written.
_HOME = tempfile.TemporaryDirectory(prefix="brainscore-cornet-tests-")
atexit.register(_HOME.cleanup)
for _variable in ("TORCH_HOME", "BRAINSCORE_HOME", "RESULTCACHING_HOME"):
    os.environ[_variable] = str(Path(_HOME.name) / _variable.lower())
for _variable in ("BRAINSCORE_CORNET_WEIGHTS", "RESULTCACHING_DISABLE"):
    os.environ.pop(_variable, None)
os.environ["BS_INSTALL_DEPENDENCIES"] = "no"
# Workers share the cores: threads that wait for each other would cost more than they give.
os.environ["OMP_NUM_THREADS"] = "1"
# no credentials, and no search for them at an address that only machines in the cloud have
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.environ["AWS_CONFIG_FILE"] = os.devnull

import numpy as np  # noqa: E402
import psutil  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

REFERENCE = Path(__file__).parent / "reference"
LOCAL = ("127.0.0.1", "::1", "localhost")


# these files take ten seconds or more, and begin first, so that all workers end at the same time
LONGEST = (
    "submission_trial",
    "readme",
    "scoring_cluster",
    "cli_features",
    "scoring",
    "submission",
    "every_benchmark",
    "training",
    "report_in_browser",
    "right_scores",
    "cli",
    "notebook",
    "marques2020",
    "against_peer",
    "other_libraries",
    "training_interrupted",
    "inference",
    "neural_benchmark",
    "load_model",
    "feature_interruption",
    "training_input",
    "recording",
    "features",
    "brain_model",
    "scoring_metrics",
    "networks_as_modules",
    "input_forms",
    "metrics_regression",
    "brainscore_wrappers",
    "neural_benchmark_file",
)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores, since tests wait for processes and servers, as far as memory allows."""
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count() or 1
    return max(2, min(cores + 1, _MOST_WORKERS, psutil.virtual_memory().available // _OF_A_WORKER))


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """What runs many tests forks their processes from itself, as long as it is small."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from helpers.fork_server import fork_server_from_here
        from helpers.processes import PRELOADED

        capture = session.config.pluginmanager.getplugin("capturemanager")
        capture.resume_global_capture()  # what the processes print is shown with a test that fails, and not otherwise
        fork_server_from_here(PRELOADED)
        capture.suspend_global_capture()


def pytest_collection_modifyitems(items):
    """Tests marked `gpu` are skipped where there is none; what takes long is first."""
    import torch

    order = {f"test_{name}": index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop():
    """The collector of Python leaves what was imported alone from here on, and begins with what tests make."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    """Plugins that are imported only at the end ask the collector who knows their objects."""
    gc.unfreeze()


def pytest_unconfigure():
    """Pytest collects five times at the end, to find what was left open: once is enough for what is large."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def kept_memory():
    """What the C library keeps goes back to the system once it is much: it would grow from file to file."""
    yield
    if psutil.Process().memory_info().rss > MOST_KEPT:
        gc.collect()
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(autouse=True)
def no_network(request, monkeypatch):
    """Only tests marked `network` reach beyond this machine; the others see a machine without one."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def connect_locally(self, address):
        if self.family != socket.AF_UNIX and address[0] not in LOCAL:
            raise OSError(101, "Network is unreachable")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> list[Path]:
    """Six small pictures of different sizes, modes and formats, all different."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.RandomState(0)
    paths = []
    for index, (mode, width, height, ending) in enumerate(
        [
            ("RGB", 256, 256, "png"),
            ("RGB", 300, 200, "jpg"),
            ("L", 224, 224, "png"),
            ("RGBA", 90, 120, "png"),
            ("P", 128, 128, "png"),
            ("RGB", 64, 500, "jpg"),
        ]
    ):
        coarse = Image.fromarray(random.randint(0, 256, (8, 8, 3), dtype=np.uint8))
        path = folder / f"picture_{index}.{ending}"
        coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def stimuli(pictures):
    """The pictures as a stimulus set with columns of its own."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    count = len(pictures)
    stimulus_set = StimulusSet(
        {
            "stimulus_id": [f"id-{index}" for index in range(count)],
            "category": ["dog", "cat"] * (count // 2),
            "size": np.arange(count) * 0.5,
        }
    )
    stimulus_set.stimulus_paths = dict(zip(stimulus_set["stimulus_id"], map(str, pictures), strict=True))
    stimulus_set.identifier = "test-pictures"
    return stimulus_set


@pytest.fixture(scope="session")
def stand_in():
    """Architecture -> network with stand-in weights, in evaluation mode, made once: do not change it.

    Its weights are in memory as recordings hash them, which happens in most tests.
    """
    from functools import cache

    import torch
    from reference.synthetic_weights import fill

    from brainscore_cornet.cornet.architectures import build_network

    return cache(
        lambda architecture: fill(build_network(architecture), architecture).to(memory_format=torch.channels_last)
    )


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    """A few pictures in the place and form in which Brain-Score keeps ImageNet's validation images."""
    import h5py

    path = tmp_path / "imagenet2012.hdf5"
    with h5py.File(path, "w") as file:
        pictures = np.random.RandomState(0).randint(0, 256, (151, 8, 8, 3), dtype=np.uint8)
        file["val/images"] = pictures.repeat(8, axis=1).repeat(8, axis=2)
    monkeypatch.setenv("MT_IMAGENET_PATH", str(path))
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")  # it would keep the components for the next model of this name
    return [f"{path}-files/{50 * index}.png" for index in range(4)]


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory, stand_in) -> Path:
    """A folder with a file of the released form for each architecture, holding stand-in weights."""
    import torch

    from brainscore_cornet.cornet.weights.released import RELEASED

    folder = tmp_path_factory.mktemp("released")
    for file in RELEASED.values():
        state = stand_in(file.architecture).state_dict()
        state = {f"module.{name}": tensor.contiguous() for name, tensor in state.items()}
        torch.save(
            {"epoch": 43, "state_dict": state, "flags": {"model": file.architecture}},
            folder / file.filename,
            _use_new_zipfile_serialization=False,
        )
    return folder


@pytest.fixture
def forked_children(monkeypatch):
    """Processes that score or extract start in milliseconds; they and all that they do are the package's own."""
    from helpers.forked_children import start

    for module in ("scoring.process", "features.shard_process", "own_data.site_processes"):
        monkeypatch.setattr(f"brainscore_cornet.{module}.start", start)


@pytest.fixture
def dask(tmp_path):
    """A Dask cluster that somebody else has started: address, TLS files, processes of its two workers."""
    from helpers.dask_clusters import running_cluster

    with running_cluster(tmp_path / "dask") as cluster:
        yield cluster


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The folder of a SLURM that runs jobs on this machine."""
    from helpers.dask_clusters import slurm_here

    with slurm_here(tmp_path / "bin", monkeypatch) as folder:
        yield folder
