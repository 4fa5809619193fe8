"""Long work shows one line: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import redirect_stderr

import pytest
from helpers.toys import ToyBenchmark, ToyModel

from brainscore_cornet.cornet import progress_line
from brainscore_cornet.cornet.progress_line import Work, counting, in_words, listening, showing
from brainscore_cornet.scoring import score_models


@pytest.fixture
def log(monkeypatch) -> io.StringIO:
    """Standard error that is no terminal, in which a line follows the other at once."""
    file = io.StringIO()
    monkeypatch.setattr(progress_line, "FIRST", 0.01)
    monkeypatch.setattr(progress_line, "EVERY", 0.01)
    return file


def wait_for(pattern: str, file: io.StringIO) -> None:
    """Wait for what a thread prints."""
    pause = threading.Event()
    while not re.search(pattern, file.getvalue()):  # pytest's limit ends it
        pause.wait(0.01)


def test_a_log_gets_a_line_now_and_then(log):
    """The first line says at once what is loaded, later ones how many of how many are done, then what follows."""
    with redirect_stderr(log), showing("Loading cornet_s"):
        assert log.getvalue() == "Loading cornet_s\n"
        with counting("cornet_s", 2000) as add:
            wait_for(r"cornet_s: 0 of 2,000 images\n", log)
            add(500)
            wait_for(r"cornet_s: 500 of 2,000 images, [\d.e+]+ images/s, \d+ s left\n", log)
        wait_for(r"left\nLoading cornet_s\n", log)
    printed = log.getvalue()
    threading.Event().wait(0.05)
    assert log.getvalue() == printed  # nothing is printed once the work is over


def test_counted_work_in_a_library_has_its_line(log):
    """Where no command shows a line, the work does so itself, and only the outer one of nested works."""
    with redirect_stderr(log), counting("outer", 3) as add, counting("inner", 100) as add_inner:
        add_inner(50)
        add(1)
        wait_for("outer: 1 of 3 images", log)
    assert "inner" not in log.getvalue()
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(_keep_up)")]


@pytest.mark.parametrize(
    ("work", "seconds", "expected"),
    [
        (Work("Loading"), 0.2, "Loading"),
        (Work("Loading"), 7.6, "Loading, 8 s so far"),
        (Work("a", 30, 120, first=20), 2.0, "a: 30 of 120 images, 5 images/s, 18 s left"),
        (Work("a", 120, 120, first=0), 2.0, "a: 120 of 120 images, 60 images/s"),
        (Work("a", 0, 1, "job", first=0), 2.0, "a: 0 of 1 job"),
        (Work("a", 1, 1000, "job", first=0), 60.0, "a: 1 of 1,000 jobs, 0.0167 jobs/s, 16.6 h left"),
        (Work("w.pth", 5_000_000, 200_000_000, "B", first=0), 1.0, "w.pth: 5.0 of 200.0 MB, 5 MB/s, 39 s left"),
        (Work("w.pth", 5_000_000, None, "B", first=0), 1.0, "w.pth: 5.0 MB, 5 MB/s"),
    ],
)
def test_words(work, seconds, expected):
    """A line says what is done, how many of how many, the rate and the time left; resumed work counts from there."""
    assert in_words(work, seconds) == expected


@pytest.mark.parametrize(("columns", "others"), [(80, 0), (80, 3), (60, 0)])
def test_a_narrow_terminal_keeps_the_numbers(monkeypatch, columns, others):
    """Where text and numbers do not fit beside each other, the text is shortened in its middle, and no number is."""
    monkeypatch.setenv("COLUMNS", str(columns))
    name = "cornet_z_untrained on Marques2020light_DeValois1982-peak_sf: recording Marques2020light_spatial_frequency"
    bar = progress_line._bar(Work(name, 332, 1056, first=0), 8.0, others)
    assert re.fullmatch(r"cor[^:]*….*ency: +31%\|.+\| 332/1056 \[00:08<00:17, 41.50image/s\]", bar)
    waiting = progress_line._bar(Work(name), 8.0, others)
    assert re.fullmatch(r"cornet.*….*frequency, 8 s so far", waiting)
    assert max(len(bar), len(waiting)) < columns - 13 * (others > 0)  # " (and 3 more)"
    assert progress_line._bar(Work("short"), 8.0, others) == "short, 8 s so far"


def test_a_bar_on_a_terminal():
    """A terminal shows a bar, which other text replaces and which is gone in the end."""
    code = """
from brainscore_cornet.cli.printing import say
from brainscore_cornet.cornet import progress_line
from brainscore_cornet.cornet.progress_line import counting, showing
with showing("Loading cornet_s"), counting("cornet_s", 200) as add:
    add(50)
    progress_line._line.draw()
    say("a message", err=True)
"""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-P", "-c", code], stderr=theirs)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 4096):
            printed += part
    except OSError:  # the terminal has no more writers
        pass
    os.close(ours)
    assert process.wait() == 0
    parts = printed.decode().split("\r\x1b[K")
    assert parts[1] == "Loading cornet_s"
    assert any(re.fullmatch(r"cornet_s: +25%\|.*\| 50/200 \[.*image/s\]", part) for part in parts)
    assert "a message\r\n" in parts
    assert parts[-1] in ("", "a message\r\n")


@pytest.mark.usefixtures("forked_children")
def test_the_work_of_the_process_that_scores_reaches_its_parent(tmp_path):
    """What a child loads and scores is shown by its parent, with the model's and the benchmark's names."""
    seen = []
    with listening(lambda work, key: seen.append((work and work.what, key))):
        score_models({"good": ToyModel("good", 0.5)}, ToyBenchmark("one", tmp_path / "log"))
    at = [what for what, key in seen if key == ("good", "one")]
    assert at == [
        "good on one: starting a process",
        "good on one: loading the model",
        "good on one: loading the benchmark",
        "good on one: scoring",
        None,
    ]
