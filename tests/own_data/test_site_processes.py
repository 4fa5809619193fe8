"""Sites that are scored in processes: the same scores, and what becomes of a process that is lost."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
from helpers.own_recordings import pictures

from brainscore_cornet import UserError, neural_benchmark
from brainscore_cornet.cornet.recording.record import Site
from brainscore_cornet.own_data import site_processes
from brainscore_cornet.own_data.resampling import Resamples
from brainscore_cornet.own_data.site_processes import SiteProcesses, count_for
from brainscore_cornet.own_data.site_scores import SiteScorer

STIMULI, NEUROIDS = 60, 12
SITES = [Site("V4.output", 0), Site("V4.output", 1), Site("IT.output", 0)]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory) -> SiteScorer:
    """A scorer of random responses in two time bins."""
    random = np.random.default_rng(0)
    benchmark = neural_benchmark(
        "made.IT",
        random.normal(size=(4, STIMULI, NEUROIDS, 2)),
        stimuli=pictures(tmp_path_factory.mktemp("pictures"), STIMULI),
        dims=("repetition", "stimulus", "neuroid", "time_bin"),
        region="IT",
        time_bins=[(70, 120), (120, 170)],
        metric="pls",
        visual_degrees=8,
    )
    return SiteScorer(benchmark, Resamples.draw(STIMULI, NEUROIDS, 50))


@pytest.fixture
def activity(tmp_path) -> dict[Site, np.memmap]:
    """Activity of 40 units at each site, in a file."""
    random, arrays = np.random.default_rng(1), {}
    for number, site in enumerate(SITES):
        arrays[site] = np.memmap(tmp_path / str(number), np.float32, "w+", shape=(STIMULI, 40))
        arrays[site][:] = random.normal(size=(STIMULI, 40))
    return arrays


def test_scores_are_those_of_one_process(scorer, activity, forked_children):
    """Two processes give the scores and resamples of three sites; afterwards both have ended."""
    with SiteProcesses(scorer, 2) as processes:
        found = dict(processes.scored(activity))
    assert all(each.result().process.poll() is not None for each in processes._starting)
    assert set(found) == set(SITES)
    for site in SITES:
        expected = scorer(activity[site])
        np.testing.assert_allclose(found[site].by_neuroid, expected.by_neuroid, rtol=0, atol=1e-9)
        for ours, theirs in zip(found[site].draws.parts(), expected.draws.parts(), strict=True):
            if theirs is None:
                assert ours is None
                continue
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)  # weighted sums are in single precision


def test_errors_are_those_of_one_process(scorer, activity, forked_children):
    """What the scorer raises about a site's activity is raised here."""
    activity[SITES[1]][3, 5] = np.nan
    with SiteProcesses(scorer, 1) as processes, pytest.raises(UserError, match="features hold values that are NaN"):
        dict(processes.scored(activity))


def test_a_lost_process_is_named(scorer, activity, forked_children):
    """The error says which site it was and how the process ended; none is left."""
    with SiteProcesses(scorer, 1) as processes:
        scores = processes.scored(activity)
        assert next(scores)[0] == SITES[0]
        lost = psutil.Process(processes._starting[0].result().process.pid)
        lost.kill()
        lost.wait()
        with pytest.raises(UserError, match=r"(IT|V4)\.output at time step [01] was ended by SIGKILL"):
            list(scores)
    assert all(each.result().process.poll() is not None for each in processes._starting)


def test_a_process_that_is_lost_before_it_has_its_scorer(activity, forked_children, monkeypatch):
    """It was ready, so that this is an error about the site, and none of the connection."""
    started = site_processes.start

    def killed(*arguments):
        child = started(*arguments)
        lost = psutil.Process(child.process.pid)
        lost.kill()
        lost.wait()
        return child

    monkeypatch.setattr(site_processes, "start", killed)
    expected = r"^The process that scored V4\.output at time step 0 was ended by SIGKILL\. If memory is short, set OMP"
    with SiteProcesses(None, 1) as processes, pytest.raises(UserError, match=expected):
        list(processes.scored(activity))


def test_as_many_as_there_are_threads_and_sites(monkeypatch):
    """One process where there is one site or one thread, and where there is a GPU."""
    monkeypatch.setattr("torch.get_num_threads", lambda: 4)
    assert [count_for(sites) for sites in (1, 3, 9)] == [1, 3, 4]
    monkeypatch.setattr("torch.get_num_threads", lambda: 64)
    assert count_for(45) == 8
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert count_for(45) == 1
