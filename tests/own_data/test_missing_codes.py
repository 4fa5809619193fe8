"""Numbers that mark missing responses are named; responses of any usual kind are not taken for them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from helpers.own_recordings import laboratory, pictures, responses

from brainscore_cornet import UserError, rdm_benchmark
from brainscore_cornet.own_data import load_benchmark
from brainscore_cornet.own_data.missing_codes import check_missing_codes

DATA = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings in ../shared/data")
RANDOM = np.random.RandomState(0)
RATES = RANDOM.gamma(2, 15, (200, 8, 2))
COUNTS = RANDOM.poisson(0.05 * RANDOM.gamma(1, 1, (1, 60, 1)), (500, 60, 2)).astype(float)
NORMAL = RANDOM.standard_normal((200, 8, 2))


def marked(values: np.ndarray, code: float, count: int) -> np.ndarray:
    """Responses of which some are replaced by a code."""
    values = values.copy()
    values.flat[np.random.RandomState(1).choice(values.size, count, replace=False)] = code
    return values


CODES = {
    "rates": (RATES, -9999, 30),
    "one rate": (RATES, -9999, 1),
    "rates and small numbers": (RATES, -999, 12),
    "rates and 999": (RATES, 999, 12),
    "rates of one neuroid": (RATES[:, :1, :1], -99, 3),
    "counts": (COUNTS, -99, 40),
    "silent neuroids": (np.zeros((50, 4, 1)), -999, 5),
    "standardized": (NORMAL, -99, 5),
    "single precision": (NORMAL.astype(np.float32), -1e30, 5),
    "a large number": (NORMAL, 1e20, 2),
    "the largest number": (NORMAL, np.finfo(float).max, 2),
    "netCDF's fill value": (NORMAL.astype(np.float32), 9.969209968386869e36, 9),
    "integers": (np.round(RATES), -32768, 9),
    "neuroids of different scales": (RATES * 10.0 ** np.arange(-3, 5)[:, np.newaxis], -9999, 200),
    "a neuroid without responses": (np.where(np.arange(8)[:, np.newaxis] == 2, -999, RATES), -999, 9),
}


@pytest.mark.parametrize(("values", "code", "count"), CODES.values(), ids=CODES)
def test_a_code_is_named(values, code, count):
    """The error has the number of responses, the code, the range of the others, and what to do."""
    values = marked(values, code, count)
    found = np.isclose(values, code).sum()
    with pytest.raises(UserError) as raised:
        check_missing_codes(values, "it.npy")
    verb = "is" if found == 1 else "are"
    said = str(raised.value)
    assert said.startswith(f"it.npy: {found} of {values.size} responses {verb} {code:g}, and the others lie between ")
    assert "write NaN in its place" in said
    others = values[~np.isclose(values, code)]
    assert f"and the others lie between {others.min():.4g} and {others.max():.4g}." in said


def test_the_range_is_of_all_other_responses():
    """It includes those of neuroids that do not have the code."""
    values = RATES * np.array([1, 50, *[1] * 6])[:, np.newaxis]
    largest = values.max()
    values[3, 0] = -9999
    with pytest.raises(UserError, match=f"the others lie between .* and {largest:.4g}\\. -9999 is a usual mark"):
        check_missing_codes(values, "it.npy")


def test_another_number_far_from_all_responses_is_a_warning(caplog):
    """Nobody else uses -888, and nothing but a mark explains it."""
    with caplog.at_level(logging.WARNING):
        check_missing_codes(marked(RATES / 10, -888, 4), "it.npy")
    assert caplog.messages[0].startswith("it.npy: 4 of 3200 responses are -888, and the others lie between 0.0")


def standardized_sessions(sessions: int = 12) -> np.ndarray:
    """Neuroids with a spike now and then, standardized in each session, where equal counts stay equal numbers."""
    counts = RANDOM.poisson(0.004, (sessions, 300, 20)).astype(float)
    spread = counts.std(1, keepdims=True)
    return np.divide(counts - counts.mean(1, keepdims=True), spread, where=spread > 0, out=0 * counts).reshape(
        -1, 20, 1
    )


REAL = {
    "rates": RATES,
    "counts": COUNTS,
    "rates of 1 ms": 1000 * COUNTS.clip(max=1),
    "rates of few spikes": 20 * COUNTS,
    "bursts of silent neuroids": np.where(COUNTS > 2, 12, COUNTS.clip(max=1)),
    "all or nothing": np.where(NORMAL > 2, 1.0, 0.0),
    "silent but for one": np.where(np.arange(3200).reshape(NORMAL.shape) < 3, 40.0, 0.0),
    "equal but for rounding": np.where(COUNTS > 1, 40, 0.1 + 1e-16 * RANDOM.randint(0, 30, COUNTS.shape)),
    "standardized": NORMAL,
    "standardized sessions": standardized_sessions(),
    "clipped": NORMAL.clip(-1, 1),
    "clipped at one side": np.exp(2 * NORMAL).clip(max=np.exp(3)),
    "clipped at the amplifier's limit": (20000 * NORMAL).round().clip(-32768, 32767),
    "percentages": (100 * RANDOM.beta(1, 1, NORMAL.shape)).round(),
    "fluorescence": RANDOM.gamma(0.05, 20, NORMAL.shape),
    "events": np.where(NORMAL > 2, RANDOM.gamma(1, 5, NORMAL.shape), 0),
    "below 0": -RATES.round(),
    "an outlier": marked(NORMAL, 40.5, 1),
    "outliers that are no code": marked(RATES, -150, 2),
    "integers with outliers": marked((5 * NORMAL).round(), -99, 1),
    "with NaN": np.where(NORMAL > 1, np.nan, RATES),
    "NaN alone": np.where(np.arange(8)[:, np.newaxis] == 2, np.nan, RATES),
}


@pytest.mark.parametrize("values", REAL.values(), ids=REAL)
def test_responses_are_no_codes(values, caplog):
    """Spike counts, standardized and clipped responses: neither an error nor a warning."""
    check_missing_codes(values, "it.npy")
    check_missing_codes(values.astype(np.float32), "it.npy")
    assert not caplog.messages


@real_data
@pytest.mark.parametrize("name", ["kriegeskorte2008", "natural78"])
def test_real_data_have_no_codes(name, caplog):
    """Numbers that others measured: neither an error nor a warning."""
    found = sorted((DATA / name).rglob("*.np[yz]")) + sorted((DATA / name).glob("*monkey*.csv"))
    for path in found:
        values = np.loadtxt(path, delimiter=",") if path.suffix == ".csv" else np.load(path)
        values = values["arr_0"] if path.suffix == ".npz" else values
        check_missing_codes(values.reshape(-1, values.shape[-1], 1).astype(float), path.name)
    assert found
    assert not caplog.messages


def test_a_benchmark_with_codes_is_an_error(tmp_path):
    """1e30 is a mark of missing responses before it is a unit; a neuroid that is left out may have any."""
    path = laboratory(tmp_path)
    values = responses()
    values[1, 3, 2] = 1e30
    np.save(tmp_path / "it.npy", values)
    with pytest.raises(UserError, match=r"it.npy: 2 of 1920 responses are 1e\+30, and the others lie between -"):
        load_benchmark(path)
    path.write_text(path.read_text().replace('region = "IT"', 'region = "IT"\nleave_out = ["2"]'))
    assert load_benchmark(path).recorded.values.shape[1] == 5


def test_dissimilarities_have_no_codes_either(tmp_path):
    """There a missing value is an error in any case."""
    pictures(tmp_path / "images", 8)
    distances = np.abs(RANDOM.randn(2, 8, 8))
    distances = distances + distances.transpose(0, 2, 1)
    distances[:, np.arange(8), np.arange(8)] = 0
    distances[1, 3, 5] = distances[1, 5, 3] = -999
    options = {"stimuli": tmp_path / "images", "region": "IT", "time_bin": (70, 170), "visual_degrees": 8}
    with pytest.raises(UserError, match=r"1 of 28 dissimilarities is -999, and the others lie between .*: leave out"):
        rdm_benchmark("Mylab.rdm", distances, **options)
    assert rdm_benchmark("Mylab.rdm", distances[:1], **options)
