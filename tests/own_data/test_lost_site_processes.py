"""A process that scores sites and is killed: the error says which one, and how it ended, whenever that happened."""

from __future__ import annotations

import numpy as np
import psutil
import pytest

from brainscore_cornet import UserError
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.own_data import site_processes
from brainscore_cornet.own_data.site_processes import SiteProcesses

SITE = Site("IT.output", 0)


@pytest.mark.usefixtures("forked_children")
def test_a_process_that_is_killed_before_it_has_its_scorer(tmp_path, monkeypatch):
    """It was ready, so that this is an error about the site, and none of the connection."""
    started = site_processes.start

    def killed(*arguments):
        child = started(*arguments)
        lost = psutil.Process(child.process.pid)
        lost.kill()
        lost.wait()
        return child

    monkeypatch.setattr(site_processes, "start", killed)
    activity = np.memmap(tmp_path / "activity", np.float32, "w+", shape=(2, 2))
    expected = r"^The process that scored IT\.output at time step 0 was ended by SIGKILL\. If memory is short, set OMP"
    with SiteProcesses(None, 1) as processes, pytest.raises(UserError, match=expected):
        list(processes.scored({SITE: activity}))
