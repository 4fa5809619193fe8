"""What a check says: which rule is broken, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A broken rule; or, where it is not fatal, what its owner should know."""

    rule: str
    where: str
    problem: str
    remedy: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.problem} {self.remedy} [{self.rule}]"
