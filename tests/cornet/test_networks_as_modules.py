"""The networks are ordinary modules: they train, copy, compile, distribute, and keep nothing from a forward pass."""

from __future__ import annotations

import copy
import io
from functools import partial

import pytest
import torch
from helpers.processes import PROCESSES, gradients, noise, preloaded, train_in_process
from helpers.small_model import as_built
from torch import nn

from brainscore_cornet.cornet.architectures import Point, build_network

ARCHITECTURES = ("Z", "R", "RT", "S")

each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


@pytest.fixture(scope="module")
def stand_in(stand_in):
    """Networks whose weights have the layout that the last bits of these tests depend on."""
    return as_built(stand_in)


def logits_of(network, pictures: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network(pictures)


def snapshot(network) -> dict:
    """Everything that lies on the modules, by name; entries by identity and value."""
    return {
        (name, key): dict(value) if isinstance(value, dict) else value
        for name, module in network.named_modules()
        for key, value in vars(module).items()
    }


@each_architecture
def test_nothing_is_left_behind(architecture, stand_in):
    """A forward pass, also one that breaks off, changes nothing on the module, and so does not reach the next one."""
    network = stand_in(architecture)
    before = snapshot(network)
    first, other = logits_of(network, noise(3)), logits_of(network, noise(1, 40))
    with torch.no_grad():
        next(iter(network.unfold(noise(2))))
    assert torch.equal(logits_of(network, noise(3)), first)
    assert torch.equal(logits_of(network, noise(1, 40)), other)
    assert snapshot(network) == before


ALL = ("V1.", "V2.", "V4.", "IT.", "decoder.")


@pytest.mark.parametrize(
    ("architecture", "times", "used"),
    [
        ("Z", None, ALL),
        ("S", None, ALL),
        ("R", 1, ("IT.conv1.", "IT.norm1.", "decoder.")),
        ("R", 2, ALL),
        ("RT", 2, ("V4.conv1.", "V4.norm1.", "IT.", "decoder.")),
        ("RT", 3, ("V2.conv1.", "V2.norm1.", "V4.", "IT.", "decoder.")),
        ("RT", 4, ALL),
        ("RT", None, ALL),
    ],
)
def test_gradients_reach_every_parameter_that_is_used(architecture, times, used):
    """Every parameter that the logits depend on has a gradient, no other has; a step along them lowers the loss."""
    network = build_network(architecture, times=times).train()
    pictures, labels = noise(2, 64).requires_grad_(), torch.tensor([3, 700])
    loss = nn.functional.cross_entropy(network(pictures), labels)
    loss.backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == name.startswith(used), name
        if used == ALL:  # else zeros flow through the lowest layers, and gradients are zero as well
            assert parameter.grad.any(), name
            assert parameter.grad.isfinite().all(), name
    assert (pictures.grad is not None) == (used == ALL)
    torch.optim.SGD(network.parameters(), lr=1e-3).step()
    with torch.no_grad():
        assert nn.functional.cross_entropy(network(pictures), labels) < loss


@each_architecture
def test_copies_are_equal_and_independent(architecture, stand_in):
    """A deepcopy, and a fresh network with the saved entries, compute the same and share no entry."""
    network = stand_in(architecture)
    expected = logits_of(network, noise())
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    fresh = build_network(architecture, seed=9).eval()
    assert not torch.equal(logits_of(fresh, noise()), expected)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for twin in (copy.deepcopy(network), fresh):
        assert torch.equal(logits_of(twin, noise()), expected)
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.zero_()
    assert torch.equal(logits_of(network, noise()), expected)


@pytest.mark.parametrize(
    ("architecture", "dtype", "tolerance"),
    [
        *((architecture, torch.bfloat16, 0.05) for architecture in ARCHITECTURES),
        *((architecture, torch.float16, 0.01) for architecture in ("Z", "RT")),  # slow on CPUs
    ],
)
def test_other_precisions(architecture, dtype, tolerance, stand_in):
    """In another precision every activity has that type, and the logits are close to those in single precision."""
    network = copy.deepcopy(stand_in(architecture)).to(dtype)
    with torch.no_grad():
        activity = dict(network.unfold(noise().to(dtype)))
        wanted = dict(network.unfold(noise().to(dtype), wanted=[network.last_point]))
    assert {found.dtype for found in (*activity.values(), *wanted.values())} == {dtype}
    assert_close(logits_of(network, noise().to(dtype)), logits_of(stand_in(architecture), noise()), tolerance)


def assert_close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Within a share of the expected values' standard deviation on average."""
    error = (found.to(expected.dtype) - expected).square().mean().sqrt()
    assert 0 < error < tolerance * expected.std()


@each_architecture
def test_automatic_mixed_precision(architecture, stand_in):
    """Under autocast the logits are close to those in single precision."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = logits_of(stand_in(architecture), noise())
    assert_close(found, logits_of(stand_in(architecture), noise()), 0.05)


@pytest.mark.parametrize("architecture", ["Z", "R", "RT", pytest.param("S", marks=pytest.mark.slow)])
def test_compiles_as_one_graph(architecture, stand_in):
    """torch.compile takes the whole forward pass as one graph, time steps included, and it computes the same."""
    torch.compiler.reset()
    network = stand_in(architecture)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    expected = logits_of(network, noise())
    torch.testing.assert_close(logits_of(compiled, noise()), expected, rtol=1e-3, atol=1e-4 * float(expected.max()))
    torch.compiler.reset()


@pytest.mark.slow
def test_compiles_to_native_code(stand_in, tmp_path, monkeypatch):
    """torch.compile's own backend makes native code of CORnet-Z, and it computes the same."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    network = stand_in("Z")
    expected = logits_of(network, noise())
    found = logits_of(torch.compile(network, fullgraph=True), noise())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.max()))
    torch.compiler.reset()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_architecture
