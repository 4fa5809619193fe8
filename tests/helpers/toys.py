"""Models and benchmarks that take no time, fail in every way there is, and count how often they are asked."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
from brainscore_core.benchmarks import BenchmarkBase
from brainscore_core.metrics import Score

_OTHER_SCORES = {
    "nothing": None,
    "number": 0.3,
    "text": Score(["good", "bad"], dims=["split"]),
    "several": Score([1.0, 2.0, np.nan], dims=["split"]),
}


class ToyModel:
    """A BrainModel in all that the toy benchmarks use."""

    def __init__(self, identifier: str, worth: float) -> None:
        self.identifier, self.worth = identifier, worth

    def visual_degrees(self) -> int:
        return 8

    def start_recording(self, *_, **__) -> None: ...

    def look_at(self, *_, **__) -> None: ...


class ToyBenchmark(BenchmarkBase):
    """Scores a model's worth; writes down each time it begins.

    Parameters
    ----------
    log
        A file that gets a line `model benchmark` for each call.
    behave
        What it does in place of scoring: `raise`, `nan`, `hang`, `eat`, `die`, `network`, `cuda`, `import`, `private`,
        `exit`, `nothing`, `number`, `text`, `several`, `unsendable`.
    """

    def __init__(self, identifier: str, log: Path, behave: str = "score", seconds: float = 0.0, version: int = 1):
        ceiling = Score(0.8)
        ceiling.attrs["raw"] = Score(np.array([0.7, 0.9]), coords={"split": [0, 1]}, dims=["split"])
        super().__init__(identifier, ceiling, version=version, parent="toy", bibtex="")
        self.region, self.timebins = "IT", [(70, 170), (170, 270)]
        self._log, self._behave, self._seconds = log, behave, seconds

    def __call__(self, model) -> Score:
        with open(self._log, "a") as log:
            log.write(f"{model.identifier} {self.identifier}\n")
        time.sleep(self._seconds)
        worth = getattr(model, "worth", 0.5)  # models of the package have none
        getattr(self, f"_{self._behave}")()
        if self._behave in _OTHER_SCORES:
            return _OTHER_SCORES[self._behave]
        raw = Score(
            np.array([[0.1, 0.5], [0.3, 0.7]]) * worth,
            coords={
                "neuroid_id": ("neuroid", ["a", "b"]),
                "animal": ("neuroid", ["x", "y"]),
                "time_bin_start": ("time_bin", [70, 170]),
                "time_bin_end": ("time_bin", [170, 270]),
            },
            dims=["neuroid", "time_bin"],
        )
        mean = Score(float(np.mean(raw.values)))
        mean.attrs.update(raw=raw, error=0.01)
        score = Score(float("nan") if self._behave == "nan" else worth)
        score.attrs.update(raw=mean, ceiling=self.ceiling, error=0.02, comment="a toy", folds=[1, 2], flag=True)
        if self._behave == "unsendable":
            score.attrs["lock"] = threading.Lock()
        return score

    def _score(self) -> None: ...

    _nan = _nothing = _number = _text = _several = _unsendable = _score

    def _exit(self) -> None:
        raise SystemExit(0)

    def _raise(self) -> None:
        raise KeyError("no such neuroid")

    def _hang(self) -> None:
        time.sleep(1000)

    def _eat(self) -> None:
        held = []
        while True:
            held.append(np.ones(2**24))
            time.sleep(0.02)

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _network(self) -> None:
        import requests

        raise requests.ConnectionError("Name or service not known")

    def _cuda(self) -> None:
        raise RuntimeError("Found no NVIDIA driver on your system.\nPlease check")

    def _import(self) -> None:
        import a_package_that_nobody_has  # noqa: F401

    def _private(self) -> None:
        import botocore.exceptions

        raise Exception([botocore.exceptions.NoCredentialsError(), FileNotFoundError("null")])


class SameStimuli:
    """In place of an assembly, it puts benchmarks into one group."""

    class stimulus_set:
        identifier = "the same"


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []
