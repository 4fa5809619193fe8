"""The command line ends in one line without standard output, without memory, and after Ctrl-C again and again."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from helpers.patience import PATIENCE

from brainscore_cornet.cli.printing import exit_code

AGAIN = """
import signal, sys
from brainscore_cornet.cli.printing import exit_code

def work():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:  # the user does not wait for what is to be cleaned up
        for _ in range(int(sys.argv[1])):
            signal.raise_signal(signal.SIGINT)

sys.exit(exit_code(work, []))
"""

TWICE = """
import hashlib, os, signal, sys, threading
from brainscore_cornet.cli.printing import ended_by_second_interrupt, exit_code

def work():
    signal.signal(signal.SIGINT, lambda number, frame: None)
    for wait in (0.05, 0.2):
        threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)).start()
    with ended_by_second_interrupt():
        hashlib.pbkdf2_hmac("sha512", b"", b"", 2**31 - 1)  # half an hour, without a handler in Python

sys.exit(exit_code(work, []))
"""


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-P", *arguments], text=True, stderr=subprocess.PIPE, timeout=PATIENCE, **options
    )


@pytest.mark.parametrize("more", [0, 1, 2])
def test_ctrl_c_again(more):
    """The first one lets the command end in order, the next one ends it at once; each in one line."""
    result = python("-c", AGAIN, str(more))
    assert result.returncode == 130
    assert result.stderr == "Interrupted.\n"


def test_the_second_ctrl_c_during_a_long_call():
    """It ends the process at once where Python's handlers wait until the call returns."""
    result = python("-c", TWICE)
    assert (result.returncode, result.stderr) == (130, "Interrupted.\n")


def test_standard_output_that_is_full():
    """It is an error, and there is no complaint at the end of Python."""
    with open("/dev/full", "w") as full:
        result = python("-m", "brainscore_cornet", "models", stdout=full)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(": No space left on device.")


def test_too_little_address_space(tmp_path):
    """As with `ulimit -v`: the last line says so, and there is no traceback."""
    limit = 600 * 2**20
    (tmp_path / "x.png").touch()
    result = python(
        *("-m", "brainscore_cornet", "features", "cornet_z_untrained", "x.png", "-o", "out.nc"),
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: There is not enough memory")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError(28, "No space left on device", "a\x1b"),
            r"Error: The machine failed: No space left on device (a\x1b).",
        ),
        (MemoryError(), "Error: There is not enough memory, perhaps because of a limit (ulimit -v): no memory is left"),
        (RuntimeError("x\ncan't start new thread\ny"), "can't start new thread"),
    ],
)
def test_errors_of_the_machine(capsys, error, expected):
    """They are one line."""

    def fail() -> None:
        raise error

    assert exit_code(fail, []) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_errors_of_this_package_are_shown_whole():
    """A traceback is what their authors need."""

    def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        exit_code(fail, [])
