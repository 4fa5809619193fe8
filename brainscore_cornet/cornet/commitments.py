"""Commitments: for each model, the fixed mapping to the brain with which it is compared.

A commitment fixes, before any data are seen, which layer stands for which region, when in milliseconds each time step
of a region happens, which layer behaviour is read out from, and how much of the visual field the model sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .anatomy import CHOICE_OF_TIMES, REGIONS, TIME_STEPS
from .errors import UserError
from .preparation import Colour, checked_background, checked_resize
from .time_bins import Answers, TimeBin, TimeBins, TimeMapping, bins_in_identifier, checked_mapping
from .weights.own_files import unknown_model


@dataclass(frozen=True)
class Commitment:
    """The fixed mapping from one model to the ventral stream."""

    identifier: str
    name: str
    architecture: str
    trained: bool
    time_steps: Mapping[str, int]
    time_bins: TimeBins
    layers: Mapping[str, str]
    readout_layer: str = "decoder.avgpool"
    visual_degrees: int = 8
    image_size: int = 224
    precision: str = "fp32"
    resize: str = "squeeze"
    background: Colour | None = None
    answers: Answers = field(default_factory=dict)

    def step_at(self, region: str, time_bin: TimeBin) -> int:
        """Return the time step of a region that answers a time bin: the one with the nearest committed start."""
        if region not in self.answers:
            return nearest_step(self.time_bins[region], time_bin)
        return min(self.answers[region], key=lambda each: (abs(each[0][0] - time_bin[0]), each[0][0], each[1]))[1]

    @property
    def times(self) -> int | dict[str, int] | None:
        """Time steps in the form that `architectures.build_network` takes."""
        match CHOICE_OF_TIMES[self.architecture]:
            case "none":
                return None
            case "one":
                return self.time_steps["V1"]
            case "each":
                return {region: steps for region, steps in self.time_steps.items() if region != "V1"}


# Sources: Z and R from candidate_models, Brain-Score's collection of models before version 2.0, in which V4 and IT of R
# have no bin for 110-140 ms; S from Brain-Score's own CORnet-S plugin. None is published for RT: ours has one clock
# for all regions, as biological unrolling implies, and commits only the steps that the image has reached.
_R_AFTER_V2 = {1: (70, 110), 2: (140, 170), 3: (170, 200), 4: (200, 250)}
_S_START_WIDTH = {"V1": (50, 100), "V2": (70, 100), "V4": (90, 50), "IT": (100, 100)}
_RT_ARRIVAL = {"V1": 0, "V2": 1, "V4": 2, "IT": 3}


def _time_bins(architecture: str, steps: Mapping[str, int]) -> TimeBins:
    if architecture == "Z":
        return {"V1": {0: (50, 150)}, "V2": {0: (70, 170)}, "V4": {0: (90, 190)}, "IT": {0: (100, 200)}}
    if architecture == "S":
        return {
            region: {step: (start + step * width, start + (step + 1) * width) for step in range(steps[region])}
            for region, (start, width) in _S_START_WIDTH.items()
        }
    if architecture == "RT":
        return {
            region: {step: (50 + 20 * step, 70 + 20 * step) for step in range(arrival, steps[region])}
            for region, arrival in _RT_ARRIVAL.items()
        }
    if architecture != "R":
        raise ValueError(f"No time bins are committed for the architecture {architecture!r}.")
    published = {
        "V1": {step: (50 + 30 * step, 80 + 30 * step) for step in range(5)},
        "V2": {1: (60, 110), 2: (110, 140), 3: (140, 170), 4: (170, 200)},
        "V4": _R_AFTER_V2,
        "IT": _R_AFTER_V2,
    }
    return {
        region: {step: time_bin for step, time_bin in published[region].items() if step < steps[region]}
        for region in REGIONS
    }


def _commitment(architecture: str, trained: bool) -> Commitment:
    steps = TIME_STEPS[architecture]
    return Commitment(
        identifier=f"cornet_{architecture.lower()}" + ("" if trained else "_untrained"),
        name=f"CORnet-{architecture}",
        architecture=architecture,
        trained=trained,
        time_steps=steps,
        time_bins=_time_bins(architecture, steps),
        layers={region: f"{region}.output" for region in REGIONS},
    )


COMMITMENTS: Mapping[str, Commitment] = {
    commitment.identifier: commitment
    for trained in (True, False)
    for commitment in (_commitment(architecture, trained) for architecture in TIME_STEPS)
}


def get_commitment(identifier: str) -> Commitment:
    """Return the commitment of a registered model; raises `UserError` with the nearest names for an unknown one."""
    if not isinstance(identifier, str) or identifier not in COMMITMENTS:
        raise unknown_model(identifier, COMMITMENTS)
    return COMMITMENTS[identifier]


def architecture_of(model: str) -> str:
    """Return `Z`, `R`, `RT` or `S` for CORnet's own spelling or an identifier."""
    if isinstance(model, str) and model.upper() in TIME_STEPS:
        return model.upper()
    if model not in COMMITMENTS:
        raise unknown_model(model, [*TIME_STEPS, *COMMITMENTS])
    return COMMITMENTS[model].architecture


