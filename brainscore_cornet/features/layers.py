"""Choice of the layers and time steps from which features are extracted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from ..cornet.anatomy import REGIONS
from ..cornet.architectures import CORnet, Point
from ..cornet.commitments import Commitment, TimeBin, overlaps
from ..cornet.errors import UserError, unknown_name, whole_number
from ..cornet.names import counted
from ..cornet.recording.record import Site, is_decoded
from ..cornet.recording.shapes import Shapes
from ..cornet.time_bins import check_time_bin
from .early_checks import DEFAULT_LAYERS, bins_and_steps

_logger = logging.getLogger(__name__)


def choose(
    network: CORnet,
    commitment: Commitment,
    shapes: Shapes,
    layers: Sequence[str] | None,
    time_steps: int | str | Sequence[int],
    time_bins: Sequence[TimeBin] | None,
    allow_uninformative: bool = False,
    to_allow: str = "",
) -> list[Site]:
    """Return the requested sites, layer by layer.

    Parameters
    ----------
    shapes
        Shapes from `survey`.
    time_steps
        `all` time steps that the image has reached, or a list of time steps that each layer must have.
    time_bins
        Time bins in ms, instead of time steps; mapped to time steps as in recordings.
    allow_uninformative
        Whether activity that is the same for every image is chosen, too. Otherwise a layer that the image does not
        reach at all is left out with a message, and naming such a time step of another layer is an error.
    to_allow
        How the caller allows it, such as an option, for the error's text.

    Raises
    ------
    UserError
        If an option is invalid, or if nothing is left.
    """
    if isinstance(layers, str):
        layers = [layers]
    if not isinstance(time_steps, Iterable):
        time_steps = [time_steps]
    if time_bins is not None and (not len(time_bins) or time_steps != "all"):
        raise bins_and_steps()
    if not len(time_steps):
        raise UserError("No time steps: expected 'all' or a list such as [0, 1].")
    if isinstance(time_steps, str) and time_steps != "all":
        raise UserError(f"Expected time steps as 'all' or a list such as [0, 1], received {time_steps!r}.")
    sites: list[Site] = []
    unreached: list[str] = []
    for requested in DEFAULT_LAYERS if layers is None else layers:
        layer = f"{requested}.output" if requested in REGIONS else requested
        if layer not in shapes:
            raise unknown_name(layer, shapes, "layer")
        known = list(shapes[layer])
        reached = [step for step in known if network.sees_image(_point_of(network, layer, step))]
        if not reached and not allow_uninformative:
            steps = network.times["IT" if is_decoded(layer) else layer.split(".")[0]]
            name, within = layer.removesuffix(".output"), counted(steps, "step")
            unreached.append(f"{name} is left out: the image does not reach it within {within}.")
            continue
        if is_decoded(layer):
            chosen = [0]
        elif time_bins is not None:
            chosen = _answering(layer, commitment, time_bins)
        elif time_steps == "all":
            chosen = known if allow_uninformative else reached
            if early := [step for step in known if step not in chosen]:
                _logger.warning(
                    "%s at time step%s left out: the image reaches it at %s.",
                    *(layer, f" {early[0]} is" if len(early) == 1 else f"s {_listed(early)} are", reached[0]),
                )
        else:
            chosen = [whole_number(step, "a time step", 0) for step in time_steps]
        for step in dict.fromkeys(chosen):
            if step not in known:
                raise UserError(f"{layer} is not computed at time step {step}, only at {_listed(known)}.")
            if step not in reached and not allow_uninformative:
                raise UserError(
                    f"At time step {step} the image has not reached {layer} (it arrives at {reached[0]}): its activity "
                    f"is the same for every image.{to_allow and f' To have it all the same: {to_allow}'}"
                )
            if step not in reached:
                _logger.warning("%s at time step %d is the same for every image.", layer, step)
            sites.append(Site(layer, step))
    if not sites:
        hint = f" Give the network more steps (--times){to_allow and f', or have it all the same: {to_allow}'}."
        raise UserError(" ".join(unreached) + hint if unreached else "No layers to take features from.")
    for sentence in unreached:
        _logger.warning("%s", sentence)
    return list(dict.fromkeys(sites))


def calls_in_cornet(network: CORnet, shapes: Shapes, layer: str) -> list[int]:
    """Return the time step that answers each call of a layer in CORnet's own implementation of this network.

    Theirs calls the input stage of V1 at every time step, each time with the same image, and ours once.
    """
    steps = list(shapes[layer])
    region = layer.split(".")[0]
    if region in network.times and network.point_of(layer, 0) == network.point_of(layer, 1):
        return steps * network.times[region]
    return steps


def _point_of(network: CORnet, layer: str, step: int) -> Point:
    return network.last_point if is_decoded(layer) else network.point_of(layer, step)


def _answering(layer: str, commitment: Commitment, time_bins: Sequence[TimeBin]) -> list[int]:
    """Return the time step that answers each time bin, and log those that no committed bin overlaps."""
    region = layer.split(".")[0]
    committed = commitment.time_bins[region]
    if not committed:
        raise UserError(f"{layer} has no time bins, since the image does not reach it: give time steps instead.")
    chosen = [commitment.step_at(region, check_time_bin(time_bin)) for time_bin in time_bins]
    for (start, end), step in zip(time_bins, chosen, strict=True):
        if not overlaps(committed, (start, end)):
            _logger.warning(
                "%s has no activity at %s-%s ms: time step %s, at %s-%s ms, is the nearest.",
                *(layer, start, end, step, *committed[step]),
            )
    return chosen


def _listed(steps: Sequence[int]) -> str:
    return ", ".join(map(str, steps))
