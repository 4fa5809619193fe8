"""Records of the released weights, and functions that find, download and verify weight files."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsError, unknown_name
from ..names import shown
from ..writing import sync
from .download import DownloadError, download
from .own_files import check_own_file, expanded

FOLDER_VARIABLE = "BRAINSCORE_CORNET_WEIGHTS"
ORIGIN = "https://s3.amazonaws.com/cornet-models"


@dataclass(frozen=True)
class ReleasedFile:
    """One file of weights that CORnet's authors released (ImageNet, 1000 classes)."""

    model: str
    architecture: str
    filename: str
    sha256_start: str
    """First hexadecimal digits of the SHA-256, in the name by torch.hub's convention; the rest was not published."""
    sha1: str | None = None
    mirrors: tuple[str, ...] = ()
    size: int | None = None
    """Size in bytes; not recorded yet."""
    holds: str = "state dict with the prefix 'module.', wrapped in a training checkpoint of 2018"
    top1: tuple[float, ...] = ()
    """Published top-1 accuracies on ImageNet's validation images, as fractions, the most reliable first."""
    citation: str = "Kubilius et al. 2018, doi:10.1101/408385"

    @property
    def urls(self) -> tuple[str, ...]:
        return (f"{ORIGIN}/{self.filename}", *self.mirrors)


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
            # 0.74744 in the analysis code of "training_reductions", from Brain-Score; .731 in arXiv:2006.16736, which
            # cites CORnet-S' paper. For Z, R and RT nothing reliable was found.
            top1=(0.747, 0.731),
            citation="Kubilius, Schrimpf et al. 2019, NeurIPS, arXiv:1909.06161",
        ),
    )
}


def released_file(model: str) -> ReleasedFile:
    if model not in RELEASED and model.removesuffix("_untrained") in RELEASED:
        raise WeightsError(f"{model} keeps its initialization and has no file of weights.")
    if model not in RELEASED:
        raise unknown_name(model, RELEASED, "released weights")
    return RELEASED[model]


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror}.") from error


def cache_folder() -> Path:
    """Return the folder of downloads: torch.hub's, which `TORCH_HOME` changes."""
    hub = getattr(sys.modules.get("torch"), "hub", None)
    if hub is not None:  # whose folder `set_dir` may have changed
        return Path(hub.get_dir()) / "checkpoints"
    # torch.hub's rule, without the seconds that its import takes
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")
    return Path(os.path.expanduser(os.environ.get("TORCH_HOME", cache))) / "hub" / "checkpoints"


def mismatch(file: ReleasedFile, path: Path) -> str | None:
    """Return how the file at `path` differs from the published hashes, None if it matches."""
    found = file_hash(path)
    differences = []
    if not found.startswith(file.sha256_start):
        differences.append(f"expected a SHA-256 that starts with {file.sha256_start} (its name), found {found}")
    if file.sha1 is not None and (found_sha1 := file_hash(path, "sha1")) != file.sha1:
        differences.append(f"expected the SHA-1 {file.sha1} (recorded by Brain-Score), found {found_sha1}")
    return "; ".join(differences) or None


def find(file: ReleasedFile) -> Path | None:
    """Return the unverified local file, from the folder in `BRAINSCORE_CORNET_WEIGHTS` or the downloads, else None."""
    folders = [cache_folder()]
    if named := os.environ.get(FOLDER_VARIABLE):
        folder = expanded(named)  # batch systems set variables without a shell that expands ~
        if not (os.path.isdir(folder) and os.access(folder, os.X_OK)):
            raise WeightsError(
                f"{FOLDER_VARIABLE} names {named}, which is not a folder that can be read. Correct or unset it."
            )
        folders.insert(0, folder)
    return next((folder / file.filename for folder in folders if os.path.isfile(folder / file.filename)), None)


def fetch(file: ReleasedFile, *, verify: bool = True) -> Path:
    """Return the path of a verified released file, downloaded if it is not on this machine.

    Parameters
    ----------
    verify
        False accepts a file with any hash. The acceptance is recorded for this content alone: beside the file, or
        among the downloads if the file's folder cannot be written.

    Raises
    ------
    WeightsError
        If the file cannot be found or downloaded, or does not match its published hashes.
    DestinationError
        If a download cannot be written.
    """
    path, refused = find(file), None
    if path is not None:
        wrong = mismatch(file, path)
        if wrong is None or is_accepted(path):
            return path
        if not verify:
            return _accept(path)
        refused = f"{path}: {wrong}"
        if path.parent != cache_folder():
            raise WeightsError(f"{refused}. Delete or replace it. {_acceptance_advice(file)}")
    path = _download(file, verify, refused)
    if not verify and mismatch(file, path) is not None:
        return _accept(path)
    print(f"{shown(path)}: SHA-256 {file_hash(path)}", file=sys.stderr)
    return path


