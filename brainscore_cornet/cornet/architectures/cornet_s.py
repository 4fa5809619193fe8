"""CORnet-S: recurrent bottlenecks with a skip connection (Kubilius, Schrimpf et al. 2019, arXiv:1909.06161)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from ..anatomy import CHANNELS, REGIONS, TIME_STEPS, below, check_steps, check_times
from .base import CLASSES, IMAGE, CORnet, Point, build_decoder

RECURRENT = ("V2", "V4", "IT")
EXPANSION = 4  # of channels inside the bottleneck
AT_EACH_STEP = ("norm1", "norm2", "norm3")  # followed by `_` and the time step
AT_FIRST_STEP = ("conv_input", "skip", "norm_skip")


class CORnetS(CORnet):
    """A feedforward V1, then three recurrent regions, each of which runs all of its steps before the next starts.

    Parameters
    ----------
    times
        Region -> number of time steps, for V2, V4 and IT; by default the released numbers 2, 4, 2.
    """

    V1: FeedforwardV1

    def __init__(self, times: Mapping[str, int] | None = None, classes: int = CLASSES) -> None:
        super().__init__()
        check_times("S", times)
        steps = {**TIME_STEPS["S"], **(times or {})}
        self.times = {region: check_steps(region, count) for region, count in steps.items()}
        for region in REGIONS:
            self.add_module(region, build_region(region, self.times[region]))
        self.decoder = build_decoder(CHANNELS["IT"], classes)
        for module in self.modules():
            # on the meta device, where there are no values, torch would import its compiler to draw them: a second
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                area = module.kernel_size[0] * module.kernel_size[1]
                nn.init.normal_(module.weight, std=(2 / (area * module.out_channels)) ** 0.5)

    def points(self) -> list[Point]:
        return [Point(region, step) for region in REGIONS for step in range(self.times[region])]

    def sources(self, point: Point) -> tuple[Point, ...]:
        if point.region == "V1":
            return (IMAGE,)
        if point.time_step > 0:
            return (Point(point.region, point.time_step - 1),)
        region = below(point.region)
        return (Point(region, self.times[region] - 1),)

    def advance(self, point: Point, activity, images: Tensor) -> Tensor:
        (source,) = self.sources(point)
        region = getattr(self, point.region)
        return region(activity[source]) if point.region == "V1" else region(activity[source], point.time_step)

    def last_step(self, layer: str) -> int:
        name = layer.split(".")[-1]
        stem, _, step = name.rpartition("_")
        if stem in AT_EACH_STEP and step.isdecimal():
            return int(step)
        return 0 if name in AT_FIRST_STEP else super().last_step(layer)


class BottleneckRegion(nn.Module):
    """A bottleneck whose convolutions are shared by all time steps, with separate normalizations for each step."""

    def __init__(self, in_channels: int, channels: int, times: int) -> None:
        super().__init__()
        inner = EXPANSION * channels
        self.conv_input = nn.Conv2d(in_channels, channels, kernel_size=1, bias=False)
        self.skip = nn.Conv2d(channels, channels, kernel_size=1, stride=2, bias=False)
        self.norm_skip = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, inner, kernel_size=1, bias=False)
        self.nonlin1 = nn.ReLU()
        self.conv2 = StridedConv2d(inner, inner, kernel_size=3, padding=1, bias=False)
        self.nonlin2 = nn.ReLU()
        self.conv3 = nn.Conv2d(inner, channels, kernel_size=1, bias=False)
        self.nonlin3 = nn.ReLU()
        self.output = nn.Identity()
        for step in range(times):
            self.add_module(f"norm1_{step}", nn.BatchNorm2d(inner))
            self.add_module(f"norm2_{step}", nn.BatchNorm2d(inner))
            self.add_module(f"norm3_{step}", nn.BatchNorm2d(channels))

    def forward(self, activity: Tensor, time_step: int) -> Tensor:
        """Return the activity at `time_step`, from the region below at step 0, then from the previous step."""
        if time_step == 0:
            activity = self.conv_input(activity)
            skip, stride = self.norm_skip(self.skip(activity)), 2
        else:
            skip, stride = activity, 1
        norm1, norm2, norm3 = self.norms(time_step)
        inner = self.nonlin1(norm1(self.conv1(activity)))
        inner = self.nonlin2(norm2(self.conv2(inner, stride)))
        return self.output(self.nonlin3(norm3(self.conv3(inner)) + skip))

    def norms(self, time_step: int) -> tuple[nn.BatchNorm2d, nn.BatchNorm2d, nn.BatchNorm2d]:
        """Return the normalizations after `conv1`, `conv2` and `conv3` at a time step."""
        norm1, norm2, norm3 = (getattr(self, f"norm{i}_{time_step}") for i in (1, 2, 3))
        return norm1, norm2, norm3


class StridedConv2d(nn.Conv2d):
    """A convolution whose stride is an argument of each call, since steps of both strides share its weights."""

    def forward(self, activity: Tensor, stride: int) -> Tensor:
        return functional.conv2d(activity, self.weight, self.bias, stride, self.padding)


def build_region(region: str, times: int) -> nn.Module:
    """A region with PyTorch's own initialization."""
    if region == "V1":
        return _v1(CHANNELS["V1"])
    return BottleneckRegion(CHANNELS[below(region)], CHANNELS[region], times)


class FeedforwardV1(nn.Sequential):
    """Two convolutions, each with its normalization, and max-pooling between them."""

    if TYPE_CHECKING:  # torch.jit.script cannot read annotations of submodules
        conv1: nn.Conv2d
        norm1: nn.BatchNorm2d
        pool: nn.MaxPool2d
        conv2: nn.Conv2d
        norm2: nn.BatchNorm2d


def _v1(channels: int) -> FeedforwardV1:
    return FeedforwardV1(
        OrderedDict(
            conv1=nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False),
            norm1=nn.BatchNorm2d(channels),
            nonlin1=nn.ReLU(),
            pool=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            conv2=nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            norm2=nn.BatchNorm2d(channels),
            nonlin2=nn.ReLU(),
            output=nn.Identity(),
        )
    )
