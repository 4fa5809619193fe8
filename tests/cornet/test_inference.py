"""Networks prepared for inference: the same numbers, prepared once, and the user's own network left alone."""

import copy

import numpy as np
import pytest
import torch
from helpers.other_times import with_times
from reference.synthetic_weights import images as noise
from torch import nn

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.cornet.inference.folded import FoldedS, can_fold
from brainscore_cornet.cornet.inference.prepared import Prepared
from brainscore_cornet.cornet.recording.record import LOGITS, Site, record

CPU = torch.device("cpu")


@pytest.fixture
def images() -> torch.Tensor:
    """One image of 48 px."""
    return noise(1)[:, :, 40:88, 80:128].contiguous()


def recorded(prepared: Prepared, images: torch.Tensor, *sites: Site, **options) -> dict[Site, np.ndarray]:
    results: dict[Site, np.ndarray] = {}
    for portion in record(prepared, [images], sites, **options):
        for site, shape in portion.shapes().items():
            results.setdefault(site, np.full((len(images), int(np.prod(shape))), np.nan, np.float32))
        portion.write(results)
    return results


def assert_close(ours, theirs) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("times", [None, {"V2": 1, "V4": 1, "IT": 1}, {"V2": 3, "IT": 4}])
def test_folded_normalizations_give_the_same_activity(stand_in, images, times):
    """Folding changes no activity, at any point or in the logits, for any number of time steps."""
    network = with_times(stand_in, "S", times)
    folded = FoldedS(network).eval()
    with torch.inference_mode():
        for (point, theirs), (same, ours) in zip(network.unfold(images), folded.unfold(images), strict=True):
            assert point == same
            assert_close(ours.numpy(), theirs.numpy())
        assert_close(folded.decoder(ours).numpy(), network.decoder(theirs).numpy())


@pytest.mark.parametrize("scale", [-1.5, 0.0, 1e-9])
def test_folding_holds_for_scales_of_any_sign(stand_in, images, scale):
    """Rectification lets only positive scales pass; others are folded another way."""
    network = copy.deepcopy(stand_in("S"))
    with torch.no_grad():
        network.V4.norm2_1.weight[3:9] = scale
        network.V2.norm2_0.weight[:] = scale
    with torch.inference_mode():
        for (_, theirs), (_, ours) in zip(network.unfold(images), FoldedS(network).unfold(images), strict=True):
            assert_close(ours.numpy(), theirs.numpy())


def test_the_weights_of_all_steps_stay_one(stand_in):
    """Folding does not multiply the memory: the large convolution is shared by the time steps of a region."""
    network = stand_in("S")
    folded = FoldedS(network).to(memory_format=torch.channels_last)
    size = sum({p.data_ptr(): p.numel() for p in folded.parameters()}.values())
    assert size < 1.1 * sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("architecture", ["Z", "R", "RT", "S"])
def test_the_network_handed_in_stays_as_it_was(stand_in, images, architecture):
    """Its weights, layout in memory, mode, gradients and hooks, whatever is recorded."""
    network = copy.deepcopy(stand_in(architecture)).train(False)
    before = {name: (tensor.clone(), tensor.stride()) for name, tensor in network.state_dict().items()}
    prepared = Prepared(network, CPU)
    recorded(prepared, images, Site("IT.output", 0))
    recorded(prepared, images, Site(LOGITS, 0))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name][0])
        assert tensor.stride() == before[name][1]
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_prepared_once(stand_in):
    """The same copy serves every recording, until the network changes."""
    prepared = Prepared(stand_in("Z"), CPU)
    assert prepared.get(True) is prepared.get(True)
    assert prepared.get(True) is not prepared.network


def _lesion(network):
    network.V2.conv1.weight.data[:10] = 0  # unseen by torch's version counter


def _shuffle(network):
    with torch.no_grad():
        weight = network.V2.conv2.weight
        weight.copy_(weight[torch.randperm(len(weight), generator=torch.Generator().manual_seed(0))])


def _hook(network):
    network.V4.conv1.register_forward_hook(lambda module, inputs, output: output * 0.5)


def _replace(network):
    network.IT.nonlin2 = nn.ELU()


def _dilate(network):
    network.V1.conv2.padding = network.V1.conv2.dilation = (2, 2)


def _normalize_by_batch(network):
    network.V2.norm2_0.running_mean.fill_(1.0)


_FOLDED = [_lesion, _shuffle, _normalize_by_batch]


@pytest.mark.parametrize("change", [*_FOLDED, _hook, _replace, _dilate])
def test_a_changed_network_is_recorded_as_it_is_now(stand_in, images, change):
    """A lesion, other weights, a hook or another module takes effect in the next recording, folded or not."""
    network = copy.deepcopy(stand_in("S"))
    prepared, site = Prepared(network, CPU), Site("IT.output", 1)
    before = recorded(prepared, images, site)[site]
    change(network)
    after = recorded(prepared, images, site)[site]
    with torch.inference_mode():
        expected = dict(network.unfold(images))[("IT", 1)].flatten(1).numpy()
    assert_close(after, expected)
    assert np.abs(after - before).max() > 1e-3 * np.abs(before).max()
    assert can_fold(network) == (change in _FOLDED)


