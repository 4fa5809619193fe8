"""One-line explanations of why something could not be scored, with what to do."""

from __future__ import annotations

import re

from ..cornet.commitments import COMMITMENTS
from ..cornet.errors import MissingImages, UserError, folded
from ..cornet.weights.download import DownloadError
from .catalogue import EMBEDDED, MARQUES

OFFLINE = (
    f"Without a network, the embedded benchmarks ({', '.join(EMBEDDED)}, and the group {MARQUES}) work, and the models "
    "cornet_z_untrained, cornet_r_untrained, cornet_rt_untrained and cornet_s_untrained."
)
_GPU = re.compile(r"CUDA|NVIDIA driver|cuda|no kernel image", re.ASCII)


def explanation(error: BaseException, what: str) -> str:
    """Return one line about an error during the loading of `what`, or, if `what` is `it`, during the scoring."""
    subject = "It" if what == "it" else what
    if isinstance(error, MissingImages):
        return f"Cannot score {what} on this machine: {error} {OFFLINE}"
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"{subject} ended the program with exit code {error.code} instead of returning a result."
    if isinstance(error, ImportError):
        ours = folded(what)
        hint = f" Ours is {ours}." if ours in COMMITMENTS else ""
        return (
            f"Cannot load {what}, another package's plugin: {error}.{hint} Install what it needs, or let Brain-Score "
            "do so: BS_INSTALL_DEPENDENCIES=yes"
        )
    if (reason := _network_reason(error)) is not None:
        return f"Cannot download what {what} needs: {reason}. {OFFLINE}"
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"{subject} does not fit the memory: {_first_line(error)}"
    if isinstance(error, RuntimeError | AssertionError) and _GPU.search(str(error)):
        return f"{subject} asks for a GPU that this machine does not have: {_first_line(error)}"
    return f"{subject} raised {type(error).__name__}: {_first_line(error)}"


def shared_reason(model: str, benchmark: str, reason: str) -> str:
    """Return a failure's reason without the job's own names, which is equal for jobs that failed in the same way."""
    names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in (benchmark, model)))
    # what works without a network may be this job's model, and is said to all of them
    return OFFLINE.join(names.sub("…", part) for part in reason.split(OFFLINE))


def is_unreachable(error: BaseException) -> bool:
    """Return whether the cause is temporary or external, so that the same command may succeed later."""
    return isinstance(error, MissingImages | DownloadError) or _network_reason(error) is not None


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"


def _network_reason(error: BaseException) -> str | None:
    """Return why a download failed, None if the error has another cause."""
    import urllib.error

    import botocore.exceptions
    import requests

    # Brain-Score tries its storage with and without credentials, then raises a plain Exception with both errors
    inner = error.args[0] if type(error) is Exception and error.args else None
    errors = inner if isinstance(inner, list) else [error]
    offline = (
        botocore.exceptions.ConnectionError,
        botocore.exceptions.HTTPClientError,
        urllib.error.URLError,
        requests.RequestException,
        ConnectionError,
    )
    for each in errors:
        if isinstance(each, urllib.error.HTTPError):
            return f"{each.url} answered {each.code} {each.reason}"
        if isinstance(each, offline):
            return f"no connection ({str(each).splitlines()[0]})"
    if any(isinstance(each, botocore.exceptions.BotoCoreError | botocore.exceptions.ClientError) for each in errors):
        return "its data are private, and no AWS credentials with access to them are set up here"
    return None
