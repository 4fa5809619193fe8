"""Downloads with retries and checks; a file has its final name only once it is complete."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from ..names import shown
from ..progress_line import Work, counting, report, set_aside
from ..writing import NO_LOCKS, move

ATTEMPTS = 3  # for each URL
WAIT = 0.5  # s before the second attempt, doubled for each further one
TIMEOUT = (10, 60)  # s to connect, and between two received bytes
CHUNK = 1 << 20
POLL = 1  # s between two checks of another process's lock: many nodes may wait on one file server
_NO_CONNECTION = "no connection"
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses after which another attempt may succeed


class DownloadError(UserError):
    """The file could not be downloaded from any URL."""


class DestinationError(UserError):
    """The downloaded file cannot be written to its destination."""


def download(
    urls: Sequence[str],
    destination: Path,
    *,
    check: Callable[[Path], None],
    is_complete: Callable[[Path], bool] = lambda path: True,
) -> Path:
    """Download a file from the first of several URLs that provides it, and return its path.

    Safe when several processes start at once: one downloads, the others wait for it.

    Parameters
    ----------
    check
        Callback with the path of a complete download. If it raises, the reason is collected and the next URL tried.
    is_complete
        Whether a file that already exists at `destination` is accepted.

    Raises
    ------
    DownloadError
        If no URL provides the file, with the reason for each.
    DestinationError
        If the destination cannot be written or the disk is full.
    """
    reasons = []
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _locked(destination) as part:
            if destination.is_file() and is_complete(destination):
                return destination
            for url in urls:
                try:
                    _fetch(url, part)
                    check(part)
                except UserError as error:
                    reasons.append(str(error) if len(urls) == 1 else f"{url}: {error}")
                else:
                    move(part, destination)
                    return destination
                finally:
                    part.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DestinationError(
            f"Cannot write {destination}: {reason}. Set TORCH_HOME to a writable folder with enough free space."
        ) from error
    raise DownloadError(f"Cannot download {destination.name}: " + "; ".join(reasons))


@contextmanager
def _locked(destination: Path) -> Iterator[Path]:
    """Lock the download against other processes, and yield the path of the unfinished file."""
    import filelock

    part = destination.with_name(destination.name + ".part")
    # users who share the folder must be able to write the lock as well
    lock = filelock.FileLock(destination.with_name(f".{destination.name}.lock"), mode=0o666)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        _say(f"Waiting for another process that downloads {destination.name}")
        lock.acquire(poll_interval=POLL)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        # Some network file systems have no locks: each process then downloads to a file of its own.
        lock, part = None, part.with_name(f"{destination.name}.{socket.gethostname()}-{os.getpid()}.part")
    try:
        yield part
    finally:
        if lock is not None:
            lock.release()


def _fetch(url: str, part: Path) -> None:
    """Download one file from one URL, with several attempts after temporary failures."""
    import requests
    from requests.exceptions import ChunkedEncodingError, SSLError

    _say(f"Downloading {url}")
    for attempt in range(ATTEMPTS):
        try:
            return _stream(url, part)
        except requests.HTTPError as error:
            response = error.response
            assert response is not None  # `raise_for_status` raises with the response
            reason = f"the server answered {response.status_code} {response.reason}"
            if response.status_code not in TEMPORARY:
                raise DownloadError(reason) from error
        except SSLError as error:
            raise DownloadError(
                f"no secure connection ({error}); where a proxy stands in between, let REQUESTS_CA_BUNDLE name its "
                "certificate"
            ) from error
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, EOFError) as error:
            reason = _failure_reason(error)
        except requests.RequestException as error:
            raise DownloadError(f"not a usable URL ({error})") from error
        if attempt < ATTEMPTS - 1:
            wait = WAIT * 2**attempt
            again = f"{part.stem}: {reason}; trying again in {wait:g} s"
            # without a connection another attempt rarely helps, and the error says how many there were
            report(Work(again)) if reason.startswith(_NO_CONNECTION) else _say(again)
            time.sleep(wait)
    raise DownloadError(f"{reason}, {ATTEMPTS} times")


def _failure_reason(error: Exception) -> str:
    import requests
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, requests.exceptions.ChunkedEncodingError | EOFError):
        return "the connection broke off"
    # requests reports a download that stalls half-way as a ConnectionError
    if isinstance(error, requests.ReadTimeout) or (error.args and isinstance(error.args[0], ReadTimeoutError)):
        return f"the server was silent for {TIMEOUT[1]} s"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"{_NO_CONNECTION} through the proxy that http_proxy or https_proxy names"
    return f"{_NO_CONNECTION} to the server (offline?)"


def _stream(url: str, part: Path) -> None:
    with _request(url) as response:
        response.raise_for_status()
        announced = response.headers.get("Content-Length", "")
        length = int(announced) if announced.isdecimal() else None
        _check_free_space(length, part)
        received = 0
        part.unlink(missing_ok=True)  # a killed process, perhaps another user's, may have left it
        with (
            open(part, "wb") as file,
            counting(part.stem, length, unit="B") as add,
        ):
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                received += len(chunk)
                add(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if length is not None and received != length:
            raise EOFError(f"received {received} of {length} bytes")


def _request(url: str):
    import requests

    try:
        # identity: the announced length is then the file's
        return requests.get(url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
    except requests.RequestException:
        raise
    except OSError as error:  # such as for a REQUESTS_CA_BUNDLE that does not exist
        raise DownloadError(f"no request could be made ({error})") from error


def _check_free_space(length: int | None, part: Path) -> None:
    free = shutil.disk_usage(part.parent).free
    if length is not None and length > free:
        raise OSError(None, f"{length / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")


def _say(line: str) -> None:
    set_aside()
    print(shown(line), file=sys.stderr)