def _download(file: ReleasedFile, verify: bool, refused: str | None) -> Path:
    """Download a file; `refused` is the reason why an existing file is not used, None if there is no file."""
    reasons = [] if refused is None else [refused]
    advice = _offline_advice(file) if refused is None else _acceptance_advice(file)

    def check(path: Path) -> None:
        nonlocal advice
        wrong = mismatch(file, path) if verify else None
        if wrong is not None:
            advice = _acceptance_advice(file)
            raise WeightsError(wrong)

    def is_complete(path: Path) -> bool:
        return not verify or mismatch(file, path) is None

    try:
        return download(file.urls, cache_folder() / file.filename, check=check, is_complete=is_complete)
    except DownloadError as error:
        raise WeightsError(". ".join([*reasons, str(error), advice])) from error


def _acceptance_advice(file: ReleasedFile) -> str:
    return f"To use such a file knowingly: brainscore-cornet weights fetch {file.model} --no-verify"


def _offline_advice(file: ReleasedFile) -> str:
    return (
        f"Without a network: copy the file from another machine into a folder that {FOLDER_VARIABLE} names, or use "
        f"{file.model}_untrained, which needs no file."
    )


def _acceptances(path: Path) -> tuple[Path, Path]:
    """Return the paths of the acceptance record: beside the file for all who share it, and among the downloads."""
    name = path.name + ".accepted"
    return path.with_name(name), cache_folder() / name


def accept(path: Path) -> Path:
    """Record that a file's content is accepted in place of the published one; returns the path of the record."""
    found = file_hash(path)
    for acceptance in _acceptances(path):
        with suppress(OSError):  # a shared folder is often read-only
            acceptance.parent.mkdir(parents=True, exist_ok=True)
            with open(acceptance, "a") as file:
                file.write(found + "\n")
            sync(acceptance)
            return acceptance
    raise WeightsError(
        f"Cannot record that {path} was accepted: neither its folder nor {cache_folder()} can be written. "
        "Set TORCH_HOME to a writable folder."
    )


def _accept(path: Path) -> Path:
    acceptance = accept(path)
    text = f"{path}: accepted with the SHA-256 {file_hash(path)}, as {acceptance} remembers"
    print(shown(text), file=sys.stderr)
    return path


def is_accepted(path: Path) -> bool:
    accepted = []
    for acceptance in _acceptances(path):
        with suppress(OSError):
            accepted += acceptance.read_text(errors="replace").split()
    return bool(accepted) and file_hash(path) in accepted


def locate(weights: str | os.PathLike, sha256: str | None = None) -> Path:
    """Return the file of a user's own weights, given as a path or as a URL (downloaded once).

    Parameters
    ----------
    sha256
        SHA-256 that the file must have, unless the file was accepted with another one (see `accept`).
    """
    sha256 = None if sha256 is None else checked_sha256(sha256)
    found = check_own_file(weights)
    if found is None:
        path = url_path(str(weights))

        def check(part: Path) -> None:
            _check_own(path.name, part)
            require_sha256(part, sha256, path.name)

        def is_complete(path: Path) -> bool:
            return sha256 is None or file_hash(path) == sha256 or is_accepted(path)

        if path.is_file() and is_complete(path):
            return path
        return download((str(weights),), path, check=check, is_complete=is_complete)
    if sha256 is None or not is_accepted(found):
        require_sha256(found, sha256, str(found))
    return found


def url_path(url: str) -> Path:
    """Return the path at which the file of a URL is stored after its download."""
    name = url.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or "weights.pth"
    return cache_folder() / f"url-{hashlib.sha256(url.encode()).hexdigest()[:16]}" / name


def checked_sha256(value: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value.strip()):
        raise WeightsError(f"Expected a SHA-256, 64 hexadecimal digits as sha256sum prints them, received {value!r}.")
    return value.strip().lower()


def require_sha256(path: Path, sha256: str | None, name: str) -> None:
    if sha256 is not None and (found := file_hash(path)) != sha256:
        raise WeightsError(f"{name}: expected the SHA-256 {sha256}, found {found}. It is another file, or damaged.")


def _check_own(name: str, path: Path) -> None:
    """Raise `WeightsError` for a download that torch.save cannot have written, such as a login page or half a file.

    As in torch.hub, a name such as `mine-1a2b3c4d.pth` contains the start of the SHA-256, which is checked; a date in
    the name is not.
    """
    with open(path, "rb") as file:
        is_pickle = file.read(1) == b"\x80"  # the format of torch.save until version 1.6, and of the released files
    if not is_pickle and not zipfile.is_zipfile(path):
        raise WeightsError(f"{name}: the server sent something that is not a complete file of weights.")
    promised = re.search(r"-(?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.", name)
    if promised and not (found := file_hash(path)).startswith(promised[1]):
        raise WeightsError(
            f"{name}: expected a SHA-256 that starts with {promised[1]}, as its name says, found {found}. "
            "The file may be damaged; if it is right, give it a name without a hash."
        )
