"""The chart of attempts per request."""

from __future__ import annotations

import pytest
from chart_text import legend, texts
from report_runs import NAN, STORM, retried

from jobsim import Scenario, plot, run_virtual
from jobsim.figures.attempts import attempts_per_request
from jobsim.plot.attempts import CHART


def test_the_bars_are_as_high_as_the_table_says(stormy):
    ax = plot.attempts(stormy)
    table = attempts_per_request(stormy.jobs)
    served, left = ax.containers
    assert [bar.get_height() for bar in served] == table["served"].tolist()
    assert [bar.get_height() for bar in left] == table["left"].tolist()
    assert [bar.get_y() for bar in left] == table["served"].tolist()
    assert [bar.get_x() + bar.get_width() / 2 for bar in served] == pytest.approx([1, 2, 3])
    assert legend(ax) == ["served", "gave up"]


def test_the_bars_say_how_many_requests_and_which_share(stormy):
    first = attempts_per_request(stormy.jobs).iloc[0].sum()
    found = texts(plot.attempts(stormy))
    assert f"{first}\n{100 * first / 300:.0f} %" in found
    assert f"300 requests, {len(stormy.jobs):,} jobs" in found


def test_of_many_attempts_the_bars_have_no_labels():
    many = run_virtual(Scenario(jobs=30, work={"fail": 1.0}, retry={"attempts": 13, "base": 0.0}))
    assert texts(plot.attempts(many)) == ["30 requests, 390 jobs"]


def test_requests_that_nobody_settled_are_open():
    ax = plot.attempts(run_virtual(Scenario(jobs=5, payment={"abandon": 1.0})))
    assert legend(ax) == ["open at the end"]


def test_the_sentence_divides_the_requests():
    assert CHART.sentence(retried(STORM, left={4: 7.0})) == (
        "3 requests became 5 jobs, 1.67 for each: 33 % of the requests were served on the first "
        "attempt, 33 % on a later one, 33 % were given up after 2 attempts."
    )


def test_the_sentence_tells_who_was_served_late_and_who_still_waits():
    rows = [
        (0, 1, 0.0, 0.0, 0.0, 1.0, "failed", "worker-0"),
        (0, 2, 2.0, 2.0, 2.0, 3.0, "completed", "worker-0"),
        (1, 1, 0.0, 0.0, NAN, NAN, "awaiting_payment", None),
        (2, 1, 0.0, 0.0, NAN, NAN, "awaiting_payment", None),
        (3, 1, 0.0, 0.0, 0.0, 1.0, "failed", "worker-1"),
        (3, 2, 2.0, 2.0, NAN, NAN, "awaiting_payment", None),
    ]
    assert CHART.sentence(retried(rows, left={2: 5.0, 5: 6.0})) == (
        "4 requests became 6 jobs, 1.50 for each: 0 % of the requests were served on the first "
        "attempt, 25 % on a later one, 50 % were given up after up to 2 attempts, 25 % had no "
        "answer when the run ended."
    )


def test_the_sentence_of_those_who_never_asked_again_has_no_ratio():
    assert CHART.sentence(retried(STORM[:1])).startswith("1 request became 1 job: 100 %")
    assert CHART.sentence(retried()) == "No request was made."
