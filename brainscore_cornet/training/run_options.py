"""Options of a run that are checked without a large library, so that a mistake is reported at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..cornet.errors import UserError, unknown_name

DEVICES = ("cuda", "mps", "cpu")
PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "bf16-mixed": "bf16-mixed",
    "fp16-mixed": "16-mixed",
}
"""Name of a precision -> its name in Lightning."""
ON_ERROR = ("fail", "skip")
DEFAULT_SAVE_EVERY = "1e,30m"


@dataclass(frozen=True)
class SaveEvery:
    """Intervals in epochs and minutes at which a run is saved."""

    epochs: int = 1
    minutes: float | None = None

    @classmethod
    def parse(cls, text: str) -> SaveEvery:
        """Return the intervals of a text such as `2e`, `30m` or `2e,30m`; by default every epoch is saved."""
        found: dict[str, float] = {}
        for part in text.replace(" ", "").split(","):
            match = re.fullmatch(r"(\d+)(e)|(\d+(?:\.\d+)?)(m)", part)
            if match is None or float(match[1] or match[3]) <= 0 or (match[2] or match[4]) in found:
                raise UserError(
                    f"Expected how often to save as epochs (2e), minutes (30m) or both (2e,30m), received {text!r}."
                )
            found[match[2] or match[4]] = float(match[1] or match[3])
        return cls(int(found.get("e", 1)), found.get("m"))


def check_on_error(on_error: str) -> None:
    if on_error not in ON_ERROR:
        raise UserError(f"Expected on_error {' or '.join(ON_ERROR)}, received {on_error!r}.")


def check_machine(device: str | None, precision: str) -> None:
    """Raise `UserError` for an unknown kind of device or precision."""
    if precision not in PRECISIONS:
        raise unknown_name(precision, PRECISIONS, "precision")
    if device is not None and device not in DEVICES:
        raise unknown_name(device, DEVICES, "kind of device")
