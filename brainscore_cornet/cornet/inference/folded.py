"""CORnet-S for inference: the same activity at the same points, from fewer and larger operations.

In evaluation mode a batch normalization only scales and shifts, so that it can be folded into adjacent convolutions.
At a region's first step only further 1x1 convolutions follow `conv_input`, so that it is folded into these. On a
CPU, 3x3 convolutions of later steps use Winograd's algorithm, which needs fewer multiplications.
"""

from __future__ import annotations

import copy
from typing import TypeGuard

import torch
from torch import Tensor, nn

from ..anatomy import REGIONS
from ..architectures.base import CORnet, Decoder, Point, is_hooked
from ..architectures.cornet_s import RECURRENT, BottleneckRegion, CORnetS, FeedforwardV1, StridedConv2d, build_region
from .winograd import Winograd

_UNDERSTOOD = {
    *(CORnetS, FeedforwardV1, BottleneckRegion, StridedConv2d, Decoder),
    *(nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.Identity),
    *(nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear),
}


# The one region in which Winograd's algorithm is worth its memory, 64 MB, thanks to three later steps. V2 saves
# little, and in IT reading the larger weights costs as much as is saved (measured).
_WINOGRAD_REGION = "V4"


class FoldedS(CORnet):
    """A copy of `network` for inference; later changes of `network` do not affect it.

    Parameters
    ----------
    winograd
        Whether to use Winograd's algorithm where it is faster: in single precision on a CPU. On GPUs, cuDNN chooses
        the algorithm itself.
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
                faster = winograd and region == _WINOGRAD_REGION and self.times[region] > 1
                transformed = Winograd.weight_transform(shared) if faster else None
                later = (_LaterStep(module, shared, transformed, step) for step in range(1, self.times[region]))
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
    """Return whether this is a CORnet-S in evaluation mode without replaced modules and without hooks."""
    if type(network) is not CORnetS or network.training or is_hooked(network):
        return False
    if not all(type(module) in _UNDERSTOOD for module in network.modules()):
        return False
    with torch.device("meta"):
        built = {region: build_region(region, network.times[region]) for region in REGIONS}
    # a module's representation contains all its arguments: names, strides, whether there is a bias
    return all(repr(getattr(network, region)) == repr(expected) for region, expected in built.items())


class _V1(nn.Module):
    def __init__(self, v1: FeedforwardV1) -> None:
        super().__init__()
        self.conv1 = _convolution(*_folded(v1.conv1.weight, v1.norm1), stride=2, padding=3)
        self.pool = copy.deepcopy(v1.pool)
        self.conv2 = _convolution(*_folded(v1.conv2.weight, v1.norm2), padding=1)

    def forward(self, images: Tensor) -> Tensor:
        # pooling first saves three quarters of the rectification, with the same result
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
        self, region: BottleneckRegion, shared: nn.Parameter, transformed: nn.Parameter | None, step: int
    ) -> None:
        super().__init__()
        norm1, _, _ = region.norms(step)
        self.conv1 = _convolution(*_folded(region.conv1.weight, norm1))
        conv2, self.conv3 = _inner(region, step, shared, stride=1)
        if transformed is not None and conv2.weight is shared and conv2.bias is not None:
            self.conv2: nn.Module = Winograd(transformed, conv2.bias)
        else:
            self.conv2 = conv2

    def forward(self, activity: Tensor) -> Tensor:
        inner = self.conv2(self.conv1(activity).relu_()).relu_()
        return self.conv3(inner).add_(activity).relu_()


def _inner(
    region: BottleneckRegion, step: int, shared: nn.Parameter, stride: int, more_bias: Tensor | float = 0
) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Return the activity after the second and third convolution of a step.

    `conv2` has nine tenths of CORnet-S' weights. All steps share one copy of them: a positive scale commutes with
    rectification, so that the scale of each step is folded into the small `conv3`.
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


# Weights are combined in double precision and rounded once.
def _folded(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    scale, shift = _scale_and_shift(norm)
    return weight.double() * scale[:, None, None, None], shift


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the scale and the shift (channel,) that a batch normalization applies in evaluation mode."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None  # `can_fold` accepts only normalizations with running averages
    assert variance is not None
    scale = norm.weight.double() / (variance.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - mean.double() * scale


def _chained(outer: Tensor, inner: Tensor) -> Tensor:
    """Return the weights (out, in, 1, 1) of one 1x1 convolution equal to `inner` followed by `outer`."""
    return (outer.double()[:, :, 0, 0] @ inner.double()[:, :, 0, 0])[:, :, None, None]


def _convolution(weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    channels_out, channels_in, size, _ = weight.shape
    # on the meta device, which skips the initialization
    made = nn.Conv2d(channels_in, channels_out, size, stride, padding, bias=bias is not None, device="meta")
    made.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight.float(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.float(), requires_grad=False)
    return made
