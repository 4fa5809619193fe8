"""CORnet-RT and the legacy CORnet-R: regions with a state (Kubilius et al. 2018, doi:10.1101/408385, Fig. 2)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from ..anatomy import CHANNELS, REGIONS, TIME_STEPS, below, check_steps
from ..errors import UserError
from .base import CLASSES, IMAGE, CORnet, Point, build_decoder

STRIDES = {"V1": 4, "V2": 2, "V4": 2, "IT": 2}
INPUT_STAGE = Point("V1.input_stage", 0)  # computed once, since V1 has the same image at every step
V1_INPUT_LAYERS = ("V1.conv_input", "V1.norm_input", "V1.nonlin_input")

Update = Literal["simultaneous", "sequential"]


class CORnetR(CORnet):
    """Four regions whose activity at a time step depends on the input from below and on their own state before.

    Parameters
    ----------
    update
        `simultaneous`: all regions advance at once, each from the activity below it at the step before. This is
        biological unrolling, CORnet-RT: the image reaches V1 at step 0, V2 at 1, V4 at 2, IT at 3.
        `sequential`: within a step each region advances from the new activity below it, CORnet-R.
        In both, only V1 sees an input at step 0; the others start from zeros in place of their input stage.
    times
        Number of time steps, for all regions.
    """

    V1: RecurrentRegion

    def __init__(self, update: Update, times: int = TIME_STEPS["RT"]["V1"], classes: int = CLASSES) -> None:
        super().__init__()
        if update not in ("simultaneous", "sequential"):
            raise UserError(f"Expected the update rule 'simultaneous' or 'sequential', received {update!r}.")
        self.update = update
        self.times = {region: check_steps("all regions", times) for region in REGIONS}
        in_channels = 3
        for region, channels in CHANNELS.items():
            kernel_size = 7 if region == "V1" else 3
            self.add_module(region, RecurrentRegion(in_channels, channels, kernel_size, STRIDES[region]))
            in_channels = channels
        self.decoder = build_decoder(in_channels, classes)

    def points(self) -> list[Point]:
        return [INPUT_STAGE, *(Point(region, step) for step in range(self.times["V1"]) for region in REGIONS)]

    def sources(self, point: Point) -> tuple[Point, ...]:
        if point == INPUT_STAGE:
            return (IMAGE,)
        drive = self._drive(point)
        state = (Point(point.region, point.time_step - 1),) if point.time_step > 0 else ()
        return (*((drive,) if drive else ()), *state)

    def advance(self, point: Point, activity, images: Tensor) -> Tensor:
        if point == INPUT_STAGE:
            return self.V1.input_stage(activity[IMAGE])
        region: RecurrentRegion = getattr(self, point.region)
        drive = self._drive(point)
        if drive is None:
            driven = images.new_zeros(self._activity_shape(point.region, images))
        elif drive == INPUT_STAGE:
            driven = activity[drive]
        else:
            driven = region.input_stage(activity[drive])
        state = activity.get(Point(point.region, point.time_step - 1))
        return region(driven, state)

    def point_of(self, layer: str, time_step: int) -> Point:
        return INPUT_STAGE if layer in V1_INPUT_LAYERS else super().point_of(layer, time_step)

    def _drive(self, point: Point) -> Point | None:
        """Return the point that gives `point` its input, None at the step at which only V1 has an input."""
        if point.region == "V1":
            return INPUT_STAGE
        if point.time_step == 0:
            return None
        delay = 1 if self.update == "simultaneous" else 0
        return Point(below(point.region), point.time_step - delay)

    @staticmethod
    def _activity_shape(region: str, images: Tensor) -> tuple[int, int, int, int]:
        batch, _, height, width = images.shape
        for passed in REGIONS[: REGIONS.index(region) + 1]:
            height, width = -(-height // STRIDES[passed]), -(-width // STRIDES[passed])
        return batch, CHANNELS[region], height, width


class RecurrentRegion(nn.Module):
    """A region with a state: `input_stage` processes the input from below, `forward` adds the state and updates it."""

    def __init__(self, in_channels: int, channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.conv_input = nn.Conv2d(in_channels, channels, kernel_size, stride, padding=kernel_size // 2)
        self.norm_input = nn.GroupNorm(32, channels)
        self.nonlin_input = nn.ReLU()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(32, channels)
        self.nonlin1 = nn.ReLU()
        self.output = nn.Identity()

    def input_stage(self, activity: Tensor) -> Tensor:
        return self.nonlin_input(self.norm_input(self.conv_input(activity)))

    def forward(self, driven: Tensor, state: Tensor | None = None) -> Tensor:
        if state is not None:
            driven = driven + state
        return self.output(self.nonlin1(self.norm1(self.conv1(driven))))
