"""Rules for the zip's layout, as the website and Brain-Score's unpacking require it."""

from __future__ import annotations

import ast
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...cornet.errors import UserError
from .finding import Finding

MAX_BYTES = 50_000_000  # the website's limit is 50 MB
_MAX_UNPACKED = 10 * MAX_BYTES  # of what is read here; far more than any plugin has
REQUIRED = ("__init__.py", "model.py", "test.py")
_OF_A_MAC = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._[^/]*$)")
_JUNK = re.compile(r"(^|/)(__pycache__|\.ipynb_checkpoints|\.git|\.idea|\.pytest_cache)(/|$)")
WEIGHTS = (".pth", ".pt", ".ckpt", ".tar", ".safetensors", ".h5", ".npz", ".bin")


@dataclass(frozen=True)
class Plugin:
    """A model plugin's folder, in a zip or on disk."""

    name: str
    files: dict[str, bytes]
    """Path inside the folder -> contents."""
    _trees: dict[str, ast.Module | None] = field(default_factory=dict, repr=False, compare=False)

    def text(self, path: str) -> str | None:
        """Return a file's text, None if the file does not exist or is not UTF-8."""
        try:
            return self.files[path].decode("utf-8-sig")  # Python accepts a byte order mark
        except (KeyError, UnicodeDecodeError):
            return None

    @property
    def trees(self) -> Iterator[tuple[str, ast.Module]]:
        """Yield path and syntax tree of each Python file with valid syntax."""
        for path in self.files:
            if path.endswith(".py") and (tree := self.tree(path)) is not None:
                yield path, tree

    def tree(self, path: str) -> ast.Module | None:
        """Return a Python file's syntax tree, parsed once; None if the file does not exist or has invalid syntax."""
        if path not in self._trees:
            text = self.text(path)
            try:
                self._trees[path] = None if text is None else ast.parse(text)
            except (SyntaxError, ValueError):  # another rule reports it
                self._trees[path] = None
        return self._trees[path]


def read_folder(folder: Path) -> Plugin:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _JUNK.search(path.relative_to(folder).as_posix())
    }
    return Plugin(folder.name, files)


