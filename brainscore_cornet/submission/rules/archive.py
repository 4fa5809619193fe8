"""Writing of zips for the website: one root folder, an entry for each folder, equal bytes for equal content."""

from __future__ import annotations

import zipfile
from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


def write_zip(path: Path, root: Path) -> None:
    """Pack a folder, under its own name, into `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in [root, *sorted(root.rglob("*"))]:
            name = each.relative_to(root.parent).as_posix()
            entry = zipfile.ZipInfo(f"{name}/" if each.is_dir() else name, _DATE)
            # permissions as on Unix, and for folders the mark of old DOS
            entry.external_attr = (0o40755 << 16) | 0x10 if each.is_dir() else 0o100644 << 16
            entry.compress_type = zipfile.ZIP_STORED if each.is_dir() else zipfile.ZIP_DEFLATED
            archive.writestr(entry, b"" if each.is_dir() else each.read_bytes())
