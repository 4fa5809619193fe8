"""Findings of a check: a rule, the place, the problem and its remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A broken rule, or, if it is not fatal, a note for the plugin's owner."""

    rule: str
    where: str
    problem: str
    remedy: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.problem} {self.remedy} [{self.rule}]"
