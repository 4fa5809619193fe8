"""Files from the network: retried, checked, and complete under their final name or not there at all."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

ATTEMPTS = 3  # for each URL
WAIT = 0.5  # s before the second attempt, doubled for each further one
TIMEOUT = (10, 60)  # s to connect, and without a byte
CHUNK = 1 << 20
POLL = 1  # s between looks at another process's lock: many nodes may wait on one file server
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another attempt
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class DownloadError(UserError):
    """No URL gave the file."""


class DestinationError(UserError):
    """The file cannot be written where it belongs."""


def download(
    urls: Sequence[str],
    destination: Path,
    *,
    check: Callable[[Path], None],
    is_complete: Callable[[Path], bool] = lambda path: True,
) -> Path:
    """Download a file from the first of several URLs that gives it.

    Safe when several processes start at once: one downloads, the others wait for it.

    Parameters
    ----------
    check
        Called with the path of a complete download; what it raises is remembered and the next URL is tried.
    is_complete
        Whether a file that already lies at `destination` will do.

    Raises
    ------
    DownloadError
        With the reason for each URL.
    DestinationError
        Where the destination cannot be written or the disk is full.
    """
    reasons = []
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(destination) as part:
            if destination.is_file() and is_complete(destination):
                return destination
            for url in urls:
                try:
                    _fetch(url, part)
                    check(part)
                except UserError as error:
                    reasons.append(str(error) if len(urls) == 1 else f"{url}: {error}")
                else:
                    part.replace(destination)
                    return destination
                finally:
                    part.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DestinationError(
            f"Cannot write {destination}: {reason}. Set TORCH_HOME to a folder that can be written and has room."
        ) from error
    raise DownloadError(f"Cannot download {destination.name}: " + "; ".join(reasons))


@contextmanager
def _only_one(destination: Path) -> Iterator[Path]:
    """Keep other processes from downloading the same file, and give the name of the unfinished file."""
    import filelock

    part = destination.with_name(destination.name + ".part")
    # others of the group, who share the folder, need to write the lock as well
    lock = filelock.FileLock(destination.with_name(f".{destination.name}.lock"), mode=0o666)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"Waiting for another process that downloads {destination.name}", file=sys.stderr)
        lock.acquire(poll_interval=POLL)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        # Some network file systems have no locks. Processes may then download the same file at once, each to its own.
        lock, part = None, part.with_name(f"{destination.name}.{socket.gethostname()}-{os.getpid()}.part")
    try:
        yield part
    finally:
        if lock is not None:
            lock.release()


def _fetch(url: str, part: Path) -> None:
    """One file from one URL, with a few attempts where another one may help."""
    import requests
    from requests.exceptions import ChunkedEncodingError, SSLError

    print(f"Downloading {url}", file=sys.stderr)
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
            reason = _what_broke(error)
        except requests.RequestException as error:
            raise DownloadError(f"not a usable URL ({error})") from error
        if attempt < ATTEMPTS - 1:
            wait = WAIT * 2**attempt
            print(f"{part.stem}: {reason}; trying again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)
    raise DownloadError(f"{reason}, {ATTEMPTS} times")


def _what_broke(error: Exception) -> str:
    import requests
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, requests.exceptions.ChunkedEncodingError | EOFError):
        return "the connection broke off"
    # requests reports a download that stalls half-way as a ConnectionError
    if isinstance(error, requests.ReadTimeout) or (error.args and isinstance(error.args[0], ReadTimeoutError)):
        return f"the server was silent for {TIMEOUT[1]} s"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no connection through the proxy that http_proxy or https_proxy names"
    return "no connection to the server (offline?)"


def _stream(url: str, part: Path) -> None:
    from tqdm import tqdm

    with _request(url) as response:
        response.raise_for_status()
        announced = response.headers.get("Content-Length", "")
        length = int(announced) if announced.isdecimal() else None
        _check_room(length, part)
        received = 0
        part.unlink(missing_ok=True)  # left by a process that was killed, perhaps another user's
        with (
            open(part, "wb") as file,
            tqdm(total=length, unit="B", unit_scale=True, desc=part.stem, disable=None) as progress,
        ):
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                received += len(chunk)
                progress.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if length is not None and received != length:
            raise EOFError(f"received {received} of {length} bytes")


def _request(url: str):
    import requests

    try:
        # identity: the announced length is then that of the file
        return requests.get(url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
    except requests.RequestException:
        raise
    except OSError as error:  # such as a REQUESTS_CA_BUNDLE that is not there
        raise DownloadError(f"no request could be made ({error})") from error


def _check_room(length: int | None, part: Path) -> None:
    free = shutil.disk_usage(part.parent).free
    if length is not None and length > free:
        raise OSError(None, f"{length / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")
