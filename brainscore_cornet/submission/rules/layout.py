"""Rules for the zip's layout, as the website and Brain-Score's unpacking require it."""

from __future__ import annotations

import ast
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...cornet.errors import UserError
from .finding import Finding

MAX_BYTES = 50_000_000  # the website's limit is 50 MB
# Far more than any plugin has. Python's parser needs up to 200 bytes of memory for a byte of a program.
_MAX_UNPACKED = 4 * MAX_BYTES
_MAX_ENTRIES = 5_000
_MAX_DEPTH = 32  # folders in a path
_MAX_NAME = 1_000  # characters in a path
_MAX_TEXT = 1_000_000  # bytes of a file that is parsed
_MAX_TEXTS = 5_000_000  # bytes of all of them
_MAX_REGISTRATIONS = 50_000  # bytes of __init__.py, whose lines go through regular expressions
_TEXTS = (".py", ".yml", ".yaml", ".txt", ".toml", ".cfg")
_CENTRAL = b"PK\x01\x02"  # begins each entry of a zip's directory
REQUIRED = ("__init__.py", "model.py", "test.py")
_STOPPING = ("path-unsafe", "path-backslash", "encrypted", "too-large")  # rules without which nothing is unpacked
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
                self._trees[path] = None if text is None else parse(text)
            except (SyntaxError, ValueError):  # another rule reports it
                self._trees[path] = None
        return self._trees[path]


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a program.

    Raises
    ------
    SyntaxError
        If it is invalid or nested too deeply.
    """
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError, SystemError):  # the last one is Python 3.11's own error at such a program
        raise SyntaxError("it is nested too deeply") from None


def read_folder(folder: Path) -> Plugin:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _JUNK.search(path.relative_to(folder).as_posix())
    }
    return Plugin(folder.name, files)


def read_zip(path: Path) -> tuple[list[Finding], Plugin | None]:
    """Return the broken rules of a zip's layout, and the one plugin in it, None if it cannot be determined."""
    if not path.is_file():
        raise UserError(f"Expected a zip to check, {path} is not a file.")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES or path.read_bytes().count(_CENTRAL) > _MAX_ENTRIES:
            return [_too_large(path.name, f"It has {size / 1e6:.0f} MB or more than {_MAX_ENTRIES} entries.")], None
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        return [Finding("not-a-zip", path.name, "It is no zip, or an incomplete one.", "Write it anew.")], None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    with archive:
        entries = archive.infolist()
        findings = _check_entries(path.name, size, entries)
        if any(finding.rule in _STOPPING for finding in findings):
            return findings, None
        try:
            contents = {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            ValueError,
            MemoryError,
        ) as error:
            return [
                *findings,
                Finding("damaged", path.name, f"It cannot be unpacked ({error}).", "Write it anew."),
            ], None
    plugin = _find_plugin(contents, findings)
    return findings, plugin


def _check_entries(zip_name: str, size: int, entries: list[zipfile.ZipInfo]) -> list[Finding]:
    findings = []
    if (problem := _excess(entries)) is not None:
        return [_too_large(zip_name, problem)]
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


def _excess(entries: list[zipfile.ZipInfo]) -> str | None:
    """Return which of the sizes that can be checked is exceeded, None if all are those of a plugin."""
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _MAX_UNPACKED:
        return f"Unpacked it has {unpacked / 1e6:.0f} MB; at most {_MAX_UNPACKED / 1e6:.0f} are checked."
    for entry in entries:
        name = entry.filename
        if len(name) > _MAX_NAME or name.count("/") + name.count("\\") > _MAX_DEPTH:
            return f"The path {name[:40]}… has {len(name)} characters; at most {_MAX_DEPTH} folders are checked."
        limit = _MAX_REGISTRATIONS if PurePosixPath(name).name == "__init__.py" else _MAX_TEXT
        if name.endswith(_TEXTS) and entry.file_size > limit:
            return f"{name} has {entry.file_size / 1e6:.2f} MB; at most {limit / 1e6:.2f} are checked."
    texts = sum(entry.file_size for entry in entries if entry.filename.endswith(_TEXTS))
    return (
        f"Its programs have {texts / 1e6:.0f} MB; at most {_MAX_TEXTS / 1e6:.0f} are checked."
        if texts > _MAX_TEXTS
        else None
    )


def _too_large(zip_name: str, problem: str) -> Finding:
    return Finding("too-large", zip_name, problem, "Leave out weights and data, and let model.py download them.")


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