def vary(
    commitment: Commitment,
    *,
    times: int | Mapping[str, int] | None = None,
    time_mapping: TimeMapping | None = None,
    layers: Mapping[str, str] | None = None,
    image_size: int | None = None,
    weights_hash: str | None = None,
    precision: str = "fp32",
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
) -> Commitment:
    """Return a commitment with other time steps, time bins, layers, images, weights or precision.

    Its identifier contains every option that changes the numbers, since Brain-Score uses it as a cache key.

    Parameters
    ----------
    times
        Number of time steps, as in `architectures.build_network`.
    time_mapping
        Region -> time step -> (start, end) in ms, or several of them; replaces the bins of the regions that it names.
    layers
        Region -> layer that stands for it, such as `{"V4": "V4.nonlin3"}`; other regions keep theirs.
    image_size
        Height and width in px that images are resized to.
    weights_hash
        SHA-256 of a weight file other than the released one.
    precision
        `fp32` or `bf16`.
    resize, background
        How images are made square, and what is behind transparent pixels, as in `brain_model.load_model`.
    """
    resize, colour = checked_resize(resize), checked_background(background)
    suffix = ""
    if weights_hash is not None:
        suffix += f"_weights_{weights_hash[:8]}"
    steps = dict(commitment.time_steps)
    if times is not None:
        steps.update(dict.fromkeys(steps, times) if isinstance(times, int) else times)
    if steps != commitment.time_steps:
        changed = {region: count for region, count in steps.items() if count != commitment.time_steps[region]}
        if len(set(steps.values())) == 1:
            suffix += f"_times_{steps['V1']}"
        else:
            suffix += "_times_" + "_".join(f"{region}_{count}" for region, count in changed.items())
    time_bins = _time_bins(commitment.architecture, steps)
    answers: Answers = {}
    if time_mapping is not None:
        mapped, answers = checked_mapping(time_mapping, steps)
        if answers or {**time_bins, **mapped} != time_bins:
            suffix += f"_bins_{bins_in_identifier(mapped, time_bins, answers)}"
        time_bins = {**time_bins, **mapped}
    elif commitment.architecture == "R" and steps["IT"] > commitment.time_steps["IT"]:
        raise UserError(
            f"CORnet-R has published time bins for {commitment.time_steps['IT']} time steps, not for {steps['IT']}: "
            "give their times with time_mapping={'IT': {5: (250, 280), …}, …}."
        )
    changed_layers = {region: layer for region, layer in (layers or {}).items() if layer != commitment.layers[region]}
    if changed_layers:
        named = (f"{region}_{layer.removeprefix(f'{region}.')}" for region, layer in sorted(changed_layers.items()))
        suffix += "_layers_" + "_".join(named)
    if image_size is not None and image_size != commitment.image_size:
        suffix += f"_size_{image_size}"
    if resize != commitment.resize:
        suffix += f"_{resize}"
    if colour is not None:
        suffix += f"_background_{bytes(colour).hex()}"
    if precision != commitment.precision:
        suffix += f"_{precision}"
    return replace(
        commitment,
        identifier=commitment.identifier + suffix,
        time_steps=steps,
        time_bins=time_bins,
        answers=answers,
        layers={**commitment.layers, **changed_layers},
        image_size=commitment.image_size if image_size is None else image_size,
        precision=precision,
        resize=resize,
        background=colour,
    )


def bins_as_text(time_bins: Iterable[TimeBin]) -> str:
    """Return time bins as text without units, such as `70-170 170-270`."""
    return " ".join(f"{start:g}-{end:g}" for start, end in time_bins)


def nearest_step(committed: Mapping[int, TimeBin], time_bin: TimeBin) -> int:
    """Return the time step whose committed bin starts nearest to the requested one, the earlier step on a tie.

    This is the rule of Brain-Score's CORnet-S plugin, which gives the leaderboard's scores.
    """
    return min(committed, key=lambda step: (abs(committed[step][0] - time_bin[0]), committed[step][0], step))


def overlaps(committed: Mapping[int, TimeBin], time_bin: TimeBin) -> bool:
    """Return whether any committed time bin overlaps the requested one."""
    return any(start < time_bin[1] and time_bin[0] < end for start, end in committed.values())
