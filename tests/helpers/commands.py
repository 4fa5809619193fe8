"""The command line in this process: starting another one takes seconds, which few tests need."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from brainscore_cornet.cli.main import main

OFFLINE = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
"""Environment of a process whose network answers nothing."""


def run_here(*arguments, folder: Path | None = None) -> subprocess.CompletedProcess:
    """What `brainscore-cornet` with these arguments prints and returns, in a working folder."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["brainscore-cornet", *map(str, arguments)])
        if folder is not None:
            patch.chdir(folder)
        handler = signal.getsignal(signal.SIGTERM)  # which some commands replace, as processes of their own may
        try:
            with pytest.raises(SystemExit) as stopped:
                main()
        finally:
            signal.signal(signal.SIGTERM, handler)
    return subprocess.CompletedProcess(arguments, stopped.value.code or 0, out.getvalue(), err.getvalue())