@pytest.mark.parametrize(
    ("place", "module"),
    [
        ("V1.nonlin1", nn.Identity()),
        ("V1.conv2", nn.Conv2d(64, 64, kernel_size=3, padding=1, bias=True)),
        ("V4.norm_skip", nn.BatchNorm2d(256, affine=False)),
        ("IT.norm1_1", nn.BatchNorm2d(2048, track_running_stats=False)),
    ],
)
def test_modules_of_another_make_are_not_folded(stand_in, place, module):
    """A module of another make is not folded, even if CORnet-S has modules of its class elsewhere."""
    region, name = place.split(".")
    network = copy.deepcopy(stand_in("S"))
    assert can_fold(network)
    setattr(getattr(network, region), name, module)
    assert not can_fold(network.eval())


def test_mixed_precision_is_near_but_not_the_same(stand_in, images):
    """bf16 keeps eight bits: the numbers differ, by a few per cent at most."""
    site = Site("IT.output", 1)
    exact = recorded(Prepared(stand_in("S"), CPU), images, site)[site]
    mixed = recorded(Prepared(stand_in("S"), CPU, precision="bf16"), images, site)[site]
    assert mixed.dtype == np.float32
    difference = np.abs(mixed - exact).max() / np.abs(exact).max()
    assert 1e-4 < difference < 0.1


class SmallMemory(nn.Module):
    """Makes a network behave as on a device whose memory holds so many images; the error is torch's own."""

    def __init__(self, network, most: int) -> None:
        super().__init__()
        self.most, self.sizes = most, []
        network.V1.register_forward_pre_hook(self)

    def __deepcopy__(self, memo):
        return self  # a copy of the network is on the same device

    def forward(self, module, inputs):
        self.sizes.append(len(inputs[0]))
        if len(inputs[0]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_a_batch_too_large_is_halved(stand_in, caplog):
    """What does not fit is tried again in halves, with a log line, and no result is lost or doubled."""
    images = noise(5)[:, :, 40:104, 80:144].contiguous()
    network = copy.deepcopy(stand_in("Z"))
    memory = SmallMemory(network, most=1)
    site = Site("V4.output", 0)
    with caplog.at_level("WARNING"):
        ours = recorded(Prepared(network, CPU), images, site, batch_size=5)[site]
    assert_close(ours, recorded(Prepared(stand_in("Z"), CPU), images, site)[site])
    assert memory.sizes == [5, 3, 2, 1, 1, 1, 1, 1]
    assert [record.message.split(": ")[1] for record in caplog.records] == [
        f"continuing with batches of {size}." for size in (3, 2, 1)
    ]


def test_one_image_too_large_is_an_error(stand_in, images):
    """The error says that not even one image fits the memory."""
    network = copy.deepcopy(stand_in("Z"))
    SmallMemory(network, most=0)
    with pytest.raises(UserError, match="Not even one image fits the memory of cpu"):
        recorded(Prepared(network, CPU), images, Site("V4.output", 0))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["RT", "S"])
def test_compiled_networks_give_the_same(stand_in, images, architecture):
    """torch.compile, when asked for, changes nothing but the time."""
    sites = [Site("IT.output", 1), Site(LOGITS, 0)]
    plain = recorded(Prepared(stand_in(architecture), CPU), images, *sites)
    compiled = recorded(Prepared(stand_in(architecture), CPU, compiled=True), images, *sites)
    for site in sites:
        assert_close(compiled[site], plain[site])


def tf32() -> list[str]:
    return [place.fp32_precision for place in (torch.backends.cuda.matmul, torch.backends.cudnn.conv)]


def test_recordings_are_in_single_precision(stand_in, images):
    """Nothing of a recording is rounded to TensorFloat-32, and the user's own settings are as before afterwards."""
    network = copy.deepcopy(stand_in("Z"))
    during = []
    network.IT.register_forward_hook(lambda *_: during.append(tf32()))
    before = tf32()
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        recorded(Prepared(network, CPU), images, Site(LOGITS, 0))
        after = tf32()
    finally:
        torch.backends.cuda.matmul.fp32_precision = before[0]
    assert during == [["ieee", "ieee"]]
    assert after == ["tf32", before[1]]


@pytest.mark.gpu
def test_a_gpu_gives_the_same(stand_in, images):
    """Recorded on CUDA in several batches, numbers are those of the CPU, to more than the 10 bits of TensorFloat-32."""
    sites = [Site("IT.output", 1), Site("V4.conv1", 2), Site(LOGITS, 0)]
    cpu = recorded(Prepared(stand_in("S"), CPU), images, *sites)
    cuda = recorded(Prepared(stand_in("S"), torch.device("cuda")), images, *sites, batch_size=1)
    for site in sites:
        np.testing.assert_allclose(cuda[site], cpu[site], rtol=0, atol=1e-4 * np.abs(cpu[site]).max())
