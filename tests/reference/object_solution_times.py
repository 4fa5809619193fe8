"""Problems for the classifier of object solution times; run as a program, what Brain-Score's own makes of them.

`object_solution_times.json` was written by `python tests/reference/object_solution_times.py` in an environment with
brainscore_vision and TensorFlow, and holds the versions of both.
"""

from __future__ import annotations

import importlib
import json
from importlib.metadata import version
from pathlib import Path

import brainscore_vision
import numpy as np
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import DataAssembly, NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers import PrecomputedFeatures

REFERENCE = Path(__file__).with_suffix(".json")
OBJECTS = np.array(["zebra", "apple", "car"])
TIME_BINS = [(start, start + 30) for start in range(70, 250, 30)]  # ms
STIMULI, TESTED = 90, 12
KEPT = 10
"""Neuroids whose weights are kept."""


def recordings(values: np.ndarray, labels: np.ndarray) -> NeuroidAssembly:
    """Responses (time_bin, presentation, neuroid) in the form in which a model gives them."""
    bins = TIME_BINS[: len(values)]
    return NeuroidAssembly(
        values,
        coords={
            "stimulus_id": ("presentation", [f"image_{number:03}" for number in range(len(labels))]),
            "image_label": ("presentation", labels),
            "truth": ("presentation", labels),
            "neuroid_id": ("neuroid", [f"neuroid_{number}" for number in range(values.shape[2])]),
            "region": ("neuroid", ["IT"] * values.shape[2]),
            "time_bin_start": ("time_bin", [start for start, _ in bins]),
            "time_bin_end": ("time_bin", [end for _, end in bins]),
        },
        dims=["time_bin", "presentation", "neuroid"],
    )


def problem(neuroids: int, signal: float, dtype: str) -> NeuroidAssembly:
    """Recordings (presentation, neuroid) of one time bin: more zebras than cars, and one neuroid that never changes."""
    random = np.random.RandomState(neuroids)
    objects = random.choice(len(OBJECTS), STIMULI + TESTED, p=[0.5, 0.3, 0.2])
    values = random.standard_normal((len(objects), neuroids)) * random.uniform(0.5, 5, neuroids)
    values += signal * random.standard_normal((len(OBJECTS), neuroids))[objects] + random.standard_normal(neuroids)
    values[:, 2] = 0.7
    return recordings(values.astype(dtype)[np.newaxis], OBJECTS[objects]).isel(time_bin=0)


PROBLEMS = {
    "few neuroids": {"neuroids": 8, "signal": 1.0, "dtype": "float32"},
    "double precision": {"neuroids": 300, "signal": 1.0, "dtype": "float64"},
    "stops early": {"neuroids": 15000, "signal": 30.0, "dtype": "float32"},
}


def kar2019() -> tuple[NeuroidAssembly, DataAssembly]:
    """Recordings from a network with four time steps, and the monkeys' solution times in the form of Kar et al. 2019.

    The objects of some stimuli can be told apart from the first time step on, those of others only later.
    """
    random = np.random.RandomState(0)  # with which every test split has all objects, as the metric expects
    objects = random.randint(0, len(OBJECTS), STIMULI)
    prototypes = random.standard_normal((len(OBJECTS), 800))
    difficulty = random.uniform(0, 1, STIMULI)
    strength = np.clip(np.arange(4)[:, np.newaxis] / 3 - difficulty + 0.3, 0, None)  # (time step, presentation)
    noise = random.standard_normal((4, STIMULI, 800)) + random.standard_normal((STIMULI, 800))
    steps = strength[..., np.newaxis] * prototypes[objects] + noise
    found = recordings(steps[[0, 0, 1, 2, 3, 3]].astype(np.float32), OBJECTS[objects])
    solution_times = 100 + 80 * difficulty + 10 * random.standard_normal((2, STIMULI))  # ms
    solution_times[:, ::15] = np.nan
    rows = [*range(STIMULI), 0]  # one stimulus twice, as in the original
    stimulus_set = StimulusSet({name: found[name].values[rows] for name in ("stimulus_id", "image_label")})
    stimulus_set.identifier = "Kar2019"
    target = DataAssembly(
        solution_times[:, rows],
        coords={
            "i1": ("presentation", random.uniform(1, 1.5, STIMULI)[rows]),
            **{name: ("presentation", stimulus_set[name].values) for name in stimulus_set},
            "decoder": ["svm", "logistic"],
        },
        dims=["decoder", "presentation"],
    )
    target.attrs["stimulus_set"] = stimulus_set
    return found, target


def _kar2019_score() -> Score:
    """The benchmark's score of the recordings."""
    importlib.import_module("brainscore_vision.data.kar2019")  # registers the data that are replaced
    found, target = kar2019()
    brainscore_vision.data_registry["Kar2019"] = lambda: target
    return brainscore_vision.load_benchmark("Kar2019-ost")(PrecomputedFeatures(found, visual_degrees=8))


def _with_tensorflow() -> dict:
    import tensorflow as tf
    from brainscore_vision.metrics.ost.metric import TFProbabilitiesClassifier

    made = {}
    for name, settings in PROBLEMS.items():
        losses: list[float] = []

        class Session(tf.compat.v1.Session):
            """Keeps the loss of each minibatch."""

            def run(self, fetches, *args, losses=losses, **options):
                found = super().run(fetches, *args, **options)
                if isinstance(fetches, list) and len(fetches) == 3:
                    losses.append(found[1])
                return found

        original, tf.compat.v1.Session = tf.compat.v1.Session, Session
        assembly = problem(**settings)
        train = assembly[:STIMULI]
        classifier = TFProbabilitiesClassifier()
        classifier.fit(train, train["image_label"])
        probabilities = classifier.predict_proba(assembly[STIMULI:])
        weights, bias = (classifier._sess.run(variable) for variable in classifier.tvars)
        classifier.close()
        tf.compat.v1.Session = original
        made[name] = {
            "losses": losses,
            "weights": weights[:KEPT],
            "bias": bias,
            "choices": probabilities["choice"].values.tolist(),
            "probabilities": probabilities.values,
        }
    raw = _kar2019_score().attrs["raw"]
    return {
        "versions": {"tensorflow": tf.__version__, "keras": version("keras")},
        "problems": made,
        "score": {"raw": raw.item(), "splits": raw.attrs["raw"].values},
    }


def _plain(value):
    return [_plain(each) for each in value] if np.ndim(value) else float(f"{float(value):.9g}")


if __name__ == "__main__":
    REFERENCE.write_text(json.dumps(_with_tensorflow(), default=_plain) + "\n", encoding="utf-8")
