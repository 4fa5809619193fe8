"""Maps and comparisons in the page of results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers.commands import run_here
from helpers.made_maps import made_comparison, made_map
from helpers.results import result

from brainscore_cornet.cornet.errors import UserError
from brainscore_cornet.report import has_own_data, page, read_own_data, report_rows


def test_maps_and_comparisons_are_sections(tmp_path):
    """Each map has its findings and charts, with ids of their own; comparisons have a chart for each benchmark."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made_map().to_netcdf(tmp_path / name / "map.nc")
    made_comparison().to_csv(tmp_path / "two" / "comparisons.csv", index=False)
    folders = [tmp_path / name for name in ("one", "two", "none")]
    assert [has_own_data(folder) for folder in folders] == [True, True, False]
    jobs = report_rows.read_jobs(pd.DataFrame([result()]))
    found = {section.name: section for section in page.sections(jobs, read_own_data(folders))}
    differences, one, two = (found[name] for name in ("differences", "map-1", "map-2"))
    assert [figure.title for figure in differences.figures] == ["b", "c"]
    assert one.title == "Map: cornet_s on MyLab2026.IT"
    assert [figure.name for figure in two.figures] == ["map-2-map", "map-2-best", "map-2-regions", "map-2-difference"]
    assert any("IT at time step 0" in sentence for sentence in two.explanations)
    text = page.render(jobs, [differences, one], "Mine")
    assert text.count("<figure") == 6
    assert "0.310 (0.260 to 0.360)" in text


@pytest.mark.parametrize("name", ["map.nc", "comparisons.csv"])
def test_other_files_with_these_names_are_named(tmp_path, name):
    """A file that is damaged, or of something else, is one line with its path."""
    path = tmp_path / name
    path.write_bytes(b"\x00\xff nothing")
    with pytest.raises(UserError, match=f"{name} is (damaged|not a)"):
        read_own_data([tmp_path])
    path.unlink()
    if path.suffix == ".nc":
        xr.Dataset({"score": ("site", np.zeros(2))}).to_netcdf(path)
    else:
        pd.DataFrame({"first": ["a"]}).to_csv(path)
    with pytest.raises(UserError, match=f"{name} is not a"):
        read_own_data([tmp_path])


def test_a_folder_of_scores_is_needed(tmp_path):
    """A map alone is no report: the command names what it expects."""
    made_map().to_netcdf(tmp_path / "map.nc")
    done = run_here("report", ".", "-o", "page.html", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Writing page.html\n")
    assert "is not a folder of results" in done.stderr
