"""CORnet-Z: one convolution per region, feedforward (Kubilius et al. 2018, doi:10.1101/408385)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ..anatomy import CHANNELS, REGIONS, TIME_STEPS, below
from .base import CLASSES, IMAGE, CORnet, Point, build_decoder


class CORnetZ(CORnet):
    """Convolution, ReLU and max-pooling in each of four regions, then the decoder."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.times = dict(TIME_STEPS["Z"])
        in_channels = 3
        for region, channels in CHANNELS.items():
            kernel_size, stride = (7, 2) if region == "V1" else (3, 1)
            self.add_module(region, _region(in_channels, channels, kernel_size, stride))
            in_channels = channels
        self.decoder = build_decoder(in_channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None  # all layers of this network have one
                nn.init.zeros_(module.bias)

    def points(self) -> list[Point]:
        return [Point(region, 0) for region in REGIONS]

    def sources(self, point: Point) -> tuple[Point, ...]:
        return (IMAGE,) if point.region == "V1" else (Point(below(point.region), 0),)

    def advance(self, point: Point, activity, images: Tensor) -> Tensor:
        (source,) = self.sources(point)
        return getattr(self, point.region)(activity[source])


def _region(in_channels: int, channels: int, kernel_size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, channels, kernel_size, stride, padding=kernel_size // 2),
            nonlin=nn.ReLU(),
            pool=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            output=nn.Identity(),
        )
    )
