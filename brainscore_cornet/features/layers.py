"""Choice of the layers and time steps from which features are extracted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from ..cornet.anatomy import REGIONS
from ..cornet.architectures import CORnet
from ..cornet.commitments import Commitment, TimeBin, check_time_bin, nearest_step, overlaps
from ..cornet.errors import UserError, unknown_name, whole_number
from ..cornet.recording.record import Site, is_decoded
from ..cornet.recording.shapes import Shapes

_logger = logging.getLogger(__name__)

DEFAULT = (*(f"{region}.output" for region in REGIONS), "decoder.avgpool")


def choose(
    network: CORnet,
    commitment: Commitment,
    shapes: Shapes,
    layers: Sequence[str] | None,
    time_steps: int | str | Sequence[int],
    time_bins: Sequence[TimeBin] | None,
    allow_uninformative: bool,
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
        Whether activity that is the same for every image may be requested.
    """
    if isinstance(layers, str):
        layers = [layers]
    if not isinstance(time_steps, Iterable):
        time_steps = [time_steps]
    if time_bins is not None and (not len(time_bins) or time_steps != "all"):
        raise UserError("Expected either time steps or time bins, such as [(70, 170)].")
    if not len(time_steps):
        raise UserError("No time steps: expected 'all' or a list such as [0, 1].")
    sites: list[Site] = []
    for requested in DEFAULT if layers is None else layers:
        layer = f"{requested}.output" if requested in REGIONS else requested
        if layer not in shapes:
            raise unknown_name(layer, shapes, "layer")
        known = list(shapes[layer])
        reached = [step for step in known if is_decoded(layer) or network.sees_image(network.point_of(layer, step))]
        if is_decoded(layer):
            chosen = [0]
        elif time_bins is not None:
            committed = commitment.time_bins[layer.split(".")[0]]
            chosen = [nearest_step(committed, check_time_bin(time_bin)) for time_bin in time_bins]
            for (start, end), step in zip(time_bins, chosen, strict=True):
                if not overlaps(committed, (start, end)):
                    _logger.warning(
                        "%s has no activity at %s-%s ms: time step %s, at %s-%s ms, is the nearest.",
                        *(layer, start, end, step, *committed[step]),
                    )
        elif isinstance(time_steps, str):
            if time_steps != "all":
                raise UserError(f"Expected time steps as 'all' or a list such as [0, 1], received {time_steps!r}.")
            chosen = known if allow_uninformative else reached
            if early := [step for step in known if step not in chosen]:
                _logger.warning("%s: left out is what comes before the image: time step %s.", layer, _listed(early))
        else:
            chosen = [whole_number(step, "a time step", 0) for step in time_steps]
        for step in dict.fromkeys(chosen):
            if step not in known:
                raise UserError(f"{layer} is not computed at time step {step}, only at {_listed(known)}.")
            if step not in reached and not allow_uninformative:
                arrival = f"it arrives at {reached[0]}" if reached else "nor at any later one that the network runs"
                raise UserError(
                    f"At time step {step} the image has not reached {layer} ({arrival}): its activity is the same for "
                    "every image. To have it all the same: --allow-uninformative"
                )
            if step not in reached:
                _logger.warning("%s at time step %d is the same for every image.", layer, step)
            sites.append(Site(layer, step))
    if not sites:
        raise UserError("No layers to take features from.")
    return list(dict.fromkeys(sites))


def _listed(steps: Sequence[int]) -> str:
    return ", ".join(map(str, steps))
