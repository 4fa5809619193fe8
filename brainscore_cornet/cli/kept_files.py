"""Files that are cached on this machine: their folders, sizes and removal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cornet.errors import unknown_name
from ..cornet.recording import cache


@dataclass(frozen=True)
class Cache:
    """Folders whose contents can be computed or downloaded again."""

    name: str
    holds: str
    root: Path
    folders: tuple[Path, ...]
    moved_by: str
    limit_gb: float | None = None

    def size(self) -> int:
        """Bytes."""
        total = 0
        for folder in self.folders:
            for path in folder.rglob("*") if folder.is_dir() else ():
                try:
                    total += 0 if path.is_dir() else path.lstat().st_size
                except OSError:  # another process removed it
                    continue
        return total

    def clear(self) -> int:
        """Remove the folders, and return how many bytes that freed."""
        before = self.size()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        return before - self.size()


def caches() -> dict[str, Cache]:
    """Return name -> cache, in the order in which clearing is recommended."""
    activations = cache.folder()
    results = activations.parent
    others = tuple(path for path in sorted(results.glob("brainscore*")) if path != activations)
    home = Path(os.environ.get("BRAINSCORE_HOME", "~/.brain-score")).expanduser()
    stimuli = tuple(home / name for name in ("stimuli", "stimuli_on_screen"))
    downloads = Path(os.environ.get("BRAINIO_HOME", "~/.brainio")).expanduser()
    limit = cache.limit_gb()
    found = [
        Cache("activations", "activations of CORnets", activations, (activations,), "RESULTCACHING_HOME", limit),
        # the limit applies to other models' activations; the ceilings are small
        Cache("brainscore", "other models' activations, ceilings", results, others, "RESULTCACHING_HOME", limit),
        Cache("stimuli", "rendered and converted stimuli", home, stimuli, "BRAINSCORE_HOME"),
        Cache("downloads", "Brain-Score's stimuli and data", downloads, (downloads,), "BRAINIO_HOME"),
    ]
    return {each.name: each for each in found}


def clear(names: Sequence[str]) -> dict[str, int]:
    """Clear caches by name, and return name -> freed bytes."""
    known = caches()
    for name in names:
        if name not in known:
            raise unknown_name(name, known, "cache")
    return {name: known[name].clear() for name in names}
