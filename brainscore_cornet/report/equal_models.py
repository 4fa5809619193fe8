"""Models whose scores are equal, and why."""

from __future__ import annotations

from collections.abc import Sequence

from .number_text import counted
from .report_rows import ReportRow

_R_AND_RT = " V1 receives nothing from other regions, so that R and RT with the same weights compute the same there."


def sentences(jobs: Sequence[ReportRow]) -> list[str]:
    """Return a sentence for each group of models with identical scores, to the last digit, and errors."""
    alike: dict[tuple[str, float, object], list[ReportRow]] = {}
    for job in jobs:
        if job.score is not None and job.error:  # scores without an error may be equal by chance
            alike.setdefault((job.benchmark, job.score, job.error), []).append(job)
    groups: dict[tuple[str, ...], list[ReportRow]] = {}
    for together in alike.values():
        models = tuple(dict.fromkeys(job.model for job in together))
        if len(models) > 1:
            groups.setdefault(models, []).append(together[0])
    return [_sentence(models, inside) for models, inside in groups.items()]


def _sentence(models: Sequence[str], jobs: Sequence[ReportRow]) -> str:
    names = f"{', '.join(models[:-1])} and {models[-1]}"
    text = f"{names} have identical scores on {counted(len(jobs), 'benchmark')}"
    text += f" ({jobs[0].benchmark})." if len(jobs) == 1 else "."
    is_known = all(model.startswith(("cornet_r_", "cornet_rt_")) for model in models)
    return text + (_R_AND_RT if is_known and all(job.region == "V1" for job in jobs) else "")
