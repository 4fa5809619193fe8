"""The zip itself, as the website and Brain-Score's unpacking take it: what is in it, and where."""

from __future__ import annotations

import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import UserError
from .finding import Finding

MAX_BYTES = 50_000_000  # the website's limit is 50 MB
_MAX_UNPACKED = 10 * MAX_BYTES  # of what is read here; far more than any plugin has
REQUIRED = ("__init__.py", "model.py", "test.py")
_JUNK = re.compile(r"(^|/)(__pycache__|\.DS_Store|\.ipynb_checkpoints|\.git|\.idea|\.pytest_cache)(/|$)")
_WEIGHTS = (".pth", ".pt", ".ckpt", ".tar", ".safetensors", ".h5", ".npz", ".bin")


@dataclass(frozen=True)
class Plugin:
    """A model plugin's folder, in a zip or on disk."""

    name: str
    files: dict[str, bytes]
    """Path within the folder -> contents."""

    def text(self, path: str) -> str | None:
        """A file's text, None where there is no such file or it is no UTF-8."""
        try:
            return self.files[path].decode("utf-8")
        except (KeyError, UnicodeDecodeError):
            return None


def read_folder(folder: Path) -> Plugin:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _JUNK.search(path.relative_to(folder).as_posix())
    }
    return Plugin(folder.name, files)


def read_zip(path: Path) -> tuple[list[Finding], Plugin | None]:
    """What is wrong with a zip's layout, and the one plugin in it, None where that cannot be told."""
    try:
        size = path.stat().st_size
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        return [_finding("not-a-zip", path.name, "It is no zip, or an incomplete one.", "Write it anew.")], None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    with archive:
        entries = archive.infolist()
        findings = _check_entries(path.name, size, entries)
        if any(finding.rule in ("path-unsafe", "encrypted", "too-large") for finding in findings):
            return findings, None
        try:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(damaged)
            contents = {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
            return [
                *findings,
                _finding("damaged", path.name, f"It cannot be unpacked ({error}).", "Write it anew."),
            ], None
    plugin = _find_plugin(contents, findings)
    return findings, plugin


def _check_entries(zip_name: str, size: int, entries: list[zipfile.ZipInfo]) -> list[Finding]:
    findings = []

    def add(rule: str, where: str, problem: str, remedy: str, fatal: bool = True) -> None:
        findings.append(Finding(rule, where, problem, remedy, fatal))

    unpacked = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES or unpacked > _MAX_UNPACKED:
        add(
            "too-large",
            zip_name,
            f"It has {size / 1e6:.0f} MB ({unpacked / 1e6:.0f} unpacked); at most {MAX_BYTES / 1e6:.0f} MB are taken.",
            "Leave out weights and data, and let model.py download them.",
        )
    names = [entry.filename for entry in entries]
    for entry in entries:
        name = entry.filename
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in entry.orig_filename or re.match(r"[A-Za-z]:", name):
            add("path-unsafe", name, "Its path leaves the folder it is unpacked into.", "Use plain paths with slashes.")
        if re.search(r"\s", name):
            add("path-space", name, "There is a space in its path; Brain-Score's scripts split at it.", "Rename it.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            add(
                "path-link", name, "It is a link, which unpacking makes a text of.", "Put the file itself into the zip."
            )
        if entry.flag_bits & 0x1:
            add("encrypted", name, "It is encrypted.", "Write the zip without a password.")
        if names.count(name) > 1 and all(finding.where != name for finding in findings):
            add("path-twice", name, "It is in the zip twice.", "Write the zip anew.")
        if not entry.is_dir() and PurePosixPath(name).name in ("metadata.yaml", "metadata.yml"):
            add("metadata", name, "The website takes no metadata file.", "Leave it out: it belongs in a pull request.")
        if entry.file_size and name.endswith(_WEIGHTS):
            add(
                "weights-inside",
                name,
                "It looks like weights, which become part of Brain-Score's repository.",
                "Put them where they can be downloaded.",
                fatal=False,
            )
    if junk := sorted({match[2] for name in names if (match := _JUNK.search(name))}):
        add("junk", zip_name, f"There is {', '.join(junk)} in it.", "Leave it out.", fatal=False)
    folders = {
        f"{parent}/" for name in names for parent in PurePosixPath(name).parents if str(parent) not in (".", "/")
    }
    if missing := sorted(folders - set(names)):
        add(
            "folder-entries",
            zip_name,
            f"It has no entry of its own for {missing[0]}{f' and {len(missing) - 1} more' if missing[1:] else ''}.",
            "Write it with shutil.make_archive or `zip -r`, without -D.",
        )
    return findings


def _find_plugin(contents: dict[str, bytes], findings: list[Finding]) -> Plugin | None:
    """The one plugin of <root>/models/<plugin>/."""

    def add(rule: str, where: str, problem: str, remedy: str) -> None:
        findings.append(Finding(rule, where, problem, remedy))

    expected = "Expected is <root>/models/<plugin>/ with __init__.py, model.py and test.py."
    paths = [PurePosixPath(name).parts for name in contents if not _JUNK.search(name)]
    roots = sorted({parts[0] for parts in paths})
    if len(roots) != 1 or any(len(parts) == 1 for parts in paths):
        what = ", ".join(roots) or "nothing"
        add("one-root", what, "At the top of the zip must be one folder and nothing else.", expected)
        roots = [root for root in roots if any(parts[:2] == (root, "models") for parts in paths)]
        if len(roots) != 1:
            return None
    root = roots[0]
    if root.startswith((".", "_")):
        add("root-hidden", root, "Brain-Score passes over folders that begin with . or _.", "Rename it.")
    if root == "models" or not any(parts[:2] == (root, "models") for parts in paths):
        add("models-folder", root, "There is no folder models in it.", expected)
        return None
    if beside := sorted({parts[1] for parts in paths if parts[0] == root and parts[1] != "models"}):
        add("beside-models", f"{root}/{beside[0]}", "Beside models there must be nothing.", "Leave it out.")
    inside = [parts[2:] for parts in paths if parts[:2] == (root, "models")]
    if loose := sorted(parts[0] for parts in inside if len(parts) == 1):
        add(
            "loose-file",
            f"{root}/models/{loose[0]}",
            "A file right in models replaces Brain-Score's own, and has all plugins tested.",
            "Move it into the plugin's folder, or leave it out.",
        )
    plugins = sorted({parts[0] for parts in inside if len(parts) > 1})
    if len(plugins) != 1:
        found = f"found are {', '.join(plugins)}" if plugins else "there is none"
        add("one-plugin", f"{root}/models", f"There must be one plugin folder in it; {found}.", "Write a zip for each.")
        return None
    start = f"{root}/models/{plugins[0]}/"
    files = {name.removeprefix(start): data for name, data in contents.items() if name.startswith(start)}
    return Plugin(plugins[0], {name: data for name, data in files.items() if not _JUNK.search(name)})


def _finding(rule: str, where: str, problem: str, remedy: str) -> Finding:
    return Finding(rule, where, problem, remedy)
