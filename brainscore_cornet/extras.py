"""What to install for an optional part of this package, as a line that works in any folder."""

from __future__ import annotations

import shlex
from importlib.metadata import requires

from packaging.requirements import Requirement


def install_line(extra: str) -> str:
    """Return the command that installs the packages of an extra, such as `train`.

    It names the packages themselves: `.[train]` would work in the folder of this package's source alone, which need not
    exist any more.
    """
    found = map(Requirement, requires("brainscore_cornet") or ())
    of_extra = [each for each in found if each.marker is not None and each.marker.evaluate({"extra": extra})]
    return f"pip install {shlex.join(f'{each.name}{each.specifier}' for each in of_extra)}"
