"""Time bins of commitments: (start, end) in ms after stimulus onset, one or several for each time step of a region."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Integral

from .anatomy import REGIONS
from .errors import UserError, unknown_name
from .plain import plain, plain_list

TimeBin = tuple[int, int]
"""(start, end) in ms after stimulus onset."""
TimeBins = Mapping[str, Mapping[int, TimeBin]]
"""Region -> time step -> time bin."""
TimeMapping = Mapping[str, Mapping[int, TimeBin | Sequence[TimeBin]]]
"""The same as users give it, with one time bin or several for a time step."""
Answers = Mapping[str, Sequence[tuple[TimeBin, int]]]
"""Region -> (time bin, time step that answers it), for regions in which a step has several time bins."""
_LONGEST = 60  # characters of time bins in an identifier


def bins_in_identifier(mapped: TimeBins, committed: TimeBins, answers: Answers) -> str:
    """Return the time bins of the regions that differ from the committed ones, as a part of an identifier.

    `ITt0_120_220_320` are the steps from 0 on of IT, at 120-220 ms and 220-320 ms; a gap between bins or steps begins
    anew. Long ones, and those of regions in which a step has several, are the regions' names and a hash.
    """
    words: list[str] = []
    changed: dict = {
        region: bins for region, bins in sorted(mapped.items()) if region in answers or bins != committed[region]
    }
    for region, bins in changed.items():
        before = None
        for step, (start, end) in sorted(bins.items()):
            if before != (step - 1, start):
                words += [f"{region}t{step}", _ms(start)]
            words.append(_ms(end))
            before = (step, end)
    if not answers and sum(map(len, words)) + len(words) <= _LONGEST:
        return "_".join(words)
    changed |= {region: sorted(each) for region, each in answers.items()}
    digest = hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:8]
    return "_".join([*changed, digest])


def _ms(value: float) -> str:
    """Return ms as a word of letters and digits, of which identifiers consist: 120p5 are 120.5 ms."""
    return str(value).replace("-", "minus").replace("+", "").replace(".", "p")


def checked_mapping(time_mapping: TimeMapping, steps: Mapping[str, int]) -> tuple[TimeBins, Answers]:
    """Return the time bin of each step, and the time bins that are answered, where a step has several.

    The time bin of a step with several lasts from the first start to the last end. Raises `UserError` for what is no
    time mapping.
    """
    if not isinstance(time_mapping, Mapping) or not all(isinstance(bins, Mapping) for bins in time_mapping.values()):
        raise UserError(f"Expected a time mapping such as {{'V1': {{0: (50, 80)}}}}, received {time_mapping!r}.")
    checked: dict[str, dict[int, TimeBin]] = {}
    answers: dict[str, list[tuple[TimeBin, int]]] = {}
    for region, bins in time_mapping.items():
        if region not in REGIONS:
            raise unknown_name(str(region), REGIONS, "region in the time mapping")
        if not bins:
            raise UserError(f"The time mapping has no time bin for {region}; leave {region} out to keep its bins.")
        for step, time_bin in bins.items():
            if not isinstance(step, Integral) or not 0 <= step < steps[region]:
                last = steps[region] - 1
                raise UserError(f"The time mapping names step {step!r} of {region}, whose steps are 0 to {last}.")
            several = _of_one_step(time_bin)
            answers.setdefault(region, []).extend((each, int(step)) for each in several)
            whole = (min(start for start, _ in several), max(end for _, end in several))
            checked.setdefault(region, {})[int(step)] = whole
        _check_starts(region, answers[region])
    return checked, {region: each for region, each in answers.items() if len(each) > len(checked[region])}


def _check_starts(region: str, answers: Sequence[tuple[TimeBin, int]]) -> None:
    """Raise `UserError` for two time bins with the same start: by it a step answers, and the later one never would."""
    ordered = sorted(answers, key=lambda each: each[0][0])
    for one, other in pairwise(ordered):
        if one[0][0] == other[0][0]:
            given = " and ".join(f"step {step} the time bin {start:g}-{end:g}" for (start, end), step in (one, other))
            raise UserError(
                f"The time mapping gives {region}'s {given} ms: the step with the nearest start answers a time bin, so "
                "give each a start of its own."
            )


def _of_one_step(given) -> list[TimeBin]:
    """Return a time bin or several as a list."""
    try:
        listed = plain_list(plain(given))
    except TypeError:
        listed = []
    are_several = listed and all(isinstance(each, list | tuple) for each in listed)
    found = [check_time_bin(each, instants=False) for each in (listed if are_several else [given])]
    # 50.0 ms are 50 ms: a variant has one identifier, whatever type its numbers have
    return [(_whole(start), _whole(end)) for start, end in found]


def _whole(value):
    return int(value) if value == int(value) else value


def check_time_bin(time_bin, instants: bool = True) -> TimeBin:
    """Return (start, end) in ms as plain numbers, from two numbers in any container; raises `UserError` otherwise.

    Brain-Score's benchmarks pass tuples, and zero-dimensional object arrays of a tuple where an assembly's single time
    bin was squeezed.

    Parameters
    ----------
    instants
        Whether a bin may end when it starts: fMRI benchmarks without a time course request (0, 0).
    """
    try:
        start, end = plain_list(plain(time_bin))
        valid = -math.inf < start <= end < math.inf and not any(isinstance(value, bool) for value in (start, end))
        valid = valid and (instants or start < end)
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise UserError(f"Expected a time bin (start, end) in ms with start before end, received {time_bin!r}.")
    return start, end
