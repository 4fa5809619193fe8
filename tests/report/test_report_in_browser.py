"""The page of results as a person meets it: in a browser, at the width of a phone and with the keyboard."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from helpers.results import HOSTILE, failure, result, several, thousand

from brainscore_cornet.report import write_report
from brainscore_cornet.report.report_rows import read_jobs

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def needed(name: str) -> str:
    """Where a program is; the test is skipped without it, except in CI, where it must run."""
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {name}")
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests of this file, which are run by one worker."""
    chromium, driver = needed("chromium"), needed("chromedriver")
    if not os.environ.get("CI"):
        pytest.importorskip("selenium")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write each page once, by its name in `PAGES`."""
    folder = tmp_path_factory.mktemp("pages")

    def page(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            write_report(thousand() if name == "thousand" else PAGES[name], path, title="A <b>title</b>")
        return path

    return page


@pytest.fixture
def opened(browser, pages):
    """Open a page, if needed with its charts drawn; in the end the browser must have nothing to complain about."""

    def open_page(name: str, width: int = 1200, charts: bool = True):
        set_width(browser, width, 20_000 if charts else 900)
        browser.get(pages(name).as_uri())
        if charts:
            wait_until(lambda: not browser.find_elements("class name", "static"))
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)") == []


def set_width(browser, width: int, height: int = 20_000) -> None:
    """Give the window a width, and a height at which all charts are near enough to be drawn."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def wait_until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that takes a moment, on a loaded machine a long one."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


def column(browser, name: str) -> list[str]:
    """What the table shows in a column, in its order, of the rows that are not filtered away."""
    return browser.execute_script(
        """const headers = [...document.querySelectorAll('#table th')];
        const index = headers.findIndex(header => header.dataset.column === arguments[0]);
        const rows = [...document.querySelectorAll('#table tbody tr')].filter(row => row.offsetParent !== null);
        return rows.map(row => row.cells[index].textContent)""",
        name,
    )


def numbers(texts: list[str]) -> list[float]:
    return [float(text.replace("−", "-")) for text in texts if text != "–"]


def type_into(browser, field: str, text: str) -> None:
    element = browser.find_element("id", field)
    element.clear()
    element.send_keys(text or " ")


