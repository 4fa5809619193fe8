"""Stand-ins for Brain-Score's data: small files of the right form, from which its own loaders read.

Brain-Score fetches every recording and every stimulus set as files of three types: netCDF, CSV and zip. The modules of
this package write files of these forms, with made-up values and pictures from fixed seeds, when they are asked for.
Everything between a file and a benchmark's score remains Brain-Score's code.

Each module holds the stand-ins of a few families of benchmarks (a family is a folder of `brainscore_vision/benchmarks`)
and may define

- `READ_IN`: family -> files of brainscore_vision in which the form of its data was read,
- `REPRESENTATIVES`: family -> up to four of its benchmarks, different from each other, the quickest first,
- `IMAGE_SIZE`: family -> px that networks see in the tests, where the smallest is not enough,
- `CANNOT`: benchmark -> `Reason` for which it ends without a score.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .files import Reason, stand_ins_installed, written_for

__all__ = ["Reason", "collected", "stand_ins_installed", "written_for"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


@cache
def collected(table: str) -> dict:
    """The tables of this name (such as `READ_IN`) of all modules in one."""
    found: dict = {}
    for module in iter_modules(__path__):
        part = getattr(import_module(f"{__name__}.{module.name}"), table, {})
        assert not found.keys() & part.keys(), f"{found.keys() & part.keys()} are in two modules' {table}"
        found |= part
    return found
