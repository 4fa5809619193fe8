"""Maps and comparisons that another version of this package wrote."""

from __future__ import annotations

import pytest
from helpers.made_maps import made_comparison, made_map

from brainscore_cornet import UserError
from brainscore_cornet.report.own_data_sections import read_own_data

OTHER_MAPS = {
    "without shares": (made_map().drop_vars("best_share"), "best_share"),
    "without labels": (made_map().drop_vars(["layer", "time_step"]), "layer, time_step"),
    "without corrected p-values": (made_map().drop_vars("p_corrected"), "p_corrected"),
    "without a unit": (made_map(score=None), "score"),
}


@pytest.mark.parametrize(("dataset", "missing"), OTHER_MAPS.values(), ids=OTHER_MAPS)
def test_a_map_of_another_version_is_named_as_such(tmp_path, dataset, missing):
    """The error says what the file lacks, and to write it again."""
    attrs = {name: value for name, value in dataset.attrs.items() if value is not None}
    dataset.attrs = attrs
    dataset.to_netcdf(tmp_path / "map.nc")
    expected = (
        f"{tmp_path}/map.nc is a map of another version of this package, without {missing}: write it again with "
        "`brainscore-cornet map` of this version, or name another folder."
    )
    with pytest.raises(UserError) as raised:
        read_own_data([tmp_path])
    assert str(raised.value) == expected


def test_a_comparison_of_another_version_is_named_as_such(tmp_path):
    """The same for a table; one without rows is not taken for it, nor is a table of something else."""
    path = tmp_path / "comparisons.csv"
    made_comparison().drop(columns=["low", "high"]).to_csv(path, index=False)
    with pytest.raises(UserError, match="is a comparison of another version of this package, without high, low: write"):
        read_own_data([tmp_path])
    made_comparison()[:0].to_csv(path, index=False)
    with pytest.raises(UserError, match="has no rows: expected the table that `brainscore-cornet compare` wrote"):
        read_own_data([tmp_path])
    made_comparison()[["benchmark", "difference"]].to_csv(path, index=False)
    with pytest.raises(UserError, match="is not a comparison: expected the file that `brainscore-cornet compare`"):
        read_own_data([tmp_path])


def test_a_map_without_a_control_is_complete(tmp_path):
    """Differences and p-values are only of maps with a control."""
    control = ["difference", "difference_low", "difference_high", "p_corrected"]
    made_map().drop_vars(control).to_netcdf(tmp_path / "map.nc")
    assert len(read_own_data([tmp_path]).maps) == 1