LONG = [result("m" * 300, "b" * 300, layer="l" * 300, note="n" * 300), failure("x" * 200, reason="r" * 500)]
PAGES = {
    "several": several(),
    "one row": pd.DataFrame([result()]),
    "only failed": pd.DataFrame([failure(), failure("cornet_z", reason=None)]),
    "long names": pd.DataFrame(LONG),
    "hostile": pd.DataFrame([result(HOSTILE, HOSTILE), failure(HOSTILE, reason=HOSTILE)]),
    "ten models": pd.DataFrame([result(f"m{n}", by_time_bin=f"[[70, 80, 0.{n}], [80, 90, 0.3]]") for n in range(10)]),
    "failed together": pd.DataFrame(
        [failure(model, f"Made{n}.IT-pls") for n in (1, 2) for model in ("alexnet", "cornet_z")]
        + [failure("cornet_z", "Made3.IT-pls"), result()]
    ),
    "long labels": pd.DataFrame(
        [
            result(*(("cornet_" * 12)[:n] for _ in range(2)), identifier="i" * n, weights_file="/w" * n)
            for n in (20, 30, 60)
        ]
    ),
    "strange scores": pd.DataFrame([result(score=-50.0), result(score=9.0, ceiling=None), result(score=None)]),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_and_has_words(opened, name):
    """At every width the page never scrolls sideways, no part of a chart is outside of it, and pictures have words."""
    browser = opened(name, 360)
    browser.execute_script("for (const details of document.querySelectorAll('details')) details.open = true")
    for width in (360, 768, 1600):
        set_width(browser, width)
        wait_until(lambda: charts_fit(browser))
        sizes = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        inner, outer = browser.execute_script(sizes)
        assert inner <= outer <= width
        outside = browser.execute_script(
            """return [...document.querySelectorAll('.chart')].flatMap(chart => {
                const box = chart.getBoundingClientRect();
                return [...chart.querySelectorAll('figcaption *, svg text, svg path')]
                    .map(part => [part.textContent || part.tagName, part.getBoundingClientRect()])
                    .filter(([, part]) => part.width && (part.left < box.left - 1 || part.right > box.right + 1))
                    .map(([text]) => text)
            })"""
        )
        assert outside == [], width
    check_words(browser)


def charts_fit(browser) -> bool:
    """Whether all charts have been drawn at the width that the window has."""
    return browser.execute_script(
        """return [...document.querySelectorAll('[data-chart]')].every(place =>
            Math.abs(place.clientWidth - place.querySelector('svg').getBoundingClientRect().width) < 2)"""
    )


def check_words(browser) -> None:
    """Each picture and region says what it shows, no control is without a name, and headings are in their order."""
    silent = browser.execute_script(
        """const words = (element) => element.getAttribute('aria-label')
            ?? (element.getAttribute('aria-labelledby') ?? '').split(' ')
                .map(id => document.getElementById(id)?.textContent ?? '').join(' ');
        return [...document.querySelectorAll('figure, .vega-embed, [role=img], [role=region], input, button')]
            .filter(element => element.getAttribute('aria-hidden') !== 'true' && !element.closest('[aria-hidden=true]'))
            .filter(element => !(words(element) || element.closest('label, button')?.textContent || '').trim())
            .map(element => element.outerHTML)"""
    )
    assert silent == []
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map(heading => Number(heading.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    twice = browser.execute_script(
        "const ids = [...document.querySelectorAll('[id]')].map(element => element.id);"
        "return ids.filter((id, index) => ids.indexOf(id) !== index)"
    )
    assert twice == [], "figures and sections need different names, which are their ids"


def test_sorting_with_the_keyboard(opened):
    """Enter on a header sorts up, once more sorts down; numbers are numbers, and the empty cells stay last."""
    from selenium.webdriver.common.keys import Keys

    browser = opened("several", charts=False)
    before = column(browser, "score")
    button = browser.find_element("css selector", "th[data-column=score] button")
    browser.execute_script("arguments[0].focus()", button)
    for direction, reverse in (("ascending", False), ("descending", True)):
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        shown = column(browser, "score")
        assert shown != before
        assert shown[-1] == "–"
        assert numbers(shown) == sorted(numbers(shown), reverse=reverse)
        assert sorted(shown) == sorted(before)
        sorts = browser.execute_script(
            "return [...document.querySelectorAll('#table th')].map(header => header.getAttribute('aria-sort'))"
        )
        assert sorted(set(sorts)) == sorted({direction, "none"})
        assert sorts.count(direction) == 1
    assert browser.switch_to.active_element == button
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    browser.find_element("css selector", "th[data-column=model] button").send_keys(Keys.SPACE)
    assert column(browser, "model") == sorted(column(browser, "model"))


def test_filter(opened):
    """What is typed is looked for in the names of models and benchmarks, in the table and in every chart."""
    browser = opened("several")
    type_into(browser, "filter-model", "CORnet")
    type_into(browser, "filter-benchmark", "majaj")
    assert column(browser, "model") == ["cornet_z", "cornet_s"]
    assert browser.find_element("id", "shown").text == "2 of 12 jobs"
    wait_until(lambda: names_in_charts(browser) == {"MajajHong2015public.IT-pls"})
    seen = browser.execute_script(
        """return [...document.querySelectorAll('[data-benchmark]')]
            .filter(element => element.checkVisibility()).map(element => element.dataset.benchmark)"""
    )
    assert seen
    assert all("Majaj" in name for name in seen)
    assert not browser.find_element("css selector", "#failed li").is_displayed()
    type_into(browser, "filter-model", "no such model")
    assert column(browser, "model") == []
    type_into(browser, "filter-model", "")
    type_into(browser, "filter-benchmark", "")
    assert len(column(browser, "model")) == 12


@pytest.mark.parametrize("name", ["several", "hostile"])
def test_the_table_is_saved_with_all_columns_and_digits(opened, tmp_path, name):
    """The file that the button saves holds what the table of results held, in its order, filtered or not."""
    rows = PAGES[name]
    browser = opened(name, charts=False)
    folder = tmp_path / "saved"
    folder.mkdir()
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    type_into(browser, "filter-model", "nothing is left")
    browser.find_element("id", "save").click()
    saved = wait_for(folder / "scores.csv")
    with open(saved, newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    expected = [job.cells for job in read_jobs(rows)]
    assert [list(row) for row in read] == [list(rows.columns)] * len(rows)
    for row, cells in zip(read, expected, strict=True):
        for name, cell in cells.items():
            assert (float(row[name]) if isinstance(cell, float) else row[name]) == ("" if cell is None else cell), name


def test_failures_follow_the_filter(opened):
    """Of models that failed together on several benchmarks, only those are shown whose names hold what was typed."""
    browser = opened("failed together", charts=False)
    (box,) = browser.find_elements("css selector", "#failed li")
    assert box.text.splitlines()[0] == "alexnet, cornet_z on Made1.IT-pls, Made2.IT-pls"
    type_into(browser, "filter-model", "alex")
    type_into(browser, "filter-benchmark", "Made2")
    assert box.text.splitlines()[0] == "alexnet on Made2.IT-pls"
    type_into(browser, "filter-benchmark", "Made3")
    assert not box.is_displayed()


def test_scores_are_in_view_where_names_are_long(opened):
    """At the width of a laptop the table shows the score without scrolling, however long the names are."""
    browser = opened("long labels", 1280, charts=False)
    edges = browser.execute_script(
        """const right = (selector) => document.querySelector(selector).getBoundingClientRect().right;
        return [right('#table th[data-column=score_error]'), right('#table .scroll')]"""
    )
    assert edges[0] < edges[1]


def names_in_charts(browser) -> set[str]:
    """What the charts that are shown have as names of benchmarks."""
    return set(
        browser.execute_script(
            """return [...document.querySelectorAll('#scores svg text')].filter(text => text.checkVisibility())
                .map(text => text.textContent).filter(text => /20[0-9][0-9]/.test(text))"""
        )
    )


def wait_for(path: Path, seconds: float = 10) -> Path:
    """A download has its name once it is complete."""
    for _ in range(int(seconds * 20)):
        if path.exists():
            return path
        time.sleep(0.05)
    raise AssertionError(f"{path.name} was not saved; there are {list(path.parent.iterdir())}")


def test_hostile_names_stay_text(opened):
    """A name that is markup and script is shown as it is, and runs nothing."""
    browser = opened("hostile", charts=False)
    assert browser.title == "A <b>title</b>"
    assert browser.find_elements("css selector", "img, h1 b") == []
    assert len(browser.find_elements("css selector", "script")) == 3
    assert column(browser, "model") == [HOSTILE] * 2


def test_a_thousand_jobs(opened):
    """The page opens and filters at once, its charts, too."""
    start = time.monotonic()
    browser = opened("thousand", 360)
    assert len(column(browser, "model")) == 1000
    assert time.monotonic() - start < 15  # about 1.5 s on an idle machine
    assert browser.execute_script("return document.documentElement.scrollWidth <= 360")
    start = time.monotonic()
    type_into(browser, "filter-benchmark", "Made07")
    assert len(column(browser, "model")) == 20
    assert time.monotonic() - start < 10


def test_values_on_hovering(opened):
    """The mouse over a mark shows its model, benchmark and score, as text; without the mouse the tables have them."""
    from selenium.webdriver.common.action_chains import ActionChains

    browser = opened("hostile")
    mark = browser.find_element("css selector", "#scores path[aria-label*='score 0.432']")
    ActionChains(browser).move_to_element(mark).perform()
    shown = browser.find_element("id", "vg-tooltip-element")
    wait_until(lambda: "0.432 ± 0.020" in shown.text)
    assert "<img src=x" in shown.text
    assert browser.find_elements("css selector", "img") == []


def test_without_scripts_everything_is_shown(opened, browser):
    """All rows, charts, reasons and versions are there; what only a script could do is not offered."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened("several", charts=False)
        assert len(browser.find_elements("css selector", "#table tbody tr")) == 12
        assert browser.find_element("css selector", "#failed .reason").text == "It has one answer for all times."
        assert not any(element.is_displayed() for element in browser.find_elements("css selector", "button, input"))
        figures = browser.find_elements("css selector", "figure")
        drawn = browser.find_elements("css selector", "figure .static svg")
        assert len(figures) == len(drawn) > 5
        assert all(each.is_displayed() for each in drawn)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_light_and_dark(opened, browser):
    """Text stands out from the page by 4.5 to 1 or more, whichever a person's machine is set to."""
    opened("several")
    papers = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        paper, *inks = browser.execute_script(
            """const colour = (selector, what) => getComputedStyle(document.querySelector(selector))[what];
            const text = ['.role-axis-label text', '.mark-text.role-mark text'].map(each => colour(each, 'fill'));
            return [colour('.chart', 'backgroundColor'), ...text, colour('body', 'color'), colour('.quiet', 'color'),
                colour('nav a', 'color')]"""
        )
        papers.append(luminance(paper))
        for ink in inks:
            dark, light = sorted((luminance(paper), luminance(ink)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (scheme, ink)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert papers[0] > 0.8 > 0.1 > papers[1]


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as the Web Content Accessibility Guidelines define it."""
    channels = [int(text) / 255 for text in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
