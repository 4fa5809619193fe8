"""What the command line prints: text without control characters, and every error as one line."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ..cornet.errors import UserError, machine_failure
from ..cornet.names import shown
from ..cornet.progress_line import set_aside
from ..python_children import SAFE_PATH
from ..signals import heard_at_once

_SHORT_OF_MEMORY = re.compile(
    r"allocate memory|out of memory|failed to map segment|start new thread|bad_alloc|resource temporarily unavailable",
    re.IGNORECASE,
)
INTERRUPTED = 128 + signal.SIGINT


def say(text: object = "", *, err: bool = False) -> None:
    """Print text to standard output or, with `err`, standard error; control characters in its lines become escapes."""
    set_aside()
    for line in str(text).split("\n"):
        print(shown(line), file=sys.stderr if err else sys.stdout)


def exit_code(run: Callable[[], object], arguments: Sequence[str]) -> int:
    """Return the exit code of a command; an error of the user or of the machine is printed as one line."""
    code = 1
    with _prepared() as interrupts:
        try:
            if "" in arguments or any(re.fullmatch("--[a-z_-]+=", argument) for argument in arguments):
                raise UserError("An argument is empty, as from a variable that is not set: give it, or leave it out.")
            run()
            code = 0
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
            if interrupts:
                say("Interrupted.", err=True)
        except UserError as error:
            say(f"Error: {error}", err=True)
        except KeyboardInterrupt:
            say("Interrupted.", err=True)
            code = INTERRUPTED
        except BrokenPipeError:  # whoever reads standard output has seen enough
            pass
        except (OSError, MemoryError, ImportError, RuntimeError) as error:
            if (reason := _of_the_machine(error)) is None:
                raise
            say(f"Error: {reason}", err=True)
        finally:
            code = _flushed(code)
    return code


def _of_the_machine(error: BaseException) -> str | None:
    """Return what an unexpected error says about the machine, None if it is an error of this package."""
    if (line := _SHORT_OF_MEMORY.search(str(error))) or isinstance(error, MemoryError):
        found = next((each for each in str(error).splitlines() if line and line[0] in each), "no memory is left")
        return f"There is not enough memory, perhaps because of a limit (ulimit -v): {found.strip()}"
    if (reason := machine_failure(error)) is not None:
        name = getattr(error, "filename", None)
        return f"The machine failed: {reason}{'' if name is None else f' ({name})'}."
    return None


def _flushed(code: int) -> int:
    """Return the exit code after everything has been printed; without standard output it is an error."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if error.errno != errno.EPIPE:
            say(f"Error: Cannot write to standard output: {error.strerror}.", err=True)
        with suppress(OSError, ValueError):  # what is left in the buffer would be an error again at the end of Python
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        set_aside()
        return "\n".join(map(shown, super().format(record).split("\n")))


def _end_at_once() -> None:
    with suppress(OSError):
        os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)  # nothing is lost: results are on the disk, and children end with this process


@contextmanager
def ended_by_second_interrupt() -> Iterator[None]:
    """End the process at the second Ctrl-C inside this context, also during a long call into a library."""
    interrupts: list[int] = []

    def hear(number: int) -> None:
        if number == signal.SIGINT:
            interrupts.append(number)
            if len(interrupts) == 2:
                _end_at_once()

    with heard_at_once(hear):
        yield


@contextmanager
def _prepared() -> Iterator[list[int]]:
    """Set up warnings, messages and Ctrl-C inside this context, and yield a list that gets each Ctrl-C."""
    interrupts: list[int] = []
    os.environ |= SAFE_PATH
    warnings.simplefilter("ignore", FutureWarning)  # addressed to the authors of libraries
    warnings.showwarning = lambda message, *_: say(f"Warning: {message}", err=True)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_OneLine())
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return

    def interrupt(number: int, _) -> None:
        """Let the command end in order at the first Ctrl-C, and end it at once at the next one."""
        interrupts.append(number)
        if len(interrupts) == 1:
            raise KeyboardInterrupt
        _end_at_once()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
