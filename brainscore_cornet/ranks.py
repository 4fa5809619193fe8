"""The rank of this process among those of a training on several devices; it needs no large library."""

from __future__ import annotations

import os


def is_first() -> bool:
    """Return whether this process has rank 0, which writes and prints."""
    # variables of torchrun, Lightning's own launcher and SLURM, in this order: one may be started within another
    for names in (("RANK",), ("LOCAL_RANK", "NODE_RANK"), ("SLURM_PROCID",)):
        if names[0] in os.environ:
            return all(int(os.environ.get(name, 0)) == 0 for name in names)
    return True
