"""Columns of a user's table of every type, in every output: what they become, before any work."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers.small_model import small_model

from brainscore_cornet import UserError, extract_features
from brainscore_cornet.features.dissimilarity_files import dissimilarities

DATES = np.array(["2020-01-01T00:00:00.123456789", "1700-01-01", "NaT"], "M8[ns]")
DURATIONS = np.array([1, 10**15 + 1, "NaT"], "m8[ns]")
# column -> values, and what xarray reads from a labelled file
COLUMNS = {
    "truth": ([True, False, True], [True, False, True]),
    "nullable_truth": (pd.array([True, True, False], dtype="boolean"), [True, True, False]),
    "missing_truth": (pd.array([True, None, False], dtype="boolean"), ["True", "", "False"]),
    "nullable_integers": (pd.array([1, 2, 3], dtype="Int16"), [1, 2, 3]),
    "missing_integers": (pd.array([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
    "large_integers": (pd.array([2**60 + 1, None, 3], dtype="Int64"), [str(2**60 + 1), "", "3"]),
    "unsigned": (np.array([1, 2, 2**63 + 5], np.uint64), [1, 2, 2**63 + 5]),
    "nullable_floats": (pd.array([1.5, None, 3], dtype="Float64"), [1.5, np.nan, 3]),
    "half": (np.array([1, 2, 3], np.float16), [1, 2, 3]),
    "long": (np.array([1, 2, 3], np.longdouble), [1, 2, 3]),
    "complex": ([1j, 2, 3], ["1j", "(2+0j)", "(3+0j)"]),
    "text": (pd.array(["a", None, "c"], dtype="string"), ["a", "", "c"]),
    "categories": (pd.Categorical(["a", None, "b"]), ["a", "", "b"]),
    "numbers_as_categories": (pd.Categorical([3, 1, 3]), [3, 1, 3]),
    "mixed": ([1, "a", None], ["1", "a", ""]),
    "objects": (np.array([1, 2, 3], object), [1, 2, 3]),
    "objects_and_none": (np.array([True, None, False], object), ["True", "", "False"]),
    "nothing": ([None] * 3, ["", "", ""]),
    "dates": (DATES, DATES),
    "dates_of_old": (
        np.array(["1500-01-01", "2000-01-01", "NaT"], "M8[s]"),
        ["1500-01-01T00:00:00", "2000-01-01T00:00:00", ""],
    ),
    "zoned": (
        pd.to_datetime(["2020-01-01", "2021-02-03", None], utc=True),
        ["2020-01-01T00:00:00+00:00", "2021-02-03T00:00:00+00:00", ""],
    ),
    "durations": (DURATIONS, DURATIONS),
    "days": ([datetime.date(2020, 1, day) for day in (1, 2, 3)], ["2020-01-01", "2020-01-02", "2020-01-03"]),
    "decimals": ([decimal.Decimal("1.50")] * 3, ["1.50"] * 3),
    "periods": (pd.period_range("2020-01", periods=3, freq="M"), ["2020-01", "2020-02", "2020-03"]),
    "intervals": (pd.interval_range(0, 3), ["(0, 1]", "(1, 2]", "(2, 3]"]),
    "lists": ([[1], [2, 3], []], ["[1]", "[2, 3]", "[]"]),
    "bytes": ([b"a", b"\xff", b"c"], ["a", "\\xff", "c"]),
    "not_utf8": (["a\udcff", "b", "c"], ["a\\xff", "b", "c"]),
    "nul": (["a\0b", "c", "d"], ["a\\x00b", "c", "d"]),
    "paths": ([Path("a")] * 3, ["a"] * 3),
}
AS_TEXT = "missing_truth, large_integers, complex, mixed, objects_and_none, dates_of_old, zoned, days, decimals, "
AS_TEXT += "periods, intervals, lists, paths"


@pytest.fixture
def table(pictures) -> pd.DataFrame:
    columns = {name: values for name, (values, _) in COLUMNS.items()}
    return pd.DataFrame(
        {"stimulus_path": list(map(str, pictures[:3])), "stimulus_id": ["001", "002", "003"], **columns}
    )


def extract(stand_in, table, output=None, **options):
    return extract_features(small_model(stand_in, "cornet_z"), table, layers=["logits"], output=output, **options)


@pytest.mark.parametrize("ending", ["nc", "zarr", "memory"])
def test_labelled(stand_in, table, tmp_path, ending, caplog):
    """Each column comes back with the values and the type that the format has; those that become text are named."""
    output = None if ending == "memory" else tmp_path / f"out.{ending}"
    found = extract(stand_in, table, output)
    if output is not None:
        found = (xr.open_dataset if ending == "nc" else xr.open_zarr)(output).load()
    for name, (_, expected) in COLUMNS.items():
        values, expected = found[name].values, np.array(expected)
        np.testing.assert_array_equal(values, expected, err_msg=name)
        kind = "O" if expected.dtype.kind == "U" else expected.dtype.kind
        assert (values.dtype.kind in "iuf") == (kind in "iuf"), name
        assert kind in "iuf" or values.dtype.kind == kind, name
    assert found["stimulus_id"].values.tolist() == ["001", "002", "003"]
    (said,) = [line for line in caplog.messages if "has no type" in line]
    assert (
        said
        == f".{'nc' if output is None else ending} has no type for the values of {AS_TEXT}: they are written as text."
    )
    found.close()


def test_parquet(stand_in, table, tmp_path, caplog):
    """Parquet keeps what pyarrow has a type for; the rest is text, and missing values stay missing."""
    extract(stand_in, table, tmp_path / "out.parquet")
    written = pd.read_parquet(tmp_path / "out.parquet")
    for name in (
        "missing_truth",
        "missing_integers",
        "large_integers",
        "dates",
        "durations",
        "zoned",
        "days",
        "decimals",
    ):
        pd.testing.assert_series_equal(written[name], table[name])
    assert written["mixed"].tolist() == ["1", "a", None]
    assert written["complex"].tolist() == ["1j", "(2+0j)", "(3+0j)"]
    assert written["long"].tolist() == [1, 2, 3]
    assert written["not_utf8"].tolist() == ["a\\xff", "b", "c"]
    assert ".parquet has no type for the values of complex, mixed, paths: they are written as text." in caplog.messages


@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_tables_of_text(stand_in, table, tmp_path, ending):
    """In a table of text missing values are empty, and every value is readable."""
    extract(stand_in, table, tmp_path / f"out.{ending}")
    written = pd.read_csv(
        tmp_path / ("out.csv" if ending == "csv" else "out_images.csv"), dtype=str, keep_default_na=False
    )
    assert written["missing_truth"].tolist() == ["True", "", "False"]
    assert written["missing_integers"].tolist() == ["1", "", "3"]
    assert written["dates"].tolist()[0].startswith("2020-01-01 00:00:00.123456789")
    assert written["mixed"].tolist() == ["1", "a", ""]
    assert written["not_utf8"].tolist() == ["a\\xff", "b", "c"]
    assert written["stimulus_id"].tolist() == ["001", "002", "003"]


def test_dissimilarities(stand_in, table):
    """Identifiers of any type are text beside dissimilarities."""
    table["stimulus_id"] = [1, "b", "c\udcff"]
    found = dissimilarities(small_model(stand_in, "cornet_z"), table, layers=["logits"])
    assert found["stimulus_id"].values.tolist() == ["1", "b", "c\\xff"]


def test_columns_of_one_name(stand_in, table, tmp_path):
    """Two columns of one name are refused before any work."""
    doubled = pd.concat([table, table[["mixed"]]], axis=1)
    for ending in ("nc", "csv", "parquet"):
        with pytest.raises(UserError, match="several columns 'mixed'"):
            extract(stand_in, doubled, tmp_path / f"out.{ending}")
    assert not list(tmp_path.iterdir())
