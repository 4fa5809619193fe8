"""Figures of maps in which some time bins have no reliable signal: what is known is seen, and nothing else."""

from __future__ import annotations

import numpy as np
import xarray as xr
from helpers.made_maps import made_map

from brainscore_cornet import charts
from brainscore_cornet.own_data.map_figures import FIGURES


def made(*known: bool) -> xr.Dataset:
    """A map with these time bins reliable."""
    dataset = made_map(len(known))
    score = np.where(known, np.add.outer([0.1, 0.2, 0.3, 0.4], np.zeros(len(known))), np.nan)
    for name, change in (("score", 0), ("low", -0.05), ("high", 0.05)):
        dataset[name] = (("site", "time_bin"), score + change)
    return dataset


def drawn(dataset: xr.Dataset, name: str) -> str:
    return charts.static_svg(charts.compiled(FIGURES[name](dataset)), name)


def marks(dataset: xr.Dataset, kind: str) -> int:
    """How many marks of a kind are in the picture of regions, without those of a legend."""
    parts = drawn(dataset, "regions").split("<g class=")
    return sum(
        part.count("<path") + part.count("<line") for part in parts if part.startswith(f'"mark-{kind} role-mark')
    )


def test_each_region_has_its_interval():
    """One reliable time bin has a column for each region; isolated ones have bars, and others areas."""
    one = FIGURES["regions"](made(False, True))
    assert one.title == "Regions"
    assert marks(made(False, True), "rule") == 3
    assert marks(made(True, False, True), "rule") == 6
    assert marks(made(True, True, False, True), "rule") == 3
    assert marks(made(True, True, True), "rule") == 0
    for known in ([False, True], [True, False, True], [True, True, False, True], [True, True, True]):
        assert marks(made(*known), "symbol") == 3 * sum(known)


def test_lines_of_regions_end_where_no_signal_is_known():
    """A line from the second time bin to the fourth would show a score in the third."""
    dataset = made(True, True, False, True, True)
    paths = [part for part in drawn(dataset, "regions").split("<g class=") if part.startswith('"mark-line role-mark')]
    assert len(paths) == 3
    for path in paths:
        assert path.split(' d="')[1].split('"')[0].count("M") == 2


def test_neuroids_are_not_shown_without_a_signal():
    """A time bin without a reliable signal is grey with a cross, and does not count for the order of neuroids."""
    dataset = made(True, False)
    dataset["raw_by_neuroid"][:, 1] = [50, 40, 30, 20, 10]
    figure = FIGURES["neuroids"](dataset)
    cells = charts.specification(figure)["data"]["values"]
    assert [cell["neuroid"] for cell in cells] == ["e", "c", "d", "a"]
    assert {cell["time_bin"] for cell in cells} == {"70-80"}
    assert figure.about.endswith("; ×: no reliable signal.")
    picture = drawn(dataset, "neuroids")
    assert picture.count(">×<") == 1
    assert "var(--band)" in picture
    assert ">80-90<" in picture
    assert FIGURES["neuroids"](made(False, False)) is None
    assert "×" not in drawn(made(True, True), "neuroids")
