"""Shards: parts of a large extraction, computed on several machines or GPUs and joined into one file."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

from ..cornet.errors import UserError


@dataclass(frozen=True)
class Shard:
    """One of several parts, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard of a text such as `3/16`."""
        found = re.fullmatch(r"(\d+)/(\d+)", str(text))
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"Expected a shard such as 3/16, the third of sixteen, received {text!r}.")
        return cls(int(found[1]), int(found[2]))

    @property
    def kind(self) -> str:
        return f"shard-{self.number}-of-{self.count}"

    def rows(self, images: int, batch_size: int) -> slice:
        """Return the rows of the shard's images, in whole batches, so that joined shards equal a single extraction."""
        batches = -(-images // batch_size)
        each = -(-batches // self.count) * batch_size
        return slice(min(images, (self.number - 1) * each), min(images, self.number * each))


def shards_beside(output: Path) -> list[Shard]:
    """Return the shards beside the output."""
    names = [path.name for path in output.parent.glob(f".{glob.escape(output.name)}.shard-*")]
    found = [re.fullmatch(r".*\.shard-(\d+)-of-(\d+)", name) for name in names]
    return [Shard(int(match[1]), int(match[2])) for match in found if match]


def count_shards(output: Path) -> int | None:
    """Return of how many parts the shards beside the output are, None without shards; raises `UserError` if unclear."""
    counts = {shard.count for shard in shards_beside(output)}
    if len(counts) > 1:
        raise UserError(
            f"{output} has shards of {', '.join(map(str, sorted(counts)))} parts: delete the folders "
            f".{output.name}.shard-… of some."
        )
    return counts.pop() if counts else None


def find_shards(output: Path) -> list[Shard]:
    """Return the shards beside the output; raises `UserError` if some are missing."""
    count = count_shards(output)
    if count is None:
        raise UserError(f"There are no shards of {output} to join; make them with --shard 1/2, --shard 2/2.")
    found = shards_beside(output)
    missing = sorted(set(range(1, count + 1)) - {shard.number for shard in found})
    if missing:
        raise UserError(f"Of {output} shards are missing: {', '.join(f'{number}/{count}' for number in missing)}.")
    return sorted(found, key=lambda shard: shard.number)
