"""The released weights as records, and weight files: find, download, verify, load."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .download import download
from .errors import UserError, one_of

FOLDER_VARIABLE = "BRAINSCORE_CORNET_WEIGHTS"


class WeightsError(UserError):
    """A weight file that cannot be had, or that is not what it should be."""


@dataclass(frozen=True)
class ReleasedFile:
    """One file of weights that CORnet's authors released (ImageNet, 1000 classes)."""

    model: str
    architecture: str
    filename: str
    sha256_start: str
    """By torch.hub's convention the hexadecimal digits in the name; no full SHA-256 was published."""
    sha1: str | None = None
    mirrors: tuple[str, ...] = ()
    size: int | None = None
    """In bytes; nobody has recorded it yet."""
    holds: str = "state dict with the prefix 'module.', wrapped in a training checkpoint of 2018"
    citation: str = "Kubilius et al. 2018, doi:10.1101/408385"

    @property
    def urls(self) -> tuple[str, ...]:
        return (f"https://s3.amazonaws.com/cornet-models/{self.filename}", *self.mirrors)


RELEASED: Mapping[str, ReleasedFile] = {
    file.model: file
    for file in (
        ReleasedFile("cornet_z", "Z", "cornet_z-5c427c9c.pth", "5c427c9c"),
        ReleasedFile("cornet_r", "R", "cornet_r-5930a990.pth", "5930a990"),
        ReleasedFile("cornet_rt", "RT", "cornet_rt-933c001c.pth", "933c001c"),
        ReleasedFile(
            "cornet_s",
            "S",
            "cornet_s-1d3f7974.pth",
            "1d3f7974",
            # SHA-1 and mirror as recorded by Brain-Score's CORnet-S plugin
            sha1="a4bfd8eda33b45fd945da1b972ab0b7cad38d60f",
            mirrors=(
                "https://brainscore-storage.s3.amazonaws.com/brainscore-vision/models/cornet_s/cornet_s_epoch43.pth.tar",
            ),
            citation="Kubilius, Schrimpf et al. 2019, NeurIPS, arXiv:1909.06161",
        ),
    )
}


def released_file(model: str) -> ReleasedFile:
    if model not in RELEASED:
        raise one_of(model, RELEASED, "released weights")
    return RELEASED[model]


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def cache_folder() -> Path:
    """Where downloads are kept: torch.hub's folder, which `TORCH_HOME` moves."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def mismatch(file: ReleasedFile, path: Path) -> str | None:
    """How the file at `path` differs from the published hashes, None where it does not."""
    found = file_hash(path)
    differences = []
    if not found.startswith(file.sha256_start):
        differences.append(f"expected a SHA-256 that starts with {file.sha256_start} (its name), found {found}")
    if file.sha1 is not None and (found_sha1 := file_hash(path, "sha1")) != file.sha1:
        differences.append(f"expected the SHA-1 {file.sha1} (recorded by Brain-Score), found {found_sha1}")
    return "; ".join(differences) or None


def find(file: ReleasedFile) -> Path | None:
    """The file on this machine, unverified: in the folder of `BRAINSCORE_CORNET_WEIGHTS`, else among the downloads."""
    folders = [cache_folder()]
    if named := os.environ.get(FOLDER_VARIABLE):
        if not Path(named).is_dir():
            raise WeightsError(f"{FOLDER_VARIABLE} names {named}, which is not a folder. Correct or unset it.")
        folders.insert(0, Path(named))
    return next((folder / file.filename for folder in folders if (folder / file.filename).is_file()), None)


def fetch(file: ReleasedFile, *, verify: bool = True) -> Path:
    """The path of a released file, downloaded if it is not on this machine, and verified.

    Parameters
    ----------
    verify
        False accepts the file whatever its hash is, and remembers the acceptance beside it, for this content alone.

    Raises
    ------
    WeightsError
        Where the file is not here and cannot be downloaded, or does not match its published hashes.
    """
    path = find(file)
    if path is not None:
        wrong = mismatch(file, path)
        if wrong is None or _is_accepted(path):
            return path
        if not verify:
            _accept(path)
            return path
        if path.parent != cache_folder():
            raise WeightsError(f"{path}: {wrong}. {_how_to_go_on(file)}")

    def check(downloaded: Path) -> None:
        wrong = mismatch(file, downloaded)
        if verify and wrong is not None:
            raise WeightsError(f"{file.filename}: {wrong}. {_how_to_go_on(file)}")

    path = download(file.urls, cache_folder() / file.filename, check=check, is_complete=_passes(check))
    if not verify and mismatch(file, path) is not None:
        _accept(path)
    print(f"{path}: SHA-256 {file_hash(path)}", file=sys.stderr)
    return path


def _passes(check: Callable[[Path], None]) -> Callable[[Path], bool]:
    def passes(path: Path) -> bool:
        try:
            check(path)
        except WeightsError:
            return False
        return True

    return passes


def _how_to_go_on(file: ReleasedFile) -> str:
    return (
        "The file may be damaged or replaced: delete it and fetch it again. To use it knowingly: "
        f"brainscore-cornet weights fetch {file.model} --no-verify"
    )


def _acceptance(path: Path) -> Path:
    return path.with_name(path.name + ".accepted")


def _accept(path: Path) -> None:
    _acceptance(path).write_text(file_hash(path) + "\n")


def _is_accepted(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return _acceptance(path).read_text().strip() == file_hash(path)
    return False


def locate(weights: str | os.PathLike) -> Path:
    """The file of a user's own weights, given as a path or as a URL (downloaded once)."""
    if re.match(r"https?://", str(weights)):
        url = str(weights)
        name = url.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or "weights.pth"
        folder = cache_folder() / f"url-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
        path = folder / name
        return path if path.is_file() else download((url,), path, check=_check_torch_hub_name)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsError(
            f"No weight file at {path}. Expected 'released', None, the path of a file, or a URL (http or https)."
        )
    return path


def _check_torch_hub_name(path: Path) -> None:
    """A name such as `mine-1a2b3c4d.pth` promises the start of its SHA-256, as with torch.hub."""
    # the download is checked under a temporary name, `mine-1a2b3c4d.pth.part`
    promised = re.search(r"-([0-9a-f]{8,64})\.", path.name)
    if promised and not (found := file_hash(path)).startswith(promised[1]):
        raise WeightsError(
            f"{path.name.removesuffix('.part')}: expected a SHA-256 that starts with {promised[1]}, as its name says, "
            f"found {found}. The file may be damaged; if it is right, give it a name without a hash."
        )
