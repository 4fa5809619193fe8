"""The base class of all CORnets: its points in time, and how activity unfolds from an image to the decoder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, fx, jit, nn

from ..anatomy import MIN_IMAGE_SIZE
from ..errors import UserError


class Point(NamedTuple):
    """Activity of one stage of the network at one time step."""

    region: str
    time_step: int


IMAGE = Point("image", 0)
CLASSES = 1000  # ImageNet's, which the released networks classify


class CORnet(nn.Module):
    """A network that maps onto V1, V2, V4 and IT and unfolds over time steps.

    Subclasses define the regions as submodules, list the `points` in causal order, name the `sources` that a point
    is computed from, and `advance` the network to a point. `forward` runs through all points; `unfold` can compute
    some points and only what they depend on.

    The module keeps no activity: forward passes do not influence each other.
    """

    times: Mapping[str, int]
    """Number of time steps of each region."""

    decoder: Decoder

    def points(self) -> Iterable[Point]:
        """Return all points in causal order, the last time step of IT last."""
        raise NotImplementedError

    def sources(self, point: Point) -> tuple[Point, ...]:
        """Return the points whose activity `point` is computed from; `IMAGE` is the network's input."""
        raise NotImplementedError

    def advance(self, point: Point, activity: Mapping[Point, Tensor], images: Tensor) -> Tensor:
        """Return the activity (batch or 1, channel, height, width) at `point`.

        Parameters
        ----------
        activity
            Activity of at least the sources of `point`, each (batch or 1, channel, height, width).
        images
            Images (batch, 3, height, width), which give a point without input its batch, size, type and device.
        """
        raise NotImplementedError

    def point_of(self, layer: str, time_step: int) -> Point:
        """Return the point at which a layer inside a region, such as `IT.conv2`, is computed at `time_step`."""
        return Point(layer.split(".")[0], time_step)

    def last_step(self, layer: str) -> int:
        """Return the last time step at which a layer inside a region is computed."""
        return self.times[layer.split(".")[0]] - 1

    @property
    def last_point(self) -> Point:
        """The input of the decoder: IT at its last time step."""
        return Point("IT", self.times["IT"] - 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, class) for normalized images (batch, 3, height, width) of at least 32 px a side."""
        activity = images
        for _, activity in self.unfold(images):  # noqa: B007 -- the last point's is decoded
            pass
        return self.decoder(activity)

    def unfold(self, images: Tensor, wanted: Iterable[Point] | None = None) -> Iterator[tuple[Point, Tensor]]:
        """Run through time and yield (point, activity), activity as (batch, channel, height, width).

        The memory of activity is freed after its last use.

        Parameters
        ----------
        images
            (batch, 3, height, width), normalized.
        wanted
            Points to yield; only what they depend on is computed. Points that do not depend on the image are then
            computed for one image instead of the whole batch, so that their activity is (1, channel, height, width).
            By default, every point is computed for every image and yielded.
        """
        check_images(images)
        if wanted is None:
            schedule, independent = list(self.points()), set()
            yielded = set(schedule)
        else:
            yielded = set(wanted)
            schedule = self.required(yielded)
            independent = {point for point in schedule if not self.sees_image(point)}
        last_use = {source: point for point in schedule for source in self.sources(point)}
        activity = {IMAGE: images}
        for point in schedule:
            seen = images[:1] if point in independent else images
            activity[point] = self.advance(point, activity, seen)
            if point in yielded:
                yield point, activity[point]
            for done in (*self.sources(point), point):
                if last_use.get(done, point) == point:
                    activity.pop(done, None)

    def required(self, wanted: Iterable[Point]) -> list[Point]:
        """Return `wanted` and every point that it depends on, in causal order."""
        known, needed = list(self.points()), set(wanted)
        unknown = needed - set(known)
        if unknown:
            steps = ", ".join(f"{region} {count}" for region, count in self.times.items())
            raise UserError(f"No such points: {sorted(unknown)}. This network has the time steps {steps}.")
        for point in reversed(known):
            if point in needed:
                needed.update(self.sources(point))
        return [point for point in known if point in needed]

    def sees_image(self, point: Point) -> bool:
        """Return whether the activity at `point` depends on the image."""
        return any(IMAGE in self.sources(needed) for needed in self.required([point]))


def check_images(images: Tensor) -> None:
    """Raise `UserError` for what a network cannot take; not while it is traced, since a trace holds no decisions."""
    if isinstance(images, fx.Proxy) or jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage] -- documented
        return
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < MIN_IMAGE_SIZE:
        raise UserError(
            f"Expected images of shape (batch, 3, height, width) with at least {MIN_IMAGE_SIZE} px a side, "
            f"received {tuple(images.shape)}."
        )


def is_hooked(network: nn.Module) -> bool:
    """Return whether a module has hooks, which may change what the network computes."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


class Decoder(nn.Sequential):
    """Global average pooling and a linear layer: (batch, channel, height, width) -> (batch, class)."""

    if TYPE_CHECKING:  # torch.jit.script cannot read annotations of submodules
        linear: nn.Linear


def build_decoder(channels: int, classes: int = CLASSES) -> Decoder:
    return Decoder(
        OrderedDict(
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(channels, classes),
            output=nn.Identity(),
        )
    )