def test_on_a_gpu(architecture, stand_in):
    """On a CUDA device, in single and in half precision, the logits are close to the CPU's."""
    network = copy.deepcopy(stand_in(architecture)).cuda()
    expected = logits_of(stand_in(architecture), noise())
    assert_close(logits_of(network, noise().cuda()).cpu(), expected, 0.01)
    assert_close(logits_of(network.half(), noise().cuda().half()).cpu(), expected, 0.02)


@each_architecture
def test_data_parallel(architecture, stand_in):
    """DataParallel takes a network; its entries then have the prefix of the released files."""
    network = copy.deepcopy(stand_in(architecture)).to("cuda" if torch.cuda.is_available() else "cpu")
    parallel = nn.DataParallel(network)
    device = next(parallel.parameters()).device
    expected = logits_of(network, noise().to(device))
    torch.testing.assert_close(logits_of(parallel, noise().to(device)), expected, rtol=1e-3, atol=1e-3)
    assert list(parallel.state_dict()) == [f"module.{name}" for name in network.state_dict()]


def test_distributed_data_parallel(tmp_path, monkeypatch):
    """Two processes that share a network end up with the mean of the gradients of their images."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    preloaded()
    start = partial(torch.multiprocessing.start_processes, nprocs=PROCESSES, start_method="forkserver")
    start(train_in_process, (str(tmp_path),))
    found = [torch.load(tmp_path / f"gradients-{rank}.pth", weights_only=True) for rank in range(PROCESSES)]
    alone = [gradients(build_network("Z", seed=0), noise(2, 32, seed=rank)) for rank in range(PROCESSES)]
    for name in alone[0]:
        expected = (alone[0][name] + alone[1][name]) / 2
        assert expected.any(), name
        for gradient in found:
            torch.testing.assert_close(gradient[name], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@each_architecture
def test_hooks_see_every_time_step(architecture, stand_in):
    """A forward hook on a region's output is called once for each time step, as tools that record activity expect."""
    network = stand_in(architecture)
    seen = {region: [] for region in network.times}
    handles = [
        network.get_submodule(f"{region}.output").register_forward_hook(
            lambda _module, _inputs, output, region=region: seen[region].append(output.clone())
        )
        for region in network.times
    ]
    logits_of(network, noise())
    for handle in handles:
        handle.remove()
    assert {region: len(outputs) for region, outputs in seen.items()} == network.times
    with torch.no_grad():
        activity = dict(network.unfold(noise()))
    for region, outputs in seen.items():
        for step, output in enumerate(outputs):
            assert torch.equal(output, activity[Point(region, step)]), (region, step)