def read_zip(path: Path) -> tuple[list[Finding], Plugin | None]:
    """Return the broken rules of a zip's layout, and the one plugin in it, None if it cannot be determined."""
    try:
        size = path.stat().st_size
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        return [Finding("not-a-zip", path.name, "It is no zip, or an incomplete one.", "Write it anew.")], None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    with archive:
        entries = archive.infolist()
        findings = _check_entries(path.name, size, entries)
        if any(finding.rule in ("path-unsafe", "path-backslash", "encrypted", "too-large") for finding in findings):
            return findings, None
        try:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(damaged)
            contents = {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
            return [
                *findings,
                Finding("damaged", path.name, f"It cannot be unpacked ({error}).", "Write it anew."),
            ], None
    plugin = _find_plugin(contents, findings)
    return findings, plugin


def _check_entries(zip_name: str, size: int, entries: list[zipfile.ZipInfo]) -> list[Finding]:
    findings = []
    unpacked = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES or unpacked > _MAX_UNPACKED:
        problem = (
            f"It has {size / 1e6:.0f} MB ({unpacked / 1e6:.0f} unpacked); at most {MAX_BYTES / 1e6:.0f} are taken."
        )
        remedy = "Leave out weights and data, and let model.py download them."
        findings.append(Finding("too-large", zip_name, problem, remedy))
    if any(_OF_A_MAC.search(entry.filename) for entry in entries):
        problem = "The Finder of macOS has put folders of its own into it, which Brain-Score does not expect."
        remedy = f"Take them out: zip -d {zip_name} '__MACOSX/*' '*.DS_Store'"
        findings.append(Finding("macos", zip_name, problem, remedy))
        entries = [entry for entry in entries if not _OF_A_MAC.search(entry.filename)]
    counts = Counter(entry.filename for entry in entries)
    for rule, breaks, problem, remedy, fatal in _OF_ENTRIES:
        if broken := list(dict.fromkeys(entry.filename for entry in entries if breaks(entry, counts))):
            more = f" and {len(broken) - 1} more" if broken[1:] else ""
            findings.append(Finding(rule, broken[0] + more, problem, remedy, fatal))
    folders = {f"{parent}/" for name in counts for parent in PurePosixPath(name).parents}
    if missing := sorted(folders - {"./", "//"} - set(counts)):
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        problem = f"It has no entry of its own for {missing[0]}{more}."
        remedy = "Write it with shutil.make_archive or `zip -r`, without -D."
        findings.append(Finding("folder-entries", zip_name, problem, remedy))
    return findings


def _leaves(entry: zipfile.ZipInfo, counts: Counter) -> bool:
    name = entry.filename
    return name.startswith("/") or ".." in PurePosixPath(name).parts or re.match(r"[A-Za-z]:", name) is not None


def _is_metadata(entry: zipfile.ZipInfo, counts: Counter) -> bool:
    return PurePosixPath(entry.filename).name in ("metadata.yaml", "metadata.yml") and not entry.is_dir()


# rule, whether an entry breaks it, problem, remedy, whether it is fatal
_OF_ENTRIES: list[tuple[str, Callable[[zipfile.ZipInfo, Counter], bool], str, str, bool]] = [
    ("path-unsafe", _leaves, "Its path leads out of the folder it is unpacked into.", "Use paths within it.", True),
    (
        "path-backslash",
        lambda entry, counts: "\\" in entry.orig_filename,
        "Its path is written with Windows' backslashes.",
        "Write the zip anew with slashes, as shutil.make_archive does.",
        True,
    ),
    (
        "path-space",
        lambda entry, counts: re.search(r"\s", entry.filename) is not None,
        "There is a space in its path; Brain-Score's scripts split at it.",
        "Rename it.",
        True,
    ),
    (
        "path-link",
        lambda entry, counts: stat.S_ISLNK(entry.external_attr >> 16),
        "It is a link, which unpacking makes a text of.",
        "Put the file itself into the zip.",
        True,
    ),
    ("path-twice", lambda entry, counts: counts[entry.filename] > 1, "It is in it twice.", "Write it anew.", True),
    (
        "encrypted",
        lambda entry, counts: bool(entry.flag_bits & 0x1),
        "It is encrypted.",
        "Write the zip without a password.",
        True,
    ),
    (
        "metadata",
        _is_metadata,
        "The website takes no metadata file.",
        "Leave it out: it belongs in a pull request.",
        True,
    ),
    (
        "weights-inside",
        lambda entry, counts: entry.filename.endswith(WEIGHTS) and entry.file_size > 0,
        "It looks like weights, which become part of Brain-Score's repository.",
        "Put them where they can be downloaded.",
        False,
    ),
    (
        "junk",
        lambda entry, counts: _JUNK.search(entry.filename) is not None,
        "It is no part of a plugin.",
        "Leave it out.",
        False,
    ),
]


def _find_plugin(contents: dict[str, bytes], findings: list[Finding]) -> Plugin | None:
    """Return the one plugin in <root>/models/<plugin>/."""

    def add(rule: str, where: str, problem: str, remedy: str) -> None:
        findings.append(Finding(rule, where, problem, remedy))

    expected = "Expected is <root>/models/<plugin>/ with __init__.py, model.py and test.py."
    paths = [PurePosixPath(name).parts for name in contents if not (_JUNK.search(name) or _OF_A_MAC.search(name))]
    if not paths:
        add("empty", "the zip", "There is no file in it.", expected)
        return None
    roots = sorted({parts[0] for parts in paths})
    if len(roots) != 1 or any(len(parts) == 1 for parts in paths):
        add("one-root", ", ".join(roots), "At the top of the zip must be one folder and nothing else.", expected)
        roots = [root for root in roots if any(parts[:2] == (root, "models") for parts in paths)]
        if len(roots) != 1:
            return None
    root = roots[0]
    if root.startswith((".", "_")):
        add("root-hidden", root, "Brain-Score passes over folders that begin with . or _.", "Rename it.")
    if root == "models" or not any(parts[:2] == (root, "models") for parts in paths):
        is_plugin = any(parts[:2] == (root, "__init__.py") for parts in paths)
        what = "This is the plugin's folder itself" if is_plugin else "There is no folder models in this one"
        if root == "models":
            what = "The folder models is not in another one"
        add("models-folder", root, f"{what}.", expected)
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
