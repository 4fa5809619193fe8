"""A fork server that is a copy of the test process, so that what tests have imported is imported once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import forkserver, resource_tracker, util

import pytest


def fork_server_from_here(modules: Sequence[str]) -> None:
    """Start the fork server of `multiprocessing` from this process as it is now, with these modules imported.

    A server that is started as a new Python imports for five seconds what the test process has.
    """
    for module in modules:
        import_module(module)
    resource_tracker.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(util, "spawnv_passfds", _fork)  # which would start a new Python
        forkserver.ensure_running()


def _fork(_path: object, _arguments: object, kept: Sequence[int]) -> int:
    if pid := os.fork():
        return pid
    try:
        _leave_files({0, 1, 2, *kept})
        # in place of pytest's, which do not follow where a process directs its output
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
        forkserver.main(*kept, preload=())
    finally:
        os._exit(0)


def _leave_files(kept: set[int]) -> None:
    """Release the files and connections of the test process; the numbers stay taken, so that nobody else gets them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):
        if (descriptor := int(name)) not in {nothing, *kept}:
            try:
                os.fstat(descriptor)  # that of the list itself is closed by now
            except OSError:
                continue
            os.dup2(nothing, descriptor, inheritable=False)
