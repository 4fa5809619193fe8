"""Made-up results, as a run of several models on several benchmarks gives them."""

from __future__ import annotations

import json

import pandas as pd

TEMPORAL = "Made2020.IT-temporal"
BENCHMARKS = (
    ("Marques2020light_DeValois1982-pref_or", "V1", "70-170", 0.95),
    ("MajajHong2015public.IT-pls", "IT", "70-170", 0.8),
    ("Rajalingham2018public-i2n", None, None, 0.5),
    (TEMPORAL, "IT", "70-80 80-90 90-100", 0.7),
)
HOSTILE = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)> & "quoted", \'β\'\n' + "x" * 300


def result(model: str = "cornet_z", benchmark: str = BENCHMARKS[1][0], **changes) -> dict:
    """One job that gave a score, with whatever is changed."""
    return {
        "model": model,
        "benchmark": benchmark,
        "status": "scored",
        "score": 0.4321098765,
        "error": 0.016,
        "ceiling": 0.8,
        "raw": 0.34568790,
        "region": "IT",
        "time_bins": "70-170",
        "model_time_bins": "100-200",
        "layer": "IT.output",
        "by_time_bin": None,
        "weights_hash": "1d3f7974" * 8,
        "settings": "{}",
        "benchmark_version": "1",
        "seconds": 12.5,
        "memory_mb": 1234.5,
        "memory_estimate_mb": 2000.0,
        "device": "cpu",
        "versions": json.dumps({"brainscore_cornet": "0.1.0", "torch": "2.14.1"}),
        "date": "2026-11-21T10:00:00+00:00",
        "reason": None,
        "note": None,
        **changes,
    }


def failure(model: str = "alexnet", benchmark: str = TEMPORAL, **changes) -> dict:
    """One job that gave none."""
    time = {"time_bins": BENCHMARKS[3][2], "model_time_bins": None}
    empty = dict.fromkeys(("score", "error", "ceiling", "raw"))
    return result(
        model, benchmark, status="failed", **empty, **time, **{"reason": "It has one answer for all times.", **changes}
    )


def several() -> pd.DataFrame:
    """Three models on four benchmarks, one of them temporal, on which one model fails."""
    rows = []
    for number, model in enumerate(("cornet_z", "cornet_s", "alexnet")):
        for other, (benchmark, region, time_bins, ceiling) in enumerate(BENCHMARKS):
            if (model, benchmark) == ("alexnet", TEMPORAL):
                rows.append(failure())
                continue
            # of different lengths as text: sorted as text they would come in another order
            score = (-0.05, 0.5, 0.25, 1.125)[other] / (number + 1)
            values = [[start, start + 10, score + start / 1000] for start in (70, 80, 90)]
            rows.append(
                result(
                    model,
                    benchmark,
                    score=score,
                    ceiling=ceiling,
                    raw=score * ceiling,
                    region=region,
                    time_bins=time_bins,
                    model_time_bins="100-150 150-200" if region and model != "alexnet" else None,
                    by_time_bin=json.dumps(values) if benchmark == TEMPORAL else None,
                    note='Not the leaderboard\'s "number", but near.' if region == "V1" else None,
                )
            )
    return pd.DataFrame(rows)


def thousand() -> pd.DataFrame:
    """Twenty models on fifty benchmarks."""
    return pd.DataFrame(
        [
            result(f"model_{model:02}", f"Made{benchmark:02}.IT-pls", score=((7 * model + 3 * benchmark) % 100) / 100)
            for model in range(20)
            for benchmark in range(50)
        ]
    )
