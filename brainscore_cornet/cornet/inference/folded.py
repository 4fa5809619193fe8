"""CORnet-S for inference: the same activity at the same points, from fewer and larger operations.

In evaluation mode a batch normalization only scales and shifts, so that it can be folded into the convolutions around
it. At a region's first step `conv_input` is followed by nothing but further 1x1 convolutions, so that it disappears in
these. On a CPU, 3x3 convolutions of later steps are done with fewer multiplications.
"""

from __future__ import annotations

import copy
from typing import TypeGuard

import torch
from torch import Tensor, nn

from ..anatomy import REGIONS
from ..architectures.base import CORnet, Decoder, Point, is_hooked
from ..architectures.cornet_s import RECURRENT, BottleneckRegion, CORnetS, FeedforwardV1, StridedConv2d
from .winograd import Winograd

_UNDERSTOOD = {
    *(CORnetS, FeedforwardV1, BottleneckRegion, StridedConv2d, Decoder),
    *(nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.Identity),
    *(nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear),
}


# The region whose three later steps make it worth its memory, 64 MB: in V2 little is spared, and in IT the weights are
# so many that their way through memory takes what is spared (measured).
_BY_PRODUCTS = "V4"


class FoldedS(CORnet):
    """What `network` computes; a copy, which later changes of the network do not reach.

    Parameters
    ----------
    winograd
        Whether to convolve by matrix products where that is faster: in single precision on a CPU. GPUs' libraries
        choose by themselves.
    """

    def __init__(self, network: CORnetS, winograd: bool = False) -> None:
        super().__init__()
        self.times = dict(network.times)
        self._points = network.points()
        self._sources = {point: network.sources(point) for point in self._points}
        with torch.no_grad():
            self.V1 = _V1(network.V1)
            for region in RECURRENT:
                module = getattr(network, region)
                shared = nn.Parameter(module.conv2.weight.detach(), requires_grad=False)
                faster = winograd and region == _BY_PRODUCTS and self.times[region] > 1
                products = Winograd.transformed(shared) if faster else None
                later = (_LaterStep(module, shared, products, step) for step in range(1, self.times[region]))
                self.add_module(region, nn.ModuleList([_FirstStep(module, shared), *later]))
        self.decoder = copy.deepcopy(network.decoder)

    def points(self) -> list[Point]:
        return self._points

    def sources(self, point: Point) -> tuple[Point, ...]:
        return self._sources[point]

    def advance(self, point: Point, activity, images: Tensor) -> Tensor:
        (source,) = self.sources(point)
        region = getattr(self, point.region)
        return region(activity[source]) if point.region == "V1" else region[point.time_step](activity[source])


def can_fold(network: CORnet) -> TypeGuard[CORnetS]:
    """Whether this is a CORnet-S as it was built: nothing replaced, nothing hooked, and in evaluation mode."""
    if type(network) is not CORnetS or network.training or is_hooked(network):
        return False
    if not all(type(module) in _UNDERSTOOD for module in network.modules()):
        return False
    with torch.device("meta"):
        built = CORnetS({region: network.times[region] for region in RECURRENT})
    # a module's representation has all that it was made with: its place, strides, whether there is a bias
    return all(repr(getattr(network, region)) == repr(getattr(built, region)) for region in REGIONS)


class _V1(nn.Module):
    def __init__(self, v1: FeedforwardV1) -> None:
        super().__init__()
        self.conv1 = _convolution(*_folded(v1.conv1.weight, v1.norm1), stride=2, padding=3)
        self.pool = copy.deepcopy(v1.pool)
        self.conv2 = _convolution(*_folded(v1.conv2.weight, v1.norm2), padding=1)

    def forward(self, images: Tensor) -> Tensor:
        # pooling first spares three quarters of the rectification, and gives the same
        return self.conv2(self.pool(self.conv1(images)).relu_()).relu_()


class _FirstStep(nn.Module):
    def __init__(self, region: BottleneckRegion, shared: nn.Parameter) -> None:
        super().__init__()
        entry = region.conv_input.weight
        skip_weight, skip_bias = _folded(_chained(region.skip.weight, entry), region.norm_skip)
        norm1, _, _ = region.norms(0)
        self.conv1 = _convolution(*_folded(_chained(region.conv1.weight, entry), norm1))
        self.conv2, self.conv3 = _inner(region, 0, shared, stride=2, more_bias=skip_bias)
        self.skip = _convolution(skip_weight, None, stride=2)

    def forward(self, activity: Tensor) -> Tensor:
        inner = self.conv2(self.conv1(activity).relu_()).relu_()
        return self.conv3(inner).add_(self.skip(activity)).relu_()


class _LaterStep(nn.Module):
    def __init__(
        self, region: BottleneckRegion, shared: nn.Parameter, products: nn.Parameter | None, step: int
    ) -> None:
        super().__init__()
        norm1, _, _ = region.norms(step)
        self.conv1 = _convolution(*_folded(region.conv1.weight, norm1))
        conv2, self.conv3 = _inner(region, step, shared, stride=1)
        if products is not None and conv2.weight is shared and conv2.bias is not None:
            self.conv2: nn.Module = Winograd(products, conv2.bias)
        else:
            self.conv2 = conv2

    def forward(self, activity: Tensor) -> Tensor:
        inner = self.conv2(self.conv1(activity).relu_()).relu_()
        return self.conv3(inner).add_(activity).relu_()


def _inner(
    region: BottleneckRegion, step: int, shared: nn.Parameter, stride: int, more_bias: Tensor | float = 0
) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The second and third convolution of a step.

    Nine tenths of CORnet-S' weights are those of `conv2`. They stay one for all steps: rectification lets a positive
    scale pass, so that the scale of each step can go into the small `conv3`.
    """
    _, norm2, norm3 = region.norms(step)
    weight3, bias3 = _folded(region.conv3.weight, norm3)
    scale, shift = _scale_and_shift(norm2)
    if (scale > 0).all():
        conv2 = _convolution(shared, shift / scale, stride, padding=1)
        weight3 = weight3 * scale[None, :, None, None]
    else:
        conv2 = _convolution(*_folded(region.conv2.weight, norm2), stride, padding=1)
    return conv2, _convolution(weight3, bias3 + more_bias)


# Weights are combined in double precision, and rounded once.
def _folded(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    scale, shift = _scale_and_shift(norm)
    return weight.double() * scale[:, None, None, None], shift


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch normalization does to each channel in evaluation mode."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None  # `can_fold` lets only normalizations pass that keep running averages
    assert variance is not None
    scale = norm.weight.double() / (variance.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - mean.double() * scale


def _chained(outer: Tensor, inner: Tensor) -> Tensor:
    """Weights (out, in, 1, 1) of one 1x1 convolution that does what `inner` and then `outer` do."""
    return (outer.double()[:, :, 0, 0] @ inner.double()[:, :, 0, 0])[:, :, None, None]


def _convolution(weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    channels_out, channels_in, size, _ = weight.shape
    # on the meta device, so that no time goes into an initialization
    made = nn.Conv2d(channels_in, channels_out, size, stride, padding, bias=bias is not None, device="meta")
    made.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight.float(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.float(), requires_grad=False)
    return made
