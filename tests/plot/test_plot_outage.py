"""The chart of a backlog before, during and after a disturbance."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from chart_text import texts
from report_runs import FOUR, NAN, made, retried

from jobsim import Scenario, plot, run_virtual
from jobsim.plot.outage import CHART
from jobsim.tables.schema import FAULTS

GONE = {"at": 20.0, "duration": 10.0, "workers": 4}


def test_the_backlog_is_drawn_with_its_outage_and_its_waits():
    run = run_virtual(Scenario(jobs=200, arrivals={"kind": "paced", "rate": 2.0}, outages=[GONE]))
    ax = plot.outage(run)
    (subtitle,) = [text for text in texts(ax) if text.startswith("wait p95: ")]
    assert " before, " in subtitle
    assert " during, " in subtitle
    assert " after; drained in " in subtitle
    assert "4 of 4 workers gone" in texts(ax)
    top = ax.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(20, abs=5)  # 2 per second for 10 s


def test_a_backlog_that_stays_is_never_drained():
    nan = float("nan")
    jobs = {"created": 0.0, "paid": [0.0, 4.0], "started": [0.0, nan], "finished": [9.0, nan]}
    workload = SimpleNamespace(scenario=Scenario(outages=[GONE | {"at": 3.0, "duration": 3.0}]))
    ax = plot.outage(SimpleNamespace(jobs=pd.DataFrame(jobs), workload=workload))
    assert "wait p95: 0 s before, none during, none after; never drained" in texts(ax)


def test_without_an_outage_the_subtitle_says_so():
    assert "no outage and no spike" in texts(plot.outage(run_virtual(Scenario(jobs=20))))


def waiting(*starts):
    """Return jobs that are paid at 0, 1, 2, ... and take a second, by when they start."""
    return [
        (job, 1, float(job), float(job), start, start + 1.0, "completed", "worker-0")
        for job, start in enumerate(starts)
    ]


BRIEF = {"outages": [{"at": 2.0, "duration": 3.0, "workers": 1}]}


def test_the_sentence_tells_how_the_backlog_grew_and_drained():
    assert CHART.sentence(retried(waiting(0.0, 1.0, 6.0, 7.0, 8.0), **BRIEF)) == (
        "1 of 2 workers gone from 2 s to 5 s: the backlog, empty before, grew to 3 jobs and took "
        "3 s to drain after that."
    )


def test_the_sentence_tells_that_the_backlog_stayed():
    rows = [
        *waiting(0.5, 1.0, 6.0, 7.0),
        *[(9, 1, 3.0, 3.0, NAN, NAN, "awaiting_payment", None)] * 2,
    ]
    assert CHART.sentence(retried(rows, **BRIEF)) == (
        "1 of 2 workers gone from 2 s to 5 s: the backlog, at most 1 job before, grew to 4 jobs "
        "and had not drained when the run ended."
    )


def test_outages_that_did_no_harm_are_told_together():
    two = {"outages": [BRIEF["outages"][0], {"at": 6.0, "duration": 1.0, "workers": 2}]}
    assert CHART.sentence(retried(waiting(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5), **two)) == (
        "2 disturbances from 2 s to 7 s: the backlog, at most 2 jobs before, never grew longer."
    )


def test_the_sentence_without_an_outage():
    assert CHART.sentence(made(FOUR)) == "Nothing disturbed the service."
    assert not CHART.is_worth_showing(made(FOUR))


def test_a_server_that_was_gone_is_an_outage():
    run = retried(waiting(0.0, 1.0, 6.0, 7.0, 8.0))
    assert not CHART.is_worth_showing(run)
    rows = [("kill_server", 9, 2_000_000_000, 5_000_000_000), ("stall", 10, 0, 1_000_000_000)]
    run.faults = pd.DataFrame(rows, columns=list(FAULTS)).astype(FAULTS)
    assert CHART.is_worth_showing(run)
    assert CHART.sentence(run) == (
        "Server gone from 2 s to 5 s: the backlog, empty before, grew to 3 jobs and took "
        "3 s to drain after that."
    )
    assert "server gone" in texts(plot.outage(run))
