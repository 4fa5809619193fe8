"""Files from the network: retried, checked, and complete under their final name or not there at all."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError

ATTEMPTS = 3  # for each URL
WAIT = 0.5  # s before the second attempt, doubled for each further one
TIMEOUT = (10, 60)  # s to connect, and without a byte
CHUNK = 1 << 20
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another attempt


class DownloadError(UserError):
    """No URL gave the file."""


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
        With the reason for each URL; also where the destination cannot be written or the disk is full.
    """
    part = destination.with_name(destination.name + ".part")
    reasons = []
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(destination):
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
        raise DownloadError(
            f"Cannot write {destination}: {reason}. Free some space, or set TORCH_HOME to a folder with room."
        ) from error
    raise DownloadError(f"Cannot download {destination.name}: " + "; ".join(reasons))


@contextmanager
def _only_one(destination: Path):
    import filelock

    with filelock.FileLock(destination.with_name(f".{destination.name}.lock")):
        yield


def _fetch(url: str, part: Path) -> None:
    """One file from one URL, with a few attempts where another one may help."""
    import requests

    for attempt in range(ATTEMPTS):
        try:
            return _stream(url, part)
        except requests.HTTPError as error:
            reason = f"the server answered {error.response.status_code} {error.response.reason}"
            if error.response.status_code not in TEMPORARY:
                raise DownloadError(reason) from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, EOFError) as error:
            broke_off = isinstance(error, requests.exceptions.ChunkedEncodingError | EOFError)
            reason = "the connection broke off" if broke_off else "no connection to the server (offline?)"
        except requests.Timeout:
            reason = f"no answer within {TIMEOUT[1]} s"
        except requests.RequestException as error:
            raise DownloadError(f"not a usable URL ({error})") from error
        if attempt < ATTEMPTS - 1:
            time.sleep(WAIT * 2**attempt)
    raise DownloadError(f"{reason}, {ATTEMPTS} times")


def _stream(url: str, part: Path) -> None:
    import requests
    from tqdm import tqdm

    # identity: the announced length is then that of the file
    with requests.get(url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}) as response:
        response.raise_for_status()
        length = int(response.headers.get("Content-Length", 0)) or None
        _check_room(length, part)
        print(f"Downloading {url}", file=sys.stderr)
        received = 0
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


def _check_room(length: int | None, part: Path) -> None:
    free = shutil.disk_usage(part.parent).free
    if length is not None and length > free:
        raise OSError(None, f"{length / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")
